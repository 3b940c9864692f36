#include "server/facts/fact_row.h"

#include <gtest/gtest.h>

#include "google/protobuf/text_format.h"
#include "partnermetrics/v1/event.pb.h"

namespace partnermetrics {
namespace {

const FactSchema& Deal() {
  return *FactSchemas::Get().Find("deal");
}

std::string DealBytes(const std::string& text) {
  v1::Deal deal;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &deal)) << text;
  return deal.SerializeAsString();
}

// The field and reason at fault; "ok" when there is none.
std::string Decoded(const std::string& bytes) {
  FactRow row(Deal());
  FieldError error;
  return row.Decode(bytes, "USD", &error) ? "ok" : error.field + " " + error.reason;
}

const Value& Field(const FactRow& row, const char* name) {
  return row[row.schema().Find(name)->slot];
}

TEST(FactSchemas, KnowsEveryKindOfTheEnvelope) {
  const auto* oneof = v1::Event::descriptor()->FindOneofByName("fact");
  EXPECT_EQ(FactSchemas::Get().all().size(), static_cast<size_t>(oneof->field_count()));
  for (const FactSchema* schema : FactSchemas::Get().all()) {
    EXPECT_FALSE(schema->name().empty()) << schema->descriptor()->name() << " has no fact option";
    EXPECT_EQ(FactSchemas::Get().Find(schema->name()), schema);
    EXPECT_EQ(schema->root().empty(), schema->root_schema() == nullptr) << schema->name();
    if (schema->root_schema() != nullptr) {
      EXPECT_GE(schema->root_slot(), 0) << schema->name();
    }
    EXPECT_EQ(oneof->containing_type()->FindFieldByNumber(schema->kind())->name(), schema->name());
  }
}

TEST(FactSchemas, EveryKindWithMoneySaysWhichDayConvertsIt) {
  for (const FactSchema* schema : FactSchemas::Get().all()) {
    for (const FieldSchema& field : schema->fields()) {
      EXPECT_FALSE(field.type == ValueType::kMoney && schema->money_date_slots().empty()) << schema->name();
    }
    for (const int slot : schema->money_date_slots()) {
      const ValueType type = schema->fields()[static_cast<size_t>(slot)].type;
      EXPECT_TRUE(type == ValueType::kDate || type == ValueType::kInstant) << schema->name();
    }
  }
}

std::string DecodedPartner(const std::string& text) {
  v1::Partner partner;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &partner)) << text;
  const std::string bytes = partner.SerializeAsString();
  FactRow row(*FactSchemas::Get().Find("partner"));
  FieldError error;
  if (!row.Decode(bytes, "USD", &error)) return error.field + " " + error.reason;
  std::string days;
  for (const Partnership& time : row.partnerships()) {
    days += DayText(static_cast<Day>(time.signed_on.integer)) + "..";
    if (!time.terminated_on.is_null()) days += DayText(static_cast<Day>(time.terminated_on.integer));
    days += " ";
  }
  return days;
}

std::string On(const std::string& field, int year, int month) {
  return field + " { year: " + std::to_string(year) + " month: " + std::to_string(month) + " day: 1 } ";
}
std::string Earlier(int from_year, int until_year) {
  return "earlier_partnerships { " + On("signed_on", from_year, 1) + On("terminated_on", until_year, 1) + "} ";
}

TEST(FactRow, HasTheTimesOfAPartnerThatSignedAgain) {
  EXPECT_EQ(DecodedPartner(On("signed_on", 2024, 6)), "");
  EXPECT_EQ(DecodedPartner(Earlier(2018, 2019) + Earlier(2019, 2021) + On("signed_on", 2024, 6)),
            "2018-01-01..2019-01-01 2019-01-01..2021-01-01 2024-06-01.. ");
  // The last one may be known from another source.
  EXPECT_EQ(DecodedPartner(Earlier(2018, 2019) + Earlier(2020, 2022) + Earlier(2023, 2025) + On("signed_on", 2021, 6)),
            "2018-01-01..2019-01-01 2020-01-01..2021-06-01 2021-06-01.. ");
  EXPECT_EQ(DecodedPartner(Earlier(2023, 2025) + On("signed_on", 2021, 6)), "");
}

TEST(FactRow, RefusesTimesOfAPartnerThatMakeNoSense) {
  EXPECT_EQ(DecodedPartner(Earlier(2019, 2021) + Earlier(2020, 2022)), "earlier_partnerships OUT_OF_ORDER");
  EXPECT_EQ(DecodedPartner(Earlier(2020, 2021) + Earlier(2018, 2019)), "earlier_partnerships OUT_OF_ORDER");
  EXPECT_EQ(DecodedPartner(Earlier(2021, 2021)), "earlier_partnerships OUT_OF_ORDER");
  EXPECT_EQ(DecodedPartner("earlier_partnerships { " + On("signed_on", 2020, 1) + "}"),
            "earlier_partnerships REQUIRED");
  EXPECT_EQ(DecodedPartner("earlier_partnerships { " + On("signed_on", 2020, 14) + On("terminated_on", 2021, 1) + "}"),
            "earlier_partnerships BAD_DATE");
}

TEST(FactRow, OfProgrammeWideKindsItTellsWhetherAPartnerIsNamed) {
  FactRow row(*FactSchemas::Get().Find("certification_requirement"));
  FieldError error;
  v1::CertificationRequirement requirement;
  requirement.set_track("sales");
  ASSERT_TRUE(row.Decode(requirement.SerializeAsString(), "USD", &error));
  EXPECT_EQ(Field(row, "names_partner").integer, 0);
  requirement.add_partner_refs()->set_domain("apex.example");
  ASSERT_TRUE(row.Decode(requirement.SerializeAsString(), "USD", &error));
  EXPECT_EQ(Field(row, "names_partner").integer, 1);
  EXPECT_EQ(FactSchemas::Get().Find("deal")->Find("names_partner"), nullptr);
  EXPECT_EQ(FactSchemas::Get().Find("fx_rate")->Find("names_partner"), nullptr);
}

TEST(FactRow, ReadsEveryType) {
  const std::string bytes = DealBytes(
      "amount { currency_code: 'USD' units: 1500 nanos: 250000000 } outcome: DEAL_OUTCOME_WON stage: 'Closed Won'"
      " created_at { seconds: 1700000000 nanos: 5000 } closed_on { year: 2024 month: 2 day: 29 }"
      " probability { nanos: 350000000 }");
  FactRow row(Deal());
  FieldError error;
  ASSERT_TRUE(row.Decode(bytes, "USD", &error)) << error.description;
  EXPECT_EQ(Field(row, "amount").decimal, Nanos(1'500'250'000'000));
  EXPECT_EQ(Field(row, "amount").type, ValueType::kMoney);
  EXPECT_EQ(Field(row, "outcome").integer, v1::DEAL_OUTCOME_WON);
  EXPECT_EQ(Field(row, "stage").text, "Closed Won");
  EXPECT_EQ(Field(row, "created_at").integer, 1'700'000'000'000'005);
  EXPECT_EQ(DayText(static_cast<Day>(Field(row, "closed_on").integer)), "2024-02-29");
  EXPECT_EQ(Field(row, "probability").decimal, Nanos(350'000'000));
  EXPECT_TRUE(Field(row, "acv").is_null());
  EXPECT_FALSE(row.parked());
}

TEST(FactRow, ABlankAmountIsUnknownAndZeroIsZero) {
  FactRow row(Deal());
  FieldError error;
  ASSERT_TRUE(row.Decode(DealBytes("stage: 'x'"), "USD", &error));
  EXPECT_TRUE(Field(row, "amount").is_null());
  ASSERT_TRUE(row.Decode(DealBytes("amount {}"), "USD", &error));
  EXPECT_EQ(Field(row, "amount").type, ValueType::kMoney);
  EXPECT_EQ(Field(row, "amount").decimal, Nanos(0));
}

TEST(FactRow, MoneyWithoutCurrencyIsTheProgrammesAndAnotherOneWaits) {
  FactRow row(Deal());
  FieldError error;
  ASSERT_TRUE(row.Decode(DealBytes("amount { units: 5 }"), "EUR", &error));
  EXPECT_EQ(Field(row, "amount").decimal, Nanos(5) * kNanosPerUnit);
  ASSERT_TRUE(row.Decode(DealBytes("amount { currency_code: 'USD' units: 5 }"), "EUR", &error));
  EXPECT_TRUE(Field(row, "amount").is_null());
  EXPECT_TRUE(row.parked());
}

TEST(FactRow, MoneyThatIsConvertedWaitsNoLonger) {
  FactRow row(Deal());
  FieldError error;
  const std::string bytes =
      DealBytes("amount { currency_code: 'USD' units: 5 } acv { currency_code: 'GBP' units: 7 } tcv { units: 9 }");
  ASSERT_TRUE(row.Decode(bytes, "EUR", &error));
  ASSERT_EQ(row.waiting_money().size(), 2u);
  row.Convert([](const ForeignMoney& money) -> std::optional<Nanos> {
    if (money.currency != "USD") return std::nullopt;
    return money.amount * 2;
  });
  EXPECT_EQ(Field(row, "amount").decimal, Nanos(10) * kNanosPerUnit);
  EXPECT_EQ(Field(row, "tcv").decimal, Nanos(9) * kNanosPerUnit);
  EXPECT_TRUE(Field(row, "acv").is_null());
  ASSERT_EQ(row.waiting_money().size(), 1u);
  EXPECT_EQ(row.waiting_money()[0].currency, "GBP");
  EXPECT_TRUE(row.parked());
}

TEST(FactRow, RefusesDatesThatDoNotExist) {
  EXPECT_EQ(Decoded(DealBytes("closed_on { year: 2023 month: 2 day: 29 }")), "closed_on BAD_DATE");
  EXPECT_EQ(Decoded(DealBytes("closed_on { year: 2023 month: 13 day: 1 }")), "closed_on BAD_DATE");
  EXPECT_EQ(Decoded(DealBytes("closed_on {}")), "closed_on BAD_DATE");
  EXPECT_EQ(Decoded(DealBytes("created_at { seconds: 9000000000000000 }")), "created_at BAD_INSTANT");
  EXPECT_EQ(Decoded(DealBytes("created_at { nanos: -1 }")), "created_at BAD_INSTANT");
}

TEST(FactRow, RefusesAmountsOutOfRange) {
  EXPECT_EQ(Decoded(DealBytes("amount { units: 1000000000000001 }")), "amount.units OUT_OF_RANGE");
  EXPECT_EQ(Decoded(DealBytes("amount { units: 1000000000000000 }")), "ok");
  EXPECT_EQ(Decoded(DealBytes("amount { nanos: 1000000000 }")), "amount.nanos OUT_OF_RANGE");
  EXPECT_EQ(Decoded(DealBytes("amount { units: 1 nanos: -1 }")), "amount.nanos BAD_SIGN");
  EXPECT_EQ(Decoded(DealBytes("amount { currency_code: 'usd' }")), "amount.currency_code UNKNOWN_CURRENCY");
  EXPECT_EQ(Decoded(DealBytes("amount { currency_code: 'XXQ' }")), "amount.currency_code UNKNOWN_CURRENCY");
}

TEST(FactRow, RefusesFieldsThatItDoesNotKnow) {
  EXPECT_EQ(Decoded(DealBytes("stage: 'x'") + std::string("\xc0\x3e\x01", 3)), "deal.1000 UNKNOWN_FIELD");
}

TEST(FactRow, RefusesEveryTruncation) {
  const std::string bytes = DealBytes("amount { units: 5 } closed_on { year: 2024 month: 2 day: 29 }");
  for (size_t cut = 1; cut < bytes.size(); ++cut) {
    FactRow row(Deal());
    FieldError error;
    // A cut between two fields leaves a valid, shorter message; anywhere else it is refused.
    const bool ok = row.Decode(absl::string_view(bytes).substr(0, cut), "USD", &error);
    v1::Deal deal;
    EXPECT_EQ(ok, deal.ParseFromString(bytes.substr(0, cut))) << cut;
  }
}

}  // namespace
}  // namespace partnermetrics
