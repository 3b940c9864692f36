// Bytes that are stored: writing and reading values, and keys whose byte order is their logical order.
//
//   std::string key;
//   ByteWriter(&key).KeyString(program).KeyString(scope).KeyI32(year);
//
//   ByteReader reader(value);
//   fact.revision = reader.Varint();
//   fact.name = reader.String();
//   RETURN_IF_ERROR(reader.Finish("fact"));   // all there, and nothing left over
//
// Numbers in values are varints (7 bits a byte, low ones first; signed ones zigzag), numbers in keys are big-endian.
// There is exactly one encoding of each value; a reader refuses all others. A reader never throws and never reads
// beyond its input: after the first error every read answers zero or empty, and Finish() and ok() say so.
//
// Thread-safety: none of its own.
#ifndef PARTNERMETRICS_STORAGE_BYTES_H_
#define PARTNERMETRICS_STORAGE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace partnermetrics::storage {

// Appends to a string that the caller owns.
class ByteWriter {
 public:
  explicit ByteWriter(std::string* out) : out_(*out) {}

  ByteWriter& Byte(uint8_t value) {
    out_.push_back(static_cast<char>(value));
    return *this;
  }
  ByteWriter& Bool(bool value) { return Byte(value ? 1 : 0); }
  ByteWriter& Varint(uint64_t value) {
    if (value < 0x80) return Byte(static_cast<uint8_t>(value));
    char bytes[10];
    size_t size = 0;
    for (; value >= 0x80; value >>= 7) bytes[size++] = static_cast<char>(value | 0x80);
    bytes[size++] = static_cast<char>(value);
    return Raw(absl::string_view(bytes, size));
  }
  // Signed; small absolute values are short.
  ByteWriter& Zigzag(int64_t value) {
    return Varint((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
  }
  // Signed, up to 19 bytes; the same bytes as Zigzag where the value fits.
  ByteWriter& Int128(absl::int128 value) {
    absl::uint128 zigzag = (static_cast<absl::uint128>(value) << 1) ^ static_cast<absl::uint128>(value >> 127);
    if (absl::Uint128High64(zigzag) == 0) return Varint(absl::Uint128Low64(zigzag));
    while (zigzag >= 0x80) {
      Byte(static_cast<uint8_t>(absl::Uint128Low64(zigzag) | 0x80));
      zigzag >>= 7;
    }
    return Byte(static_cast<uint8_t>(zigzag));
  }
  ByteWriter& Fixed32(uint32_t value) { return BigEndian<4>(value); }
  ByteWriter& Fixed64(uint64_t value) { return BigEndian<8>(value); }
  // Length, then the bytes.
  ByteWriter& String(absl::string_view value) { return Varint(value.size()).Raw(value); }
  // The bytes alone: the reader must know their length.
  ByteWriter& Raw(absl::string_view value) {
    out_.append(value.data(), value.size());
    return *this;
  }

  // Parts of keys. Keys of the same parts sort like the tuples of these parts.
  ByteWriter& KeyU64(uint64_t value) { return Fixed64(value); }
  ByteWriter& KeyI64(int64_t value) { return Fixed64(static_cast<uint64_t>(value) ^ (uint64_t{1} << 63)); }
  ByteWriter& KeyI32(int32_t value) { return Fixed32(static_cast<uint32_t>(value) ^ (uint32_t{1} << 31)); }
  // The bytes with 00 written as 00 FF, ended by 00 00.
  ByteWriter& KeyString(absl::string_view value) {
    KeyStringPrefix(value);
    return Raw(absl::string_view("\0\0", 2));
  }
  // The beginning of a KeyString: prefix of the keys of all strings that start with `value`.
  ByteWriter& KeyStringPrefix(absl::string_view value) {
    for (size_t zero = value.find('\0'); zero != absl::string_view::npos; zero = value.find('\0')) {
      Raw(value.substr(0, zero)).Raw(absl::string_view("\0\xFF", 2));
      value.remove_prefix(zero + 1);
    }
    return Raw(value);
  }

 private:
  template <int kBytes>
  ByteWriter& BigEndian(uint64_t value) {
    char bytes[kBytes];
    for (int i = kBytes - 1; i >= 0; --i, value >>= 8) {
      bytes[i] = static_cast<char>(value & 0xFF);
    }
    return Raw(absl::string_view(bytes, kBytes));
  }

  std::string& out_;
};

// Reads what a ByteWriter wrote. Strings are views into the input.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  size_t remaining() const { return rest_.size(); }
  bool empty() const { return rest_.empty(); }

  uint8_t Byte() {
    const absl::string_view byte = Raw(1);
    return byte.empty() ? uint8_t{0} : static_cast<uint8_t>(byte[0]);
  }
  bool Bool() {
    const uint8_t value = Byte();
    if (value > 1) Fail();
    return value == 1;
  }
  uint64_t Varint() { return ReadVarint<uint64_t, 64>(); }
  uint32_t Varint32() { return ReadVarint<uint32_t, 32>(); }
  int64_t Zigzag() {
    const uint64_t value = Varint();
    return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
  }
  absl::int128 Int128() {
    const absl::uint128 value = ReadVarint<absl::uint128, 128>();
    return static_cast<absl::int128>((value >> 1) ^ (~(value & 1) + 1));
  }
  uint32_t Fixed32() { return static_cast<uint32_t>(BigEndian(Raw(4))); }
  uint64_t Fixed64() { return BigEndian(Raw(8)); }
  absl::string_view String() {
    const uint64_t size = Varint();
    if (size > rest_.size()) {
      Fail();
      return {};
    }
    return Raw(static_cast<size_t>(size));
  }
  // A count of items of at least `item_bytes` each that follow: never more than the input can hold, so it is safe to
  // reserve memory for.
  size_t Count(size_t item_bytes = 1) {
    const uint64_t count = Varint();
    if (count > rest_.size() / item_bytes) {
      Fail();
      return 0;
    }
    return static_cast<size_t>(count);
  }
  absl::string_view Raw(size_t size) {
    if (size > rest_.size()) {
      Fail();
      return {};
    }
    const absl::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }
  absl::string_view Rest() { return Raw(rest_.size()); }

  uint64_t KeyU64() { return Fixed64(); }
  int64_t KeyI64() { return static_cast<int64_t>(Fixed64() ^ (uint64_t{1} << 63)); }
  int32_t KeyI32() { return static_cast<int32_t>(Fixed32() ^ (uint32_t{1} << 31)); }
  std::string KeyString() {
    std::string value;
    while (true) {
      const size_t zero = rest_.find('\0');
      if (zero == absl::string_view::npos || zero + 1 == rest_.size()) break;
      value.append(rest_.data(), zero);
      const char mark = rest_[zero + 1];
      rest_.remove_prefix(zero + 2);
      if (mark == '\0') return value;
      if (mark != '\xFF') break;
      value.push_back('\0');
    }
    Fail();
    return {};
  }

  // Marks the input as bad: for checks of the caller's own.
  void Fail() {
    ok_ = false;
    rest_ = {};
  }

  // OK when everything was read without error and nothing is left; else DATA_LOSS that names `what`.
  absl::Status Finish(absl::string_view what) const {
    if (!ok_) return absl::DataLossError(absl::StrCat(what, ": stored bytes are damaged"));
    if (!rest_.empty()) return absl::DataLossError(absl::StrCat(what, ": ", rest_.size(), " bytes too many"));
    return absl::OkStatus();
  }

 private:
  template <typename T, int kBits>
  T ReadVarint() {
    T value = 0;
    for (int shift = 0; shift < kBits; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      const auto bits = static_cast<uint8_t>(byte & 0x7F);
      if (shift + 7 > kBits && (bits >> (kBits - shift)) != 0) break;  // more bits than the type has
      value |= static_cast<T>(bits) << shift;
      if ((byte & 0x80) == 0) {
        if (byte == 0 && shift > 0) break;  // longer than needed
        return value;
      }
    }
    Fail();
    return 0;
  }
  static uint64_t BigEndian(absl::string_view bytes) {
    uint64_t value = 0;
    for (const char byte : bytes) value = (value << 8) | static_cast<uint8_t>(byte);
    return value;
  }

  absl::string_view rest_;
  bool ok_ = true;
};

// The smallest key that is greater than every key that starts with `prefix`; empty when there is none (all FF).
inline std::string PrefixEnd(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xFF') end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<uint8_t>(end.back()) + 1);
  return end;
}

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_BYTES_H_
