#include "storage/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "storage/record_codec.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

constexpr int kCompatibleFormat = 1;

absl::Status SystemError(absl::string_view what) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(errno)));
}

// Closes the descriptor unless it is released.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

absl::Status SyncPath(const std::string& path) {
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0 || fsync(fd.get()) != 0) return SystemError(absl::StrCat("cannot sync ", path));
  return absl::OkStatus();
}

// Writes the file so that after a crash it is there as a whole or not at all.
absl::Status WriteFile(const std::string& folder, const std::string& name, const std::string& content) {
  const std::string path = absl::StrCat(folder, "/", name);
  const std::string temporary = path + ".new";
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file << content << std::flush;
    if (!file) return SystemError(absl::StrCat("cannot write ", temporary));
  }
  RETURN_IF_ERROR(SyncPath(temporary));
  if (rename(temporary.c_str(), path.c_str()) != 0) return SystemError(absl::StrCat("cannot write ", path));
  return SyncPath(folder);
}

// OK when this program may open a folder with this FORMAT file.
absl::Status CheckFormat(const std::string& path, absl::string_view content) {
  int format = 0;
  int compatible = 0;
  const std::vector<absl::string_view> lines = absl::StrSplit(content, '\n');
  const bool readable = lines.size() == 5 && absl::SimpleAtoi(absl::StripPrefix(lines[1], "format "), &format) &&
                        absl::SimpleAtoi(absl::StripPrefix(lines[2], "compatible "), &compatible) &&
                        content == FormatFileContent(format, compatible);
  if (!readable) {
    return absl::DataLossError(absl::StrCat(path, "/FORMAT is damaged. The data may be fine: restore this file from a ",
                                            "backup of the folder, or from another folder of the same version."));
  }
  if (compatible > kFolderFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("the data folder ", path, " has format ", format, ", which needs a program of format ", compatible,
                     " or later; this one knows format ", kFolderFormat,
                     ". Nothing was changed. Start a newer version, or give this one a folder of its own."));
  }
  return absl::OkStatus();
}

// Takes the lock and leaves our process id in its file, for the message of the next one who tries.
absl::StatusOr<int> Lock(const std::string& folder) {
  const std::string path = folder + "/LOCK";
  Descriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (fd.get() < 0) return SystemError(absl::StrCat("cannot open ", path));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError(absl::StrCat("cannot lock ", path));
    const std::string holder(absl::StripSuffix(ReadFile(path).value_or(""), "\n"));
    return absl::FailedPreconditionError(absl::StrCat("the data folder ", folder, " is in use by process ",
                                                      holder.empty() ? "(unknown)" : holder,
                                                      ". Stop that process, or give this one a folder of its own."));
  }
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(fd.get(), 0) != 0 || pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return SystemError(absl::StrCat("cannot write ", path));
  }
  return fd.release();
}

}  // namespace

std::string FormatFileContent(int format, int compatible) {
  const std::string body =
      absl::StrCat("partnermetrics data folder\nformat ", format, "\ncompatible ", compatible, "\n");
  return absl::StrCat(body, absl::StrFormat("crc32 %08x\n", Checksum("", body)));
}

absl::StatusOr<std::unique_ptr<DataFolder>> DataFolder::Open(absl::string_view path_view) {
  const std::string path(path_view);
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return absl::InternalError(absl::StrCat("cannot create the data folder ", path, ": ", error.message()));

  // Looked at before anything is written, the lock included: a newer folder stays as it is.
  const std::optional<std::string> before = ReadFile(path + "/FORMAT");
  if (before.has_value()) RETURN_IF_ERROR(CheckFormat(path, *before));

  ASSIGN_OR_RETURN(const int lock, Lock(path));
  std::unique_ptr<DataFolder> folder(new DataFolder(path, lock));
  if (const std::optional<std::string> format = ReadFile(path + "/FORMAT"); format.has_value()) {
    RETURN_IF_ERROR(CheckFormat(path, *format));
  } else if (std::filesystem::exists(folder->log_path(), error)) {
    return absl::DataLossError(absl::StrCat(path, " holds data but no file FORMAT. Restore this file from a backup of ",
                                            "the folder, or from another folder of the same version."));
  } else {
    RETURN_IF_ERROR(WriteFile(path, "FORMAT", FormatFileContent(kFolderFormat, kCompatibleFormat)));
  }
  return folder;
}

DataFolder::~DataFolder() {
  close(lock_);
}

}  // namespace partnermetrics::storage
