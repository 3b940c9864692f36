// Programmes as they were known: states of an earlier position, worked out from the log when they are first asked for,
// the last ones kept.
//
//   ASSIGN_OR_RETURN(std::shared_ptr<Scratch> past, states.KnownOn(program, known_on, partner));
//   const KnownProgram known(program, std::move(past));
//   Engine::View view(known.engine());
//
// Thread-safe. The states must end before the programmes close.
#ifndef PARTNERMETRICS_SERVER_QUERIES_PAST_STATES_H_
#define PARTNERMETRICS_SERVER_QUERIES_PAST_STATES_H_

#include <condition_variable>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "partnermetrics/v1/common.pb.h"
#include "partnermetrics/v1/metric_service.pb.h"
#include "server/ingest/programs.h"
#include "server/ingest/scratch.h"
#include "storage/mutex.h"

namespace partnermetrics {

class PastStates {
 public:
  // A log of more than `most_records` until then is not replayed as a whole.
  explicit PastStates(uint64_t most_records) : most_records_(most_records) {}

  // The programme after the record at the position. Of a log that is too long only the numbers of one partner, when one
  // is named, else FAILED_PRECONDITION NOT_AVAILABLE; likewise before the first definitions. UNAVAILABLE when others
  // are waited for too long.
  absl::StatusOr<std::shared_ptr<Scratch>> At(ProgramRuntime& program, uint64_t position, const std::string& partner);

  // The programme as it was at the end of a day in its time zone; null when nothing was stored since.
  absl::StatusOr<std::shared_ptr<Scratch>> KnownOn(ProgramRuntime& program, const v1::Date& known_on,
                                                   const std::string& partner);

 private:
  struct Key {
    const ProgramRuntime* program;
    uint64_t position;
    std::string partner;  // as it was asked for; empty: the whole programme
    friend bool operator==(const Key& a, const Key& b) {
      return a.program == b.program && a.position == b.position && a.partner == b.partner;
    }
  };
  struct Kept {
    Key key;
    std::shared_ptr<Scratch> state;
  };
  static absl::StatusOr<std::unique_ptr<Scratch>> Make(ProgramRuntime& program, const Key& key);
  std::shared_ptr<Scratch> FindKept(const Key& key) PM_REQUIRES(mutex_);

  const uint64_t most_records_;
  Mutex mutex_;
  std::condition_variable_any free_;
  bool busy_ PM_GUARDED_BY(mutex_) = false;     // one is being worked out: it takes memory and a core
  std::list<Kept> kept_ PM_GUARDED_BY(mutex_);  // the last used first
};

// A programme as a request wants to read it: as it is, or as it was known on a day.
class KnownProgram {
 public:
  explicit KnownProgram(ProgramRuntime& program, std::shared_ptr<Scratch> past = nullptr)
      : program_(&program), past_(std::move(past)) {}

  Engine& engine() const { return past_ != nullptr ? past_->engine() : program_->engine(); }
  const storage::EventLog& log() const { return program_->log(); }

 private:
  ProgramRuntime* program_;
  std::shared_ptr<Scratch> past_;
};

// The partner whose numbers alone a request is about; empty when there is none.
inline std::string OnlyPartnerOf(const v1::Scope& scope) {
  return scope.kind() == v1::SCOPE_KIND_PARTNER ? scope.partner_id() : "";
}
inline std::string OnlyPartnerOf(const v1::QueryMetricsRequest& request) {
  if (request.scopes_size() + request.partner_ids_size() != 1) return "";
  return request.scopes().empty() ? request.partner_ids(0) : OnlyPartnerOf(request.scopes(0));
}
template <typename Request>
std::string OnlyPartnerOf(const Request& request) {
  if constexpr (requires { request.partner_id(); }) {
    return request.partner_id();
  } else {
    return OnlyPartnerOf(request.scope());
  }
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_PAST_STATES_H_
