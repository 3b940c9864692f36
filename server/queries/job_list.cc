#include "server/queries/job_list.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/protobuf/util/time_util.h"
#include "server/base/errors.h"

namespace partnermetrics {
namespace {

using google::protobuf::util::TimeUtil;

constexpr size_t kMostJobs = 200;
constexpr absl::Duration kLookAgainAfter = absl::Milliseconds(20);
constexpr absl::Duration kTellEvery = absl::Milliseconds(500);

v1::Job ToProto(const std::string& program, const log::v1::JobRecord& record, bool is_first) {
  v1::Job job;
  job.set_program(program);
  job.set_number(record.position());
  job.set_kind(static_cast<v1::JobKind>(record.kind()));
  job.set_cause(record.cause());
  const v1::JobState state = is_first ? v1::JOB_STATE_RUNNING : v1::JOB_STATE_WAITING;
  job.set_state(record.finished() ? v1::JOB_STATE_DONE : state);
  job.set_done(record.done());
  job.set_total(record.total());
  // While facts are still being added a job may go over more than it counted.
  const int64_t share = record.total() == 0 ? 0 : std::min<int64_t>(record.done() * 100 / record.total(), 99);
  job.set_percent(record.finished() ? 100 : static_cast<int32_t>(share));
  const int64_t micros = record.stepped_at_us() - record.opened_at_us();
  if (micros > 0) {
    job.set_facts_per_second(
        static_cast<int64_t>(static_cast<double>(record.done()) * 1e6 / static_cast<double>(micros)));
  }
  *job.mutable_opened_at() = TimeUtil::MicrosecondsToTimestamp(record.opened_at_us());
  if (record.stepped_at_us() != 0)
    *job.mutable_stepped_at() = TimeUtil::MicrosecondsToTimestamp(record.stepped_at_us());
  if (record.finished()) *job.mutable_finished_at() = TimeUtil::MicrosecondsToTimestamp(record.stepped_at_us());
  return job;
}

absl::StatusOr<std::vector<v1::Job>> ReadJobs(ProgramRuntime& program) {
  Engine::View view(program.engine());
  ASSIGN_OR_RETURN(const std::vector<log::v1::JobRecord> records, view.Jobs());
  std::vector<v1::Job> jobs;
  bool is_first = true;  // they are worked off in order
  for (const log::v1::JobRecord& record : records) {
    jobs.push_back(ToProto(program.id(), record, is_first));
    is_first = is_first && record.finished();
  }
  return jobs;
}

bool IsDone(const v1::Job& job) {
  return job.state() == v1::JOB_STATE_DONE;
}

}  // namespace

absl::StatusOr<v1::ListJobsResponse> ListJobs(ProgramRuntime& program, const v1::ListJobsRequest& request) {
  ASSIGN_OR_RETURN(std::vector<v1::Job> jobs, ReadJobs(program));
  const auto first_open = std::stable_partition(jobs.begin(), jobs.end(), &IsDone);
  std::reverse(jobs.begin(), first_open);
  std::rotate(jobs.begin(), first_open, jobs.end());
  v1::ListJobsResponse response;
  for (v1::Job& job : jobs) {
    if (response.jobs_size() == static_cast<int>(kMostJobs)) break;
    if (!request.only_open() || !IsDone(job)) *response.add_jobs() = std::move(job);
  }
  return response;
}

absl::StatusOr<std::shared_ptr<JobWait>> JobWait::Begin(ProgramRuntime& program, uint64_t number) {
  std::shared_ptr<JobWait> wait(new JobWait(program));
  ASSIGN_OR_RETURN(const std::vector<v1::Job> jobs, ReadJobs(program));
  for (const v1::Job& job : jobs) {
    if (number == 0 ? !IsDone(job) : job.number() == number) wait->waited_for_.insert(job.number());
  }
  if (number == 0 || !wait->waited_for_.empty()) return wait;
  return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_JOB", absl::StrCat("there is no job ", number),
                   "partnerctl job list shows them");
}

absl::StatusOr<bool> JobWait::Next(v1::Job& job) {
  const absl::Time until = absl::Now() + kTellEvery;
  while (!waited_for_.empty()) {
    ASSIGN_OR_RETURN(std::vector<v1::Job> jobs, ReadJobs(program_));
    const bool tell = first_ || absl::Now() >= until;
    for (v1::Job& found : jobs) {
      const bool is_waited_for = waited_for_.count(found.number()) == 1;
      if (!(is_waited_for && IsDone(found)) && !(tell && found.state() == v1::JOB_STATE_RUNNING)) continue;
      if (IsDone(found)) waited_for_.erase(found.number());
      first_ = false;
      job = std::move(found);
      return true;
    }
    absl::SleepFor(kLookAgainAfter);
  }
  return false;
}

}  // namespace partnermetrics
