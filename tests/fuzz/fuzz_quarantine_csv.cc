// Quarantine as `partnerctl quarantine export -o csv` writes it: whatever a rejected row holds, our own reader gets it
// back.
#include <sstream>

#include "clients/cli/printers/printer.h"
#include "connectors/sdk/readers/csv.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/text_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace partnermetrics;  // NOLINT: a function of C
  const std::string raw(reinterpret_cast<const char*>(data), size);
  v1::QuarantinedRecord record;
  record.set_record(7);
  record.set_connector("crm");
  record.set_raw(raw);
  record.set_message(raw.substr(0, 20));

  cli::Command command = {};
  command.response = &v1::QuarantinedRecord::descriptor;
  std::ostringstream out;
  cli::Screen screen = {&out, &out};
  const std::unique_ptr<cli::Printer> printer = cli::NewCsvPrinter(command, screen);
  REQUIRE(printer->Print(record).ok());
  printer->Finish();

  sdk::CsvOptions options;
  options.delimiter = ',';
  sdk::CsvReader csv(std::make_unique<TextStream>(out.str()), options);
  REQUIRE(csv.ReadHeader().ok());
  sdk::CsvRow row;
  const sdk::Result<bool> more = csv.Next(&row);
  REQUIRE(more.ok() && *more && row.problem == nullptr);
  const auto cell = [&](const char* name) { return row.cells[static_cast<std::size_t>(csv.header().Find(name))]; };
  REQUIRE(cell("record") == "7" && cell("connector") == "crm");
  REQUIRE(cell("raw") == record.raw());
  REQUIRE(cell("message") == record.message());
  return 0;
}
