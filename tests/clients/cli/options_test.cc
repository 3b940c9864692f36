// The options in the real protos name things that exist.
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <sstream>

#include "clients/cli/field_text.h"
#include "clients/cli/renderers/registry.h"
#include "tests/clients/cli/table_of.h"

namespace partnermetrics::cli {
namespace {

TEST(OptionsTest, NameExistingThings) {
  std::ostringstream out;
  for (const Command& command : Commands()) {
    SCOPED_TRACE(command.words);
    EXPECT_FALSE(command.help.empty());
    EXPECT_FALSE(command.service_help.empty());
    if (!command.renderer.empty()) {
      EXPECT_NE(NewRenderer(command.renderer, {.out = &out, .err = &out}), nullptr) << command.renderer;
    }
    const auto* row = command.response();
    if (!command.rows.empty()) {
      const FieldPath rows = ResolvePath(*row, command.rows);
      ASSERT_FALSE(rows.empty()) << command.rows;
      ASSERT_NE(rows.back()->message_type(), nullptr);
      row = rows.back()->message_type();
    }
    for (const Column& column : command.columns) EXPECT_FALSE(ResolvePath(*row, column.field).empty()) << column.field;
    for (const absl::string_view argument : command.arguments) EXPECT_NE(FindFlag(command, argument), nullptr);
    for (const Flag& flag : command.flags) {
      EXPECT_FALSE(ResolvePath(*command.request(), flag.field).empty()) << flag.field;
      EXPECT_FALSE(flag.help.empty()) << flag.name;
    }
  }
}

TEST(OptionsTest, EveryRpcIsACommand) {
  size_t methods = 0;
  for (const char* name : {"AdminService", "ConnectorService", "DefinitionsService", "ExplainService", "IngestService",
                           "InterventionService", "MetricService", "PartnerService", "PeriodService", "ReportService",
                           "ScoreService", "StandingsService", "WatchService"}) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(std::string("partnermetrics.v1.") + name);
    ASSERT_NE(service, nullptr) << name;
    methods += static_cast<size_t>(service->method_count());
  }
  EXPECT_EQ(Commands().size(), methods);
}

}  // namespace
}  // namespace partnermetrics::cli
