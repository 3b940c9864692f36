#include "storage/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace partnermetrics::storage {
namespace {

template <typename Write>
std::string Written(Write write) {
  std::string bytes;
  ByteWriter writer(&bytes);
  write(writer);
  return bytes;
}

const std::vector<int64_t> kSigned = {
    0, 1, -1, 63, 64, -64, -65, 1'000'000, std::numeric_limits<int64_t>::max(), std::numeric_limits<int64_t>::min()};

TEST(BytesTest, ValuesComeBack) {
  const absl::int128 huge = absl::MakeInt128(0x0123456789abcdef, 0xfedcba9876543210);
  std::string bytes;
  ByteWriter writer(&bytes);
  writer.Byte(7).Bool(true).Bool(false).Fixed32(0x01020304).Fixed64(0x0102030405060708);
  writer.Varint(0).Varint(127).Varint(128).Varint(std::numeric_limits<uint64_t>::max());
  for (const int64_t value : kSigned) writer.Zigzag(value).Int128(value);
  writer.Int128(huge).Int128(-huge).Int128(absl::Int128Max()).Int128(absl::Int128Min());
  writer.String("text").String("").Raw("raw");

  ByteReader reader(bytes);
  EXPECT_EQ(reader.Byte(), 7);
  EXPECT_TRUE(reader.Bool());
  EXPECT_FALSE(reader.Bool());
  EXPECT_EQ(reader.Fixed32(), 0x01020304u);
  EXPECT_EQ(reader.Fixed64(), 0x0102030405060708u);
  EXPECT_EQ(reader.Varint(), 0u);
  EXPECT_EQ(reader.Varint32(), 127u);
  EXPECT_EQ(reader.Varint32(), 128u);
  EXPECT_EQ(reader.Varint(), std::numeric_limits<uint64_t>::max());
  for (const int64_t value : kSigned) {
    EXPECT_EQ(reader.Zigzag(), value);
    EXPECT_EQ(reader.Int128(), value);
  }
  for (const absl::int128 value : {huge, -huge, absl::Int128Max(), absl::Int128Min()})
    EXPECT_EQ(reader.Int128(), value);
  EXPECT_EQ(reader.String(), "text");
  EXPECT_EQ(reader.String(), "");
  EXPECT_EQ(reader.Raw(3), "raw");
  EXPECT_TRUE(reader.Finish("value").ok());
}

TEST(BytesTest, SmallNumbersAreShort) {
  EXPECT_EQ(Written([](ByteWriter& writer) { writer.Varint(300); }), "\xAC\x02");
  EXPECT_EQ(Written([](ByteWriter& writer) { writer.Zigzag(-1); }), "\x01");
  EXPECT_EQ(Written([](ByteWriter& writer) { writer.Int128(-1); }), "\x01");
  EXPECT_EQ(Written([](ByteWriter& writer) { writer.Int128(absl::Int128Min()); }).size(), 19u);
}

TEST(BytesTest, ReaderRefusesWhatTheWriterDoesNotWrite) {
  const auto refuses = [](std::string bytes, auto read) {
    ByteReader reader(bytes);
    read(reader);
    EXPECT_FALSE(reader.ok()) << bytes.size();
    EXPECT_EQ(reader.Finish("value").code(), absl::StatusCode::kDataLoss);
  };
  const auto varint = [](ByteReader& reader) { EXPECT_EQ(reader.Varint(), 0u); };
  refuses("", varint);
  refuses("\x80", varint);
  refuses(std::string("\x80\x00", 2), varint);                  // longer than needed
  refuses("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02", varint);  // 65 bits
  refuses(std::string(20, '\xFF'), varint);                     // never ends
  refuses(std::string(30, '\xFF'), [](ByteReader& reader) { reader.Int128(); });
  refuses("\xFF\xFF\xFF\xFF\x10", [](ByteReader& reader) { reader.Varint32(); });  // 33 bits
  refuses("\x02", [](ByteReader& reader) { reader.Bool(); });
  refuses(
      "\x05"
      "abcd",
      [](ByteReader& reader) { EXPECT_EQ(reader.String(), ""); });
  refuses("\xFF\xFF\xFF\xFF\x0F", [](ByteReader& reader) { EXPECT_EQ(reader.Count(), 0u); });
  refuses("abc", [](ByteReader& reader) { reader.Fixed32(); });
  refuses("abc", [](ByteReader& reader) { reader.KeyString(); });
  refuses(std::string("a\0", 2), [](ByteReader& reader) { reader.KeyString(); });
  refuses(std::string("a\0\x01z", 4), [](ByteReader& reader) { reader.KeyString(); });
}

TEST(BytesTest, FinishReportsWhatIsLeft) {
  ByteReader reader("ab");
  reader.Byte();
  EXPECT_EQ(reader.Finish("fact").message(), "fact: 1 bytes too many");
}

TEST(BytesTest, AfterAnErrorEverythingIsEmpty) {
  ByteReader reader("\x80");
  reader.Varint();
  EXPECT_EQ(reader.remaining(), 0u);
  EXPECT_EQ(reader.Fixed64(), 0u);
  EXPECT_EQ(reader.String(), "");
  EXPECT_FALSE(reader.ok());
}

template <typename T, typename Write, typename Read>
void ExpectOrdered(std::vector<T> values, Write write, Read read) {
  std::sort(values.begin(), values.end());
  std::string previous;
  for (size_t i = 0; i < values.size(); ++i) {
    const std::string key = Written([&](ByteWriter& writer) { write(writer, values[i]); });
    ByteReader reader(key);
    EXPECT_EQ(read(reader), values[i]);
    EXPECT_TRUE(reader.Finish("key").ok());
    if (i > 0 && values[i - 1] != values[i]) {
      EXPECT_LT(previous, key);
    }
    previous = key;
  }
}

TEST(BytesTest, KeysSortLikeTheirNumbers) {
  std::mt19937_64 random(1);
  std::vector<uint64_t> unsigned_values = {0, 1, 255, 256, std::numeric_limits<uint64_t>::max()};
  std::vector<int64_t> signed_values = kSigned;
  std::vector<int32_t> narrow_values = {0, -1, 1, std::numeric_limits<int32_t>::min(),
                                        std::numeric_limits<int32_t>::max()};
  for (int i = 0; i < 2000; ++i) {
    const uint64_t value = random() >> (random() % 64);
    unsigned_values.push_back(value);
    signed_values.push_back(static_cast<int64_t>(random() % 2 == 0 ? value : ~value));
    narrow_values.push_back(static_cast<int32_t>(random()));
  }
  ExpectOrdered(
      unsigned_values, [](ByteWriter& writer, uint64_t value) { writer.KeyU64(value); },
      [](ByteReader& reader) { return reader.KeyU64(); });
  ExpectOrdered(
      signed_values, [](ByteWriter& writer, int64_t value) { writer.KeyI64(value); },
      [](ByteReader& reader) { return reader.KeyI64(); });
  ExpectOrdered(
      narrow_values, [](ByteWriter& writer, int32_t value) { writer.KeyI32(value); },
      [](ByteReader& reader) { return reader.KeyI32(); });
}

// Few letters, so that strings are often prefixes of each other; 00, 01 and FF are the ones that escaping could
// confuse.
std::string RandomString(std::mt19937_64& random) {
  std::string text(random() % 5, '\0');
  for (char& letter : text)
    letter =
        "\0\x01\xFF"
        "a"[random() % 4];
  return text;
}

TEST(BytesTest, KeysSortLikeTheirParts) {
  std::mt19937_64 random(2);
  using Parts = std::pair<std::pair<std::string, std::string>, int32_t>;
  std::vector<Parts> values;
  for (int i = 0; i < 20000; ++i) {
    values.push_back({{RandomString(random), RandomString(random)}, static_cast<int32_t>(random() % 5) - 2});
  }
  ExpectOrdered(
      values,
      [](ByteWriter& writer, const Parts& parts) {
        writer.KeyString(parts.first.first).KeyString(parts.first.second).KeyI32(parts.second);
      },
      [](ByteReader& reader) {
        Parts parts;
        parts.first.first = reader.KeyString();
        parts.first.second = reader.KeyString();
        parts.second = reader.KeyI32();
        return parts;
      });
}

TEST(BytesTest, PrefixesOfKeyStrings) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = RandomString(random);
    const std::string start = RandomString(random);
    const std::string key = Written([&](ByteWriter& writer) { writer.KeyString(text); });
    const std::string prefix = Written([&](ByteWriter& writer) { writer.KeyStringPrefix(start); });
    const bool starts = text.compare(0, start.size(), start) == 0;
    EXPECT_EQ(key.compare(0, prefix.size(), prefix) == 0, starts);
    if (starts) {
      const std::string end = PrefixEnd(prefix);
      EXPECT_TRUE(end.empty() || key < end);
    }
  }
}

TEST(BytesTest, PrefixEnd) {
  EXPECT_EQ(PrefixEnd("ab"), "ac");
  EXPECT_EQ(PrefixEnd("a\xFF\xFF"), "b");
  EXPECT_EQ(PrefixEnd("\xFF"), "");
  EXPECT_EQ(PrefixEnd(""), "");
}

// Any input ends in a value or an error, never in a crash, and what is read writes the same bytes again.
TEST(BytesTest, RandomInput) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 200000; ++i) {
    std::string bytes(random() % 24, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random() % 3 == 0 ? 0xFF : random());
    ByteReader reader(bytes);
    std::string again;
    ByteWriter writer(&again);
    switch (random() % 4) {
      case 0:
        writer.Varint(reader.Varint());
        break;
      case 1:
        writer.Int128(reader.Int128());
        break;
      case 2:
        writer.String(reader.String());
        break;
      default:
        writer.KeyString(reader.KeyString());
    }
    if (reader.ok()) {
      EXPECT_EQ(again, bytes.substr(0, again.size()));
      EXPECT_EQ(again.size() + reader.remaining(), bytes.size());
    }
  }
}

}  // namespace
}  // namespace partnermetrics::storage
