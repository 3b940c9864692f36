// Small files that must be whole or not there, and locks.
//
//   RETURN_IF_ERROR(WriteFile(folder, "FORMAT", Seal("partnermetrics data folder\nformat 1\ncompatible 1\n")));
//   std::optional<std::string> body = Unseal(*ReadFile(folder + "/FORMAT"));   // nothing when a bit has changed
//
// Functions are free of state.
#ifndef PARTNERMETRICS_STORAGE_FILES_H_
#define PARTNERMETRICS_STORAGE_FILES_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace partnermetrics::storage {

// An open file; closed with the object. Closing gives a lock free.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

// The content; nothing when the file cannot be read.
std::optional<std::string> ReadFile(const std::string& path);

// Makes what was written to a file, or the names in a folder, durable.
absl::Status SyncPath(const std::string& path);
// All files below a folder, and the folder.
absl::Status SyncTree(const std::string& folder);

// Writes the file so that after a crash it is there as a whole or not at all. Only the owner may read it when `secret`.
absl::Status WriteFile(const std::string& folder, const std::string& name, const std::string& content,
                       bool secret = false);

// Takes the lock file LOCK of a folder and leaves our process id in it, for the message of the next one who tries.
// FAILED_PRECONDITION: another process has it; `what` names the folder in the message: "the data folder".
absl::StatusOr<Descriptor> LockFolder(const std::string& folder, absl::string_view what);

// Text with a line "crc32 xxxxxxxx" behind it, and back; nothing when the two do not fit.
std::string Seal(absl::string_view body);
std::optional<std::string> Unseal(absl::string_view content);

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_FILES_H_
