// Jobs: changes that concern many facts, worked off in steps between the other records of the log.
//
// Every step is a record of the log, too, so that the state stands at the same place of a job after every replay. What
// a record of any kind leaves to be settled beyond a bound opens a job; so do definitions. Jobs are worked off in the
// order in which they were opened. What live events do to facts meanwhile needs no care here: a fact is always resolved
// and counted by what holds for it at the moment, whether a job was there already or not (see FactApplier).
//
//   RETURN_IF_ERROR(jobs.Load());                              // where the state stands
//   ASSIGN_OR_RETURN(uint64_t job, jobs.OpenFor(record, kind, cause));   // 0: all is settled
//   RETURN_IF_ERROR(jobs.Step(record, facts, header));
//
// Thread-safety: none; they belong to the applier.
#ifndef PARTNERMETRICS_SERVER_ENGINE_JOBS_H_
#define PARTNERMETRICS_SERVER_ENGINE_JOBS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/engine/fact_applier.h"
#include "server/engine/header.h"
#include "server/engine/keys.h"
#include "server/engine/state_overlay.h"
#include "storage/event_log.h"

namespace partnermetrics {

// Cells that count some facts as they were before a change and others as they are after it.
struct Incomplete {
  bool all = false;
  std::vector<bool> measures;           // by index in the catalogue in force: in all scopes
  std::vector<bool> of_partners;        // likewise: in all scopes but the business, which has every fact whosever it is
  std::vector<std::string> attributes;  // of segments
  // Whether a measure's cells in the business, or those in its other scopes, are.
  bool HasMeasure(int measure, bool in_business) const;
  // Whether it is that of the segments of a declared attribute.
  bool HasSegments(absl::string_view attribute) const;
  friend bool operator==(const Incomplete& a, const Incomplete& b) {
    return a.all == b.all && a.measures == b.measures && a.of_partners == b.of_partners && a.attributes == b.attributes;
  }
};

class Jobs {
 public:
  Jobs(const Keys& keys, StateOverlay& state, FactApplier& facts) : keys_(keys), state_(state), facts_(facts) {}

  // Reads the open jobs, and brings the definitions that the state stands at into force. FAILED_PRECONDITION when
  // stored ones do not compile.
  absl::Status Load();

  // Opens a job for what the record left unsettled. Gives its number, which is the record's position; 0 when nothing
  // was left.
  uint64_t OpenFor(const storage::LogRecord& record, int kind, std::string cause);
  // Opens the job that brings definitions into force.
  absl::Status OpenDefinitions(const storage::LogRecord& record, const log::v1::Definitions& definitions,
                               const Header& header);
  // Works on the open jobs: up to `most` facts, or partners.
  absl::Status Step(const storage::LogRecord& record, int64_t most, Header& header);

  bool any() const { return !open_.empty(); }
  // What readers cannot take for whole until the jobs are done.
  Incomplete incomplete() const;

 private:
  // Works on a job; gives for how many facts. Fewer than `most`, and no ranges left: it is finished.
  absl::StatusOr<int64_t> Work(log::v1::JobRecord& job, int64_t most, Header& header);
  absl::Status BeginDefinitions(log::v1::JobRecord& job);
  absl::Status FinishDefinitions(const log::v1::JobRecord& job);
  absl::Status CountTotal(log::v1::JobRecord& job, int64_t most, const Header& header);
  void Store(const log::v1::JobRecord& job);
  void ShareRanges();
  // Adds what a job that settles facts leaves half done.
  void AddUnsettled(const log::v1::JobRecord& job, Incomplete& incomplete) const;
  absl::StatusOr<std::shared_ptr<const Catalog>> CompileAt(const std::string& key) const;

  const Keys& keys_;
  StateOverlay& state_;
  FactApplier& facts_;
  std::vector<log::v1::JobRecord> open_;  // in the order of their opening
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_JOBS_H_
