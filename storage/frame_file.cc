#include "storage/frame_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "storage/bytes.h"
#include "storage/framing.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

constexpr absl::string_view kMagic = "partnermetrics frames 1\n";

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
  RETURN_IF_ERROR(Write(FrameHeader(static_cast<uint32_t>(frame.size()), FrameChecksum(0, frame))));
  return Write(frame);
}

absl::Status FrameWriter::Seal() {
  RETURN_IF_ERROR(Write(FrameHeader(0, checksum_)));
  if (fsync(file_.get()) != 0) return FileError(errno, absl::StrCat("cannot write ", path_));
  return SyncPath(std::filesystem::path(path_).parent_path().string());
}

absl::Status FrameWriter::Write(absl::string_view bytes) {
  checksum_ = FrameChecksum(checksum_, bytes);
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
  uint32_t checksum = FrameChecksum(0, header);
  while (true) {
    if (!read(kFrameHeaderBytes, header)) return damaged();
    ByteReader reader(header);
    const uint32_t length = reader.Fixed32(), expected = reader.Fixed32();
    if (length == 0) return expected == checksum && file.peek() == EOF ? absl::OkStatus() : damaged();
    if (length > kMaxFrameBytes || !read(length, frame) || FrameChecksum(0, frame) != expected) return damaged();
    checksum = FrameChecksum(FrameChecksum(checksum, header), frame);
    RETURN_IF_ERROR(visit(frame));
  }
}

}  // namespace partnermetrics::storage
