// What money of other currencies is worth in the programme's, and what rates that come, change and go do to the
// numbers.
#include "server/engine/money.h"

#include <gmock/gmock.h>

#include "server/engine/rate_table.h"
#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

constexpr char kMeasures[] = R"pb(
  measures { id: "deals" fact: "deal" kind: MEASURE_KIND_FLOW at: "closed_on" }
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" }
  measures { id: "acv" fact: "deal" kind: MEASURE_KIND_FLOW sum: "acv" at: "closed_on" }
  measures { id: "credited" fact: "deal" kind: MEASURE_KIND_FLOW sum: "credited_amount" at: "closed_on" }
  measures { id: "large" fact: "deal" kind: MEASURE_KIND_FLOW at: "closed_on" where: "amount >= 110" }
  measures { id: "billed" fact: "invoice" kind: MEASURE_KIND_FLOW sum: "amount" at: "date(issued_at)" }
  measures { id: "refunded" fact: "refund" kind: MEASURE_KIND_FLOW sum: "amount" at: "date(refunded_at)" }
  measures { id: "billed_of_refunds" fact: "refund" kind: MEASURE_KIND_FLOW sum: "root.amount" at: "date(refunded_at)" }
)pb";

Nanos Units(int64_t units) {
  return Nanos(units) * kNanosPerUnit;
}

Nanos Direct(Nanos amount, Nanos rate) {
  return Converted(amount, {"EUR", rate, false}).value();
}
Nanos Inverse(Nanos amount, Nanos rate) {
  return Converted(amount, {"EUR", rate, true}).value();
}

TEST(Converted, MultipliesByADirectRateAndDividesByAnInverseOne) {
  EXPECT_EQ(Direct(Units(100), 1'079'200'000), Nanos(107'920'000'000));
  EXPECT_EQ(Inverse(Units(100), 800'000'000), Units(125));
  EXPECT_EQ(Inverse(Units(2), Units(3)), Nanos(666'666'667));
  EXPECT_EQ(Direct(-Units(100), 1'079'200'000), Nanos(-107'920'000'000));
}

TEST(Converted, RoundsHalfABillionthToTheEvenOne) {
  EXPECT_EQ(Direct(1, 500'000'000), Nanos(0));    // 0.5
  EXPECT_EQ(Direct(1, 1'500'000'000), Nanos(2));  // 1.5
  EXPECT_EQ(Direct(1, 2'500'000'000), Nanos(2));  // 2.5
  EXPECT_EQ(Direct(1, 2'500'000'001), Nanos(3));  // just more than half
  EXPECT_EQ(Direct(-1, 1'500'000'000), Nanos(-2));
  EXPECT_EQ(Direct(-1, 2'500'000'000), Nanos(-2));
  EXPECT_EQ(Inverse(1, Units(2)), Nanos(0));
  EXPECT_EQ(Inverse(3, Units(2)), Nanos(2));
  EXPECT_EQ(Inverse(5, Units(2)), Nanos(2));
  EXPECT_EQ(Inverse(-3, Units(2)), Nanos(-2));
}

TEST(Converted, IsNothingWhereTheAmountDoesNotFit) {
  const int64_t most = 1'000'000'000'000'000;
  EXPECT_EQ(Direct(Units(most), Units(1)), Units(most));
  EXPECT_FALSE(Converted(Units(most), {"EUR", Units(1) + 1, false}).has_value());
  EXPECT_FALSE(Converted(-Units(most), {"EUR", Units(most), false}).has_value());
  EXPECT_FALSE(Converted(Units(most), {"EUR", 1, true}).has_value());
  EXPECT_EQ(Inverse(1, 1), Units(1));
}

// A rate of from → to, with its day in March 2026.
StatedRate Rate(const std::string& from, const std::string& to, int day, Nanos rate = Units(1)) {
  return {from, to, ToDay(absl::CivilDay(2026, 3, day)), rate};
}

class RateTableTest : public ::testing::Test {
 protected:
  RateTableTest() { SetProgram(R"pb(currency_code: "USD" source_precedence: "bank")pb"); }

  void SetProgram(const std::string& text) {
    v1::Program program;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &program));
    table_.SetProgram(program);
  }
  void Add(const StatedRate& rate, const std::string& id = "r", const std::string& source = "crm") {
    ASSERT_TRUE(table_.Change({33, source, id}, rate, true).ok());
  }
  void Remove(const StatedRate& rate, const std::string& id = "r", const std::string& source = "crm") {
    ASSERT_TRUE(table_.Change({33, source, id}, rate, false).ok());
  }
  // "1.5", "inverse 0.5" or "none".
  std::string Found(const std::string& currency, int day) {
    const auto rate = table_.Find(currency, ToDay(absl::CivilDay(2026, 3, 1)) + day - 1);
    if (!rate->has_value()) return "none";
    return absl::StrCat((*rate)->inverse ? "inverse " : "", NanosText((*rate)->rate));
  }
  // The days of March whose money a rate has to do with.
  std::string Range(const StatedRate& rate) {
    const auto range = table_.RangeOf(rate);
    if (!range->has_value()) return "none";
    return absl::StrCat((*range)->currency, " ", ToCivil((*range)->first).day(), "-", ToCivil((*range)->last).day());
  }

  Keys keys_{"test"};
  MemoryState store_;
  StateOverlay state_{store_};
  RateTable table_{keys_, state_};
};

TEST_F(RateTableTest, ARateIsInForceFromItsDayUntilItIsTooOld) {
  Add(Rate("EUR", "USD", 10, Units(2)));
  EXPECT_EQ(Found("EUR", 9), "none");
  EXPECT_EQ(Found("EUR", 10), "2");
  EXPECT_EQ(Found("EUR", 17), "2");  // seven days later
  EXPECT_EQ(Found("EUR", 18), "none");
  SetProgram(R"pb(currency_code: "USD" max_rate_age_days: 20)pb");
  EXPECT_EQ(Found("EUR", 30), "2");
  EXPECT_EQ(Found("EUR", 31), "none");
  EXPECT_EQ(Found("GBP", 10), "none");
}

TEST_F(RateTableTest, TheLatestRateIsInForceInEitherDirection) {
  Add(Rate("EUR", "USD", 1, Units(2)), "a");
  Add(Rate("USD", "EUR", 3, Units(3)), "b");
  Add(Rate("EUR", "USD", 5, Units(4)), "c");
  EXPECT_EQ(Found("EUR", 2), "2");
  EXPECT_EQ(Found("EUR", 3), "inverse 3");
  EXPECT_EQ(Found("EUR", 5), "4");
  // Seen from the other currency the directions change.
  SetProgram(R"pb(currency_code: "EUR")pb");
  EXPECT_EQ(Found("USD", 2), "inverse 2");
  EXPECT_EQ(Found("USD", 3), "3");
}

TEST_F(RateTableTest, OfOneDaysRatesADirectOneThenTheBetterSourceThenTheSmallerNameWins) {
  Add(Rate("USD", "EUR", 1, Units(9)), "a", "bank");
  EXPECT_EQ(Found("EUR", 1), "inverse 9");
  Add(Rate("EUR", "USD", 1, Units(3)), "z", "crm");
  EXPECT_EQ(Found("EUR", 1), "3");
  Add(Rate("EUR", "USD", 1, Units(4)), "a", "erp");
  EXPECT_EQ(Found("EUR", 1), "3");
  Add(Rate("EUR", "USD", 1, Units(5)), "y", "crm");
  EXPECT_EQ(Found("EUR", 1), "5");
  Add(Rate("EUR", "USD", 1, Units(6)), "z", "bank");
  EXPECT_EQ(Found("EUR", 1), "6");
  Remove(Rate("EUR", "USD", 1, Units(6)), "z", "bank");
  EXPECT_EQ(Found("EUR", 1), "5");
}

TEST_F(RateTableTest, WhatItRemembersIsWhatIsStored) {
  Add(Rate("EUR", "USD", 1, Units(2)), "a");
  EXPECT_EQ(Found("EUR", 1), "2");
  state_.Seal();
  state_.Publish();
  Add(Rate("EUR", "USD", 1, Units(3)), "0");
  EXPECT_EQ(Found("EUR", 1), "3");
  state_.Discard();
  table_.Forget();
  EXPECT_EQ(Found("EUR", 1), "2");
}

TEST_F(RateTableTest, ARateHasToDoWithTheMoneyUpToTheNextOne) {
  Add(Rate("EUR", "USD", 10), "a");
  EXPECT_EQ(Range(Rate("EUR", "USD", 10)), "EUR 10-17");
  Add(Rate("USD", "EUR", 13), "b");
  EXPECT_EQ(Range(Rate("EUR", "USD", 10)), "EUR 10-12");
  EXPECT_EQ(Range(Rate("USD", "EUR", 13)), "EUR 13-20");
  EXPECT_EQ(Range(Rate("EUR", "GBP", 10)), "none");
}

TEST(ReadRate, SkipsWhatConvertsNothing) {
  const auto read = [](const std::string& text) {
    v1::FxRate rate;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &rate)) << text;
    return ReadRate(rate.SerializeAsString()).has_value();
  };
  const std::string day = " effective_on { year: 2026 month: 3 day: 1 }";
  EXPECT_TRUE(read("from_currency: 'EUR' to_currency: 'USD' rate { nanos: 1 }" + day));
  EXPECT_FALSE(read("from_currency: 'EUR' to_currency: 'USD' rate { nanos: 1 }"));
  EXPECT_FALSE(read("from_currency: 'EUR' to_currency: 'USD'" + day));
  EXPECT_FALSE(read("from_currency: 'EUR' to_currency: 'USD' rate { units: -1 }" + day));
  EXPECT_FALSE(read("from_currency: 'EUR' to_currency: 'EUR' rate { units: 1 }" + day));
  EXPECT_FALSE(read("from_currency: 'EUR' to_currency: 'usd' rate { units: 1 }" + day));
  EXPECT_FALSE(ReadRate("").has_value());
}

class MoneyTest : public EngineFixture {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    DefineProgram("");
  }

  // The programme in text format; without more in USD and UTC.
  void DefineProgram(const std::string& program) {
    log::v1::Definitions definitions;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
        "id: 'test' display_name: 'Test' currency_code: 'USD' time_zone: 'UTC'", definitions.mutable_program()));
    v1::Program more;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(program, &more));
    definitions.mutable_program()->MergeFrom(more);
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(kMeasures, definitions.mutable_catalog()));
    Append(storage::RecordType::kDefinitions, definitions.SerializeAsString());
  }

  // Days are of March 2026, rates have nine places: "EUR", "USD", 1, "units: 1 nanos: 100000000".
  void StateRate(const std::string& id, const std::string& from, const std::string& to, int day,
                 const std::string& rate, int revision = 0) {
    Ingest(absl::StrCat("record_id: '", id, "' revision: ", revision, " fx_rate { from_currency: '", from,
                        "' to_currency: '", to, "' rate { ", rate, " } effective_on { year: 2026 month: 3 day: ", day,
                        " } }"));
  }
  void DeleteRate(const std::string& id, int revision) {
    Ingest(absl::StrCat("record_id: '", id, "' revision: ", revision, " deleted: true fx_rate {}"));
  }
  void Deal(const std::string& id, int day, const std::string& amount, const std::string& more = "") {
    Ingest(absl::StrCat("record_id: '", id, "' deal { closed_on { year: 2026 month: 3 day: ", day, " } amount { ",
                        amount, " } ", more, " }"));
  }
  std::string Sum(const std::string& measure) { return Total("business", measure); }

  // How many facts wait: by the header, and beside a measure.
  std::string Waiting(const std::string& measure) {
    Engine::View view(*engine_);
    const auto rows = view.Rows("business", {ParkedRowName(measure)});
    return absl::StrCat(view.header().parked_facts, " ", rows->front().UpTo(100'000).count);
  }
  int64_t UnixSeconds(int day, int hour) {
    return absl::ToUnixSeconds(absl::FromCivil(absl::CivilHour(2026, 3, day, hour), absl::UTCTimeZone()));
  }
};

constexpr char kEur100[] = "currency_code: 'EUR' units: 100";

TEST_F(MoneyTest, MoneyIsConvertedByTheRateOfItsDay) {
  StateRate("r1", "EUR", "USD", 1, "units: 1 nanos: 100000000");
  StateRate("r2", "EUR", "USD", 2, "units: 1 nanos: 200000000");
  Deal("d1", 1, kEur100);
  EXPECT_EQ(Sum("won"), "1/110");
  EXPECT_EQ(Sum("large"), "1/0");  // conditions see the programme's currency too
  Deal("d2", 2, kEur100);
  EXPECT_EQ(Sum("won"), "2/230");
  EXPECT_EQ(Waiting("won"), "0 0");
  ExpectVerified();
}

TEST_F(MoneyTest, ARateOfTheOtherDirectionDivides) {
  StateRate("r1", "USD", "EUR", 1, "nanos: 800000000");
  Deal("d1", 1, kEur100);
  EXPECT_EQ(Sum("won"), "1/125");
  ExpectVerified();
}

TEST_F(MoneyTest, ARateThatIsTooOldOrComesLaterConvertsNothing) {
  StateRate("r1", "EUR", "USD", 10, "units: 2");
  Deal("d9", 9, kEur100);
  Deal("d17", 17, kEur100);
  Deal("d18", 18, kEur100);
  EXPECT_EQ(Sum("won"), "1/200");
  EXPECT_EQ(Sum("deals"), "3/0");  // counts go in
  EXPECT_EQ(Waiting("won"), "2 2");
  ExpectVerified();
}

TEST_F(MoneyTest, AnotherMaximumAgeConvertsAnew) {
  StateRate("r1", "EUR", "USD", 1, "units: 2");
  Deal("d1", 15, kEur100);
  EXPECT_EQ(Sum("won"), "0/0");
  DefineProgram("max_rate_age_days: 14");
  EXPECT_EQ(Sum("won"), "1/200");
  EXPECT_EQ(Waiting("won"), "0 0");
  DefineProgram("max_rate_age_days: 13");
  EXPECT_EQ(Sum("won"), "0/0");
  EXPECT_EQ(Waiting("won"), "1 1");
  ExpectVerified();
}

TEST_F(MoneyTest, MoneyThatWaitedIsCountedWhenItsRateComes) {
  Deal("d1", 2, kEur100);
  Deal("d2", 2, "currency_code: 'GBP' units: 100");
  Deal("d8", 8, kEur100);
  Deal("d9", 9, kEur100);
  EXPECT_EQ(Waiting("won"), "4 4");
  StateRate("r1", "EUR", "USD", 1, "units: 2");
  EXPECT_EQ(Sum("won"), "2/400");
  EXPECT_EQ(Waiting("won"), "2 2");  // the pound's, and the 9th, for which the rate is too old
  ExpectVerified();
}

TEST_F(MoneyTest, ACorrectedRateConvertsItsMoneyAnew) {
  StateRate("r1", "EUR", "USD", 1, "units: 2");
  StateRate("r3", "EUR", "USD", 3, "units: 3");
  for (int day = 1; day <= 4; ++day) Deal(absl::StrCat("d", day), day, kEur100);
  EXPECT_EQ(Sum("won"), "4/1000");  // 200 + 200 + 300 + 300
  StateRate("r1", "EUR", "USD", 1, "units: 5", 1);
  EXPECT_EQ(Sum("won"), "4/1600");  // 500 + 500 + 300 + 300
  // Said to be of another day, it leaves the first day without a rate.
  StateRate("r1", "EUR", "USD", 2, "units: 5", 2);
  EXPECT_EQ(Sum("won"), "3/1100");
  StateRate("r1", "EUR", "USD", 4, "units: 5", 3);
  EXPECT_EQ(Sum("won"), "2/800");
  // An older revision changes nothing.
  StateRate("r1", "EUR", "USD", 1, "units: 9", 0);
  EXPECT_EQ(Sum("won"), "2/800");
  ExpectVerified();
}

TEST_F(MoneyTest, ARateBetweenTwoOthersTakesOverTheDaysFromItsOwnOn) {
  StateRate("r1", "EUR", "USD", 1, "units: 2");
  StateRate("r5", "EUR", "USD", 5, "units: 3");
  for (const int day : {2, 3, 4, 5}) Deal(absl::StrCat("d", day), day, kEur100);
  EXPECT_EQ(Sum("won"), "4/900");
  StateRate("r3", "USD", "EUR", 3, "nanos: 100000000");
  EXPECT_EQ(Sum("won"), "4/2500");  // 200 + 1000 + 1000 + 300
  ExpectVerified();
}

TEST_F(MoneyTest, WhenARateIsDeletedTheOneBeforeItIsInForceAgain) {
  StateRate("r1", "EUR", "USD", 1, "units: 2");
  StateRate("r3", "EUR", "USD", 3, "units: 3");
  Deal("d1", 3, kEur100);
  Deal("d2", 9, kEur100);
  EXPECT_EQ(Sum("won"), "2/600");
  DeleteRate("r3", 1);
  EXPECT_EQ(Sum("won"), "1/200");  // on the 9th the first one is too old
  EXPECT_EQ(Waiting("won"), "1 1");
  DeleteRate("r1", 1);
  EXPECT_EQ(Sum("won"), "0/0");
  EXPECT_EQ(Waiting("won"), "2 2");
  ExpectVerified();
}

TEST_F(MoneyTest, AFactThatChangesOrGoesTakesItsOldMoneyBack) {
  StateRate("r1", "EUR", "USD", 1, "units: 2");
  Deal("d1", 1, kEur100);
  Deal("d1", 1, "currency_code: 'EUR' units: 50", "stage: 'x'");
  EXPECT_EQ(Sum("won"), "1/100");
  // It is USD now, and no rate of the euro has to do with it any more.
  Deal("d1", 1, "units: 7");
  StateRate("r1", "EUR", "USD", 1, "units: 4", 1);
  EXPECT_EQ(Sum("won"), "1/7");
  Deal("d2", 1, kEur100);
  EXPECT_EQ(Sum("won"), "2/407");
  Ingest("record_id: 'd2' revision: 1 deleted: true deal {}");
  StateRate("r1", "EUR", "USD", 1, "units: 5", 2);
  EXPECT_EQ(Sum("won"), "1/7");
  ExpectVerified();
}

TEST_F(MoneyTest, PartsAreConvertedByTheirOwnDays) {
  StateRate("r1", "EUR", "USD", 1, "units: 2");
  StateRate("r2", "EUR", "USD", 2, "units: 3");
  // The refund comes before its invoice.
  Ingest(absl::StrCat("record_id: 'f1' refund { root_id: 'i1' refunded_at { seconds: ", UnixSeconds(2, 12),
                      " } amount { currency_code: 'EUR' units: 10 } }"));
  EXPECT_EQ(Sum("refunded"), "0/0");
  Ingest(absl::StrCat("record_id: 'i1' invoice { issued_at { seconds: ", UnixSeconds(1, 12), " } amount { ", kEur100,
                      " } }"));
  EXPECT_EQ(Sum("billed"), "1/200");
  EXPECT_EQ(Sum("refunded"), "1/30");
  EXPECT_EQ(Sum("billed_of_refunds"), "1/200");  // the root's money by the root's day
  StateRate("r1", "EUR", "USD", 1, "units: 5", 1);
  EXPECT_EQ(Sum("billed_of_refunds"), "1/500");
  EXPECT_EQ(Sum("refunded"), "1/30");
  StateRate("r2", "EUR", "USD", 2, "units: 7", 1);
  EXPECT_EQ(Sum("refunded"), "1/70");
  ExpectVerified();
}

TEST_F(MoneyTest, EachFieldWaitsForTheRateOfItsOwnCurrency) {
  StateRate("r1", "EUR", "USD", 1, "units: 2");
  Deal("d1", 1, kEur100, "acv { currency_code: 'GBP' units: 10 }");
  EXPECT_EQ(Sum("won"), "1/200");
  EXPECT_EQ(Sum("acv"), "0/0");
  EXPECT_EQ(Waiting("acv"), "1 1");
  EXPECT_EQ(Waiting("won"), "1 0");
  StateRate("r2", "GBP", "USD", 1, "units: 3");
  EXPECT_EQ(Sum("won"), "1/200");
  EXPECT_EQ(Sum("acv"), "1/30");
  ExpectVerified();
}

TEST_F(MoneyTest, SharesOfAConvertedAmountAddUpExactly) {
  StateRate("r1", "EUR", "USD", 1, "units: 1 nanos: 1");
  for (const char* id : {"a", "b", "c"}) Ingest(absl::StrCat("record_id: '", id, "' partner { name: '", id, "' }"));
  std::string attributions;
  for (const char* id : {"a", "b", "c"}) {
    absl::StrAppend(&attributions, "attributions { partner_refs { external { source: 'crm' id: '", id, "' } } } ");
  }
  Deal("d1", 1, kEur100, attributions);
  // A third each, cut off; what rounding leaves goes to the smallest id.
  EXPECT_EQ(Total("program", "credited"), "1/100.0000001");
  EXPECT_EQ(Total("partner:crm:a", "credited"), "1/33.333333434");
  EXPECT_EQ(Total("partner:crm:b", "credited"), "1/33.333333333");
  EXPECT_EQ(Total("partner:crm:c", "credited"), "1/33.333333333");
}

TEST_F(MoneyTest, TheProgrammesZoneDecidesTheDayOfAnInstantsMoney) {
  StateRate("r1", "EUR", "USD", 1, "units: 2");
  StateRate("r2", "EUR", "USD", 2, "units: 3");
  // 2 a.m. of the 2nd in UTC is still the 1st in New York.
  Ingest(absl::StrCat("record_id: 'i1' invoice { issued_at { seconds: ", UnixSeconds(2, 2), " } amount { ", kEur100,
                      " } }"));
  EXPECT_EQ(Sum("billed"), "1/300");
  DefineProgram("time_zone: 'America/New_York'");
  EXPECT_EQ(Sum("billed"), "1/200");
  StateRate("r1", "EUR", "USD", 1, "units: 4", 1);
  EXPECT_EQ(Sum("billed"), "1/400");
  ExpectVerified();
}

TEST_F(MoneyTest, AnotherProgrammeCurrencyConvertsAllMoneyAnew) {
  StateRate("r1", "EUR", "USD", 1, "units: 2");
  Deal("d1", 1, kEur100);
  Deal("d2", 1, "currency_code: 'USD' units: 100");
  Deal("d3", 1, "currency_code: 'GBP' units: 100");
  EXPECT_EQ(Sum("won"), "2/300");
  EXPECT_EQ(Waiting("won"), "1 1");
  DefineProgram("currency_code: 'EUR'");
  EXPECT_EQ(Sum("won"), "2/150");
  StateRate("r2", "GBP", "EUR", 1, "units: 1");
  EXPECT_EQ(Sum("won"), "3/250");
  EXPECT_EQ(Waiting("won"), "0 0");
  StateRate("r1", "EUR", "USD", 1, "units: 4", 1);
  EXPECT_EQ(Sum("won"), "3/225");
  ExpectVerified();
}

TEST_F(MoneyTest, FactsAndRatesFromBeforeTheDefinitionsAreConverted) {
  log_ = MemoryLog();
  state_ = MemoryState();
  Open();
  StateRate("r1", "EUR", "USD", 1, "units: 2");
  Deal("d1", 1, kEur100);
  DefineProgram("");
  EXPECT_EQ(Sum("won"), "1/200");
  ExpectVerified();
}

TEST_F(MoneyTest, WhatWasConvertedIsTakenBackAfterARestart) {
  StateRate("r1", "EUR", "USD", 1, "units: 1 nanos: 100000000");
  Deal("d1", 1, kEur100);
  ASSERT_TRUE(engine_->Checkpoint().ok());
  Open();
  StateRate("r1", "EUR", "USD", 1, "units: 1 nanos: 300000000", 1);
  EXPECT_EQ(Sum("won"), "1/130");
  DeleteRate("r1", 2);
  EXPECT_EQ(Sum("won"), "0/0");
  EXPECT_EQ(Waiting("won"), "1 1");
  ExpectVerified();
}

TEST_F(MoneyTest, TheRateIsStoredWithTheFact) {
  StateRate("r1", "USD", "EUR", 1, "nanos: 800000000");
  Deal("d1", 1, kEur100);
  Engine::View view(*engine_);
  const auto fact = view.Fact({FactSchemas::Get().Find("deal")->kind(), "crm", "d1"});
  ASSERT_TRUE(fact.ok() && fact->has_value());
  const UsedRate expected{"EUR", 800'000'000, true};
  EXPECT_THAT((*fact)->resolution.rates, ::testing::ElementsAre(expected));
  const auto decoded = DecodeFact(EncodeFact(**fact));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->resolution, (*fact)->resolution);
}

}  // namespace
}  // namespace partnermetrics
