#include "storage/database.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "storage/data_folder.h"
#include "storage/rocks_log.h"
#include "storage/rocks_state.h"
#include "storage/rocks_support.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

int64_t FolderBytes(const std::string& path) {
  int64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator file(path, error), end; !error && file != end; file.increment(error)) {
    std::error_code gone;  // files come and go while we look
    const std::uintmax_t size = file->file_size(gone);
    if (!gone) bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

// Declared in the order of opening; destroyed in reverse.
class OpenDatabase : public Database {
 public:
  OpenDatabase(const Options& options, std::unique_ptr<DataFolder> folder)
      : options_(options),
        folder_(std::move(folder)),
        memory_(options),
        state_(options, folder_->state_path(), memory_) {}

  absl::Status Init() {
    ASSIGN_OR_RETURN(log_, RocksLog::Open(options_, folder_->log_path(), memory_));
    return state_.Open();
  }

  absl::StatusOr<EventLog*> Log(absl::string_view program_id) override { return log_->Program(program_id); }
  StateStore& state() override { return state_; }
  absl::Status DiscardState(absl::string_view reason) override { return state_.Discard(reason); }
  bool state_was_reset() const override { return state_.was_reset(); }
  absl::Status WithState(const std::function<absl::Status(rocksdb::DB&)>& use) override { return state_.Use(use); }
  absl::Status WithLog(const std::function<absl::Status(rocksdb::DB&)>& use) override { return log_->Use(use); }
  std::vector<std::string> programs() const override { return log_->programs(); }
  const Options& options() const override { return options_; }
  int64_t log_bytes() const override { return FolderBytes(folder_->log_path()); }
  int64_t state_bytes() const override { return FolderBytes(folder_->state_path()); }

  absl::Status Close() override {
    absl::Status state = state_.Close();
    absl::Status log = log_->Close();
    folder_.reset();
    return log.ok() ? state : log;
  }

 private:
  const Options options_;
  std::unique_ptr<DataFolder> folder_;
  const SharedMemory memory_;
  RocksState state_;
  std::unique_ptr<RocksLog> log_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const Options& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<DataFolder> folder, DataFolder::Open(options.data_dir));
  auto database = std::make_unique<OpenDatabase>(options, std::move(folder));
  RETURN_IF_ERROR(database->Init());
  return database;
}

}  // namespace partnermetrics::storage
