// The backups of a server: made on request while it serves, verified, and deleted when they expire; and erasures, which
// must reach them.
//
//   ASSIGN_OR_RETURN(auto backups, Backups::Open({.folder = "/backups"}, *programs));
//   ASSIGN_OR_RETURN(std::shared_ptr<BackupRun> run, backups->Start());
//   while (!run->Next(v1::BACKUP_PHASE_DONE, absl::Seconds(1)).ended) …
//
// A backup keeps what was erased after it until it is deleted itself. So each erasure is noted, as a pseudonym, in the
// folder of backups: a restore makes it again.
//
// Thread-safe. It ends before the programmes are closed.
#ifndef PARTNERMETRICS_SERVER_OPS_BACKUPS_H_
#define PARTNERMETRICS_SERVER_OPS_BACKUPS_H_

#include <condition_variable>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "partnermetrics/v1/admin_service.pb.h"
#include "server/base/periodic_thread.h"
#include "server/ingest/programs.h"
#include "server/ops/erasure.h"
#include "storage/backup_folder.h"
#include "storage/mutex.h"

namespace partnermetrics {

// A backup that is being made, or was.
class BackupRun {
 public:
  struct Now {
    bool ended = false;
    absl::Status status;  // once ended
    v1::BackupResponse progress;
  };

  // How it stands once it does something else than `phase` or has ended, or after `wait`.
  Now Next(v1::BackupPhase phase, absl::Duration wait);

 private:
  friend class Backups;
  void Show(v1::BackupPhase phase, int64_t bytes_copied);
  void End(absl::StatusOr<v1::BackupInfo> result);

  Mutex mutex_;
  std::condition_variable_any changed_;
  Now now_ PM_GUARDED_BY(mutex_);
};

class Backups {
 public:
  struct Options {
    std::string folder;  // empty: there are no backups
    int keep = 0;        // 0: any number
    absl::Duration keep_for = absl::Hours(24) * 30;
  };

  // Makes again the erasures that a restore left to be made, deletes what has expired, and goes on doing so every hour.
  static absl::StatusOr<std::unique_ptr<Backups>> Open(Options options, Programs& programs);
  // Stops a backup that is being made.
  ~Backups();
  Backups(const Backups&) = delete;
  Backups& operator=(const Backups&) = delete;

  // Starts a backup. ABORTED while one is being made; FAILED_PRECONDITION when there is no folder for it.
  absl::StatusOr<std::shared_ptr<BackupRun>> Start();

  absl::StatusOr<v1::ListBackupsResponse> List(bool verify);

  // Erases, and notes it for the backups.
  absl::StatusOr<v1::EraseSubjectResponse> Erase(ProgramRuntime& program, const ErasureSubject& subject);

 private:
  Backups(Options options, Programs& programs) : options_(std::move(options)), programs_(programs) {}

  absl::Status EraseAgain();
  absl::StatusOr<v1::BackupInfo> Make(BackupRun& run);
  absl::Status Expire() PM_REQUIRES(folder_mutex_);
  void ExpireInTime();
  bool stopping();
  v1::BackupInfo ToInfo(const storage::Backup& backup) const;
  absl::Time ExpiresAt(const storage::Backup& backup) const;

  const Options options_;
  Programs& programs_;
  std::unique_ptr<storage::BackupFolder> folder_;  // null when there is none

  Mutex folder_mutex_;   // held by who makes, verifies or deletes backups
  Mutex erasing_mutex_;  // held by who erases: no backup counts an erasure that is under way

  Mutex mutex_;
  bool stopping_ PM_GUARDED_BY(mutex_) = false;
  bool running_ PM_GUARDED_BY(mutex_) = false;
  std::thread maker_ PM_GUARDED_BY(mutex_);
  std::unique_ptr<PeriodicThread> expiry_;  // null when there is no folder
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_OPS_BACKUPS_H_
