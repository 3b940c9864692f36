// Jobs as callers see them.
//
//   ASSIGN_OR_RETURN(v1::ListJobsResponse jobs, ListJobs(program, request));
//   ASSIGN_OR_RETURN(auto wait, JobWait::Begin(program, number));   // 0: all open ones
//   while (*wait->Next(job)) …                                      // now and then, until it is done
//
// ListJobs may be called by any thread; a JobWait belongs to one at a time.
#ifndef PARTNERMETRICS_SERVER_QUERIES_JOB_LIST_H_
#define PARTNERMETRICS_SERVER_QUERIES_JOB_LIST_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>

#include "absl/status/statusor.h"
#include "partnermetrics/v1/admin_service.pb.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

absl::StatusOr<v1::ListJobsResponse> ListJobs(ProgramRuntime& program, const v1::ListJobsRequest& request);

class JobWait {
 public:
  // NOT_FOUND when there is no such job.
  static absl::StatusOr<std::shared_ptr<JobWait>> Begin(ProgramRuntime& program, uint64_t number);

  // The job that is worked on, at the latest after half a second; each of those waited for once more when it is done.
  // False when all are.
  absl::StatusOr<bool> Next(v1::Job& job);

 private:
  explicit JobWait(ProgramRuntime& program) : program_(program) {}

  ProgramRuntime& program_;
  std::set<uint64_t> waited_for_;
  bool first_ = true;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_JOB_LIST_H_
