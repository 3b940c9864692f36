// Exports of facts and cells as CSV: whatever the texts hold, our own reader gets them back.
#include "connectors/sdk/readers/csv.h"
#include "server/ops/export_csv.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/text_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace partnermetrics;  // NOLINT: a function of C
  std::vector<std::string> fields(1);
  for (std::size_t i = 0; i < size && fields.size() < 100; ++i) {
    if (data[i] == 0) {
      fields.emplace_back();
    } else {
      fields.back().push_back(static_cast<char>(data[i]));
    }
  }
  std::vector<std::string> names;
  for (std::size_t i = 0; i < fields.size(); ++i) names.push_back("c" + std::to_string(i));
  sdk::CsvOptions options;
  options.delimiter = ',';
  sdk::CsvReader csv(std::make_unique<TextStream>(CsvRow(names) + CsvRow(fields)), options);
  REQUIRE(csv.ReadHeader().ok());
  REQUIRE(csv.header().names() == names);
  sdk::CsvRow row;
  const sdk::Result<bool> more = csv.Next(&row);
  REQUIRE(more.ok());
  if (!*more) {  // a row of one blank field is an empty line
    REQUIRE(fields.size() == 1 && fields[0].empty());
    return 0;
  }
  REQUIRE(row.problem == nullptr && row.cells.size() == fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) REQUIRE(row.cells[i] == fields[i]);
  return 0;
}
