#include "clients/cli/value_text.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <gtest/gtest.h>

#include <string>

#include "partnermetrics/v1/common.pb.h"

namespace partnermetrics::cli {
namespace {

CallTime TestTime() {
  absl::Time now;
  std::string error;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full, "2026-03-31T10:00:00Z", &now, &error)) << error;
  return {absl::CivilDay(2026, 3, 31), now};
}

// What the text is read as, written again; or the error.
template <typename Message>
std::string Read(const std::string& text) {
  Message message;
  const absl::Status status = ParseMessageText(text, TestTime(), &message);
  return status.ok() ? FormatMessageText(message) : "error: " + std::string(status.message());
}

TEST(ValueTextTest, DatesAreAbsoluteOrCountedFromToday) {
  EXPECT_EQ(Read<v1::Date>("2024-02-29"), "2024-02-29");
  EXPECT_EQ(Read<v1::Date>("today"), "2026-03-31");
  EXPECT_EQ(Read<v1::Date>("today-30d"), "2026-03-01");
  EXPECT_EQ(Read<v1::Date>("today-2w"), "2026-03-17");
  EXPECT_EQ(Read<v1::Date>("today+1d"), "2026-04-01");
  EXPECT_EQ(Read<v1::Date>("today-1y"), "2025-03-31");
}

TEST(ValueTextTest, MonthsEndWithTheirLastDay) {
  EXPECT_EQ(Read<v1::Date>("today-1m"), "2026-02-28");
  EXPECT_EQ(Read<v1::Date>("today+1m"), "2026-04-30");
  EXPECT_EQ(Read<v1::Date>("today-25m"), "2024-02-29");
}

TEST(ValueTextTest, RefusesOtherDates) {
  for (const char* text :
       {"", "31.03.2026", "2026-3-31", "26-03-31", "tomorrow", "today-", "today-d", "today-5", "today5d", "today-5h",
        "today--5d", "2026-03-31T00:00:00Z", "2026-03-31 ", "today-99999999999d"}) {
    EXPECT_EQ(Read<v1::Date>(text), "error: is not a date") << text;
  }
  for (const char* text : {"2026-02-29", "2026-13-01", "2026-00-10", "2026-04-31"}) {
    EXPECT_EQ(Read<v1::Date>(text), "error: is a day that does not exist") << text;
  }
}

TEST(ValueTextTest, Instants) {
  using google::protobuf::Timestamp;
  EXPECT_EQ(Read<Timestamp>("2026-03-31T10:00:00Z"), "2026-03-31T10:00:00Z");
  EXPECT_EQ(Read<Timestamp>("2026-03-31T12:00:00.25+02:00"), "2026-03-31T10:00:00.25Z");
  EXPECT_EQ(Read<Timestamp>("now-2h"), "2026-03-31T08:00:00Z");
  EXPECT_EQ(Read<Timestamp>("1969-12-31T23:59:59.5Z"), "1969-12-31T23:59:59.5Z");
  // A date is no instant: which one it would be depends on a time zone.
  EXPECT_EQ(Read<Timestamp>("2026-03-31"), "error: is not an instant");
  EXPECT_EQ(Read<Timestamp>("now2h"), "error: is not an instant");
}

TEST(ValueTextTest, AmountsAreExact) {
  EXPECT_EQ(Read<v1::Money>("125.50 USD"), "125.50 USD");
  EXPECT_EQ(Read<v1::Money>("125 EUR"), "125.00 EUR");
  EXPECT_EQ(Read<v1::Money>("-0.05 USD"), "-0.05 USD");
  EXPECT_EQ(Read<v1::Money>("99.123456789"), "99.123456789");
  EXPECT_EQ(Read<v1::Decimal>("0.25"), "0.25");
  EXPECT_EQ(Read<v1::Decimal>("-3"), "-3");
  v1::Money money;
  ASSERT_TRUE(ParseMessageText("-1.25 USD", TestTime(), &money).ok());
  EXPECT_EQ(money.units(), -1);
  EXPECT_EQ(money.nanos(), -250000000);
}

TEST(ValueTextTest, RefusesOtherAmounts) {
  for (const char* text : {"", "USD", "1,250.00 USD", "$5", "1.5.0 USD", "1e3", "5 USD extra", ".5", "5.", "--5"}) {
    EXPECT_EQ(Read<v1::Money>(text), "error: is not an amount of money") << text;
  }
  EXPECT_EQ(Read<v1::Money>("5 usd"), "error: has no ISO 4217 currency code behind the amount");
  EXPECT_EQ(Read<v1::Decimal>("0.1234567891"), "error: has more than 9 decimals");
  EXPECT_EQ(Read<v1::Decimal>("99999999999999999999"), "error: is not a number");
}

TEST(ValueTextTest, ScopesReferencesRangesAndDurations) {
  for (const char* text : {"business", "direct", "program", "partner:salesforce:001", "segment:tier=Gold",
                           "segment:label.size=a=b", "segment:region="}) {
    EXPECT_EQ(Read<v1::Scope>(text), text);
  }
  EXPECT_EQ(Read<v1::Scope>("partner:"), "error: names no partner");
  EXPECT_EQ(Read<v1::Scope>("tier"), "error: is not a scope");
  EXPECT_EQ(Read<v1::Scope>("segment:tier"), "error: is no segment, such as segment:tier=Gold");
  for (const char* text : {"id:acme", "external:salesforce:001:x", "email:a@example.com", "domain:example.com"}) {
    EXPECT_EQ(Read<v1::PartnerReference>(text), text);
  }
  EXPECT_EQ(Read<v1::PartnerReference>("acme"), "error: is not a reference to a partner");
  EXPECT_EQ(Read<v1::PartnerReference>("external:salesforce"), "error: is an external reference without source or id");
  EXPECT_EQ(Read<v1::DateRange>("2026-01-01..today"), "2026-01-01..2026-03-31");
  EXPECT_EQ(Read<v1::DateRange>("2026-01-01"), "error: is not a range of dates");
  EXPECT_EQ(Read<google::protobuf::Duration>("1h30m"), "1h30m");
  EXPECT_EQ(Read<google::protobuf::Duration>("soon"), "error: is not a duration");
}

}  // namespace
}  // namespace partnermetrics::cli
