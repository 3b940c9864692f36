// A file of frames of bytes that is written once, front to back, and sealed at its end.
//
//   ASSIGN_OR_RETURN(auto file, FrameWriter::Create(path));
//   RETURN_IF_ERROR(file->Append(page));
//   RETURN_IF_ERROR(file->Seal());                      // durable now, as a whole
//   RETURN_IF_ERROR(ReadFrames(path, [&](absl::string_view frame) { …; return absl::OkStatus(); }));
//
// Each frame has a checksum, and the seal one of everything before it. A file without its seal is one that nobody
// finished; reading it is an error. docs/formats.md has the grammar.
//
// Thread-compatible.
#ifndef PARTNERMETRICS_STORAGE_FRAME_FILE_H_
#define PARTNERMETRICS_STORAGE_FRAME_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/files.h"

namespace partnermetrics::storage {

class FrameWriter {
 public:
  // Makes the file anew; only the owner may read it. RESOURCE_EXHAUSTED, here and below: the disk is full.
  static absl::StatusOr<std::unique_ptr<FrameWriter>> Create(const std::string& path);

  // A frame has at least one byte.
  absl::Status Append(absl::string_view frame);
  // Ends the file and makes it and its name durable.
  absl::Status Seal();

  uint64_t bytes() const { return bytes_; }

 private:
  FrameWriter(std::string path, Descriptor file) : path_(std::move(path)), file_(std::move(file)) {}
  absl::Status Write(absl::string_view bytes);

  const std::string path_;
  const Descriptor file_;
  uint64_t bytes_ = 0;
  uint32_t checksum_ = 0;  // of everything written
};

// Calls `visit` with each frame in order until it returns an error, which is passed on. NOT_FOUND: there is no such
// file; DATA_LOSS: it is damaged, or was never sealed. What was visited before may then be part of a damaged file.
absl::Status ReadFrames(const std::string& path, const std::function<absl::Status(absl::string_view frame)>& visit);

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_FRAME_FILE_H_
