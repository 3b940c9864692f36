// A text as a stream, without the readers' library: for targets that have the full events' classes.
#ifndef PARTNERMETRICS_TESTS_FUZZ_TEXT_STREAM_H_
#define PARTNERMETRICS_TESTS_FUZZ_TEXT_STREAM_H_

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "connectors/sdk/readers/streams.h"

namespace partnermetrics {

class TextStream : public sdk::ByteStream {
 public:
  explicit TextStream(std::string text) : text_(std::move(text)) {}
  sdk::Result<std::size_t> Read(char* buffer, std::size_t size) override {
    const std::size_t n = std::min(size, text_.size() - at_);
    std::memcpy(buffer, text_.data() + at_, n);
    at_ += n;
    return n;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_FUZZ_TEXT_STREAM_H_
