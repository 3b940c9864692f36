#include <gmock/gmock.h>
#include <google/protobuf/compiler/importer.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "clients/cli/generator/command_model.h"
#include "clients/cli/generator/table_writer.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "tests/clients/cli/table_of.h"

namespace partnermetrics::cli {
namespace {

using google::protobuf::compiler::DiskSourceTree;
using google::protobuf::compiler::Importer;
using testing::HasSubstr;

// Reads "test.proto" from a text and everything else from the repository.
class TestSources : public google::protobuf::compiler::SourceTree {
 public:
  explicit TestSources(std::string text) : text_(std::move(text)) {
    files_.MapPath("", PM_SOURCE_DIR "/proto");
    files_.MapPath("", "/usr/include");
  }
  google::protobuf::io::ZeroCopyInputStream* Open(const std::string& name) override {
    if (name != "test.proto") return files_.Open(name);
    return new google::protobuf::io::ArrayInputStream(text_.data(), static_cast<int>(text_.size()));
  }

 private:
  std::string text_;
  DiskSourceTree files_;
};

class Errors : public google::protobuf::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int column, const std::string& message) override {
    ADD_FAILURE() << file << ":" << line << ": " << message;
  }
};

// What the generator makes of a service `body` with the messages below.
struct Described {
  explicit Described(const std::string& service, const std::string& messages = "")
      : sources("syntax = \"proto3\"; package t; import \"partnermetrics/options/v1/options.proto\";\n" + messages +
                "\nmessage Row { string name = 1; }\n"
                "message Response { repeated Row rows = 1; }\n"
                "message Request { string partner_id = 1; Row row = 2; }\n" +
                service),
        importer(&sources, &errors) {
    const auto* file = importer.Import("test.proto");
    ok = file != nullptr && DescribeCommands({file}, &commands, &error);
  }

  TestSources sources;
  Errors errors;
  Importer importer;
  std::vector<CommandModel> commands;
  std::string error;
  bool ok = false;
};

std::string ServiceWith(const std::string& options) {
  return "service S { rpc Get(Request) returns (Response) { option (partnermetrics.options.v1.cli) = {" + options +
         "}; } }";
}

TEST(GeneratorTest, AMethodWithoutOptionsIsACommand) {
  const Described described(
      "// Keeps records.\nservice RecordKeeperService {\n  // Gets it. More.\n"
      "  rpc GetURLOfRecord(Request) returns (stream Response);\n}");
  ASSERT_TRUE(described.ok) << described.error;
  ASSERT_EQ(described.commands.size(), 1u);
  const CommandModel& command = described.commands[0];
  EXPECT_EQ(command.words, "record-keeper get-url-of-record");
  EXPECT_EQ(command.service_help, "Keeps records.");
  EXPECT_EQ(command.help, "Gets it. More.");
  ASSERT_EQ(command.flags.size(), 2u);
  EXPECT_EQ(command.flags[0].name, "partner-id");
  EXPECT_EQ(command.flags[1].name, "row-name");
  EXPECT_EQ(command.flags[1].field, "row.name");
}

TEST(GeneratorTest, OptionsMustNameExistingThings) {
  const std::map<std::string, std::string> cases = {
      {"rows: \"lines\"", "t.S.Get: rows: Response has no messages under \"lines\""},
      {"rows: \"rows\" columns: { field: \"nmae\" }", "t.S.Get: columns: Row has no field \"nmae\""},
      {"arguments: \"id\"", "t.S.Get: arguments: no flag states the field \"id\""},
  };
  for (const auto& [options, error] : cases) {
    const Described described(ServiceWith(options));
    EXPECT_FALSE(described.ok);
    EXPECT_EQ(described.error, error);
  }
  const Described right(
      ServiceWith("command: \"x y\" rows: \"rows\" columns: { field: \"name\" } arguments: \"row.name\""));
  ASSERT_TRUE(right.ok) << right.error;
  EXPECT_EQ(right.commands[0].words, "x y");
  EXPECT_EQ(right.commands[0].arguments, std::vector<std::string>{"row-name"});
}

TEST(GeneratorTest, NamesMustNotMeet) {
  const Described global("service S { rpc Get(Bad) returns (Response); }", "message Bad { string timeout = 1; }");
  EXPECT_EQ(global.error, "t.S.Get: the field timeout would be --timeout, which every command has; rename it");
  const Described twice("service S { rpc Get(Bad) returns (Response); }",
                        "message Inner { string id = 1; } message Bad { string x_id = 1; Inner x = 2; }");
  EXPECT_EQ(twice.error, "t.S.Get: two fields would be --x-id; rename one (x.id)");
  const Described words(
      "service S { rpc A(Request) returns (Response) { option (partnermetrics.options.v1.cli) = { command: \"s\" }; }\n"
      "rpc B(Request) returns (Response); }");
  EXPECT_EQ(words.error, "t.S.B: the command \"s b\" is taken by \"s\" of t.S.A");
}

TEST(GeneratorTest, TextIsQuotedForCpp) {
  const Described described("service S {\n  // Says \"hi\\n\" – or not.\n  rpc Get(Request) returns (Response);\n}");
  ASSERT_TRUE(described.ok) << described.error;
  EXPECT_THAT(WriteTable(described.commands, "Table"), HasSubstr(R"("Says \"hi\\n\" – or not.")"));
}

TEST(GeneratorTest, TheGeneratedTableHoldsEveryShapeOfField) {
  const Command& command = CommandOf(ToyCommands(), "toy play-once");
  EXPECT_EQ(command.service, "toy.v1.ToyService");
  EXPECT_EQ(command.method, "PlayOnce");
  EXPECT_EQ(command.help, "Plays once. NOT_FOUND without a toy.");
  const std::map<absl::string_view, ValueType> types = {
      {"toy", ValueType::kText},          {"loud", ValueType::kBool},       {"count", ValueType::kInteger},
      {"ratio", ValueType::kNumber},      {"paint", ValueType::kEnum},      {"play-on", ValueType::kDate},
      {"play-at", ValueType::kTimestamp}, {"length", ValueType::kDuration}, {"price", ValueType::kMoney},
      {"share", ValueType::kDecimal},     {"scope", ValueType::kScope},     {"who", ValueType::kPartnerReference},
      {"range", ValueType::kDateRange},   {"limits", ValueType::kInteger}};
  for (const auto& [name, type] : types) {
    ASSERT_NE(FindFlag(command, name), nullptr) << name;
    EXPECT_EQ(FindFlag(command, name)->type, type) << name;
  }
  EXPECT_TRUE(FindFlag(command, "toy")->required);
  EXPECT_FALSE(FindFlag(command, "loud")->required);
  EXPECT_TRUE(FindFlag(command, "names")->repeated);
  EXPECT_TRUE(FindFlag(command, "labels")->map);
  EXPECT_EQ(FindFlag(command, "friend")->oneof, "company");
  EXPECT_EQ(FindFlag(command, "choice")->oneof, "");
  EXPECT_THAT(FindFlag(command, "paint")->choices, testing::ElementsAre("red", "dark_blue"));
  EXPECT_TRUE(CommandOf(ToyCommands(), "toy together").client_streaming);
  EXPECT_TRUE(CommandOf(ToyCommands(), "toy play-long").server_streaming);
}

}  // namespace
}  // namespace partnermetrics::cli
