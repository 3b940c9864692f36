#include "storage/record_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/escaping.h"
#include "storage/bytes.h"

namespace partnermetrics::storage {
namespace {

constexpr char kKey[] =
    "\x04"
    "acme\0\0\0\0\0\0\0\x01";
const std::string key(kKey, sizeof(kKey) - 1);

LogRecord Example() {
  LogRecord record;
  record.type = RecordType::kEvent;
  record.appended_at_us = 1'700'000'000'000'000;
  record.sequence = 300;
  record.actor = "service:billing";
  record.payload = "hello";
  return record;
}

// Replaces the checksum, to get past it.
std::string Resealed(std::string bytes) {
  bytes.resize(bytes.size() - 4);
  ByteWriter(&bytes).Fixed32(Checksum(key, bytes));
  return bytes;
}

TEST(RecordCodecTest, ChecksumIsThatOfZlib) {
  EXPECT_EQ(Checksum("1234", "56789"), 0xCBF43926u);
  EXPECT_EQ(Checksum("", "123456789"), 0xCBF43926u);
  EXPECT_EQ(Checksum("", ""), 0u);
}

TEST(RecordCodecTest, RecordComesBack) {
  const absl::StatusOr<LogRecord> record = DecodeRecord(key, EncodeRecord(key, Example()));
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->type, RecordType::kEvent);
  EXPECT_EQ(record->appended_at_us, 1'700'000'000'000'000);
  EXPECT_EQ(record->sequence, 300u);
  EXPECT_EQ(record->actor, "service:billing");
  EXPECT_EQ(record->payload, "hello");
}

// The examples of docs/formats.md.
TEST(RecordCodecTest, BytesNeverChange) {
  EXPECT_EQ(absl::BytesToHexString(EncodeRecord(key, Example())),
            "0101018080f28183898506ac020f736572766963653a62696c6c696e670568656c6c6fad19917d");
  std::string personal;
  ByteWriter(&personal).String("acme").KeyString("ann").Raw("contact/C_1/name");
  EXPECT_EQ(absl::BytesToHexString(EncodeRow(personal, "Ann Lee")), "010107416e6e204c656591c4c145");
}

TEST(RecordCodecTest, EveryFlippedBitIsNoticed) {
  const std::string bytes = EncodeRecord(key, Example());
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_EQ(DecodeRecord(key, damaged).status().code(), absl::StatusCode::kDataLoss) << bit;
  }
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(DecodeRecord(key, bytes.substr(0, size)).status().code(), absl::StatusCode::kDataLoss) << size;
  }
}

TEST(RecordCodecTest, RecordOfAnotherKeyIsRefused) {
  EXPECT_FALSE(DecodeRecord("other", EncodeRecord(key, Example())).ok());
  EXPECT_FALSE(DecodeRow("other", EncodeRow(key, "value")).ok());
}

TEST(RecordCodecTest, NewerFormatThatWeCannotReadIsRefused) {
  std::string bytes = EncodeRecord(key, Example());
  bytes[0] = bytes[1] = kRecordFormat + 1;
  const absl::Status status = DecodeRecord(key, Resealed(bytes)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("use a newer version"));
}

TEST(RecordCodecTest, NewerFormatThatWeCanReadMayCarryMore) {
  std::string bytes = EncodeRecord(key, Example());
  bytes.insert(bytes.size() - 4, "more");
  EXPECT_FALSE(DecodeRecord(key, Resealed(bytes)).ok());  // not in our own format
  bytes[0] = kRecordFormat + 1;
  const absl::StatusOr<LogRecord> record = DecodeRecord(key, Resealed(bytes));
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->payload, "hello");
}

TEST(RecordCodecTest, UnknownTypeIsRefused) {
  for (const char type : {'\0', '\x0A', '\xFF'}) {
    std::string bytes = EncodeRecord(key, Example());
    bytes[2] = type;
    EXPECT_FALSE(DecodeRecord(key, Resealed(bytes)).ok());
  }
}

TEST(RecordCodecTest, RowsComeBack) {
  for (const std::string& value : {std::string(), std::string("a\0b", 3), std::string(100'000, 'x')}) {
    EXPECT_EQ(DecodeRow(key, EncodeRow(key, value)).value(), value);
  }
}

// Behind a right checksum anything may stand: it ends in a record that encodes to the same bytes, or an error.
TEST(RecordCodecTest, RandomBytesBehindARightChecksum) {
  std::mt19937_64 random(5);
  const std::string bytes = EncodeRecord(key, Example());
  int read = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string damaged = bytes;
    for (uint64_t change = random() % 3 + 1; change > 0; --change) {
      damaged[random() % (bytes.size() - 4)] = static_cast<char>(random());
    }
    damaged.resize(damaged.size() - random() % 8);
    if (damaged.size() < 6) continue;
    damaged = Resealed(damaged);
    const absl::StatusOr<LogRecord> record = DecodeRecord(key, damaged);
    if (record.ok() && damaged[0] == 1 && damaged[1] == 1) {
      ++read;
      EXPECT_EQ(EncodeRecord(key, *record), damaged);
    }
  }
  EXPECT_GT(read, 1000);  // the test reaches behind the checks
}

}  // namespace
}  // namespace partnermetrics::storage
