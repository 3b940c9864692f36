// Records of the log as stored: no bytes but those of the writer pass, and these come back as they were.
#include "storage/bytes.h"
#include "storage/record_codec.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace partnermetrics::storage;  // NOLINT: a function of C
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::string key = "key";
  // As they are, and with a checksum that fits: a fuzzer does not find those by itself.
  std::string sealed = bytes;
  const std::uint32_t crc = Checksum(key, bytes);
  for (int shift = 24; shift >= 0; shift -= 8) sealed.push_back(static_cast<char>(crc >> shift));
  for (const std::string& value : {bytes, sealed}) {
    const absl::StatusOr<LogRecord> record = DecodeRecord(key, value);
    if (record.ok()) {
      const absl::StatusOr<LogRecord> again = DecodeRecord(key, EncodeRecord(key, *record));
      REQUIRE(again.ok() && again->payload == record->payload && again->actor == record->actor &&
              again->type == record->type && again->sequence == record->sequence &&
              again->appended_at_us == record->appended_at_us);
      REQUIRE(!DecodeRecord("another", value).ok());
    }
    const absl::StatusOr<std::string> row = DecodeRow(key, value);
    if (row.ok()) REQUIRE(DecodeRow(key, EncodeRow(key, *row)).value() == *row);
  }
  return 0;
}
