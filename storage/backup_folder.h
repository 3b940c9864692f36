// A folder of backups of one data folder, taken while it is written to: state first, then log, so that the log of a
// backup never ends before its state. Files that did not change since an earlier backup are shared with it.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<BackupFolder> backups, BackupFolder::Open("/backups", nullptr));
//   ASSIGN_OR_RETURN(Backup backup, backups->Create(*database, now_us, backups->Erasures().size(), progress));
//   ASSIGN_OR_RETURN(Backup restored, RestoreBackup("/backups", backup.number, "/var/lib/new"));
//
// A backup is there once its manifest is, which is written last. What an interrupted one left is deleted by the next.
// docs/formats.md describes the folder.
//
// Thread-safety: Create, Delete and Verify one at a time, RecordErasure one at a time; List and Erasures at any time.
#ifndef PARTNERMETRICS_STORAGE_BACKUP_FOLDER_H_
#define PARTNERMETRICS_STORAGE_BACKUP_FOLDER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/database.h"
#include "storage/files.h"

namespace partnermetrics::storage {

struct Backup {
  uint64_t number = 0;  // 1, 2, 3 … within the folder
  int64_t created_at_us = 0;
  int64_t bytes = 0;                  // of its files, those shared with other backups included
  uint32_t log_id = 0, state_id = 0;  // RocksDB's numbers of its two parts
  std::string key_check;              // the data folder's file that tells the key from others
  uint32_t key_checksum = 0;          // of its copy of the key for pseudonyms; 0: the data folder had none
  uint64_t erasures = 0;              // how many were recorded before: the later ones are made again by a restore
  std::vector<std::pair<std::string, uint64_t>> positions;  // of each programme, the end of its log
  std::string damage;                                       // what is wrong with the manifest; empty: nothing
};

// That a person's data was erased, without saying whose: `subject` holds keyed pseudonyms.
struct Erasure {
  uint64_t number = 0;  // 1, 2, 3 … within the folder
  int64_t erased_at_us = 0;
  std::string program;
  std::string subject;
};

enum class BackupPhase { kState, kLog, kVerifying };
// Told how far a backup is; false stops it.
using BackupProgress = std::function<bool(BackupPhase phase, int64_t bytes_copied)>;

class BackupFolder {
 public:
  // Makes the folder if need be and locks it. FAILED_PRECONDITION: another process has it, or its format is newer.
  // `env` as in DatabaseOptions.
  static absl::StatusOr<std::unique_ptr<BackupFolder>> Open(const std::string& path, rocksdb::Env* env);

  // Copies the database as it stands, reads back all that was copied, and only then lists it. CANCELLED when `progress`
  // said so.
  absl::StatusOr<Backup> Create(Database& database, int64_t now_us, uint64_t erasures, const BackupProgress& progress);

  // All backups, oldest first; damaged ones are marked.
  absl::StatusOr<std::vector<Backup>> List() const;
  // Whether a backup of that number is (still) there.
  bool Has(const Backup& backup) const;
  // Reads all files of a backup and compares their checksums. DATA_LOSS names the damage.
  absl::Status Verify(const Backup& backup) const;
  absl::Status Delete(const Backup& backup);

  // Durable when it returns.
  absl::Status RecordErasure(Erasure erasure);
  absl::StatusOr<std::vector<Erasure>> Erasures() const;

 private:
  BackupFolder(std::string path, rocksdb::Env* env, Descriptor lock)
      : path_(std::move(path)), env_(env), lock_(std::move(lock)) {}

  // Deletes what belongs to no manifest.
  absl::Status DeleteLeftovers(const std::vector<Backup>& backups);

  const std::string path_;
  rocksdb::Env* const env_;
  const Descriptor lock_;
};

// Restores a backup (0: the newest that is not damaged) into a folder that is empty or does not exist, reads back all
// of it, and leaves the erasures recorded since the backup in its file of pending ones. NOT_FOUND: there is no such
// backup; FAILED_PRECONDITION: the folder is not empty; DATA_LOSS: the backup is damaged. A restore that was
// interrupted leaves a folder that does not open.
absl::StatusOr<Backup> RestoreBackup(const std::string& backups, uint64_t number, const std::string& data_dir);

// Erasures that a restored data folder still has to make, and that they are made.
absl::StatusOr<std::vector<Erasure>> PendingErasures(const std::string& data_dir);
absl::Status ClearPendingErasures(const std::string& data_dir);

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_BACKUP_FOLDER_H_
