#include "storage/record_codec.h"

#include <zlib.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

// The oldest format whose readers understand what this code writes.
constexpr uint8_t kCompatibleFormat = 1;
constexpr size_t kChecksumBytes = 4;

void BeginValue(ByteWriter& writer) {
  writer.Byte(kRecordFormat).Byte(kCompatibleFormat);
}

void SealValue(absl::string_view key, std::string* bytes) {
  ByteWriter(bytes).Fixed32(Checksum(key, *bytes));
}

// Checks checksum and format; answers what lies between them. `newer` tells whether the value is of a newer format that
// this code may still read: it may then carry more behind what this code knows.
absl::StatusOr<absl::string_view> UnsealValue(absl::string_view key, absl::string_view bytes, bool* newer) {
  if (bytes.size() < 2 + kChecksumBytes) {
    return absl::DataLossError("stored record is too short");
  }
  const absl::string_view sealed = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (ByteReader(bytes.substr(sealed.size())).Fixed32() != Checksum(key, sealed)) {
    return absl::DataLossError("stored record does not match its checksum");
  }
  const auto format = static_cast<uint8_t>(sealed[0]);
  const auto compatible = static_cast<uint8_t>(sealed[1]);
  if (compatible == 0 || compatible > format) {
    return absl::DataLossError("stored record has no valid format");
  }
  if (compatible > kRecordFormat) {
    return absl::DataLossError(absl::StrCat("stored record has format ", format, "; this program reads formats up to ",
                                            kRecordFormat, ": use a newer version of it"));
  }
  *newer = format > kRecordFormat;
  return sealed.substr(2);
}

bool IsKnownType(uint8_t type) {
  return type >= static_cast<uint8_t>(RecordType::kEvent) && type <= static_cast<uint8_t>(RecordType::kPeriodStatement);
}

}  // namespace

uint32_t Checksum(absl::string_view first, absl::string_view second) {
  uLong crc = 0;
  for (const absl::string_view part : {first, second}) {
    // Given a null pointer, crc32_z would start anew.
    if (!part.empty()) crc = crc32_z(crc, reinterpret_cast<const Bytef*>(part.data()), part.size());
  }
  return static_cast<uint32_t>(crc);
}

std::string EncodeRecord(absl::string_view key, const LogRecord& record) {
  std::string bytes;
  bytes.reserve(record.payload.size() + record.actor.size() + 32);
  ByteWriter writer(&bytes);
  BeginValue(writer);
  writer.Byte(static_cast<uint8_t>(record.type))
      .Zigzag(record.appended_at_us)
      .Varint(record.sequence)
      .String(record.actor)
      .String(record.payload);
  SealValue(key, &bytes);
  return bytes;
}

absl::StatusOr<LogRecord> DecodeRecord(absl::string_view key, absl::string_view bytes) {
  bool newer = false;
  ASSIGN_OR_RETURN(const absl::string_view body, UnsealValue(key, bytes, &newer));
  ByteReader reader(body);
  const uint8_t type = reader.Byte();
  // A newer program that adds a type raises the compatible format with it: this one is damage.
  if (!IsKnownType(type)) reader.Fail();
  LogRecord record;
  record.type = static_cast<RecordType>(type);
  record.appended_at_us = reader.Zigzag();
  record.sequence = reader.Varint();
  record.actor = std::string(reader.String());
  record.payload = std::string(reader.String());
  if (newer) reader.Rest();
  RETURN_IF_ERROR(reader.Finish("log record"));
  return record;
}

std::string EncodeRow(absl::string_view key, absl::string_view value) {
  std::string bytes;
  bytes.reserve(value.size() + 8);
  ByteWriter writer(&bytes);
  BeginValue(writer);
  writer.String(value);
  SealValue(key, &bytes);
  return bytes;
}

absl::StatusOr<std::string> DecodeRow(absl::string_view key, absl::string_view bytes) {
  bool newer = false;
  ASSIGN_OR_RETURN(const absl::string_view body, UnsealValue(key, bytes, &newer));
  ByteReader reader(body);
  std::string value(reader.String());
  if (newer) reader.Rest();
  RETURN_IF_ERROR(reader.Finish("row"));
  return value;
}

}  // namespace partnermetrics::storage
