#include "connectors/host/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace partnermetrics::connectors {
namespace {

constexpr int kMaxDepth = 16;
constexpr std::size_t kMaxFiles = 100'000;

// Opens a path that stays beneath `directory` and passes no symbolic link.
int OpenBeneath(int directory, const char* name, std::uint64_t flags) {
  open_how how = {};
  how.flags = flags | O_RDONLY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, directory, name, &how, sizeof(how)));
}

absl::Status OpenError(int error, absl::string_view path) {
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(absl::StrCat(path, " does not exist"));
    case ELOOP:
      return absl::PermissionDeniedError(absl::StrCat(path, " is or passes a symbolic link"));
    case EXDEV:
      return absl::PermissionDeniedError(absl::StrCat(path, " leads out of the connector's folder"));
    case EMFILE:
    case ENFILE:
      return absl::ResourceExhaustedError(absl::StrCat(path, ": the server has too many files open"));
    case ENOSYS:
      return absl::UnimplementedError(
          "this kernel has no openat2, which keeps plugins inside their folder; use Linux 5.6 or later");
    default:
      return absl::FailedPreconditionError(absl::StrCat(path, " cannot be opened: ", std::strerror(error)));
  }
}

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

}  // namespace

absl::StatusOr<Folder> Folder::Open(const std::string& path) {
  // The operator named this path, so links in it are fine.
  Descriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) {
    if (errno == ENOTDIR) return absl::FailedPreconditionError(absl::StrCat(path, " is not a folder"));
    return OpenError(errno, path);
  }
  return Folder(path, std::move(directory));
}

absl::StatusOr<std::vector<FileEntry>> Folder::List() const {
  std::vector<FileEntry> files;
  // An own open file description: reading a folder moves its position.
  const Descriptor root(OpenBeneath(directory_.get(), ".", O_DIRECTORY));
  if (!root.valid()) return OpenError(errno, path_);
  if (absl::Status status = ListInto(root.get(), "", 0, &files); !status.ok()) return status;
  std::sort(files.begin(), files.end(), [](const FileEntry& a, const FileEntry& b) { return a.name < b.name; });
  return files;
}

absl::Status Folder::ListInto(int directory, const std::string& prefix, int depth,
                              std::vector<FileEntry>* files) const {
  if (depth > kMaxDepth) return absl::OutOfRangeError(absl::StrCat(path_, " has folders nested too deeply"));
  const int copy = ::fcntl(directory, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return OpenError(errno, path_);
  const std::unique_ptr<DIR, CloseDir> entries(::fdopendir(copy));
  if (entries == nullptr) return OpenError(errno, path_);
  while (const dirent* entry = ::readdir(entries.get())) {
    if (entry->d_name[0] == '.') continue;
    struct stat stat = {};
    // Gone meanwhile: not part of this run.
    if (::fstatat(directory, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const std::string name = prefix + entry->d_name;
    if (S_ISDIR(stat.st_mode)) {
      const Descriptor child(OpenBeneath(directory, entry->d_name, O_DIRECTORY));
      if (!child.valid()) return OpenError(errno, absl::StrCat(path_, "/", name));
      if (absl::Status status = ListInto(child.get(), name + "/", depth + 1, files); !status.ok()) return status;
    } else if (S_ISREG(stat.st_mode)) {
      if (files->size() == kMaxFiles || name.size() >= sizeof(pm_file::name)) {
        return absl::OutOfRangeError(
            absl::StrCat(path_, " has more than ", kMaxFiles, " files or too long a name: ", name));
      }
      files->push_back({name, static_cast<std::uint64_t>(stat.st_size),
                        stat.st_mtim.tv_sec * 1'000'000'000LL + stat.st_mtim.tv_nsec});
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Descriptor> Folder::OpenFile(const std::string& name) const {
  // O_NONBLOCK: opening a named pipe must not wait for its writer; it means nothing to a regular file.
  Descriptor file(OpenBeneath(directory_.get(), name.c_str(), O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return OpenError(errno, name);
  struct stat stat = {};
  if (::fstat(file.get(), &stat) != 0 || !S_ISREG(stat.st_mode)) {
    return absl::PermissionDeniedError(absl::StrCat(name, " is not a regular file"));
  }
  return file;
}

}  // namespace partnermetrics::connectors
