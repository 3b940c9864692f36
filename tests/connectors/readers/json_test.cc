#include "connectors/sdk/readers/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/sdk/readers/encoding.h"
#include "tests/connectors/readers/memory.h"

namespace partnermetrics::sdk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Read {
  std::vector<std::string> items;  // "!problem" for those with one
  std::vector<uint64_t> lines;
  Status status;
  bool has_more = false;
};

Read ReadAll(const std::string& content, size_t piece = 1 << 20, const JsonOptions& options = {}) {
  Read read;
  JsonReader json(std::make_unique<DecodingStream>(Stream(content, piece)), options);
  JsonItem item;
  while (true) {
    Result<bool> more = json.Next(&item);
    read.status = more.status();
    read.has_more = json.has_more();
    if (!more.ok() || !*more) return read;
    read.items.push_back(item.problem != nullptr ? std::string("!") + item.problem : std::string(item.text));
    read.lines.push_back(item.line);
  }
}

TEST(Json, EveryFormGivesTheSameObjects) {
  const char* forms[] = {
      "{\"a\":1}\n{\"b\":\"}\"}\n",
      "{\"a\":1}\r\n\r\n{\"b\":\"}\"}",
      "[{\"a\":1}, {\"b\":\"}\"}]",
      "{\"object\":\"list\",\"data\":[{\"a\":1},{\"b\":\"}\"}],\"has_more\":false}",
      "{\"data\" : [\n{\"a\":1},\n{\"b\":\"}\"}\n], \"object\":\"list\", \"url\":\"/v1\"}\n",
      "{\"records\":[{\"a\":1}]}{\"records\":[{\"b\":\"}\"}]}",
      "\xEF\xBB\xBF[{\"a\":1},{\"b\":\"}\"}]\n",
  };
  for (const char* form : forms) {
    for (size_t piece : std::initializer_list<size_t>{1, 3, 1000}) {
      Read read = ReadAll(form, piece);
      EXPECT_TRUE(read.status.ok()) << form << read.status.message();
      EXPECT_THAT(read.items, ElementsAre("{\"a\":1}", "{\"b\":\"}\"}")) << form;
    }
  }
}

TEST(Json, NestedListsBelongToTheirObject) {
  std::string object = R"({"id":"in_1","lines":{"object":"list","data":[{"id":"il_1"}],"has_more":true}})";
  Read read = ReadAll(object + "\n");
  EXPECT_THAT(read.items, ElementsAre(object));
  EXPECT_FALSE(read.has_more);
  EXPECT_TRUE(ReadAll("{\"object\":\"list\",\"has_more\": true,\"data\":[]}").has_more);
  EXPECT_TRUE(ReadAll("{\"data\":[{}],\"has_more\":true}").has_more);
}

TEST(Json, BrokenLinesAreLeftToTheCallerAndReadingGoesOn) {
  EXPECT_THAT(ReadAll("{\"a\":1}\n{\"b\":\n{\"c\":3}\n").items, ElementsAre("{\"a\":1}", "{\"b\":", "{\"c\":3}"));
  EXPECT_THAT(ReadAll("{\"a\":\n{\"b\":2}\n").items, ElementsAre("{\"a\":", "{\"b\":2}"));
}

TEST(Json, LostStructureIsAnErrorWithItsLine) {
  for (const char* text : {"[\n{\"a\":1},\n{\"b\":", "[\n{\"a\":1},\n", "{\"data\":[\n{\"a\":1}\n]"}) {
    Read read = ReadAll(text);
    EXPECT_FALSE(read.status.ok()) << text;
    EXPECT_THAT(read.status.where(), HasSubstr("line 3")) << text;
  }
  EXPECT_FALSE(ReadAll("[1, 2]").status.ok());
  EXPECT_FALSE(ReadAll("id,amount\n1,2\n").status.ok());
  EXPECT_TRUE(ReadAll("").status.ok());
  EXPECT_TRUE(ReadAll("[]").items.empty());
}

TEST(Json, LongObjectsAreSkippedInConstantMemory) {
  JsonOptions options;
  options.max_object_bytes = 1000;
  std::string big = "{\"x\":\"" + std::string(700'000, 'x') + "\"}";
  EXPECT_THAT(ReadAll("[{\"a\":1}," + big + ",{\"b\":2}]", 1000, options).items,
              ElementsAre("{\"a\":1}", "!object_too_long", "{\"b\":2}"));
  EXPECT_THAT(ReadAll("{\"a\":1}\n" + big + "\n{\"b\":2}\n", 1000, options).items,
              ElementsAre("{\"a\":1}", "!object_too_long", "{\"b\":2}"));
  JsonReader endless(std::make_unique<EndlessStream>("{\"a\":", 100 << 20));
  JsonItem item;
  ASSERT_TRUE(endless.Next(&item).ok());
  EXPECT_STREQ(item.problem, "object_too_long");
}

}  // namespace
}  // namespace partnermetrics::sdk
