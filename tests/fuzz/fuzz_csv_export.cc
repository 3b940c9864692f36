// Exports as CSV, of quarantine among others: whatever the texts hold, our own reader gets them back.
#include <cstring>

#include "connectors/sdk/readers/csv.h"
#include "server/ops/export_csv.h"
#include "tests/fuzz/require.h"

namespace partnermetrics {
namespace {

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

}  // namespace
}  // namespace partnermetrics

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
