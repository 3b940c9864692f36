#include <google/protobuf/util/json_util.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "clients/cli/printers/printer.h"

namespace partnermetrics::cli {
namespace {

class JsonPrinter : public Printer {
 public:
  JsonPrinter(bool lines, const Screen& screen) : screen_(screen) {
    options_.add_whitespace = !lines;
    options_.always_print_primitive_fields = true;
    options_.preserve_proto_field_names = true;
  }

  absl::Status Print(const google::protobuf::Message& response) override {
    std::string json;
    const auto status = google::protobuf::util::MessageToJsonString(response, &json, options_);
    if (!status.ok()) {
      return absl::InternalError(absl::StrCat("the response has no JSON form: ", status.message().as_string()));
    }
    // With whitespace the text ends with a line break already.
    if (json.empty() || json.back() != '\n') json += '\n';
    *screen_.out << json << std::flush;
    return absl::OkStatus();
  }

 private:
  Screen screen_;
  google::protobuf::util::JsonPrintOptions options_;
};

}  // namespace

std::unique_ptr<Printer> NewJsonPrinter(const Command& command, const Screen& screen) {
  return std::make_unique<JsonPrinter>(command.server_streaming, screen);
}

}  // namespace partnermetrics::cli
