// The JSON reader: objects do not depend on how the bytes arrive, and lie where they say.
#include <simdjson.h>

#include "connectors/sdk/readers/encoding.h"
#include "connectors/sdk/readers/json.h"
#include "tests/connectors/readers/memory.h"
#include "tests/fuzz/require.h"

namespace partnermetrics {
namespace {

std::string ReadAll(const std::string& text, std::size_t piece) {
  sdk::JsonOptions options;
  options.max_object_bytes = 4096;
  sdk::JsonReader json(std::make_unique<sdk::DecodingStream>(sdk::Stream(text, piece)), options);
  simdjson::dom::parser parser;
  std::string seen;
  sdk::JsonItem item;
  std::uint64_t number = 0, offset = 0;
  sdk::Result<bool> more = json.Next(&item);
  for (; more.ok() && *more; more = json.Next(&item)) {
    REQUIRE(item.number == ++number);
    REQUIRE(number == 1 || item.offset > offset);
    offset = item.offset;
    REQUIRE((item.problem == nullptr) == item.message.empty());
    simdjson::dom::element object;
    const bool parsed = parser.parse(item.text.data(), item.text.size()).get(object) == simdjson::SUCCESS;
    seen.append("\n").append(item.text).append(parsed ? "+" : "-").append(std::to_string(item.line));
  }
  return seen + (more.ok() ? json.has_more() ? "more" : "end" : more.status().message());
}

}  // namespace
}  // namespace partnermetrics

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  REQUIRE(partnermetrics::ReadAll(text, 1 << 20) == partnermetrics::ReadAll(text, 5));
  return 0;
}
