#include "server/ingest/programs.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/errors.h"
#include "storage/backup_manifest.h"
#include "storage/bytes.h"
#include "storage/files.h"

namespace partnermetrics {
namespace {

constexpr size_t kKeyBytes = 32;

}  // namespace

absl::StatusOr<std::unique_ptr<Programs>> Programs::Open(Options options) {
  auto programs = std::unique_ptr<Programs>(new Programs(std::move(options)));
  ASSIGN_OR_RETURN(programs->database_, storage::Database::Open(programs->options_.database));
  RETURN_IF_ERROR(programs->LoadPseudonymKey());
  RETURN_IF_ERROR(programs->OpenEngines());
  for (size_t i = 0; i < programs->programs_.size(); ++i) {
    ProgramRuntime& program = *programs->programs_[i];
    Writer::Options writer_options;
    writer_options.program = program.id();
    writer_options.clock = programs->options_.clock;
    program.writer_ = std::make_unique<Writer>(writer_options, program.engine(), program.log());
    RETURN_IF_ERROR(programs->ActivateDefinitions(program, programs->options_.definitions[i], "server").status());
  }
  return programs;
}

Programs::~Programs() {
  if (database_ != nullptr) Close().IgnoreError();
}

absl::Status Programs::OpenEngines() {
  // At most one state is thrown away: an empty one fits every log.
  for (bool discarded : {false, true}) {
    programs_.clear();
    absl::Status unusable;
    for (const log::v1::Definitions& definitions : options_.definitions) {
      const std::string& id = definitions.program().id();
      ASSIGN_OR_RETURN(storage::EventLog * log, database_->Log(id));
      EngineOptions engine_options;
      engine_options.program = id;
      engine_options.cache_bytes = options_.cache_bytes / options_.definitions.size();
      absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open(engine_options, database_->state(), *log);
      if (!engine.ok()) {
        unusable = engine.status();
        break;
      }
      programs_.push_back(std::make_unique<ProgramRuntime>(id, *std::move(engine), *log));
    }
    if (unusable.ok()) break;
    if (discarded) return unusable;
    programs_.clear();
    spdlog::warn("state: {}; rebuilding it from the log", std::string(unusable.message()));
    RETURN_IF_ERROR(database_->DiscardState(unusable.message()));
  }
  for (const auto& program : programs_) {
    RETURN_IF_ERROR(program->engine().Replay([&](uint64_t done, uint64_t total) {
      if (options_.progress && total > 0) options_.progress(program->id(), done, total);
    }));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Programs::ActivateDefinitions(ProgramRuntime& program, const log::v1::Definitions& definitions,
                                                       const std::string& actor) {
  ASSIGN_OR_RETURN(auto wanted, Catalog::Compile(definitions.program(), definitions.catalog()));
  log::v1::Definitions canonical;
  *canonical.mutable_program() = wanted->program();
  *canonical.mutable_catalog() = wanted->definitions();
  {
    Engine::View view(program.engine());
    // Those that come into force last; a job may be on its way to them already.
    std::optional<uint64_t> job;
    bool same = view.catalog() != nullptr && view.catalog()->hash() == wanted->hash();
    RETURN_IF_ERROR(view.ScanIndex(Index::kJobDefinitions, "", [&](absl::string_view key, absl::string_view value) {
      job = storage::ByteReader(key).Fixed64();
      same = value == canonical.SerializeAsString();
      return true;
    }));
    if (same) return job.value_or(0);
  }
  spdlog::info("{}: activating definitions {}", program.id(), wanted->hash().substr(0, 12));
  WriteRequest request;
  request.actor = actor;
  request.records = [&](const std::vector<EventResult>&) {
    storage::LogRecord record;
    record.type = storage::RecordType::kDefinitions;
    record.payload = canonical.SerializeAsString();
    return std::vector<storage::LogRecord>{std::move(record)};
  };
  const WriteResult result = program.writer().Write(std::move(request));
  RETURN_IF_ERROR(result.status);
  return result.position;
}

absl::Status Programs::LoadPseudonymKey() {
  std::string key = options_.pseudonym_key;
  if (key.empty()) {
    const std::string path = options_.database.data_dir + "/pseudonym.key";
    if (std::ifstream file(path, std::ios::binary); file) {
      std::stringstream content;
      content << file.rdbuf();
      key = content.str();
    } else {
      key.resize(kKeyBytes);
      if (RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), kKeyBytes) != 1) {
        return absl::InternalError("no random bytes for the pseudonym key");
      }
      const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
      const bool written =
          fd >= 0 && ::write(fd, key.data(), key.size()) == static_cast<ssize_t>(key.size()) && ::fsync(fd) == 0;
      if (fd >= 0) ::close(fd);
      if (!written) return absl::UnavailableError(absl::StrCat("cannot write ", path));
    }
  }
  if (key.size() < 16) {
    return MakeError(absl::StatusCode::kInvalidArgument, "KEY_TOO_SHORT", "the pseudonym key has less than 16 bytes",
                     "give at least 16 random bytes, and keep them: another key makes other pseudonyms");
  }
  pseudonymiser_ = std::make_unique<Pseudonymiser>(std::move(key));
  return CheckPseudonymKey();
}

absl::Status Programs::CheckPseudonymKey() const {
  const std::string& folder = options_.database.data_dir;
  const std::string path = absl::StrCat(folder, "/", storage::kKeyCheckFile);
  const std::string check =
      storage::Seal(absl::StrCat("partnermetrics key check\n", pseudonymiser_->Pseudonym("key check"), "\n"));
  const std::optional<std::string> before = storage::ReadFile(path);
  if (!before.has_value()) return storage::WriteFile(folder, storage::kKeyCheckFile, check);
  if (before == check) return absl::OkStatus();
  if (!storage::Unseal(*before).has_value()) {
    return MakeError(absl::StatusCode::kDataLoss, "KEY_CHECK_DAMAGED", absl::StrCat(path, " is damaged"),
                     "delete it if you are sure that the key for pseudonyms is still the same; it is made anew");
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "OTHER_KEY",
                   "the key for pseudonyms is not the one that this data was written with: the same person would "
                   "count as another one",
                   absl::StrCat("give the old key back; if it is lost for good, delete ", path));
}

absl::StatusOr<ProgramRuntime*> Programs::Find(absl::string_view id) {
  if (id.empty() && programs_.size() == 1) return programs_.front().get();
  std::vector<std::string> names;
  for (const auto& program : programs_) {
    if (program->id() == id) return program.get();
    names.push_back(program->id());
  }
  if (id.empty()) {
    return InvalidField("program", "REQUIRED",
                        absl::StrCat("must name one of the programmes ", absl::StrJoin(names, ", ")));
  }
  return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_PROGRAM", absl::StrCat("there is no programme '", id, "'"),
                   absl::StrCat("use one of ", absl::StrJoin(names, ", ")));
}

Day Programs::Today(const Catalog& catalog) const {
  return ToDay(absl::ToCivilDay(options_.clock(), catalog.zone()));
}

absl::Status Programs::Close() {
  absl::Status first;
  for (const auto& program : programs_) {
    if (program->writer_ != nullptr) first.Update(program->writer_->Stop());
  }
  programs_.clear();
  if (database_ != nullptr) first.Update(database_->Close());
  database_.reset();
  return first;
}

}  // namespace partnermetrics
