// Log records, personal rows and quarantine rows as stored bytes (docs/formats.md has the grammar and an example).
//
//   std::string bytes = EncodeRecord(key, record);
//   ASSIGN_OR_RETURN(LogRecord record, DecodeRecord(key, bytes));
//
// Every value ends with a checksum over its key and itself, so that bytes that end up under another key are noticed
// too.
//
// Thread-safety: pure functions.
#ifndef PARTNERMETRICS_STORAGE_RECORD_CODEC_H_
#define PARTNERMETRICS_STORAGE_RECORD_CODEC_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/event_log.h"

namespace partnermetrics::storage {

// The format this code writes, and the newest it reads.
inline constexpr uint8_t kRecordFormat = 1;

// CRC-32 as of zlib, over both parts.
uint32_t Checksum(absl::string_view first, absl::string_view second);

// Position is not in the value: it is the end of the key. DecodeRecord leaves it to the caller.
std::string EncodeRecord(absl::string_view key, const LogRecord& record);
absl::StatusOr<LogRecord> DecodeRecord(absl::string_view key, absl::string_view bytes);

// Rows beside the log: bytes of the caller's with format and checksum.
std::string EncodeRow(absl::string_view key, absl::string_view value);
absl::StatusOr<std::string> DecodeRow(absl::string_view key, absl::string_view bytes);

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_RECORD_CODEC_H_
