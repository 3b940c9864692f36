#include "storage/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "storage/record_codec.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

absl::Status SystemError(absl::string_view what) {
  const std::string message = absl::StrCat(what, ": ", std::strerror(errno));
  return errno == ENOSPC ? absl::ResourceExhaustedError(message) : absl::InternalError(message);
}

bool WriteAll(int fd, absl::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    content.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

std::string SealLine(absl::string_view body) {
  return absl::StrFormat("crc32 %08x\n", Checksum("", body));
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

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

absl::Status SyncTree(const std::string& folder) {
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    RETURN_IF_ERROR(SyncPath(entry->path().string()));
  }
  if (error) return absl::InternalError(absl::StrCat("cannot read the folder ", folder, ": ", error.message()));
  return SyncPath(folder);
}

absl::Status WriteFile(const std::string& folder, const std::string& name, const std::string& content, bool secret) {
  const std::string path = absl::StrCat(folder, "/", name);
  const std::string temporary = path + ".new";
  {
    const Descriptor fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, secret ? 0600 : 0644));
    if (fd.get() < 0 || !WriteAll(fd.get(), content) || fsync(fd.get()) != 0) {
      return SystemError(absl::StrCat("cannot write ", temporary));
    }
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) return SystemError(absl::StrCat("cannot write ", path));
  return SyncPath(folder);
}

absl::StatusOr<Descriptor> LockFolder(const std::string& folder, absl::string_view what) {
  const std::string path = folder + "/LOCK";
  Descriptor fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (fd.get() < 0) return SystemError(absl::StrCat("cannot open ", path));
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemError(absl::StrCat("cannot lock ", path));
    const std::string holder(absl::StripSuffix(ReadFile(path).value_or(""), "\n"));
    return absl::FailedPreconditionError(absl::StrCat(what, " ", folder, " is in use by process ",
                                                      holder.empty() ? "(unknown)" : holder,
                                                      ". Stop that process, or give this one a folder of its own."));
  }
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(fd.get(), 0) != 0 || pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return SystemError(absl::StrCat("cannot write ", path));
  }
  return fd;
}

std::string Seal(absl::string_view body) {
  return absl::StrCat(body, SealLine(body));
}

std::optional<std::string> Unseal(absl::string_view content) {
  constexpr size_t kSealBytes = 15;  // "crc32 01234567\n"
  if (content.size() < kSealBytes) return std::nullopt;
  const absl::string_view body = content.substr(0, content.size() - kSealBytes);
  if (content.substr(body.size()) != SealLine(body)) return std::nullopt;
  return std::string(body);
}

}  // namespace partnermetrics::storage
