// Reads the protobuf wire format without generated code: the engine's hot path needs a few fields of each event.
#ifndef PARTNERMETRICS_SERVER_FACTS_WIRE_H_
#define PARTNERMETRICS_SERVER_FACTS_WIRE_H_

#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace partnermetrics::wire {

enum Type : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

// One field of a message. `bytes` is set for kBytes, `varint` for the others.
struct Field {
  int number = 0;
  uint8_t type = kVarint;
  uint64_t varint = 0;
  absl::string_view bytes;
};

// Walks over the fields of one message; nested messages are read by a further Reader over their bytes.
class Reader {
 public:
  explicit Reader(absl::string_view message) : at_(message.data()), end_(message.data() + message.size()) {}

  // The next field; false at the end or on malformed bytes, see ok().
  bool Next(Field& field) {
    if (at_ == end_) return false;
    uint64_t tag = 0;
    if (!Varint(tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return Fail();
    field.number = static_cast<int>(tag >> 3);
    field.type = static_cast<uint8_t>(tag & 7);
    switch (field.type) {
      case kVarint:
        return Varint(field.varint) || Fail();
      case kFixed64:
        return Fixed(field.varint, 8);
      case kFixed32:
        return Fixed(field.varint, 4);
      case kBytes: {
        uint64_t size = 0;
        if (!Varint(size) || size > static_cast<uint64_t>(end_ - at_)) return Fail();
        field.bytes = absl::string_view(at_, size);
        at_ += size;
        return true;
      }
      default:
        return Fail();
    }
  }

  bool ok() const { return ok_; }

 private:
  bool Varint(uint64_t& value) {
    value = 0;
    for (int shift = 0; shift < 64 && at_ < end_; shift += 7) {
      const auto byte = static_cast<uint8_t>(*at_++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool Fixed(uint64_t& value, size_t size) {
    if (static_cast<size_t>(end_ - at_) < size) return Fail();
    value = 0;
    std::memcpy(&value, at_, size);
    at_ += size;
    return true;
  }
  bool Fail() {
    ok_ = false;
    at_ = end_;
    return false;
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace partnermetrics::wire

#endif  // PARTNERMETRICS_SERVER_FACTS_WIRE_H_
