// Writes command models as the C++ source of a constant table, and the protoc plugin around it.
//
//   protoc --plugin=protoc-gen-partnerctl --partnerctl_out=function=Commands:OUT proto/…/*_service.proto
//
// writes OUT/partnerctl_commands.cc, which defines `absl::Span<const Command> Commands()`. Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_GENERATOR_TABLE_WRITER_H_
#define PARTNERMETRICS_CLIENTS_CLI_GENERATOR_TABLE_WRITER_H_

#include <google/protobuf/compiler/code_generator.h>

#include <string>
#include <vector>

#include "clients/cli/generator/command_model.h"

namespace partnermetrics::cli {

// The source text; `function` is the name of the function that returns the table.
std::string WriteTable(const std::vector<CommandModel>& commands, const std::string& function);

class TableGenerator : public google::protobuf::compiler::CodeGenerator {
 public:
  bool Generate(const google::protobuf::FileDescriptor* file, const std::string& parameter,
                google::protobuf::compiler::GeneratorContext* context, std::string* error) const override;
  // All services go into one table, so that command words are checked against each other.
  bool GenerateAll(const std::vector<const google::protobuf::FileDescriptor*>& files, const std::string& parameter,
                   google::protobuf::compiler::GeneratorContext* context, std::string* error) const override;
  uint64_t GetSupportedFeatures() const override { return FEATURE_PROTO3_OPTIONAL; }
};

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_GENERATOR_TABLE_WRITER_H_
