// The programmes of a server, open: for each its log, its engine and its writer, over one data folder.
//
//   ASSIGN_OR_RETURN(auto programs, Programs::Open(options));
//   ASSIGN_OR_RETURN(ProgramRuntime* program, programs->Find("partneros"));
//   program->writer().Write(…);
//   Engine::View view(program->engine());
//
// Thread-safe after Open.
#ifndef PARTNERMETRICS_SERVER_INGEST_PROGRAMS_H_
#define PARTNERMETRICS_SERVER_INGEST_PROGRAMS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/engine/engine.h"
#include "server/facts/personal.h"
#include "server/ingest/writer.h"
#include "storage/database.h"

namespace partnermetrics {

class ProgramRuntime {
 public:
  ProgramRuntime(std::string id, std::unique_ptr<Engine> engine, storage::EventLog& log)
      : id_(std::move(id)), log_(log), engine_(std::move(engine)) {}

  const std::string& id() const { return id_; }
  Engine& engine() { return *engine_; }
  Writer& writer() { return *writer_; }
  storage::EventLog& log() { return log_; }

 private:
  friend class Programs;
  const std::string id_;
  storage::EventLog& log_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Writer> writer_;  // uses the engine: ends first
};

class Programs {
 public:
  struct Options {
    storage::DatabaseOptions database;
    // Definitions of each programme; checked before.
    std::vector<log::v1::Definitions> definitions;
    size_t cache_bytes = size_t{256} << 20;
    std::string pseudonym_key;  // empty: a key of the data folder's own
    // How long the raw text of quarantined records is kept.
    absl::Duration keep_quarantine_raw = absl::Hours(24) * 90;
    Clock clock;
    // Told of replay and rebuild: programme, records done, records in total.
    std::function<void(absl::string_view program, uint64_t done, uint64_t total)> progress;
  };

  // Opens the data folder, replays what the state lacks and activates the definitions.
  static absl::StatusOr<std::unique_ptr<Programs>> Open(Options options);
  ~Programs();

  // The programme; with an empty id the only one. NOT_FOUND names those there are.
  absl::StatusOr<ProgramRuntime*> Find(absl::string_view id);
  const std::vector<std::unique_ptr<ProgramRuntime>>& all() const { return programs_; }

  // Brings definitions into force, at once or by a job: gives its number; 0 when they are in force already.
  absl::StatusOr<uint64_t> ActivateDefinitions(ProgramRuntime& program, const log::v1::Definitions& definitions,
                                               const std::string& actor);

  const Pseudonymiser& pseudonymiser() const { return *pseudonymiser_; }
  storage::Database& database() { return *database_; }
  // Today in the programme's time zone.
  Day Today(const Catalog& catalog) const;
  absl::Time Now() const { return options_.clock(); }
  absl::Duration keep_quarantine_raw() const { return options_.keep_quarantine_raw; }

  // Writes checkpoints and closes everything.
  absl::Status Close();

 private:
  explicit Programs(Options options) : options_(std::move(options)) {}
  absl::Status OpenEngines();
  absl::Status LoadPseudonymKey();
  // With another key the same person would count twice.
  absl::Status CheckPseudonymKey() const;

  Options options_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<Pseudonymiser> pseudonymiser_;
  std::vector<std::unique_ptr<ProgramRuntime>> programs_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_INGEST_PROGRAMS_H_
