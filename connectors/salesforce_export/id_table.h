// What a run looks up, in little memory that is counted: tables by record id, and the texts of their values.
//
//   LookupMemory memory(size_t{512} << 20);
//   Texts texts(&memory);
//   IdTable<uint32_t> names(&memory);
//   names.Get("0055f0000000001AAA") = texts.Add("Ann Lee");
//   if (const uint32_t* name = names.Find("0055f0000000001")) … texts.At(*name) …
//   if (memory.exceeded()) …   // looked at now and then: what is too much comes bit by bit
//
// Not thread-safe.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_ID_TABLE_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_ID_TABLE_H_

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace partnermetrics::salesforce {

class LookupMemory {
 public:
  explicit LookupMemory(size_t most) : most_(most) {}
  void Take(size_t bytes) { taken_ += bytes; }
  size_t taken() const { return taken_; }
  size_t most() const { return most_; }
  bool exceeded() const { return taken_ > most_; }

 private:
  const size_t most_;
  size_t taken_ = 0;
};

// A record id without its check characters: 15 letters and digits in 12 bytes.
class PackedId {
 public:
  static constexpr size_t kChars = 15;

  PackedId() = default;  // of no record
  // Of the first 15 characters; nothing when they are not letters and digits.
  static std::optional<PackedId> Of(std::string_view text) {
    PackedId id;
    if (text.size() < kChars) return std::nullopt;
    for (size_t i = 0; i < kChars; ++i) {
      const uint32_t digit = DigitOf(text[i]);
      if (digit == kNoDigit) return std::nullopt;
      uint32_t& word = id.words_[i / kCharsOfWord];
      word = word * kBase + digit;
    }
    return id;
  }
  std::string Text() const {
    std::string text(kChars, '0');
    for (size_t word = 0; word < words_.size(); ++word) {
      uint32_t rest = words_[word];
      for (size_t i = kCharsOfWord; i-- > 0; rest /= kBase) text[word * kCharsOfWord + i] = kDigits[rest % kBase];
    }
    return text;
  }

  bool empty() const { return *this == PackedId(); }
  uint64_t Hash() const {
    uint64_t hash = (uint64_t{words_[1]} << 32 | words_[2]) * 0x9E3779B97F4A7C15u + words_[0];
    hash = (hash ^ hash >> 33) * 0xFF51AFD7ED558CCDu;
    return hash ^ hash >> 33;
  }
  auto operator<=>(const PackedId& other) const = default;

 private:
  static constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  static constexpr uint32_t kBase = 62, kNoDigit = 62;
  static constexpr size_t kCharsOfWord = 5;  // 62^5 < 2^32

  static uint32_t DigitOf(char c) {
    if (c >= '0' && c <= '9') return static_cast<uint32_t>(c - '0');
    if (c >= 'A' && c <= 'Z') return static_cast<uint32_t>(c - 'A') + 10;
    if (c >= 'a' && c <= 'z') return static_cast<uint32_t>(c - 'a') + 36;
    return kNoDigit;
  }

  std::array<uint32_t, 3> words_ = {};
};

// By record id, with or without check characters. In many small hash tables, so that one that grows needs little beside
// what is there already.
template <typename Value>
class IdTable {
 public:
  explicit IdTable(LookupMemory* memory) : memory_(memory), shards_(kShards) {}
  IdTable(IdTable&&) noexcept = default;
  IdTable& operator=(IdTable&&) noexcept = default;

  // Null when there is none.
  const Value* Find(std::string_view id) const {
    const std::optional<PackedId> key = PackedId::Of(id);
    if (!key || key->empty()) return nullptr;
    const Shard& shard = shards_[ShardOf(*key)];
    if (shard.entries.empty()) return nullptr;
    const Entry& entry = shard.entries[PlaceOf(shard, *key)];
    return entry.id.empty() ? nullptr : &entry.value;
  }
  bool Has(std::string_view id) const { return Find(id) != nullptr; }

  // Adds the value unless the id has one. Null for texts that are no id. Valid until the next call.
  Value* TryAdd(std::string_view id, const Value& value, bool* added) {
    const std::optional<PackedId> key = PackedId::Of(id);
    if (!key || key->empty()) return nullptr;
    Shard& shard = shards_[ShardOf(*key)];
    if ((shard.used + 1) * 4 > shard.entries.size() * 3) Grow(&shard);
    Entry& entry = shard.entries[PlaceOf(shard, *key)];
    *added = entry.id.empty();
    if (*added) {
      entry = {*key, value};
      ++shard.used;
      ++size_;
    }
    return &entry.value;
  }
  void Set(std::string_view id, const Value& value) {
    bool added = false;
    if (Value* known = TryAdd(id, value, &added)) *known = value;
  }

  size_t size() const { return size_; }

 private:
  struct Entry {
    PackedId id;
    Value value;
  };
  struct Shard {
    std::vector<Entry> entries;
    size_t used = 0;
  };
  static constexpr size_t kShards = 1024;

  // High bits; those within a shard are low ones.
  static size_t ShardOf(const PackedId& id) { return id.Hash() >> 54; }

  // Of the id, or of the free entry where it belongs.
  static size_t PlaceOf(const Shard& shard, const PackedId& id) {
    size_t place = static_cast<size_t>((id.Hash() & 0xFFFFFFFFu) * shard.entries.size() >> 32);
    while (!shard.entries[place].id.empty() && shard.entries[place].id != id) {
      if (++place == shard.entries.size()) place = 0;
    }
    return place;
  }

  void Grow(Shard* shard) {
    Shard larger;
    larger.entries.resize(std::max(shard->entries.size() + shard->entries.size() / 4, size_t{8}));
    larger.used = shard->used;
    for (const Entry& entry : shard->entries) {
      if (!entry.id.empty()) larger.entries[PlaceOf(larger, entry.id)] = entry;
    }
    memory_->Take((larger.entries.size() - shard->entries.size()) * sizeof(Entry));
    *shard = std::move(larger);
  }

  LookupMemory* memory_;
  std::vector<Shard> shards_;
  size_t size_ = 0;
};

// Texts one behind the other, known by their places: 0 is the empty one.
class Texts {
 public:
  explicit Texts(LookupMemory* memory) : memory_(memory) {}

  uint32_t Add(std::string_view text) {
    if (text.empty()) return 0;
    size_t kept = std::min(text.size(), kMostBytes);
    while (kept < text.size() && (static_cast<unsigned char>(text[kept]) & 0xC0) == 0x80) --kept;  // whole characters
    if (blocks_.empty() || kBlockBytes - blocks_.back().size() < kept + kSizeBytes) {
      blocks_.emplace_back();
      blocks_.back().reserve(kBlockBytes);
      memory_->Take(kBlockBytes);
    }
    std::string& block = blocks_.back();
    const size_t place = (blocks_.size() - 1) * kBlockBytes + block.size();
    block += static_cast<char>(kept & 0xFF);
    block += static_cast<char>(kept >> 8);
    block += text.substr(0, kept);
    return static_cast<uint32_t>(place + 1);
  }
  std::string_view At(uint32_t place) const {
    if (place == 0) return {};
    const std::string_view block = blocks_[(place - 1) / kBlockBytes];
    const size_t begin = (place - 1) % kBlockBytes;
    const size_t size = static_cast<unsigned char>(block[begin]) | size_t{static_cast<unsigned char>(block[begin + 1])}
                                                                       << 8;
    return block.substr(begin + kSizeBytes, size);
  }

 private:
  static constexpr size_t kBlockBytes = size_t{64} << 10;
  static constexpr size_t kMostBytes = 4096;
  static constexpr size_t kSizeBytes = 2;

  LookupMemory* memory_;
  std::deque<std::string> blocks_;
};

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_ID_TABLE_H_
