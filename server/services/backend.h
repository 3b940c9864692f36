// What the services work on, and whether it is there: the port opens before the data does, so that callers hear
// "starting" instead of nothing.
//
// Thread-safe.
#ifndef PARTNERMETRICS_SERVER_SERVICES_BACKEND_H_
#define PARTNERMETRICS_SERVER_SERVICES_BACKEND_H_

#include <atomic>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

class Backups;
class ChangeFeeds;
class Connectors;
class PastStates;
class PeriodProgress;
class StandingsTables;

class Backend {
 public:
  explicit Backend(absl::Time started_at) : started_at_(started_at) {}

  // From now on calls are answered. All outlive the calls.
  void Open(Programs& programs, Connectors& connectors, Backups& backups, StandingsTables& standings,
            ChangeFeeds& changes, PastStates& past, PeriodProgress& periods) {
    programs_ = &programs;
    connectors_ = &connectors;
    backups_ = &backups;
    standings_ = &standings;
    changes_ = &changes;
    past_ = &past;
    periods_ = &periods;
    phase_ = Phase::kServing;
  }
  // From now on calls are UNAVAILABLE.
  void Close() { phase_ = Phase::kStopping; }

  // How the definitions of all programmes are read from the configuration's files again; they compile.
  using ReadDefinitions = std::function<absl::StatusOr<std::vector<log::v1::Definitions>>()>;
  void SetReadDefinitions(ReadDefinitions read) { read_definitions_ = std::move(read); }
  absl::StatusOr<std::vector<log::v1::Definitions>> ReadDefinitionsAgain() const { return read_definitions_(); }

  // UNAVAILABLE while the server starts or stops.
  absl::Status Ready() const;

  // Only for calls that were admitted.
  Programs& programs() const { return *programs_; }
  Connectors& connectors() const { return *connectors_; }
  Backups& backups() const { return *backups_; }
  StandingsTables& standings() const { return *standings_; }
  ChangeFeeds& changes() const { return *changes_; }
  PastStates& past() const { return *past_; }
  PeriodProgress& periods() const { return *periods_; }
  absl::Time started_at() const { return started_at_; }

  // The programme, once its state has reached the position; waits 5 s for that at most.
  absl::StatusOr<ProgramRuntime*> ProgramAt(absl::string_view program, uint64_t min_position) const;

 private:
  enum class Phase { kStarting, kServing, kStopping };

  const absl::Time started_at_;
  std::atomic<Phase> phase_ = Phase::kStarting;
  Programs* programs_ = nullptr;
  Connectors* connectors_ = nullptr;
  Backups* backups_ = nullptr;
  StandingsTables* standings_ = nullptr;
  ChangeFeeds* changes_ = nullptr;
  PastStates* past_ = nullptr;
  PeriodProgress* periods_ = nullptr;
  ReadDefinitions read_definitions_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_BACKEND_H_
