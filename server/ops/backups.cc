#include "server/ops/backups.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "server/base/errors.h"

namespace partnermetrics {
namespace {

using google::protobuf::util::TimeUtil;
using storage::Backup;

constexpr auto kExpiryPeriod = std::chrono::hours(1);

v1::BackupPhase ToPhase(storage::BackupPhase phase) {
  switch (phase) {
    case storage::BackupPhase::kState:
      return v1::BACKUP_PHASE_STATE;
    case storage::BackupPhase::kLog:
      return v1::BACKUP_PHASE_LOG;
    case storage::BackupPhase::kVerifying:
      break;
  }
  return v1::BACKUP_PHASE_VERIFYING;
}

absl::Status NoFolder() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_BACKUP_FOLDER", "the server has no folder for backups",
                   "set backup_dir in its configuration and restart it");
}

}  // namespace

BackupRun::Now BackupRun::Next(v1::BackupPhase phase, absl::Duration wait) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(wait);
  MutexLock lock(&mutex_);
  while (now_.progress.phase() == phase && !now_.ended) {
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) break;
  }
  return now_;
}

void BackupRun::Show(v1::BackupPhase phase, int64_t bytes_copied) {
  MutexLock lock(&mutex_);
  now_.progress.set_phase(phase);
  now_.progress.set_bytes_copied(bytes_copied);
  changed_.notify_all();
}

void BackupRun::End(absl::StatusOr<v1::BackupInfo> result) {
  MutexLock lock(&mutex_);
  now_.status = result.status();
  if (result.ok()) {
    now_.progress.set_phase(v1::BACKUP_PHASE_DONE);
    *now_.progress.mutable_backup() = *std::move(result);
  }
  now_.ended = true;
  changed_.notify_all();
}

absl::StatusOr<std::unique_ptr<Backups>> Backups::Open(Options options, Programs& programs) {
  std::unique_ptr<Backups> backups(new Backups(std::move(options), programs));
  RETURN_IF_ERROR(backups->EraseAgain());
  if (backups->options_.folder.empty()) return backups;
  ASSIGN_OR_RETURN(backups->folder_,
                   storage::BackupFolder::Open(backups->options_.folder, programs.database().options().env));
  backups->expiry_ = std::make_unique<PeriodicThread>(
      kExpiryPeriod, [raw = backups.get()](const std::atomic<bool>&) { raw->ExpireInTime(); });
  return backups;
}

Backups::~Backups() {
  std::thread maker;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    maker = std::move(maker_);
  }
  if (maker.joinable()) maker.join();
}

bool Backups::stopping() {
  MutexLock lock(&mutex_);
  return stopping_;
}

absl::Status Backups::EraseAgain() {
  const std::string& data_dir = programs_.database().options().data_dir;
  ASSIGN_OR_RETURN(const std::vector<storage::Erasure> pending, storage::PendingErasures(data_dir));
  if (pending.empty()) return absl::OkStatus();
  for (const storage::Erasure& erasure : pending) {
    ASSIGN_OR_RETURN(storage::EventLog * log, programs_.database().Log(erasure.program));
    RETURN_IF_ERROR(ErasePersonalData(*log, programs_.pseudonymiser(), ErasureSubject(erasure.subject)).status());
  }
  spdlog::info("made {} erasures again that came after the restored backup", pending.size());
  return storage::ClearPendingErasures(data_dir);
}

absl::StatusOr<std::shared_ptr<BackupRun>> Backups::Start() {
  if (folder_ == nullptr) return NoFolder();
  MutexLock lock(&mutex_);
  if (stopping_) return RetryLater(absl::StatusCode::kUnavailable, "STOPPING", "the server is stopping", 1'000);
  if (running_) {
    return MakeError(absl::StatusCode::kAborted, "BACKUP_UNDER_WAY", "a backup is being made already",
                     "wait until it is done; `partnerctl backup list` shows it then");
  }
  if (maker_.joinable()) maker_.join();  // it has ended
  running_ = true;
  auto run = std::make_shared<BackupRun>();
  maker_ = std::thread([this, run] {
    absl::StatusOr<v1::BackupInfo> made = Make(*run);
    if (!made.ok()) spdlog::error("no backup was made: {}", made.status().ToString());
    {
      MutexLock done(&mutex_);
      running_ = false;
    }
    run->End(std::move(made));
  });
  return run;
}

absl::StatusOr<v1::BackupInfo> Backups::Make(BackupRun& run) {
  MutexLock lock(&folder_mutex_);
  run.Show(v1::BACKUP_PHASE_PREPARING, 0);
  // So that a server that is started on the backup has little to replay.
  for (const auto& program : programs_.all()) {
    RETURN_IF_ERROR(program->writer().Run([&] { return program->engine().Checkpoint(); }));
  }
  size_t erasures = 0;
  {
    MutexLock none_under_way(&erasing_mutex_);
    ASSIGN_OR_RETURN(const std::vector<storage::Erasure> recorded, folder_->Erasures());
    erasures = recorded.size();
  }
  int64_t bytes_copied = 0;
  ASSIGN_OR_RETURN(const Backup backup, folder_->Create(programs_.database(), absl::ToUnixMicros(programs_.Now()),
                                                        erasures, [&](storage::BackupPhase phase, int64_t bytes) {
                                                          run.Show(ToPhase(phase), bytes_copied = bytes);
                                                          return !stopping();
                                                        }));
  spdlog::info("made backup {} in {}", backup.number, options_.folder);
  run.Show(v1::BACKUP_PHASE_EXPIRING, bytes_copied);
  RETURN_IF_ERROR(Expire());
  return ToInfo(backup);
}

absl::StatusOr<v1::ListBackupsResponse> Backups::List(bool verify) {
  if (folder_ == nullptr) return NoFolder();
  ASSIGN_OR_RETURN(const std::vector<Backup> backups, folder_->List());
  v1::ListBackupsResponse response;
  for (const Backup& backup : backups) {
    v1::BackupInfo info = ToInfo(backup);
    if (verify) {
      MutexLock lock(&folder_mutex_);
      if (!folder_->Has(backup)) continue;  // expired since it was listed
      const absl::Status verified = folder_->Verify(backup);
      if (verified.code() != absl::StatusCode::kDataLoss) RETURN_IF_ERROR(verified);
      info.set_damage(std::string(verified.message()));
    }
    *response.add_backups() = std::move(info);
  }
  return response;
}

absl::StatusOr<v1::EraseSubjectResponse> Backups::Erase(ProgramRuntime& program, const ErasureSubject& subject) {
  MutexLock lock(&erasing_mutex_);
  v1::EraseSubjectResponse response;
  // Noted first: should the rest fail, a restore erases what still stands in the log, which does no harm.
  if (folder_ != nullptr) {
    storage::Erasure erasure;
    erasure.erased_at_us = absl::ToUnixMicros(programs_.Now());
    erasure.program = program.id();
    erasure.subject = subject.text();
    RETURN_IF_ERROR(folder_->RecordErasure(std::move(erasure)));
  }
  ASSIGN_OR_RETURN(const ErasureCounts counts, ErasePersonalData(program.log(), programs_.pseudonymiser(), subject));
  response.set_personal_values(counts.personal_values);
  response.set_quarantined_records(counts.quarantined_records);
  if (folder_ == nullptr || counts.personal_values + counts.quarantined_records == 0) return response;
  ASSIGN_OR_RETURN(const std::vector<Backup> backups, folder_->List());
  for (const Backup& backup : backups) {
    v1::ErasureHolder& holder = *response.add_held_by();
    holder.set_backup(backup.number);
    *holder.mutable_expires_at() = TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(ExpiresAt(backup)));
  }
  return response;
}

absl::Status Backups::Expire() {
  ASSIGN_OR_RETURN(const std::vector<Backup> backups, folder_->List());
  ASSIGN_OR_RETURN(const std::vector<storage::Erasure> erasures, folder_->Erasures());
  const size_t keep = options_.keep > 0 ? static_cast<size_t>(options_.keep) : backups.size();
  for (size_t i = 0; i < backups.size(); ++i) {
    const Backup& backup = backups[i];
    const bool too_many = i + keep < backups.size();
    // The only one that is left is better than none, unless it holds what must not be there any more.
    const bool last_resort = i + 1 == backups.size() && backup.damage.empty() && backup.erasures == erasures.size();
    const bool too_old = ExpiresAt(backup) <= programs_.Now() && !last_resort;
    if (!too_many && !too_old) continue;
    RETURN_IF_ERROR(folder_->Delete(backup));
    spdlog::info("deleted backup {}, which has expired", backup.number);
  }
  return absl::OkStatus();
}

void Backups::ExpireInTime() {
  MutexLock lock(&folder_mutex_);
  if (const absl::Status expired = Expire(); !expired.ok()) {
    spdlog::error("backups that have expired are not deleted, the next try is in an hour: {}", expired.ToString());
  }
}

absl::Time Backups::ExpiresAt(const Backup& backup) const {
  return absl::FromUnixMicros(backup.created_at_us) + options_.keep_for;
}

v1::BackupInfo Backups::ToInfo(const Backup& backup) const {
  v1::BackupInfo info;
  info.set_number(backup.number);
  *info.mutable_created_at() = TimeUtil::MicrosecondsToTimestamp(backup.created_at_us);
  *info.mutable_expires_at() = TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(ExpiresAt(backup)));
  info.set_bytes(backup.bytes);
  for (const auto& [program, position] : backup.positions) {
    v1::BackupPosition& end = *info.add_positions();
    end.set_program(program);
    end.set_log_position(position);
  }
  info.set_damage(backup.damage);
  return info;
}

}  // namespace partnermetrics
