// protoc-gen-partnerctl: see table_writer.h.
#include <google/protobuf/compiler/plugin.h>

#include "clients/cli/generator/table_writer.h"

int main(int argc, char** argv) {
  const partnermetrics::cli::TableGenerator generator;
  return google::protobuf::compiler::PluginMain(argc, argv, &generator);
}
