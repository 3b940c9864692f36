// Shows the responses of a call. There is one printer per output format, and hand-written renderers besides the table.
//
//   std::unique_ptr<Printer> printer = NewTablePrinter(command, screen);
//   printer->Print(response);   // once for a unary call, for each response of a stream
//   printer->Finish();          // after the call ended well
//
// A printer belongs to one call and is used by one thread at a time.
#ifndef PARTNERMETRICS_CLIENTS_CLI_PRINTERS_PRINTER_H_
#define PARTNERMETRICS_CLIENTS_CLI_PRINTERS_PRINTER_H_

#include <google/protobuf/message.h>

#include <memory>

#include "absl/status/status.h"
#include "clients/cli/command_table.h"
#include "clients/cli/text_layout.h"

namespace partnermetrics::cli {

class Printer {
 public:
  virtual ~Printer() = default;
  // An error means that the response cannot be shown in this format.
  virtual absl::Status Print(const google::protobuf::Message& response) = 0;
  virtual void Finish() {}
};

// Aligned columns for people; a response that is no list is shown field by field.
std::unique_ptr<Printer> NewTablePrinter(const Command& command, const Screen& screen);

// One JSON document, or for streams one line of JSON per response. Fields keep their proto names, zero values are kept.
std::unique_ptr<Printer> NewJsonPrinter(const Command& command, const Screen& screen);

// RFC 4180. The header names the fields by their paths.
std::unique_ptr<Printer> NewCsvPrinter(const Command& command, const Screen& screen);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_PRINTERS_PRINTER_H_
