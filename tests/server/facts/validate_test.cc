#include "server/facts/validate.h"

#include <gtest/gtest.h>

#include "google/protobuf/text_format.h"
#include "server/facts/event_view.h"

namespace partnermetrics {
namespace {

const Day kToday = ToDay(absl::CivilDay(2026, 3, 31));

std::string Envelope(const std::string& text) {
  v1::Event event;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
  const auto error = ValidateEnvelope(event);
  return error.has_value() ? error->field + " " + error->reason : "ok";
}

std::string Fact(const std::string& text) {
  v1::Event event;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString("record_id: 'x' " + text, &event)) << text;
  const std::string bytes = event.SerializeAsString();
  EventView view;
  EXPECT_TRUE(view.Parse(bytes));
  FactRow row(*view.schema);
  FieldError malformed;
  EXPECT_TRUE(row.Decode(view.fact, "USD", &malformed)) << malformed.description;
  const auto error = ValidateFact(row, kToday);
  return error.has_value() ? error->field + " " + error->reason : "ok";
}

TEST(ValidateEnvelope, NamesWhatIsMissing) {
  EXPECT_EQ(Envelope("source: 's' record_id: 'r' deal {}"), "ok");
  EXPECT_EQ(Envelope("source: 's' record_id: 'r'"), "fact REQUIRED");
  EXPECT_EQ(Envelope("source: 's' deal {}"), "record_id REQUIRED");
  EXPECT_EQ(Envelope("record_id: 'r' deal {}"), "source REQUIRED");
  EXPECT_EQ(Envelope("source: 's' record_id: 'r' revision: -1 deal {}"), "revision OUT_OF_RANGE");
  EXPECT_EQ(Envelope("source: 's' record_id: '" + std::string(201, 'r') + "' deal {}"), "record_id TOO_LONG");
}

TEST(ValidateFact, DatesReachFrom1990To15YearsAhead) {
  EXPECT_EQ(Fact("deal { closed_on { year: 1990 month: 1 day: 1 } }"), "ok");
  EXPECT_EQ(Fact("deal { closed_on { year: 1989 month: 12 day: 31 } }"), "closed_on OUT_OF_RANGE");
  EXPECT_EQ(Fact("deal { closed_on { year: 2041 month: 3 day: 31 } }"), "ok");
  EXPECT_EQ(Fact("deal { closed_on { year: 2041 month: 4 day: 1 } }"), "closed_on OUT_OF_RANGE");
  EXPECT_EQ(Fact("deal { created_at { seconds: 1 } }"), "created_at OUT_OF_RANGE");
}

TEST(ValidateFact, RequiredFieldsAndUnknownEnumValues) {
  EXPECT_EQ(Fact("cost { amount { units: 1 } }"), "incurred_on REQUIRED");
  EXPECT_EQ(Fact("deal { outcome: 99 }"), "outcome UNKNOWN_VALUE");
}

TEST(ValidateFact, RatesConvertOneCurrencyIntoAnother) {
  const auto rate = [](const std::string& from, const std::string& to, const std::string& value) {
    return Fact("fx_rate { from_currency: '" + from + "' to_currency: '" + to + "' rate { " + value +
                " } effective_on { year: 2026 month: 1 day: 1 } }");
  };
  EXPECT_EQ(rate("EUR", "USD", "nanos: 1"), "ok");
  EXPECT_EQ(rate("EUR", "USD", ""), "rate OUT_OF_RANGE");
  EXPECT_EQ(rate("EUR", "USD", "units: -1"), "rate OUT_OF_RANGE");
  EXPECT_EQ(rate("EURO", "USD", "units: 1"), "from_currency UNKNOWN_CURRENCY");
  EXPECT_EQ(rate("EUR", "usd", "units: 1"), "to_currency UNKNOWN_CURRENCY");
}

TEST(ValidateFact, MoneyThatWaitsForARateIsThere) {
  EXPECT_EQ(Fact("cost { incurred_on { year: 2026 month: 1 day: 1 } amount { currency_code: 'EUR' units: 1 } }"), "ok");
}

}  // namespace
}  // namespace partnermetrics
