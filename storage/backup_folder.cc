#include "storage/backup_folder.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"
#include "rocksdb/utilities/backup_engine.h"
#include "storage/backup_manifest.h"
#include "storage/record_codec.h"
#include "storage/rocks_log.h"
#include "storage/rocks_support.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

using rocksdb::BackupEngine;
using rocksdb::BackupEngineReadOnly;

constexpr char kFormatTitle[] = "partnermetrics backups\nformat 1\ncompatible 1\n";
constexpr uint64_t kProgressBytes = 1 << 20;

rocksdb::Env* EnvOr(rocksdb::Env* env) {
  return env != nullptr ? env : rocksdb::Env::Default();
}

rocksdb::BackupEngineOptions EngineOptions(const std::string& folder, rocksdb::Env* env) {
  rocksdb::BackupEngineOptions options(folder, EnvOr(env));
  options.callback_trigger_interval_size = kProgressBytes;
  return options;
}

template <typename Engine>
absl::StatusOr<std::unique_ptr<Engine>> OpenEngine(const std::string& folder, rocksdb::Env* env) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  Engine* engine = nullptr;
  RETURN_IF_ERROR(FromRocks(Engine::Open(EngineOptions(folder, env), EnvOr(env), &engine),
                            absl::StrCat("open the backups in ", folder)));
  return std::unique_ptr<Engine>(engine);
}

std::string LogPart(const std::string& folder) {
  return folder + "/log";
}
std::string StatePart(const std::string& folder) {
  return folder + "/state";
}

// Copies one instance as a new backup of the engine and reads it back.
absl::Status Copy(BackupEngine& engine, rocksdb::DB& db, BackupPhase phase, const BackupProgress& progress,
                  int64_t& bytes_copied, uint32_t& id) {
  bool stopped = false;
  rocksdb::CreateBackupOptions options;
  // What is only in memory becomes table files, which the next backup shares.
  options.flush_before_backup = true;
  options.progress_callback = [&] {
    bytes_copied += static_cast<int64_t>(kProgressBytes);
    if (stopped || progress(phase, bytes_copied)) return;
    stopped = true;
    engine.StopBackup();
  };
  const rocksdb::Status copied = engine.CreateNewBackup(options, &db, &id);
  if (stopped || !progress(phase, bytes_copied)) return absl::CancelledError("the backup was stopped");
  return FromRocks(copied, "copy to the backup");
}

// The ends of the logs in a backup: what it holds, whatever was appended while it was made.
absl::Status ReadPositions(const BackupEngine& engine, const std::vector<std::string>& programs, Backup& backup) {
  rocksdb::BackupInfo info;
  RETURN_IF_ERROR(FromRocks(engine.GetBackupInfo(backup.log_id, &info, true), "look at the backup"));
  rocksdb::Options options;
  options.env = info.env_for_open.get();
  options.info_log = QuietLogger();
  options.track_and_verify_wals_in_manifest = true;  // as the log does; opening without would want to write
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* raw = nullptr;
  RETURN_IF_ERROR(
      FromRocks(rocksdb::DB::OpenForReadOnly(options, info.name_for_open,
                                             {{rocksdb::kDefaultColumnFamilyName, options}, {kEventsFamily, options}},
                                             &handles, &raw),
                "open the log in the backup"));
  const std::unique_ptr<rocksdb::DB> db(raw);
  absl::Status status;
  for (const std::string& program : programs) {
    const absl::StatusOr<uint64_t> position = LastNumber(*db, handles[1], program);
    status.Update(position.status());
    if (position.ok()) backup.positions.emplace_back(program, *position);
  }
  for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
  return status;
}

absl::Status DeleteFrom(BackupEngine& engine, const std::vector<uint32_t>& kept) {
  std::vector<rocksdb::BackupInfo> infos;
  engine.GetBackupInfo(&infos);
  std::vector<rocksdb::BackupID> ids;
  engine.GetCorruptedBackups(&ids);
  for (const rocksdb::BackupInfo& info : infos) ids.push_back(info.backup_id);
  for (const rocksdb::BackupID id : ids) {
    if (std::find(kept.begin(), kept.end(), id) != kept.end()) continue;
    RETURN_IF_ERROR(FromRocks(engine.DeleteBackup(id), "delete a backup"));
  }
  return FromRocks(engine.GarbageCollect(), "delete leftovers of backups");
}

template <typename Engine>
absl::Status VerifyPart(const Engine& engine, uint32_t id, const Backup& backup, absl::string_view part) {
  const rocksdb::Status status = engine.VerifyBackup(id, true);
  // A file that is missing, shorter or longer is damage too.
  if (status.IsCorruption() || status.IsNotFound()) {
    return absl::DataLossError(
        absl::StrCat("the ", part, " of backup ", backup.number, " is damaged: ", status.ToString()));
  }
  return FromRocks(status, absl::StrCat("verify backup ", backup.number));
}

absl::Status VerifyKey(const std::string& folder, const Backup& backup) {
  if (backup.key_checksum == 0) return absl::OkStatus();
  const std::optional<std::string> key = ReadFile(absl::StrCat(folder, "/", KeyName(backup.number)));
  if (key.has_value() && Checksum("", *key) == backup.key_checksum) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the key for pseudonyms of backup ", backup.number, " is damaged"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<BackupFolder>> BackupFolder::Open(const std::string& path, rocksdb::Env* env) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return absl::InternalError(absl::StrCat("cannot create the folder ", path, ": ", error.message()));
  ASSIGN_OR_RETURN(Descriptor lock, LockFolder(path, "the folder of backups"));
  const std::optional<std::string> format = ReadFile(path + "/FORMAT");
  if (!format.has_value()) {
    RETURN_IF_ERROR(WriteFile(path, "FORMAT", Seal(kFormatTitle)));
  } else if (*format != Seal(kFormatTitle)) {
    return absl::FailedPreconditionError(absl::StrCat(path, "/FORMAT is not that of a folder of backups that this ",
                                                      "program knows; give the backups a folder of their own"));
  }
  return std::unique_ptr<BackupFolder>(new BackupFolder(path, env, std::move(lock)));
}

absl::StatusOr<Backup> BackupFolder::Create(Database& database, int64_t now_us, uint64_t erasures,
                                            const BackupProgress& progress) {
  ASSIGN_OR_RETURN(const std::vector<Backup> before, List());
  RETURN_IF_ERROR(DeleteLeftovers(before));
  Backup backup;
  backup.number = before.empty() ? 1 : before.back().number + 1;
  backup.created_at_us = now_us;
  backup.erasures = erasures;
  ASSIGN_OR_RETURN(const std::unique_ptr<BackupEngine> state, OpenEngine<BackupEngine>(StatePart(path_), env_));
  ASSIGN_OR_RETURN(const std::unique_ptr<BackupEngine> log, OpenEngine<BackupEngine>(LogPart(path_), env_));
  int64_t bytes_copied = 0;
  RETURN_IF_ERROR(database.WithState(
      [&](rocksdb::DB& db) { return Copy(*state, db, BackupPhase::kState, progress, bytes_copied, backup.state_id); }));
  RETURN_IF_ERROR(database.WithLog(
      [&](rocksdb::DB& db) { return Copy(*log, db, BackupPhase::kLog, progress, bytes_copied, backup.log_id); }));
  if (!progress(BackupPhase::kVerifying, bytes_copied)) return absl::CancelledError("the backup was stopped");
  RETURN_IF_ERROR(ReadPositions(*log, database.programs(), backup));
  RETURN_IF_ERROR(VerifyPart(*state, backup.state_id, backup, "state"));
  RETURN_IF_ERROR(VerifyPart(*log, backup.log_id, backup, "log"));
  for (const auto& [engine, id] : {std::pair(state.get(), backup.state_id), std::pair(log.get(), backup.log_id)}) {
    rocksdb::BackupInfo info;
    RETURN_IF_ERROR(FromRocks(engine->GetBackupInfo(id, &info), "look at the backup"));
    backup.bytes += static_cast<int64_t>(info.size);
  }
  const std::optional<std::string> key = ReadFile(absl::StrCat(database.options().data_dir, "/", kKeyFile));
  if (key.has_value()) {
    backup.key_checksum = Checksum("", *key);
    RETURN_IF_ERROR(WriteFile(path_, KeyName(backup.number), *key, /*secret=*/true));
  }
  backup.key_check = ReadFile(absl::StrCat(database.options().data_dir, "/", kKeyCheckFile)).value_or("");
  RETURN_IF_ERROR(WriteFile(path_, ManifestName(backup.number), EncodeManifest(backup)));
  return backup;
}

absl::Status BackupFolder::DeleteLeftovers(const std::vector<Backup>& backups) {
  std::vector<uint32_t> log_ids, state_ids;
  for (const Backup& backup : backups) {
    // Whose parts a damaged manifest names is not known.
    if (!backup.damage.empty()) return absl::OkStatus();
    log_ids.push_back(backup.log_id);
    state_ids.push_back(backup.state_id);
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<BackupEngine> state, OpenEngine<BackupEngine>(StatePart(path_), env_));
  RETURN_IF_ERROR(DeleteFrom(*state, state_ids));
  ASSIGN_OR_RETURN(const std::unique_ptr<BackupEngine> log, OpenEngine<BackupEngine>(LogPart(path_), env_));
  return DeleteFrom(*log, log_ids);
}

absl::StatusOr<std::vector<Backup>> BackupFolder::List() const {
  return ReadManifests(path_);
}

bool BackupFolder::Has(const Backup& backup) const {
  std::error_code error;
  return std::filesystem::exists(absl::StrCat(path_, "/", ManifestName(backup.number)), error);
}

absl::Status BackupFolder::Verify(const Backup& backup) const {
  if (!backup.damage.empty()) {
    return absl::DataLossError(absl::StrCat("the manifest of backup ", backup.number, " is damaged: ", backup.damage));
  }
  RETURN_IF_ERROR(VerifyKey(path_, backup));
  ASSIGN_OR_RETURN(const auto state, OpenEngine<BackupEngineReadOnly>(StatePart(path_), env_));
  RETURN_IF_ERROR(VerifyPart(*state, backup.state_id, backup, "state"));
  ASSIGN_OR_RETURN(const auto log, OpenEngine<BackupEngineReadOnly>(LogPart(path_), env_));
  return VerifyPart(*log, backup.log_id, backup, "log");
}

absl::Status BackupFolder::Delete(const Backup& backup) {
  std::error_code error;
  std::filesystem::remove(absl::StrCat(path_, "/", ManifestName(backup.number)), error);
  std::filesystem::remove(absl::StrCat(path_, "/", KeyName(backup.number)), error);
  RETURN_IF_ERROR(SyncPath(path_));
  if (!backup.damage.empty()) return absl::OkStatus();  // which parts it had is not known; they are leftovers now
  for (const auto& [part, id] :
       {std::pair(StatePart(path_), backup.state_id), std::pair(LogPart(path_), backup.log_id)}) {
    ASSIGN_OR_RETURN(const std::unique_ptr<BackupEngine> engine, OpenEngine<BackupEngine>(part, env_));
    RETURN_IF_ERROR(FromRocks(engine->DeleteBackup(id), "delete a backup"));
    RETURN_IF_ERROR(FromRocks(engine->GarbageCollect(), "delete a backup"));
  }
  return absl::OkStatus();
}

absl::Status BackupFolder::RecordErasure(Erasure erasure) {
  ASSIGN_OR_RETURN(std::vector<Erasure> erasures, Erasures());
  erasure.number = erasures.size() + 1;
  erasures.push_back(std::move(erasure));
  return WriteFile(path_, kErasuresFile, EncodeErasures(erasures));
}

absl::StatusOr<std::vector<Erasure>> BackupFolder::Erasures() const {
  return ReadErasures(absl::StrCat(path_, "/", kErasuresFile));
}

}  // namespace partnermetrics::storage
