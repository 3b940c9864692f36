// A copy of a programme's state to try events on: what they would change can be read of it, and nobody sees it.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Scratch> scratch, Scratch::Make(programs, *program));
//   ASSIGN_OR_RETURN(std::vector<EventResult> results, scratch->Try(std::move(events), run_sequence));
//   Engine::View after(scratch->engine());                     // as if the events were in the log
//   ASSIGN_OR_RETURN(auto fact, scratch->Before(id));          // as the programme stood when the copy was made
//
// Nothing is copied but what the events touch: the copy reads a snapshot of the state and keeps its own changes in
// memory. Making one lets the programme's writer take a checkpoint. It must end before the programmes close.
//
// Thread-compatible; its engine's views are thread-safe.
#ifndef PARTNERMETRICS_SERVER_INGEST_SCRATCH_H_
#define PARTNERMETRICS_SERVER_INGEST_SCRATCH_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/engine/engine.h"
#include "server/engine/stored_fact.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

class Scratch {
 public:
  static absl::StatusOr<std::unique_ptr<Scratch>> Make(Programs& programs, ProgramRuntime& program);
  // The programme as its log made it up to a position, with what was decided by then done. FAILED_PRECONDITION
  // NOT_AVAILABLE before the first definitions. Works on the log alone: nobody is held up. Takes some 20 us and some
  // kilobytes for each record.
  static absl::StatusOr<std::unique_ptr<Scratch>> Past(const std::string& program, const storage::EventLog& log,
                                                       uint64_t position);
  // The programme as these records of its log make it, in order. With `only_partner` they are those that make this
  // partner's numbers.
  static absl::StatusOr<std::unique_ptr<Scratch>> Of(const std::string& program, const storage::EventLog& log,
                                                     absl::Span<const storage::LogRecord> records,
                                                     const std::string& only_partner = "");
  ~Scratch();

  // Applies the events in order, as a run with this sequence would, and shows them to the copy's readers.
  absl::StatusOr<std::vector<EventResult>> Try(std::vector<PreparedEvent> events, uint64_t sequence);

  Engine& engine() { return *engine_; }
  absl::StatusOr<std::optional<StoredFact>> Before(const FactId& id) const;
  // Position of the log that the copy was made at.
  uint64_t position() const { return position_; }
  // Records of the log that it was made from, when it was.
  uint64_t replayed() const { return replayed_; }

 private:
  class State;
  Scratch();
  // Of a state with nothing in it yet.
  static absl::StatusOr<std::unique_ptr<Scratch>> MakeEmpty(const std::string& program, const storage::EventLog& log,
                                                            const std::string& only_partner);
  // Applies a record of the log, and shows readers what was applied now and then.
  absl::Status Replay(const storage::LogRecord& record);
  // Ends the replay. FAILED_PRECONDITION NOT_AVAILABLE when there were no definitions.
  absl::Status FinishReplay();
  // Does what was decided by then and still to be worked off.
  absl::Status FinishJobs();

  std::unique_ptr<State> state_;
  std::unique_ptr<Engine> engine_;  // reads the state: ends first
  uint64_t position_ = 0;
  uint64_t replayed_ = 0;     // records
  uint64_t next_ = 0;         // position of the next event, as the copy counts
  int64_t stored_at_us_ = 0;  // when events that are tried are stored, as far as their partners' attributes care
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_INGEST_SCRATCH_H_
