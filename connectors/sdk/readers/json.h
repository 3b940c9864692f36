// The objects of a JSON file of any size, one by one.
//
//   JsonReader json(std::make_unique<DecodingStream>(std::move(bytes)));
//   JsonItem item;
//   while (true) {
//     PM_ASSIGN_OR_RETURN(bool more, json.Next(&item));
//     if (!more) break;
//     … parse item.text with simdjson …
//
// Understands JSON lines, an array of objects, objects one after another, and list wrappers as billing and CRM APIs
// answer them: {"object": "list", "data": [ … ]} and {"records": [ … ]}, also several in a row. In JSON lines a broken
// line is the caller's to reject, and reading goes on with the next; elsewhere lost structure is an error with its
// line. One thread at a time; memory is constant.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_JSON_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_JSON_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "connectors/sdk/readers/streams.h"
#include "connectors/sdk/readers/text_buffer.h"

namespace partnermetrics::sdk {

struct JsonOptions {
  std::size_t max_object_bytes = std::size_t{2} << 20;
};

struct JsonItem {
  std::uint64_t number = 0;  // of the object, from 1
  std::uint64_t line = 0;    // of the file on which it begins, from 1
  std::uint64_t offset = 0;  // of its first byte in the text
  // The object, or the line, not yet parsed; the first part of it when it is too long. Valid until the next call.
  std::string_view text;
  const char* problem = nullptr;  // object_too_long
  std::string message;
};

class JsonReader {
 public:
  explicit JsonReader(std::unique_ptr<ByteStream> text, const JsonOptions& options = {})
      : text_(std::move(text)), options_(options) {}

  // False at the end.
  Result<bool> Next(JsonItem* item);
  // True once a list wrapper said that the file does not hold its last page.
  bool has_more() const { return has_more_; }

 private:
  enum class Form { kUnknown, kLines, kValues };
  enum class Found { kObject, kList, kTooLong, kCutOff };

  Status Detect();
  Result<bool> NextLine(JsonItem* item);
  Result<bool> NextValue(JsonItem* item);
  Found ScanObject(std::size_t* at, bool look_for_list);
  Status SkipWrapperEnd();
  Status SkipObject();
  void SkipSpaces();
  void Begin(JsonItem* item);
  Status Error(const std::string& message) const;

  TextBuffer text_;
  JsonOptions options_;
  Form form_ = Form::kUnknown;
  bool in_array_ = false;
  bool in_wrapper_ = false;
  bool has_more_ = false;
  std::size_t consumed_ = 0;  // bytes of the item given out last
  std::uint64_t number_ = 0;
  std::string long_text_;
};

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_JSON_H_
