// What protoc-gen-partnerctl knows of a command before it writes the table: the owning twin of command_table.h.
//
//   std::vector<CommandModel> commands;
//   std::string error;
//   if (!DescribeCommands({service_file}, &commands, &error)) Fail(error);
//
// Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_GENERATOR_COMMAND_MODEL_H_
#define PARTNERMETRICS_CLIENTS_CLI_GENERATOR_COMMAND_MODEL_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "clients/cli/command_table.h"

namespace partnermetrics::cli {

struct FlagModel {
  std::string name;
  std::string field;
  ValueType type = ValueType::kText;
  bool repeated = false;
  bool map = false;
  bool required = false;
  std::string oneof;
  std::vector<std::string> choices;
  std::string help;
};

struct ColumnModel {
  std::string field;
  std::string heading;
  Align align = Align::kByType;
  std::string unit;
};

struct CommandModel {
  const google::protobuf::MethodDescriptor* method = nullptr;
  std::string words;
  std::string service_help;
  std::string help;
  std::string renderer;
  std::string rows;
  std::vector<ColumnModel> columns;
  std::vector<std::string> arguments;
  std::vector<FlagModel> flags;
};

// Describes every method of the files' services. False, with an error that names the method at fault, when options name
// fields that do not exist or two things would have the same name.
bool DescribeCommands(const std::vector<const google::protobuf::FileDescriptor*>& files,
                      std::vector<CommandModel>* commands, std::string* error);

// "PartnerAlias" → "partner-alias", "partner_alias" → "partner-alias".
std::string KebabCase(absl::string_view name);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_GENERATOR_COMMAND_MODEL_H_
