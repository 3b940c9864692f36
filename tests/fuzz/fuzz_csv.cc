// The CSV reader with the decoding below it: rows and numbers do not depend on how the bytes arrive, and every problem
// has its message.
#include "connectors/sdk/readers/csv.h"
#include "connectors/sdk/readers/encoding.h"
#include "connectors/sdk/readers/text.h"
#include "tests/connectors/readers/memory.h"
#include "tests/fuzz/require.h"

namespace partnermetrics {
namespace {

std::string ReadAll(const std::string& text, std::size_t piece) {
  sdk::CsvOptions options;
  options.max_row_bytes = 4096;
  options.max_columns = 100;
  sdk::CsvReader csv(std::make_unique<sdk::DecodingStream>(sdk::Stream(text, piece)), options);
  std::string seen;
  sdk::Result<bool> more = csv.ReadHeader();
  for (const std::string& name : csv.header().names()) seen.append(name).append(1, '|');
  sdk::CsvRow row;
  std::uint64_t number = 0, offset = 0;
  while (more.ok() && *more) {
    more = csv.Next(&row);
    if (!more.ok() || !*more) break;
    REQUIRE(row.number == ++number);
    REQUIRE(row.offset >= offset);
    offset = row.offset;
    REQUIRE((row.problem == nullptr) == row.message.empty());
    if (row.problem == nullptr) REQUIRE(row.cells.size() == csv.header().size());
    seen.append("\n").append(std::to_string(row.line)).append(row.problem == nullptr ? "" : row.problem);
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const std::string cell = row.Text(static_cast<int>(i));
      REQUIRE(sdk::IsUtf8(cell));
      seen.append("|").append(cell);
    }
  }
  return seen + (more.ok() ? "" : more.status().message());
}

}  // namespace
}  // namespace partnermetrics

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  REQUIRE(partnermetrics::ReadAll(text, 1 << 20) == partnermetrics::ReadAll(text, 7));
  return 0;
}
