// What files of frames have in common: a header before each frame, with its length and checksum.
//
// Functions are free of state.
#ifndef PARTNERMETRICS_STORAGE_FRAMING_H_
#define PARTNERMETRICS_STORAGE_FRAMING_H_

#include <zlib.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "storage/bytes.h"

namespace partnermetrics::storage {

inline constexpr size_t kFrameHeaderBytes = 8;  // length and checksum
// Far more than any frame has; a damaged length must not ask for all memory.
inline constexpr uint32_t kMaxFrameBytes = 256U << 20U;

inline uint32_t FrameChecksum(uint32_t before, absl::string_view bytes) {
  return static_cast<uint32_t>(
      crc32(before, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
}

inline std::string FrameHeader(uint32_t length, uint32_t checksum) {
  std::string header;
  ByteWriter(&header).Fixed32(length).Fixed32(checksum);
  return header;
}

// RESOURCE_EXHAUSTED: the disk is full; else UNAVAILABLE.
inline absl::Status FileError(int error, absl::string_view what) {
  const std::string message = absl::StrCat(what, ": ", std::strerror(error));
  const bool full = error == ENOSPC || error == EDQUOT;
  return full ? absl::ResourceExhaustedError(message) : absl::UnavailableError(message);
}

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_FRAMING_H_
