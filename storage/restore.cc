// Backup → data folder.
#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rocksdb/utilities/backup_engine.h"
#include "storage/backup_folder.h"
#include "storage/backup_manifest.h"
#include "storage/data_folder.h"
#include "storage/record_codec.h"
#include "storage/rocks_log.h"
#include "storage/rocks_support.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

constexpr char kPendingErasuresFile[] = "erasures.pending";

absl::StatusOr<Backup> Choose(const std::string& folder, uint64_t number) {
  ASSIGN_OR_RETURN(std::vector<Backup> backups, ReadManifests(folder));
  std::vector<std::string> numbers;
  for (auto backup = backups.rbegin(); backup != backups.rend(); ++backup) {
    if (number == 0 && !backup->damage.empty()) continue;
    if (number == 0 || backup->number == number) {
      if (backup->damage.empty()) return *backup;
      return absl::DataLossError(
          absl::StrCat("the manifest of backup ", number, " is damaged: ", backup->damage, "; restore another one"));
    }
    numbers.push_back(absl::StrCat(backup->number));
  }
  return absl::NotFoundError(
      absl::StrCat("there is no ", number == 0 ? "backup" : absl::StrCat("backup ", number), " in ", folder,
                   numbers.empty() ? "" : absl::StrCat("; there are ", absl::StrJoin(numbers, ", "))));
}

absl::Status MakeEmptyFolder(const std::string& data_dir) {
  std::error_code error;
  if (std::filesystem::exists(data_dir, error) && !std::filesystem::is_empty(data_dir, error)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the folder ", data_dir, " is not empty; restore into a new one, then put it in the other's place"));
  }
  std::filesystem::create_directories(data_dir, error);
  if (error) return absl::InternalError(absl::StrCat("cannot create the folder ", data_dir, ": ", error.message()));
  return absl::OkStatus();
}

// Copies a part; RocksDB compares checksums as it does.
absl::Status RestorePart(const std::string& folder, uint32_t id, const std::string& to) {
  rocksdb::BackupEngineReadOnly* raw = nullptr;
  RETURN_IF_ERROR(FromRocks(
      rocksdb::BackupEngineReadOnly::Open(rocksdb::BackupEngineOptions(folder), rocksdb::Env::Default(), &raw),
      absl::StrCat("open the backups in ", folder)));
  const std::unique_ptr<rocksdb::BackupEngineReadOnly> engine(raw);
  const rocksdb::Status status = engine->RestoreDBFromBackup(id, to, to);
  if (status.IsNotFound()) return absl::DataLossError(absl::StrCat("the backup has no part ", folder, "/", id));
  return FromRocks(status, absl::StrCat("restore ", to));
}

absl::Status RestoreKey(const std::string& folder, const Backup& backup, const std::string& data_dir) {
  if (backup.key_checksum == 0) return absl::OkStatus();
  const std::optional<std::string> key = ReadFile(absl::StrCat(folder, "/", KeyName(backup.number)));
  if (!key.has_value() || Checksum("", *key) != backup.key_checksum) {
    return absl::DataLossError(absl::StrCat("the key for pseudonyms of backup ", backup.number, " is damaged"));
  }
  return WriteFile(data_dir, kKeyFile, *key, /*secret=*/true);
}

// Reads all of a log: every record and row has its checksum.
absl::Status ReadBack(const std::string& path, const Backup& backup) {
  DatabaseOptions options;
  const SharedMemory memory(options);
  ASSIGN_OR_RETURN(const std::unique_ptr<RocksLog> log, RocksLog::Open(options, path, memory));
  for (const auto& [program, position] : backup.positions) {
    ASSIGN_OR_RETURN(EventLog* const events, log->Program(program));
    RETURN_IF_ERROR(events->Read(0, [](const LogRecord&) { return true; }));
    RETURN_IF_ERROR(events->ReadAllPersonal("", "", [](const PersonalRow&) { return true; }));
    RETURN_IF_ERROR(events->ReadQuarantine(0, [](const QuarantineRow&) { return true; }));
    if (events->last_position() != position) {
      return absl::DataLossError(absl::StrCat("the restored log of ", program, " ends at ", events->last_position(),
                                              ", the backup says ", position));
    }
  }
  return log->Close();
}

}  // namespace

absl::StatusOr<Backup> RestoreBackup(const std::string& backups, uint64_t number, const std::string& data_dir) {
  ASSIGN_OR_RETURN(const Backup backup, Choose(backups, number));
  ASSIGN_OR_RETURN(std::vector<Erasure> erasures, ReadErasures(absl::StrCat(backups, "/", kErasuresFile)));
  RETURN_IF_ERROR(MakeEmptyFolder(data_dir));
  // While this file is there the folder does not open.
  RETURN_IF_ERROR(WriteFile(data_dir, kRestoringFile, ""));
  RETURN_IF_ERROR(RestorePart(backups + "/log", backup.log_id, data_dir + "/log"));
  RETURN_IF_ERROR(RestorePart(backups + "/state", backup.state_id, data_dir + "/state"));
  RETURN_IF_ERROR(RestoreKey(backups, backup, data_dir));
  if (!backup.key_check.empty()) RETURN_IF_ERROR(WriteFile(data_dir, kKeyCheckFile, backup.key_check));
  erasures.erase(erasures.begin(), std::find_if(erasures.begin(), erasures.end(), [&](const Erasure& erasure) {
                   return erasure.number > backup.erasures;
                 }));
  if (!erasures.empty()) RETURN_IF_ERROR(WriteFile(data_dir, kPendingErasuresFile, EncodeErasures(erasures)));
  RETURN_IF_ERROR(ReadBack(data_dir + "/log", backup));
  RETURN_IF_ERROR(WriteFile(data_dir, "FORMAT", FormatFileContent(kFolderFormat, kFolderFormat)));
  RETURN_IF_ERROR(SyncTree(data_dir));
  std::error_code error;
  std::filesystem::remove(absl::StrCat(data_dir, "/", kRestoringFile), error);
  RETURN_IF_ERROR(SyncPath(data_dir));
  return backup;
}

absl::StatusOr<std::vector<Erasure>> PendingErasures(const std::string& data_dir) {
  return ReadErasures(absl::StrCat(data_dir, "/", kPendingErasuresFile));
}

absl::Status ClearPendingErasures(const std::string& data_dir) {
  std::error_code error;
  std::filesystem::remove(absl::StrCat(data_dir, "/", kPendingErasuresFile), error);
  if (error) return absl::InternalError(absl::StrCat("cannot delete the pending erasures: ", error.message()));
  return SyncPath(data_dir);
}

}  // namespace partnermetrics::storage
