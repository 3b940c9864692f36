#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/sdk/readers/columns.h"
#include "connectors/sdk/readers/ids.h"
#include "connectors/sdk/readers/numbers.h"
#include "connectors/sdk/readers/text.h"
#include "connectors/sdk/readers/times.h"

namespace partnermetrics::sdk {
namespace {

using ::testing::ElementsAre;

Decimal Value(int64_t units, int32_t nanos = 0) {
  return {units, nanos};
}

TEST(Columns, AStreamIsNamedAlikeInEveryExport) {
  EXPECT_EQ(StreamName("logins-2026-03.csv"), "logins-#-#.csv");
  EXPECT_EQ(StreamName("logins-2027-11.csv"), "logins-#-#.csv");
  EXPECT_EQ(StreamName("payments (12).csv"), "payments (#).csv");
  EXPECT_EQ(StreamName("answers.csv"), "answers.csv");
  EXPECT_EQ(StreamName("20260301"), "#");
}

TEST(Columns, NamedOnesAreTold) {
  const CsvHeader header({"Id", "", "Notes"});
  const NameLists no_map;
  ColumnBinder bind(header, "", no_map);
  bind.Required("id", {"Id"});
  const std::vector<Column> columns = bind.Columns();
  ASSERT_EQ(columns.size(), 2U);
  EXPECT_EQ(columns[0].name, "Id");
  EXPECT_TRUE(columns[0].read);
  EXPECT_EQ(columns[1].name, "Notes");
  EXPECT_FALSE(columns[1].read);
}

TEST(Numbers, DecimalsAreExact) {
  EXPECT_EQ(ParseDecimal("9225.225"), Value(9225, 225'000'000));
  EXPECT_EQ(ParseDecimal("3.00E+07"), Value(30'000'000));
  EXPECT_EQ(ParseDecimal("-0.000000001"), Value(0, -1));
  EXPECT_EQ(ParseDecimal("+5."), Value(5));
  EXPECT_EQ(ParseDecimal(".5"), Value(0, 500'000'000));
  EXPECT_EQ(ParseDecimal("1e-9"), Value(0, 1));
  EXPECT_EQ(ParseDecimal("0.1234567885"), Value(0, 123'456'788));  // half to even
  EXPECT_EQ(ParseDecimal("0.1234567895"), Value(0, 123'456'790));
  EXPECT_EQ(ParseDecimal("0.12345678850000000000000000001"), Value(0, 123'456'789));
  EXPECT_EQ(ParseDecimal("1000000000000000"), Value(kMaxDecimalUnits));
  for (const char* text : {"", "-", ".", "1,5", "1.2.3", "12 EUR", "1e", "1e999", "0x10", "NaN", "inf",
                           "10000000000000000", "99999999999999999999999999999999"}) {
    EXPECT_EQ(ParseDecimal(text), std::nullopt) << text;
  }
}

TEST(Numbers, GroupsOnlyWhenConfigured) {
  EXPECT_EQ(ParseDecimal("1,234.5", NumberStyle::kCommaGrouped), Value(1234, 500'000'000));
  EXPECT_EQ(ParseDecimal("-1.234.567,89", NumberStyle::kDotGrouped), Value(-1'234'567, -890'000'000));
  EXPECT_EQ(ParseDecimal("1234,5", NumberStyle::kDotGrouped), Value(1234, 500'000'000));
  EXPECT_EQ(ParseDecimal("1234.5", NumberStyle::kDotGrouped), std::nullopt);
  EXPECT_EQ(ParseDecimal("1,23,456", NumberStyle::kCommaGrouped), std::nullopt);
  EXPECT_EQ(ParseDecimal(",123", NumberStyle::kCommaGrouped), std::nullopt);
  EXPECT_EQ(ParseDecimal("1,234"), std::nullopt);
}

TEST(Numbers, MinorUnitsByCurrency) {
  EXPECT_EQ(FromMinorUnits(1999, BillingMinorDigits("usd")), Value(19, 990'000'000));
  EXPECT_EQ(FromMinorUnits(1999, BillingMinorDigits("JPY")), Value(1999));
  EXPECT_EQ(FromMinorUnits(-1999, BillingMinorDigits("KWD")), Value(-1, -999'000'000));
  EXPECT_EQ(BillingMinorDigits("ISK"), 2);
  EXPECT_EQ(BillingMinorDigits("ugx"), 2);
  EXPECT_EQ(BillingMinorDigits("usx"), -1);
  EXPECT_EQ(CurrencyCode(" eur "), "EUR");
  EXPECT_EQ(CurrencyCode("EU"), "");
  EXPECT_EQ(CurrencyCode("D A"), "");
  EXPECT_EQ(FromMinorUnits(1, -1), std::nullopt);
}

TEST(Numbers, BooleansOfAllDialects) {
  for (const char* text : {"true", "TRUE", "True", "1", "yes"}) EXPECT_EQ(ParseBool(text), true) << text;
  for (const char* text : {"false", "FALSE", "False", "0", "no"}) EXPECT_EQ(ParseBool(text), false) << text;
  for (const char* text : {"", "2", "maybe"}) EXPECT_EQ(ParseBool(text), std::nullopt) << text;
  EXPECT_EQ(ParseInteger("12.0"), 12);
  EXPECT_EQ(ParseInteger("12.5"), std::nullopt);
}

TEST(Ids, FifteenBecomeEighteen) {
  EXPECT_EQ(SalesforceId("001Ec00000FzlUd"), "001Ec00000FzlUdIAJ");
  EXPECT_EQ(SalesforceId("001Ec00000FzlUdIAJ"), "001Ec00000FzlUdIAJ");
  EXPECT_EQ(SalesforceId("001ec00000fzludIAJ"), std::nullopt);  // a spreadsheet lost the case
  for (const char* null : {"", " ", "#N/A", "000000000000000AAA", "000000000000000"}) EXPECT_EQ(SalesforceId(null), "");
  for (const char* text : {"001", "001Ec00000FzlU-", "001Ec00000FzlUdIA"}) {
    EXPECT_EQ(SalesforceId(text), std::nullopt) << text;
  }
  EXPECT_TRUE(IsSalesforceId("001Ec00000FzlUd", "001"));
}

int64_t Seconds(const char* text, DateOrder order = DateOrder::kUnknown, const char* zone = "UTC") {
  std::optional<ParsedTime> time = ParseTime(text, order);
  return time ? TimeZone::Load(zone)->ToInstant(*time).seconds : -1;
}

TEST(Times, AllDialectsNameTheSameInstant) {
  constexpr int64_t kInstant = 1'770'285'600;  // 2026-02-05T10:00:00Z
  for (const char* text :
       {"2026-02-05 10:00:00", "2026-02-05T10:00:00.000Z", "2026-02-05T10:00:00.000+0000", "2026-02-05T11:00:00+01:00",
        "2026-02-05 05:00:00-0500", "2026/02/05 10:00", "05.02.2026 10:00", "2026-02-05 10:00:00 UTC"}) {
    EXPECT_EQ(Seconds(text), kInstant) << text;
  }
  EXPECT_EQ(Seconds("2/5/26 10:00 AM", DateOrder::kMonthFirst), kInstant);
  EXPECT_EQ(Seconds("05-02-2026 10:00", DateOrder::kDayFirst), kInstant);
  EXPECT_EQ(Seconds("02/05/2026T10:00:00+0000", DateOrder::kMonthFirst), kInstant);
  EXPECT_EQ(Seconds("02/05/26 12:00 AM", DateOrder::kMonthFirst), kInstant - 10 * 3600);
  EXPECT_EQ(ParseTime("2026-02-05 10:00:00.402")->nanos, 402'000'000);
}

TEST(Times, GuessesNothing) {
  for (const char* text : {"02/05/2026", "2026-02-30", "2026-13-01", "26-02-05", "2026-02-05 25:00", "2026-02-05 10:0",
                           "soon", "2026-02-05 10:00:00 CET", "", "2026-02-05x", "13:00"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
  EXPECT_EQ(ParseDate("2023-05-11 00:00:00"), (CivilDate{2023, 5, 11}));
  EXPECT_EQ(ParseDate("2010-10-14T12:00:00.000Z"), (CivilDate{2010, 10, 14}));
  EXPECT_EQ(ParseDate("29.02.2024"), (CivilDate{2024, 2, 29}));
}

TEST(Times, ZonesWithSummerTime) {
  EXPECT_EQ(Seconds("2026-01-01 10:00:00", DateOrder::kUnknown, "America/Denver"), 1'767'286'800);
  EXPECT_EQ(Seconds("2026-07-01 10:00:00", DateOrder::kUnknown, "America/Denver"), 1'782'921'600);
  // 02:30 does not exist on 2026-03-29 in Berlin, and exists twice on 2026-10-25: the offset before the change counts.
  EXPECT_EQ(Seconds("2026-03-29 02:30:00", DateOrder::kUnknown, "Europe/Berlin"), 1'774'747'800);
  EXPECT_EQ(Seconds("2026-10-25 02:30:00", DateOrder::kUnknown, "Europe/Berlin"), 1'792'888'200);
  EXPECT_FALSE(TimeZone::Load("Mars/Olympus"));
  EXPECT_EQ(UtcDate({-1, 0}), (CivilDate{1969, 12, 31}));
}

TEST(Times, EpochSecondsAndMilliseconds) {
  EXPECT_EQ(ParseEpoch("1717598562"), (Instant{1'717'598'562, 0}));
  EXPECT_EQ(ParseEpoch("1717598562.0"), (Instant{1'717'598'562, 0}));
  EXPECT_EQ(ParseEpoch("1546659665123"), (Instant{1'546'659'665, 123'000'000}));
  EXPECT_EQ(ParseEpoch("0"), std::nullopt);
  EXPECT_EQ(ParseEpoch("yesterday"), std::nullopt);
}

TEST(Text, MailAndWebDomains) {
  EXPECT_EQ(WebDomain("https://www.Example.com:8080/path?x"), "example.com");
  EXPECT_EQ(WebDomain("www.WalkerHenson.com"), "walkerhenson.com");
  EXPECT_EQ(WebDomain("n/a"), "");
  EXPECT_EQ(EmailDomain(" Jo@Example.com "), "example.com");
  for (const char* text : {"jo", "@x.com", "a@b@c.com", "Jo <jo@x.com>", "jo@localhost"}) {
    EXPECT_EQ(NormalizeEmail(text), "") << text;
  }
  EXPECT_TRUE(IsFreeMailDomain("Gmail.com"));
  EXPECT_FALSE(IsFreeMailDomain("example.com"));
  EXPECT_THAT(SplitList(" a, b ,,c"), ElementsAre("a", "b", "c"));
  EXPECT_EQ(Shorten("Müller", 2), "M");
}

}  // namespace
}  // namespace partnermetrics::sdk
