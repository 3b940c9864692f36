// Makes UTF-8 of a text file by its byte order mark.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_ENCODING_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_ENCODING_H_

#include <cstddef>
#include <memory>
#include <string>

#include "connectors/sdk/readers/streams.h"

namespace partnermetrics::sdk {

// Passes UTF-8 and unmarked 8-bit text through without its mark, and translates UTF-16 and UTF-32 in both byte orders.
// Without a mark, or with the wrong one, these are recognised by the zero bytes of their first characters. Broken code
// units become U+FFFD.
// Unmarked 8-bit text may be ISO-8859-1: who takes cells out of it calls ToUtf8 (text.h) on each.
class DecodingStream : public ByteStream {
 public:
  explicit DecodingStream(std::unique_ptr<ByteStream> bytes) : bytes_(std::move(bytes)) {}
  Result<std::size_t> Read(char* buffer, std::size_t size) override;

 private:
  enum class Form { kUnknown, kBytes, kUtf16, kUtf32 };

  Status Detect();
  Status Fill();
  void Translate();
  char32_t Unit(std::size_t at, std::size_t width) const;

  std::unique_ptr<ByteStream> bytes_;
  Form form_ = Form::kUnknown;
  bool big_endian_ = false;
  bool ended_ = false;
  std::string input_;   // read and not yet translated
  std::string output_;  // translated and not yet handed out, from output_at_
  std::size_t output_at_ = 0;
};

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_ENCODING_H_
