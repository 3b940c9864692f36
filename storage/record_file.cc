#include "storage/record_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "storage/files.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

// A file is a row of blocks; a record never crosses one: longer ones are cut into fragments.
//   record = checksum:4 bytes length:2 bytes type:1 byte payload     little-endian; the checksum is of type and payload
constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeaderBytes = 7;
constexpr uint8_t kFirstType = 1, kLastType = 4;  // whole, first, middle, last; we use no other

// CRC-32C, eight bytes at a time: opening reads up to 64 MiB of write-ahead log through it.
class Crc32c {
 public:
  Crc32c() {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint32_t crc = byte;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
      table_[0][byte] = crc;
    }
    for (size_t i = 1; i < table_.size(); ++i) {
      for (size_t byte = 0; byte < 256; ++byte) {
        const uint32_t before = table_[i - 1][byte];
        table_[i][byte] = (before >> 8) ^ table_[0][before & 0xFF];
      }
    }
  }

  uint32_t Byte(uint32_t crc, char byte) const {
    return (crc >> 8) ^ table_[0][(crc ^ static_cast<uint8_t>(byte)) & 0xFF];
  }
  uint32_t Bytes(uint32_t crc, absl::string_view bytes) const {
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
      uint32_t next = 0;
      for (size_t i = 0; i < 4; ++i) {
        next ^= table_[7 - i][(crc >> (8 * i) & 0xFF) ^ static_cast<uint8_t>(bytes[i])];
        next ^= table_[3 - i][static_cast<uint8_t>(bytes[4 + i])];
      }
      crc = next;
    }
    for (const char byte : bytes) crc = Byte(crc, byte);
    return crc;
  }
  // As RocksDB stores it.
  static uint32_t Stored(uint32_t crc) {
    const uint32_t value = ~crc;
    return ((value >> 15) | (value << 17)) + 0xA282EAD8U;
  }

 private:
  std::array<std::array<uint32_t, 256>, 8> table_;
};

const Crc32c& Crc() {
  static const Crc32c crc;
  return crc;
}

uint32_t LittleEndian(absl::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = (value << 8) | static_cast<uint8_t>(bytes[i - 1]);
  return value;
}

struct Header {
  explicit Header(absl::string_view bytes)
      : checksum(LittleEndian(bytes.substr(0, 4))),
        length(LittleEndian(bytes.substr(4, 2))),
        type(static_cast<uint8_t>(bytes[6])) {}
  uint32_t checksum;
  size_t length;
  uint8_t type;
};

// Whether some beginning of `payload` fits the checksum: then the record is whole and its length has changed.
bool HidesWholeRecord(const Header& header, absl::string_view payload) {
  uint32_t crc = Crc().Byte(~0U, static_cast<char>(header.type));
  if (Crc32c::Stored(crc) == header.checksum) return true;
  for (const char byte : payload) {
    crc = Crc().Byte(crc, byte);
    if (Crc32c::Stored(crc) == header.checksum) return true;
  }
  return false;
}

bool AllZero(absl::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

absl::Status Damaged(size_t offset, absl::string_view what) {
  return absl::DataLossError(absl::StrCat("at byte ", offset, ": ", what));
}

}  // namespace

absl::Status CheckRecords(absl::string_view content) {
  for (size_t offset = 0; offset < content.size();) {
    const size_t block_left = kBlockBytes - offset % kBlockBytes;
    const absl::string_view rest = content.substr(offset, block_left);
    const bool file_ends = offset + rest.size() == content.size();
    if (rest.size() < kHeaderBytes) {
      // Too short for a record: the padding of a block, or a header that a crash cut off.
      if (!file_ends && !AllZero(rest)) return Damaged(offset, "the padding of a block is not zero");
      offset += rest.size();
      continue;
    }
    const Header header(rest);
    const absl::string_view payload = rest.substr(kHeaderBytes);
    // What a file system may leave behind a power failure.
    if (header.type == 0 && AllZero(content.substr(offset))) return absl::OkStatus();
    if (header.type < kFirstType || header.type > kLastType) return Damaged(offset, "a record of unknown type");
    if (header.length > payload.size()) {
      if (!file_ends) return Damaged(offset, "a record is longer than its block");
      if (HidesWholeRecord(header, payload)) return Damaged(offset, "the length of a record has changed");
      return absl::OkStatus();  // a crash cut it off
    }
    const uint32_t crc = Crc().Bytes(~0U, rest.substr(kHeaderBytes - 1, 1 + header.length));
    if (Crc32c::Stored(crc) != header.checksum) return Damaged(offset, "the checksum of a record does not fit");
    offset += kHeaderBytes + header.length;
  }
  return absl::OkStatus();
}

absl::Status CheckRecordFiles(const std::string& folder) {
  const auto check = [&](const std::string& path) -> absl::Status {
    const std::optional<std::string> content = ReadFile(path);
    if (!content.has_value()) return absl::OkStatus();  // RocksDB says what that means
    const absl::Status status = CheckRecords(*content);
    return status.ok() ? status : absl::DataLossError(absl::StrCat(path, " ", status.message()));
  };
  const std::string manifest(absl::StripSuffix(ReadFile(folder + "/CURRENT").value_or(""), "\n"));
  if (absl::StartsWith(manifest, "MANIFEST-")) RETURN_IF_ERROR(check(absl::StrCat(folder, "/", manifest)));
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
    if (file->path().extension() == ".log") RETURN_IF_ERROR(check(file->path().string()));
  }
  return absl::OkStatus();
}

}  // namespace partnermetrics::storage
