// Bytes in memory as a source, handed out in pieces of any size.
#ifndef PARTNERMETRICS_TESTS_CONNECTORS_READERS_MEMORY_H_
#define PARTNERMETRICS_TESTS_CONNECTORS_READERS_MEMORY_H_

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "connectors/sdk/readers/streams.h"

namespace partnermetrics::sdk {

class MemorySource : public ByteSource {
 public:
  MemorySource(std::string content, std::size_t piece) : content_(std::move(content)), piece_(piece) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return content_.size(); }
  Result<std::size_t> ReadAt(std::uint64_t offset, void* buffer, std::size_t size) override {
    if (offset >= content_.size()) return std::size_t{0};
    std::size_t got = std::min({size, piece_, content_.size() - static_cast<std::size_t>(offset)});
    std::memcpy(buffer, content_.data() + offset, got);
    return got;
  }

 private:
  std::string name_ = "memory";
  std::string content_;
  std::size_t piece_;
};

inline std::unique_ptr<ByteStream> Stream(std::string content, std::size_t piece = 1 << 20) {
  return std::make_unique<FileStream>(std::make_unique<MemorySource>(std::move(content), piece));
}

// Repeats a text until `size` bytes were read: files that are larger than memory.
class EndlessStream : public ByteStream {
 public:
  EndlessStream(std::string text, std::uint64_t size) : text_(std::move(text)), left_(size) {}
  Result<std::size_t> Read(char* buffer, std::size_t size) override {
    std::size_t got = static_cast<std::size_t>(std::min<std::uint64_t>(size, left_));
    for (std::size_t i = 0; i < got; ++i) buffer[i] = text_[at_++ % text_.size()];
    left_ -= got;
    return got;
  }

 private:
  std::string text_;
  std::uint64_t left_;
  std::size_t at_ = 0;
};

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_TESTS_CONNECTORS_READERS_MEMORY_H_
