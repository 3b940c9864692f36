#include "clients/cli/request_builder.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "partnermetrics/v1/partner_service.pb.h"
#include "tests/clients/cli/table_of.h"
#include "toy/v1/toy_service.pb.h"

namespace partnermetrics::cli {
namespace {

using Given = std::vector<std::pair<std::string, std::vector<std::string>>>;

absl::Status Apply(const Command& command, const Given& given, google::protobuf::Message* request) {
  std::vector<FlagValue> flags;
  for (const auto& [name, values] : given) {
    const Flag* flag = FindFlag(command, name);
    if (flag == nullptr) return absl::NotFoundError("no flag " + name);
    flags.push_back({flag, values});
  }
  return ApplyFlags(flags, {absl::CivilDay(2026, 3, 31), absl::UnixEpoch()}, request);
}

// The request that flags make, or the error's text, compactly.
std::string Play(const Given& given, toy::v1::PlayRequest request = {}) {
  const absl::Status status = Apply(CommandOf(ToyCommands(), "toy play-once"), given, &request);
  return status.ok() ? request.ShortDebugString() : std::string(status.message());
}

TEST(RequestBuilderTest, Scalars) {
  EXPECT_EQ(Play({{"toy", {"a b"}}, {"loud", {"true"}}, {"choice", {"false"}}}),
            "toy: \"a b\" loud: true choice: false");
  EXPECT_EQ(Play({{"count", {"-5"}}, {"big", {"18446744073709551615"}}, {"ratio", {"0.25"}}}),
            "count: -5 big: 18446744073709551615 ratio: 0.25");
}

TEST(RequestBuilderTest, EnumsTakeShortAndFullNames) {
  EXPECT_EQ(Play({{"paint", {"dark_blue"}}}), "paint: TOY_COLOR_DARK_BLUE");
  EXPECT_EQ(Play({{"paint", {"Dark-Blue"}}}), "paint: TOY_COLOR_DARK_BLUE");
  EXPECT_EQ(Play({{"paint", {"TOY_COLOR_RED"}}}), "paint: TOY_COLOR_RED");
  EXPECT_EQ(Play({{"paints", {"red", "dark_blue"}}}), "paints: TOY_COLOR_RED paints: TOY_COLOR_DARK_BLUE");
}

TEST(RequestBuilderTest, RepeatedFieldsAndMaps) {
  EXPECT_EQ(Play({{"names", {"a", "b,c"}}}), "names: \"a\" names: \"b,c\"");
  EXPECT_EQ(Play({{"labels", {"k=v=w"}}}), "labels { key: \"k\" value: \"v=w\" }");
  EXPECT_EQ(Play({{"limits", {"k=5"}}}), "limits { key: \"k\" value: 5 }");
  EXPECT_EQ(Play({{"scopes", {"business", "partner:x"}}}),
            "scopes { kind: SCOPE_KIND_BUSINESS } scopes { kind: SCOPE_KIND_PARTNER partner_id: \"x\" }");
}

TEST(RequestBuilderTest, ValuesOfOneText) {
  EXPECT_EQ(Play({{"play-on", {"today-30d"}}}), "play_on { year: 2026 month: 3 day: 1 }");
  EXPECT_EQ(Play({{"price", {"125.50 USD"}}}), "price { currency_code: \"USD\" units: 125 nanos: 500000000 }");
  EXPECT_EQ(Play({{"who", {"domain:example.com"}}}), "who { domain: \"example.com\" }");
  EXPECT_EQ(Play({{"length", {"90s"}}}), "length { seconds: 90 }");
}

TEST(RequestBuilderTest, NestedFieldsGoTwoLevelsDeep) {
  EXPECT_EQ(Play({{"spare-name", {"wheel"}}}), "spare { name: \"wheel\" }");
  const Command& command = CommandOf(ToyCommands(), "toy play-once");
  EXPECT_EQ(FindFlag(command, "spare-core-weight"), nullptr);  // Three levels: --json only.
  EXPECT_EQ(FindFlag(command, "parts"), nullptr);              // Repeated messages: --json only.

  v1::CreatePartnerRequest request;
  ASSERT_TRUE(Apply(CommandOf(Commands(), "partner create"),
                    {{"partner-id", {"acme"}},
                     {"partner-name", {"Acme"}},
                     {"partner-type", {"reseller"}},
                     {"partner-signed-on", {"2023-01-15"}},
                     {"partner-domains", {"acme.com", "acme.de"}}},
                    &request)
                  .ok());
  EXPECT_EQ(request.ShortDebugString(),
            "partner_id: \"acme\" partner { name: \"Acme\" type: PARTNER_TYPE_RESELLER domains: \"acme.com\" domains: "
            "\"acme.de\" signed_on { year: 2023 month: 1 day: 15 } }");
}

TEST(RequestBuilderTest, BadValuesNameFlagValueAndForm) {
  EXPECT_EQ(Play({{"paint", {"green"}}}), "--paint: \"green\" is not known; it is one of red, dark_blue");
  EXPECT_EQ(Play({{"play-on", {"31.3."}}}),
            "--play-on: \"31.3.\" is not a date; write 2026-03-31, today, or counted from today: today-30d, today-2w, "
            "today-3m, today+1y");
  EXPECT_EQ(Play({{"count", {"3000000000"}}}),
            "--count: \"3000000000\" is not a whole number from -2147483648 to 2147483647");
  EXPECT_EQ(Play({{"big", {"-1"}}}), "--big: \"-1\" is not a whole number from 0 to 18446744073709551615");
  EXPECT_EQ(Play({{"ratio", {"25%"}}}), "--ratio: \"25%\" is not a number, such as 0.25");
  EXPECT_EQ(Play({{"labels", {"k"}}}), "--labels: \"k\" has no '='; write KEY=VALUE");
  EXPECT_EQ(Play({{"price", {"$5"}}}),
            "--price: \"$5\" is not an amount of money; write 125.50 USD; without a code, in the programme's currency: "
            "125.50");
}

TEST(RequestBuilderTest, MembersOfAOneofExcludeEachOther) {
  const std::string both = "exclude each other; give one of them (company)";
  EXPECT_EQ(Play({{"friend", {"a"}}, {"stranger", {"b"}}}), "--stranger and --friend " + both);
  EXPECT_EQ(Play({{"part-name", {"a"}}, {"friend", {"b"}}}), "--friend and --part-name " + both);
  EXPECT_EQ(Play({{"friend", {"a"}}}), "friend: \"a\"");
}

TEST(RequestBuilderTest, FlagsGoOverJson) {
  toy::v1::PlayRequest request;
  ASSERT_TRUE(ParseJsonRequest(R"({"toy": "json", "names": ["x", "y"], "count": 7, "friend": "f"})", &request).ok());
  EXPECT_EQ(Play({{"toy", {"flag"}}, {"names", {"z"}}, {"stranger", {"s"}}}, request),
            "toy: \"flag\" count: 7 names: \"z\" stranger: \"s\"");
}

TEST(RequestBuilderTest, BadJsonSaysWhatItShouldBe) {
  toy::v1::PlayRequest request;
  const absl::Status status = ParseJsonRequest(R"({"toi": 1})", &request);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(status.message()).find("--json: this is not a PlayRequest in JSON: "), std::string::npos);
  EXPECT_NE(std::string(status.message()).find("toi"), std::string::npos);
}

}  // namespace
}  // namespace partnermetrics::cli
