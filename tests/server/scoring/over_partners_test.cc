// Formulas over partners, their attributes and their days.
#include "gmock/gmock.h"
#include "tests/server/scoring/formula_fixture.h"

namespace partnermetrics {
namespace {

using testing::HasSubstr;

const char kProgram[] = "levels: [SCOPE_KIND_PROGRAM]";
const char kPartner[] = "levels: [SCOPE_KIND_PARTNER]";

class OverPartnersTest : public FormulaTest {
 protected:
  // Three partners: Gold since 2023 with 30 and 70, Silver since February with 50, and one that signs in July.
  void SetUp() override {
    Define(Metric("revenue", "won.sum"));
    AddFacts();
  }

  void AddFacts() {
    Partner("name: 'A' tier: 'Gold' type: PARTNER_TYPE_RESELLER" + DateText("signed_on", On(2023, 1, 1)) +
            DateText("activated_on", On(2023, 2, 1)));
    Partner("name: 'B' tier: 'Silver' type: PARTNER_TYPE_TECHNOLOGY" + DateText("signed_on", On(2024, 2, 1)));
    Partner("name: 'C' tier: 'Gold'" + DateText("signed_on", On(2024, 7, 1)));
    Won(30, On(2024, 4, 1), 1);
    Won(70, On(2024, 5, 31), 1);
    Won(50, On(2024, 6, 30), 2);
    Won(5, On(2024, 6, 1), 0);
  }

  Number Formula(const std::string& formula, Day as_of = On(2024, 6, 30)) {
    Define(Metric("revenue", "won.sum") + Metric("deal_size", "avg(won)") + Metric("x", formula, kProgram));
    AddFacts();
    return Evaluate("x", as_of);
  }
  Number OfPartner(const std::string& formula, int partner = 1, Day as_of = On(2024, 6, 30)) {
    Define(Metric("revenue", "won.sum") + Metric("x", formula, kPartner));
    AddFacts();
    return Evaluate("x", as_of, kFirstPartnerScope + partner - 1);
  }
};

TEST_F(OverPartnersTest, CountsSumsAndAverages) {
  EXPECT_EQ(Formula("count_partners(revenue >= 50)").value, 2);
  EXPECT_EQ(Formula("count_partners(revenue > 50)").value, 1);
  EXPECT_EQ(Formula("count_partners(revenue > 100)").value, 0);
  EXPECT_EQ(Formula("sum_partners(revenue, revenue > 50)").value, 100);
  EXPECT_EQ(Formula("average_partners(revenue)").value, 75);
  EXPECT_EQ(Formula("average_partners(won.count, revenue > 0)").value, 1.5);
  EXPECT_EQ(Formula("sum_partners(revenue) / revenue").value, 1);
  const Number average = Formula("average_partners(deal_size)");
  EXPECT_EQ(average.numerator, 100);
  EXPECT_EQ(average.denominator, 2);
  EXPECT_EQ(average.facts, 2);
}

// The one that signs in July is no partner in June.
TEST_F(OverPartnersTest, PartnersCountFromTheDayOfTheirSignature) {
  EXPECT_EQ(Formula("count_partners()", On(2024, 6, 30)).value, 2);
  EXPECT_EQ(Formula("count_partners()", On(2024, 7, 1)).value, 3);
  EXPECT_EQ(Formula("count_partners()", On(2022, 12, 31)).value, 0);
  EXPECT_EQ(Formula("prior_year(count_partners())").no_data, v1::NO_DATA_REASON_UNSPECIFIED);
  EXPECT_EQ(Formula("prior_year(count_partners())").value, 1);
}

// One that left in March and signed again in June.
TEST_F(OverPartnersTest, APartnerThatLeftAndSignedAgainIsOneInBothTimes) {
  const auto on = [&](const std::string& formula, Day as_of) {
    Define(Metric("x", formula, kProgram));
    Partner("earlier_partnerships { " + DateText("signed_on", On(2023, 1, 10)) +
            DateText("terminated_on", On(2024, 3, 15)) + " }" + DateText("signed_on", On(2024, 6, 1)) +
            DateText("activated_on", On(2024, 6, 20)));
    return Evaluate("x", as_of).value;
  };
  const Day february = On(2024, 2, 10), april = On(2024, 4, 10), july = On(2024, 7, 10);
  const std::string is_partner = "count_partners(partners.count > 0)";
  EXPECT_EQ(on(is_partner, On(2023, 1, 9)), 0);
  EXPECT_EQ(on(is_partner, february), 1);
  EXPECT_EQ(on(is_partner, april), 0);
  EXPECT_EQ(on(is_partner, july), 1);
  const std::string signed_on = "sum_partners(partner.signed_on)", left_on = "sum_partners(partner.terminated_on)";
  EXPECT_EQ(on(signed_on, february), On(2023, 1, 10));
  EXPECT_EQ(on(signed_on, april), On(2023, 1, 10));
  EXPECT_EQ(on(left_on, april), On(2024, 3, 15));
  EXPECT_EQ(on(signed_on, july), On(2024, 6, 1));
  EXPECT_EQ(on("count_partners(has(partner.terminated_on))", july), 0);
  EXPECT_EQ(on("count_partners(has(partner.activated_on))", april), 0);
}

TEST_F(OverPartnersTest, PartnersWithoutDataAreLeftOut) {
  // The second partner has no deal in April and May.
  EXPECT_EQ(Formula("average_partners(deal_size)", On(2024, 5, 31)).value, 50);
  EXPECT_EQ(Formula("count_partners(deal_size > 0)", On(2024, 5, 31)).value, 1);
  EXPECT_EQ(Formula("count_partners(deal_size > 0 || revenue == 0)", On(2024, 5, 31)).value, 2);
  EXPECT_EQ(Formula("average_partners(deal_size, revenue == 0)", On(2024, 5, 31)).no_data, v1::NO_DATA_REASON_NO_FACTS);
  EXPECT_EQ(Formula("sum_partners(revenue / (revenue - 100))", On(2024, 5, 31)).value, 0);
  EXPECT_EQ(Formula("sum_partners(1 / (revenue - 100), revenue == 100)", On(2024, 5, 31)).no_data,
            v1::NO_DATA_REASON_DIVISION_BY_ZERO);
  EXPECT_EQ(Formula("average_partners(revenue, revenue < 0)").no_data, v1::NO_DATA_REASON_NO_FACTS);
  EXPECT_EQ(Formula("sum_partners(revenue, revenue < 0)").value, 0);
}

TEST_F(OverPartnersTest, Attributes) {
  EXPECT_EQ(Formula("sum_partners(revenue, partner.tier == \"Gold\")").value, 100);
  EXPECT_EQ(Formula("sum_partners(revenue, partner.tier in [\"Silver\", \"Bronze\"])").value, 50);
  EXPECT_EQ(Formula("count_partners(partner.type == TECHNOLOGY)").value, 1);
  EXPECT_EQ(Formula("count_partners(partner.type == RESELLER && revenue > 50)").value, 1);
  EXPECT_EQ(Formula("count_partners(partner.name.startsWith(\"B\"))").value, 1);
  EXPECT_EQ(Formula("count_partners(!has(partner.activated_on))").value, 1);
  EXPECT_EQ(Formula("count_partners(partner.signed_on >= date(\"2024-02-01\"))").value, 1);
  EXPECT_EQ(Formula("count_partners(partner.signed_on > date(\"2024-02-01\"))").value, 0);
  EXPECT_EQ(Formula("as_of == date(\"2024-06-30\") ? 1 : 0").value, 1);
  // Both not yet terminated: the first side decides where the second has no data.
  EXPECT_EQ(Formula("count_partners(!has(partner.terminated_on) || partner.terminated_on > as_of)").value, 2);
}

TEST_F(OverPartnersTest, DaysAreNumbers) {
  EXPECT_EQ(Formula("average_partners(as_of - partner.signed_on)").value, (546 + 150) / 2.0);
  EXPECT_EQ(Formula("count_partners(partner.signed_on + 150 == as_of)").value, 1);
}

TEST_F(OverPartnersTest, FirstDays) {
  EXPECT_EQ(OfPartner("first_day(won, partner.signed_on)").value, On(2024, 4, 1));
  EXPECT_EQ(OfPartner("first_day(won, date(\"2024-04-01\"))").value, On(2024, 4, 1));
  EXPECT_EQ(OfPartner("first_day(won, date(\"2024-04-02\"))").value, On(2024, 5, 31));
  EXPECT_EQ(OfPartner("first_day(won, date(\"2024-06-01\"))").no_data, v1::NO_DATA_REASON_NO_FACTS);
  // What lies after the last day is not known on it.
  EXPECT_EQ(OfPartner("first_day(won, date(\"2024-04-02\"))", 1, On(2024, 5, 31)).value, On(2024, 5, 31));
  EXPECT_EQ(OfPartner("first_day(won, date(\"2024-04-02\"))", 1, On(2024, 5, 30)).no_data, v1::NO_DATA_REASON_NO_FACTS);
  EXPECT_EQ(OfPartner("first_day(won, partner.activated_on)", 2).no_data, v1::NO_DATA_REASON_NO_FACTS);
  EXPECT_EQ(Formula("average_partners(first_day(won, partner.signed_on) - partner.signed_on)").value,
            (456 + 150) / 2.0);
}

TEST_F(OverPartnersTest, DaysReaching) {
  EXPECT_EQ(OfPartner("day_reaching(won, 30, 0)").value, On(2024, 4, 1));
  EXPECT_EQ(OfPartner("day_reaching(won, 30.01, 0)").value, On(2024, 5, 31));
  EXPECT_EQ(OfPartner("day_reaching(won, 100, 0)").value, On(2024, 5, 31));
  EXPECT_EQ(OfPartner("day_reaching(won, 100.01, 0)").no_data, v1::NO_DATA_REASON_NO_FACTS);
  EXPECT_EQ(OfPartner("day_reaching(won, 100, date(\"2024-04-02\"))").no_data, v1::NO_DATA_REASON_NO_FACTS);
  EXPECT_EQ(OfPartner("day_reaching(won.count, 2, 0)").value, On(2024, 5, 31));
  EXPECT_EQ(OfPartner("day_reaching(won, 100, 0)", 1, On(2024, 5, 30)).no_data, v1::NO_DATA_REASON_NO_FACTS);
}

// A stock may stand there already.
TEST_F(OverPartnersTest, DaysOfStocks) {
  Define(Metric("since_january", "first_day(open, date(\"2024-01-01\"))") +
         Metric("since_march", "first_day(open, date(\"2024-03-01\"))") +
         Metric("eight", "day_reaching(open, 8, date(\"2024-01-01\"))"));
  Open(5, On(2024, 2, 1), On(2024, 3, 10));
  Open(5, On(2024, 3, 5), On(2024, 4, 10));
  EXPECT_EQ(Evaluate("since_january", On(2024, 6, 30)).value, On(2024, 2, 1));
  EXPECT_EQ(Evaluate("since_march", On(2024, 6, 30)).value, On(2024, 3, 1));
  EXPECT_EQ(Evaluate("eight", On(2024, 6, 30)).value, On(2024, 3, 5));
  EXPECT_EQ(Evaluate("eight", On(2024, 3, 4)).no_data, v1::NO_DATA_REASON_NO_FACTS);
}

// Own cells, then over partners, then a partner compared with the others.
TEST_F(OverPartnersTest, PartnersAreComparedWithTheOthers) {
  Define(Metric("revenue", "won.sum") + Metric("typical", "average_partners(revenue)", kProgram) +
         Metric("against", "revenue / at_level(PROGRAM, typical)", kPartner) +
         Metric("above", "count_partners(against > 1)", kProgram));
  AddFacts();
  EXPECT_EQ(Evaluate("against", On(2024, 6, 30), kFirstPartnerScope).value, 100 / 75.0);
  EXPECT_EQ(Evaluate("against", On(2024, 6, 30), kFirstPartnerScope + 1).value, 50 / 75.0);
  EXPECT_EQ(Evaluate("above", On(2024, 6, 30)).value, 1);
  // Business and programme have the same partners.
  EXPECT_EQ(Evaluate("above", On(2024, 6, 30), kBusinessScope).value, 1);
}

TEST_F(OverPartnersTest, MinSampleCountsPartners) {
  Define(Metric("revenue", "won.sum") +
         Metric("two", "average_partners(revenue, revenue > 0)", "min_sample: 2 levels: [SCOPE_KIND_PROGRAM]") +
         Metric("three", "average_partners(revenue, revenue > 0)", "min_sample: 3 levels: [SCOPE_KIND_PROGRAM]"));
  AddFacts();
  EXPECT_EQ(Evaluate("two", On(2024, 6, 30)).value, 75);
  EXPECT_EQ(Evaluate("three", On(2024, 6, 30)).no_data, v1::NO_DATA_REASON_TOO_FEW);
}

TEST_F(OverPartnersTest, AnnouncesWhatItReads) {
  Define(Metric("revenue", "won.sum") + Metric("typical", "average_partners(revenue, target(revenue) > 0)", kProgram) +
         Metric("against", "open.count + at_level(PROGRAM, typical)", kPartner) +
         Metric("age", "as_of - partner.signed_on", kPartner));
  const ScopeIndex scopes[] = {kFirstPartnerScope};
  const CompiledMetric* against[] = {catalog_->FindMetric("against")};
  const Reads reads = ReadsOf(*catalog_, against, scopes);
  EXPECT_THAT(reads.partner_measures, testing::ElementsAre(catalog_->FindMeasure("won")->index));
  EXPECT_TRUE(reads.all_partners && reads.partner_targets && !reads.attributes);
  const CompiledMetric* age[] = {catalog_->FindMetric("age")};
  EXPECT_TRUE(ReadsOf(*catalog_, age, scopes).attributes);
  EXPECT_FALSE(ReadsOf(*catalog_, age, scopes).all_partners);
}

TEST_F(OverPartnersTest, RefusesWhatBelongsToNoStratum) {
  EXPECT_THAT(Refusal(Metric("x", "count_partners(revenue > average_partners(revenue))", kProgram) +
                      Metric("revenue", "won.sum")),
              HasSubstr("here each partner is a scope of its own"));
  EXPECT_THAT(Refusal(Metric("x", "count_partners(won.count > 0)")),
              HasSubstr("what goes over partners needs levels of SCOPE_KIND_PROGRAM and SCOPE_KIND_BUSINESS only"));
  EXPECT_THAT(Refusal(Metric("many", "count_partners()", kProgram) + Metric("x", "won.sum / many", kPartner)),
              HasSubstr("a metric of a partner reads it with at_level(PROGRAM, …)"));
  EXPECT_THAT(Refusal(Metric("x", "as_of - partner.signed_on")),
              HasSubstr("attributes of a partner need levels: [SCOPE_KIND_PARTNER]"));
  EXPECT_THAT(Refusal(Metric("x", "at_level(BUSINESS, as_of - partner.signed_on)", kPartner)),
              HasSubstr("this reads attributes of one partner, which other scopes do not have"));
  EXPECT_THAT(Refusal(Metric("x", "direct(count_partners())", kProgram)),
              HasSubstr("the direct part of the business has no partners"));
  EXPECT_EQ(Refusal(Metric("a", "average_partners(b)", kProgram) + Metric("b", "at_level(PROGRAM, a)", kPartner)),
            R"(metric "b", formula: metrics go round in a circle: a → b → a)");
}

TEST_F(OverPartnersTest, RefusesWrongTypesWithWhatWouldFit) {
  const auto refusal = [](const std::string& formula) { return Refusal(Metric("x", formula, kProgram)); };
  EXPECT_EQ(refusal("count_partners(partner.teir == \"Gold\")"),
            R"(metric "x", formula: unknown field "partner.teir" of partner (did you mean "partner.tier"?))");
  EXPECT_EQ(refusal("count_partners(partner.type == RESELER)"),
            "metric \"x\", formula: \"RESELER\" is neither a field of partner nor a value of PartnerType "
            "(did you mean \"RESELLER\"?)");
  EXPECT_THAT(refusal("sum_partners(partner.tier)"),
              HasSubstr("a part of a formula must be bool or int or decimal or money or date, this is a string; of "
                        "partner would fit: "));
  EXPECT_EQ(refusal("count_partners(won.count)"),
            R"(metric "x", formula: a condition is needed here, this is a number)");
  EXPECT_EQ(refusal("sum_partners(won.count > 0)"),
            R"(metric "x", formula: a number is needed here, this is a condition)");
  EXPECT_EQ(refusal("sum_partners()"),
            R"(metric "x", formula: sum_partners is written sum_partners(value, condition))");
  EXPECT_EQ(refusal("count_partner(won.count > 0)"),
            R"(metric "x", formula: unknown function "count_partner" (did you mean "count_partners"?))");
  EXPECT_EQ(refusal("first_day(wno, 0)"), R"(metric "x", formula: unknown measure "wno" (did you mean "won"?))");
  EXPECT_EQ(refusal("first_day(won)"), R"(metric "x", formula: first_day is written first_day(measure, since))");
  EXPECT_EQ(refusal("day_reaching(trained, 5, 0)"),
            R"(metric "x", formula: measure "trained" has no sum; write trained.count)");
  EXPECT_EQ(
      refusal("count_partners(partner.signed_on + days(90) <= as_of)"),
      "metric \"x\", formula: days is written days(window); a day is a number here: thirty days later is day + 30");
  EXPECT_EQ(refusal("pace(quarter)"), R"(metric "x", formula: pace is written pace(window))");
}

}  // namespace
}  // namespace partnermetrics
