// Fills request messages from --json and from flags, by reflection.
//
//   ParseJsonRequest(R"({"partner_id": "acme"})", request);
//   ApplyFlags({{&flag, {"2026-03-31"}}}, time, request);   // flags go over what the JSON states
//
// Errors are INVALID_ARGUMENT and name the flag, the value and the right form. Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_REQUEST_BUILDER_H_
#define PARTNERMETRICS_CLIENTS_CLI_REQUEST_BUILDER_H_

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "clients/cli/command_table.h"
#include "clients/cli/value_text.h"

namespace partnermetrics::cli {

// A flag that was given, with its value or values.
struct FlagValue {
  const Flag* flag;
  std::vector<std::string> values;
};

// An empty message of the type.
std::unique_ptr<google::protobuf::Message> NewMessage(const google::protobuf::Descriptor* type);

absl::Status ParseJsonRequest(absl::string_view json, google::protobuf::Message* request);

absl::Status ApplyFlags(absl::Span<const FlagValue> flags, const CallTime& time, google::protobuf::Message* request);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_REQUEST_BUILDER_H_
