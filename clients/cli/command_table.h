// The tables that protoc-gen-partnerctl writes from the service protos and the runtime reads: one Command per RPC, one
// Flag per field of its request. They are constants, so that starting partnerctl costs no parsing.
//
//   for (const Command& command : Commands()) std::cout << command.words << "\n";   // "partner list" …
//
// All types are plain data that is never written after start and may be read from any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_COMMAND_TABLE_H_
#define PARTNERMETRICS_CLIENTS_CLI_COMMAND_TABLE_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "clients/cli/value_type.h"

namespace google::protobuf {
class Descriptor;
}

namespace partnermetrics::cli {

// A field of a request that is given on the command line.
struct Flag {
  absl::string_view name;                       // "partner-name", without dashes.
  absl::string_view field;                      // Path from the request: "partner.name".
  ValueType type;                               // Of the value; of a map, of its values.
  bool repeated;                                // Given once per element.
  bool map;                                     // Given once per entry, as key=value.
  bool required;                                // The server wants it; only shown, the server checks.
  absl::string_view oneof;                      // Name of the oneof that the field is a member of; empty: none.
  absl::Span<const absl::string_view> choices;  // Short names of an enum's values.
  absl::string_view help;
};

enum class Align { kByType, kLeft, kRight };

// A column of the table that shows a response.
struct Column {
  absl::string_view field;    // Path from the row message: "partner.name".
  absl::string_view heading;  // Empty: the field's name.
  Align align;
  absl::string_view unit;  // Put behind each value.
};

// An RPC as a command.
struct Command {
  absl::string_view words;    // "partner alias add".
  absl::string_view service;  // "partnermetrics.v1.PartnerService".
  absl::string_view method;   // "AddAlias".
  absl::string_view service_help;
  absl::string_view help;
  bool client_streaming;
  bool server_streaming;
  absl::string_view renderer;                     // Name of a hand-written renderer; empty: a table.
  absl::string_view rows;                         // Path of the messages that are rows; empty: the response is one.
  absl::Span<const Column> columns;               // Empty: every field that one cell can show.
  absl::Span<const absl::string_view> arguments;  // Names of flags that may be given by position, in order.
  absl::Span<const Flag> flags;
  // Functions, because a reference to them is also what keeps the linker from dropping the messages' descriptors.
  const google::protobuf::Descriptor* (*request)();
  const google::protobuf::Descriptor* (*response)();
};

// All commands, in the order of the services' names and methods. Defined by the generated source.
absl::Span<const Command> Commands();

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_COMMAND_TABLE_H_
