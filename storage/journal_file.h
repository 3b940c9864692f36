// A file of frames of bytes that grows: frames are appended durably, and read while the file grows.
//
//   ASSIGN_OR_RETURN(auto file, JournalFile::Create(path, /*sync=*/true));
//   ASSIGN_OR_RETURN(std::vector<uint64_t> places, file->Append({first, second}));   // durable now
//   ASSIGN_OR_RETURN(std::string frame, file->Read(places[0]));
//
// Opened again, the file ends with the last frame that is there as a whole: half a frame at its end is what a crash
// leaves. docs/formats.md has the grammar.
//
// One thread appends; any thread reads at places that an append gave.
#ifndef PARTNERMETRICS_STORAGE_JOURNAL_FILE_H_
#define PARTNERMETRICS_STORAGE_JOURNAL_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "storage/files.h"

namespace partnermetrics::storage {

class JournalFile {
 public:
  // Makes the file anew; only the owner may read it. RESOURCE_EXHAUSTED, here and below: the disk is full.
  static absl::StatusOr<std::unique_ptr<JournalFile>> Create(const std::string& path, bool sync);

  // Opens the file that is there and calls `visit` with each frame and its place. DATA_LOSS: it is damaged elsewhere
  // than at its end, or `visit` gives an error.
  static absl::StatusOr<std::unique_ptr<JournalFile>> Open(
      const std::string& path, bool sync,
      const std::function<absl::Status(uint64_t place, absl::string_view frame)>& visit);

  // Appends the frames, none of them empty, and gives their places. After an error the file is as it was before.
  absl::StatusOr<std::vector<uint64_t>> Append(absl::Span<const std::string> frames);

  absl::StatusOr<std::string> Read(uint64_t place) const;

  // Forgets the frame at the place and all behind it.
  absl::Status Cut(uint64_t place);

  uint64_t bytes() const { return bytes_; }

 private:
  JournalFile(std::string path, Descriptor file, bool sync)
      : path_(std::move(path)), file_(std::move(file)), sync_(sync) {}
  absl::Status Write(absl::string_view bytes);
  // Reads up to `size` bytes; fewer at the end of the file.
  absl::StatusOr<std::string> ReadBytes(uint64_t place, size_t size) const;

  const std::string path_;
  const Descriptor file_;
  const bool sync_;
  uint64_t bytes_ = 0;
};

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_JOURNAL_FILE_H_
