#include "storage/frame_file.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

constexpr absl::string_view kMagic = "partnermetrics frames 1\n";
constexpr size_t kHeaderBytes = 8;  // length and checksum
// Far more than any frame has; a damaged length must not ask for all memory.
constexpr uint32_t kMaxFrameBytes = 256U << 20U;

uint32_t Checksum(uint32_t before, absl::string_view bytes) {
  return static_cast<uint32_t>(
      crc32(before, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

std::string Header(uint32_t length, uint32_t checksum) {
  std::string header;
  ByteWriter(&header).Fixed32(length).Fixed32(checksum);
  return header;
}

absl::Status FileError(int error, absl::string_view what) {
  const std::string message = absl::StrCat(what, ": ", std::strerror(error));
  const bool full = error == ENOSPC || error == EDQUOT;
  return full ? absl::ResourceExhaustedError(message) : absl::UnavailableError(message);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FrameWriter>> FrameWriter::Create(const std::string& path) {
  Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return FileError(errno, absl::StrCat("cannot make ", path));
  auto writer = std::unique_ptr<FrameWriter>(new FrameWriter(path, std::move(file)));
  RETURN_IF_ERROR(writer->Write(kMagic));
  return writer;
}

absl::Status FrameWriter::Append(absl::string_view frame) {
  if (frame.empty() || frame.size() > kMaxFrameBytes) return absl::InternalError("a frame is empty or too long");
  RETURN_IF_ERROR(Write(Header(static_cast<uint32_t>(frame.size()), Checksum(0, frame))));
  return Write(frame);
}

absl::Status FrameWriter::Seal() {
  RETURN_IF_ERROR(Write(Header(0, checksum_)));
  if (fsync(file_.get()) != 0) return FileError(errno, absl::StrCat("cannot write ", path_));
  return SyncPath(std::filesystem::path(path_).parent_path().string());
}

absl::Status FrameWriter::Write(absl::string_view bytes) {
  checksum_ = Checksum(checksum_, bytes);
  bytes_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t written = write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(errno, absl::StrCat("cannot write ", path_));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status ReadFrames(const std::string& path, const std::function<absl::Status(absl::string_view frame)>& visit) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat("there is no file ", path));
  const auto damaged = [&] { return absl::DataLossError(absl::StrCat(path, " is damaged or was never finished")); };
  const auto read = [&](size_t size, std::string& bytes) {
    bytes.resize(size);
    return static_cast<bool>(file.read(bytes.data(), static_cast<std::streamsize>(size)));
  };
  std::string header, frame;
  if (!read(kMagic.size(), header) || header != kMagic) return damaged();
  uint32_t checksum = Checksum(0, header);
  while (true) {
    if (!read(kHeaderBytes, header)) return damaged();
    ByteReader reader(header);
    const uint32_t length = reader.Fixed32(), expected = reader.Fixed32();
    if (length == 0) return expected == checksum && file.peek() == EOF ? absl::OkStatus() : damaged();
    if (length > kMaxFrameBytes || !read(length, frame) || Checksum(0, frame) != expected) return damaged();
    checksum = Checksum(Checksum(checksum, header), frame);
    RETURN_IF_ERROR(visit(frame));
  }
}

}  // namespace partnermetrics::storage
