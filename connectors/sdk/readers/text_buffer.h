// A window on a text that is read in order: bytes can be looked at from the present position on, as far as memory is
// wanted for them. For the readers of this folder.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_TEXT_BUFFER_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_TEXT_BUFFER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "connectors/sdk/readers/streams.h"

namespace partnermetrics::sdk {

class TextBuffer {
 public:
  explicit TextBuffer(std::unique_ptr<ByteStream> text) : text_(std::move(text)), buffer_(kChunk) {}

  // Makes byte `at` from the present position readable; false at the end of the text and after an error.
  bool Has(std::size_t at) { return begin_ + at < end_ || Load(at); }
  char Byte(std::size_t at) const { return buffer_[begin_ + at]; }
  // What is in memory from the present position on. Has may move it.
  std::string_view view() const { return {buffer_.data() + begin_, end_ - begin_}; }
  // Goes on by `size` bytes, which must be in memory.
  void Drop(std::size_t size) {
    lines_ += static_cast<std::uint64_t>(std::count(buffer_.data() + begin_, buffer_.data() + begin_ + size, '\n'));
    begin_ += size;
    offset_ += size;
  }

  std::uint64_t offset() const { return offset_; }  // of the present position in the text
  std::uint64_t lines() const { return lines_; }    // line feeds before the present position
  const Status& error() const { return error_; }

 private:
  static constexpr std::size_t kChunk = 256 << 10;

  bool Load(std::size_t at) {
    while (begin_ + at >= end_) {
      if (ended_ || !error_.ok()) return false;
      if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
      }
      if (buffer_.size() - end_ < kChunk / 2) buffer_.resize(buffer_.size() + kChunk);
      Result<std::size_t> got = text_->Read(buffer_.data() + end_, buffer_.size() - end_);
      if (!got.ok()) {
        error_ = got.status();
        return false;
      }
      ended_ = *got == 0;
      end_ += *got;
    }
    return true;
  }

  std::unique_ptr<ByteStream> text_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
  Status error_;
  std::uint64_t offset_ = 0;
  std::uint64_t lines_ = 0;
};

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_TEXT_BUFFER_H_
