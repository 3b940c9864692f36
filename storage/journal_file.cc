#include "storage/journal_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "storage/bytes.h"
#include "storage/framing.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

constexpr absl::string_view kMagic = "partnermetrics journal 1\n";

}  // namespace

absl::StatusOr<std::unique_ptr<JournalFile>> JournalFile::Create(const std::string& path, bool sync) {
  Descriptor descriptor(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (descriptor.get() < 0) return FileError(errno, absl::StrCat("cannot make ", path));
  auto file = std::unique_ptr<JournalFile>(new JournalFile(path, std::move(descriptor), sync));
  RETURN_IF_ERROR(file->Write(kMagic));
  file->bytes_ = kMagic.size();
  if (sync) RETURN_IF_ERROR(SyncPath(std::filesystem::path(path).parent_path().string()));
  return file;
}

absl::StatusOr<std::unique_ptr<JournalFile>> JournalFile::Open(
    const std::string& path, bool sync,
    const std::function<absl::Status(uint64_t place, absl::string_view frame)>& visit) {
  Descriptor descriptor(open(path.c_str(), O_RDWR | O_CLOEXEC));
  struct stat status = {};
  if (descriptor.get() < 0 || fstat(descriptor.get(), &status) != 0) {
    return FileError(errno, absl::StrCat("cannot open ", path));
  }
  const auto size = static_cast<uint64_t>(status.st_size);
  auto file = std::unique_ptr<JournalFile>(new JournalFile(path, std::move(descriptor), sync));
  ASSIGN_OR_RETURN(const std::string magic, file->ReadBytes(0, kMagic.size()));
  if (magic != kMagic) return absl::DataLossError(absl::StrCat(path, " is no journal"));
  file->bytes_ = kMagic.size();
  while (file->bytes_ < size) {
    ASSIGN_OR_RETURN(const std::string header, file->ReadBytes(file->bytes_, kFrameHeaderBytes));
    ByteReader reader(header);
    const uint32_t length = reader.Fixed32(), checksum = reader.Fixed32();
    const uint64_t end = file->bytes_ + kFrameHeaderBytes + length;
    if (!reader.ok() || end > size) break;
    ASSIGN_OR_RETURN(const std::string frame, file->ReadBytes(file->bytes_ + kFrameHeaderBytes, length));
    if (length == 0 || FrameChecksum(0, frame) != checksum) {
      if (end == size) break;
      return absl::DataLossError(absl::StrCat(path, " is damaged at byte ", file->bytes_));
    }
    RETURN_IF_ERROR(visit(file->bytes_, frame));
    file->bytes_ = end;
  }
  RETURN_IF_ERROR(file->Cut(file->bytes_));
  return file;
}

absl::StatusOr<std::vector<uint64_t>> JournalFile::Append(absl::Span<const std::string> frames) {
  std::string bytes;
  std::vector<uint64_t> places;
  for (const std::string& frame : frames) {
    if (frame.empty() || frame.size() > kMaxFrameBytes) return absl::InternalError("a frame is empty or too long");
    places.push_back(bytes_ + bytes.size());
    absl::StrAppend(&bytes, FrameHeader(static_cast<uint32_t>(frame.size()), FrameChecksum(0, frame)), frame);
  }
  absl::Status written = Write(bytes);
  if (!written.ok()) {
    // If that fails too, the next append writes over it, or the file is cut when it is opened.
    Cut(bytes_).IgnoreError();
    return written;
  }
  bytes_ += bytes.size();
  return places;
}

absl::Status JournalFile::Write(absl::string_view bytes) {
  uint64_t place = bytes_;
  while (!bytes.empty()) {
    const ssize_t written = pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(place));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(errno, absl::StrCat("cannot write ", path_));
    bytes.remove_prefix(static_cast<size_t>(written));
    place += static_cast<uint64_t>(written);
  }
  if (sync_ && fdatasync(file_.get()) != 0) return FileError(errno, absl::StrCat("cannot write ", path_));
  return absl::OkStatus();
}

absl::StatusOr<std::string> JournalFile::Read(uint64_t place) const {
  ASSIGN_OR_RETURN(const std::string header, ReadBytes(place, kFrameHeaderBytes));
  ByteReader reader(header);
  const uint32_t length = reader.Fixed32(), checksum = reader.Fixed32();
  if (reader.ok() && length <= kMaxFrameBytes) {
    ASSIGN_OR_RETURN(std::string frame, ReadBytes(place + kFrameHeaderBytes, length));
    if (FrameChecksum(0, frame) == checksum) return frame;
  }
  return absl::DataLossError(absl::StrCat(path_, " is damaged at byte ", place));
}

absl::StatusOr<std::string> JournalFile::ReadBytes(uint64_t place, size_t size) const {
  std::string bytes(size, '\0');
  size_t read = 0;
  while (read < size) {
    const ssize_t got = pread(file_.get(), bytes.data() + read, size - read, static_cast<off_t>(place + read));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FileError(errno, absl::StrCat("cannot read ", path_));
    if (got == 0) break;
    read += static_cast<size_t>(got);
  }
  bytes.resize(read);
  return bytes;
}

absl::Status JournalFile::Cut(uint64_t place) {
  if (ftruncate(file_.get(), static_cast<off_t>(place)) != 0) {
    return FileError(errno, absl::StrCat("cannot write ", path_));
  }
  bytes_ = place;
  return absl::OkStatus();
}

}  // namespace partnermetrics::storage
