#include "server/expr/row_expression.h"

#include <string>

#include "gtest/gtest.h"
#include "partnermetrics/v1/partner.pb.h"
#include "partnermetrics/v1/selling.pb.h"
#include "partnermetrics/v1/serving.pb.h"
#include "server/expr/civil_day.h"
#include "tests/server/expr/row_builder.h"

namespace partnermetrics {
namespace {

// Text of a value, with its type, so that one comparison checks both.
std::string Show(const Value& value) {
  switch (value.type) {
    case ValueType::kNull:
      return "null";
    case ValueType::kBool:
      return value.integer != 0 ? "true" : "false";
    case ValueType::kDecimal:
      return "decimal " + NanosText(value.decimal);
    case ValueType::kMoney:
      return "money " + NanosText(value.decimal);
    case ValueType::kDate:
      return DayText(static_cast<Day>(value.integer));
    case ValueType::kString:
      return std::string(value.text);
    default:
      return std::string(ValueTypeName(value.type)) + " " + std::to_string(value.integer);
  }
}

class RowExpressionTest : public testing::Test {
 protected:
  RowExpressionTest() { EXPECT_TRUE(absl::LoadTimeZone("America/New_York", &zone_)); }

  // 2024-03-31T02:00:00Z is 30 March in New York.
  TestRow deal_{Fact<v1::Deal>(R"(
      amount { units: 1500 nanos: 500000000 }  outcome: DEAL_OUTCOME_WON  stage: "Proposal é"
      created_at { seconds: 1711850400 }  closed_at { seconds: 1711855800 }
      closed_on { year: 2024 month: 2 day: 29 }  probability { nanos: 250000000 })"),
                "deal"};

  std::string Eval(absl::string_view text) {
    const absl::StatusOr<RowExpression> expression = RowExpression::Compile(text, SchemaOf("deal"));
    if (!expression.ok()) return std::string(expression.status().message());
    const EvalContext context{&deal_.row(), nullptr, &zone_};
    const Value value = expression->Evaluate(context);
    if (expression->type() == ValueType::kBool) {
      EXPECT_EQ(expression->Test(context), !value.is_null() && value.integer != 0) << text;
    }
    EXPECT_TRUE(value.is_null() || value.type == expression->type()) << text;
    return Show(value);
  }

  absl::TimeZone zone_;
};

TEST_F(RowExpressionTest, Literals) {
  EXPECT_EQ(Eval("42"), "int 42");
  EXPECT_EQ(Eval("0.000000001"), "decimal 0.000000001");
  EXPECT_EQ(Eval("\"it's\""), "it's");
  EXPECT_EQ(Eval("'a\\n\\\\'"), "a\n\\");
  EXPECT_EQ(Eval("true"), "true");
  EXPECT_EQ(Eval("null"), "null");
  EXPECT_EQ(Eval("date(\"2024-02-29\")"), "2024-02-29");
}

TEST_F(RowExpressionTest, Arithmetic) {
  EXPECT_EQ(Eval("2 + 3 * 4 - 10 / 3"), "int 11");
  EXPECT_EQ(Eval("-7 / 2"), "int -3");
  EXPECT_EQ(Eval("-7 % 2"), "int -1");
  EXPECT_EQ(Eval("1 - 2 - 3"), "int -4");
  EXPECT_EQ(Eval("1 / 3.0"), "decimal 0.333333333");
  EXPECT_EQ(Eval("amount * probability"), "money 375.125");
  EXPECT_EQ(Eval("amount / amount"), "decimal 1");
  EXPECT_EQ(Eval("amount + 0.5"), "money 1501");
  EXPECT_EQ(Eval("2 * amount"), "money 3001");
  EXPECT_EQ(Eval("-amount"), "money -1500.5");
  // Half to even at the ninth place.
  EXPECT_EQ(Eval("0.000000001 * 0.5"), "decimal 0");
  EXPECT_EQ(Eval("0.000000003 * 0.5"), "decimal 0.000000002");
  EXPECT_EQ(Eval("-0.000000003 / 2"), "decimal -0.000000002");
}

TEST_F(RowExpressionTest, OverflowAndDivisionByZeroAreNull) {
  EXPECT_EQ(Eval("9223372036854775807 + 1"), "null");
  EXPECT_EQ(Eval("-9223372036854775807 - 2"), "null");
  EXPECT_EQ(Eval("9223372036854775807 * 2"), "null");
  EXPECT_EQ(Eval("1 / 0"), "null");
  EXPECT_EQ(Eval("1 % 0"), "null");
  EXPECT_EQ(Eval("amount / 0"), "null");
  EXPECT_EQ(Eval("9223372036854775807.0 * 9223372036854775807.0 * 9223372036854775807.0"), "null");
  EXPECT_EQ(Eval("closed_on + days(9223372036854775807)"), "null");
  EXPECT_EQ(Eval("closed_on + days(4000000)"), "null");
}

TEST_F(RowExpressionTest, Comparisons) {
  EXPECT_EQ(Eval("amount > 1500"), "true");
  EXPECT_EQ(Eval("amount == 1500.5"), "true");
  EXPECT_EQ(Eval("amount <= -3"), "false");
  EXPECT_EQ(Eval("probability * 4 == 1"), "true");
  EXPECT_EQ(Eval("outcome == WON"), "true");
  EXPECT_EQ(Eval("WON == outcome"), "true");
  EXPECT_EQ(Eval("outcome != DEAL_OUTCOME_WON"), "false");
  EXPECT_EQ(Eval("outcome in [OPEN, LOST]"), "false");
  EXPECT_EQ(Eval("outcome in [OPEN, WON]"), "true");
  EXPECT_EQ(Eval("amount in [1, 1500.5]"), "true");
  EXPECT_EQ(Eval("\"a\" < \"b\""), "true");
  EXPECT_EQ(Eval("created_at < closed_at"), "true");
  EXPECT_EQ(Eval("(true ? outcome : LOST) == WON"), "true");
}

TEST_F(RowExpressionTest, NullPassesThroughAllButWhatHandlesIt) {
  EXPECT_EQ(Eval("has(amount)"), "true");
  EXPECT_EQ(Eval("has(acv)"), "false");
  EXPECT_EQ(Eval("acv > 3"), "null");
  EXPECT_EQ(Eval("!(acv > 3)"), "null");
  EXPECT_EQ(Eval("acv + amount"), "null");
  EXPECT_EQ(Eval("kind == NEW"), "null");
  EXPECT_EQ(Eval("kind != NEW"), "null");
  EXPECT_EQ(Eval("kind in [NEW, UPSELL]"), "null");
  EXPECT_EQ(Eval("amount in [acv, tcv]"), "null");
  EXPECT_EQ(Eval("amount in [acv, 1500.5]"), "true");
  EXPECT_EQ(Eval("acv > 3 ? 1 : 2"), "null");
  EXPECT_EQ(Eval("coalesce(acv, tcv, amount)"), "money 1500.5");
  EXPECT_EQ(Eval("coalesce(acv, tcv)"), "null");
  EXPECT_EQ(Eval("coalesce(acv, 0)"), "money 0");
  EXPECT_EQ(Eval("owner.contains(\"x\")"), "null");
  // As in CEL, what decides alone decides beside an error.
  EXPECT_EQ(Eval("acv > 3 && false"), "false");
  EXPECT_EQ(Eval("false && acv > 3"), "false");
  EXPECT_EQ(Eval("acv > 3 && true"), "null");
  EXPECT_EQ(Eval("acv > 3 || true"), "true");
  EXPECT_EQ(Eval("true || acv > 3"), "true");
  EXPECT_EQ(Eval("acv > 3 || false"), "null");
}

TEST_F(RowExpressionTest, Dates) {
  EXPECT_EQ(Eval("closed_on + days(61)"), "2024-04-30");
  EXPECT_EQ(Eval("closed_on - days(29)"), "2024-01-31");
  EXPECT_EQ(Eval("date(created_at)"), "2024-03-30");
  EXPECT_EQ(Eval("days_between(closed_on, date(created_at))"), "int 30");
  EXPECT_EQ(Eval("days_between(date(created_at), closed_on)"), "int -30");
  EXPECT_EQ(Eval("hours_between(created_at, closed_at)"), "decimal 1.5");
  EXPECT_EQ(Eval("hours_between(closed_at, created_at) / 24"), "decimal -0.0625");
  EXPECT_EQ(Eval("day_number(date(\"1970-01-11\"))"), "int 10");
  EXPECT_EQ(Eval("earliest(expected_close_on, closed_on, date(created_at))"), "2024-02-29");
  EXPECT_EQ(Eval("latest(expected_close_on, closed_on, date(created_at))"), "2024-03-30");
  EXPECT_EQ(Eval("earliest(expected_close_on)"), "null");
  EXPECT_EQ(Eval("coalesce(registered_on, date(registered_at), date(created_at))"), "2024-03-30");
}

TEST_F(RowExpressionTest, Strings) {
  EXPECT_EQ(Eval("size(stage)"), "int 10");
  EXPECT_EQ(Eval("stage.size() == 10"), "true");
  EXPECT_EQ(Eval("stage.startsWith(\"Prop\") && stage.endsWith(\"é\") && stage.contains(\"sal\")"), "true");
  EXPECT_EQ(Eval("stage in [\"Won\", \"Proposal é\"]"), "true");
}

TEST_F(RowExpressionTest, PrecedenceIsThatOfCel) {
  EXPECT_EQ(Eval("true || false && false"), "true");
  EXPECT_EQ(Eval("!true || true"), "true");
  EXPECT_EQ(Eval("1 + 1 == 2 && 2 < 3"), "true");
  EXPECT_EQ(Eval("false ? 1 : true ? 2 : 3"), "int 2");
  EXPECT_EQ(Eval("true ? 1 : 2.5"), "decimal 1");
}

TEST_F(RowExpressionTest, MessagesNamePlaceAndRemedy) {
  EXPECT_EQ(Eval("amout > 1"), R"(expression:1: unknown field "amout" of deal (did you mean "amount"?))");
  EXPECT_EQ(Eval("outcome == WONN"),
            R"(expression:12: "WONN" is neither a field of deal nor a value of DealOutcome (did you mean "WON"?))");
  EXPECT_EQ(Eval("outcome == CLOSED"),
            R"(expression:12: "CLOSED" is neither a field of deal nor a value of DealOutcome)"
            R"( (there are: LOST, OPEN, WON))");
  EXPECT_EQ(Eval("outcome == UNSPECIFIED"), "expression:12: UNSPECIFIED is the same as unset; write !has(…)");
  EXPECT_EQ(Eval("amount = 3"), "expression:8: '=' means nothing here; equality is written ==");
  EXPECT_EQ(Eval("amount == null"), "expression:8: a comparison with null is null; write has(field) or !has(field)");
  EXPECT_EQ(
      Eval("created_at < closed_on"),
      "expression:14: \"<\" needs values of one type, found instant and date; date(t) gives the day of an instant");
  EXPECT_EQ(Eval("closed_on + 61"),
            "expression:11: dates are reckoned with date + days(n), date - days(n) and days_between(a, b)");
  EXPECT_EQ(Eval("amount * amount"), "expression:8: money cannot be multiplied by money");
  EXPECT_EQ(Eval("amount && true"), "expression:1: \"&&\" needs a condition, this is money");
  EXPECT_EQ(Eval("outcome < WON"), "expression:9: enum values have no order; use == or !=");
  EXPECT_EQ(Eval("amount > acv + probability"),
            "expression:16: \"+\" needs values of one type, found money and decimal");
  EXPECT_EQ(Eval("dayz(3)"), R"(expression:1: unknown function "dayz" (did you mean "days"?))");
  EXPECT_EQ(Eval("days(amount)"), "expression:6: this is money; days is written days(n)");
  EXPECT_EQ(
      Eval("day_number(created_at)"),
      "expression:12: this is instant; day_number is written day_number(date); date(t) gives the day of an instant");
  EXPECT_EQ(Eval("stage.beginsWith(\"x\")"),
            R"(expression:7: unknown method "beginsWith" (there are: endsWith, startsWith, contains, size))");
  EXPECT_EQ(Eval("root.amount > 1"), "expression:1: deal is not part of another fact and has no root");
  EXPECT_EQ(Eval("has(1)"), "expression:5: has needs the name of a field");
  EXPECT_EQ(Eval("date(\"2024-02-30\")"),
            R"(expression:6: "2024-02-30" is no date; dates are written date("2026-03-31"))");
  EXPECT_EQ(Eval("stage in \"x\""),
            R"(expression:10: "in" needs a list with values: stage in ["Proposal", "Negotiation"])");
}

TEST_F(RowExpressionTest, SyntaxErrors) {
  EXPECT_EQ(Eval(""), "expression:1: the expression is empty");
  EXPECT_EQ(Eval("1 +"), "expression:4: expected a value, found the end");
  EXPECT_EQ(Eval("(1 + 2"), "expression:7: expected \")\" after the group, found the end");
  EXPECT_EQ(Eval("1 2"), "expression:3: the expression ends before this number; an operator is missing");
  EXPECT_EQ(Eval("\"abc"), "expression:1: this text has no closing \"");
  EXPECT_EQ(Eval("12x"), "expression:3: a number ends here; numbers are written 1000 or 0.25");
  EXPECT_EQ(Eval("99999999999999999999"), "expression:1: 99999999999999999999 is too large; at most 2^63 - 1");
  EXPECT_EQ(Eval("0.1234567891"), "expression:1: decimals have at most 9 places");
  EXPECT_EQ(Eval("true ? 1"), "expression:9: expected \":\" after the first branch of ?, found the end");
  EXPECT_EQ(Eval("\x01"), "expression:1: this character means nothing here");
  EXPECT_EQ(Eval(std::string(5000, '1')), "expression:1: the expression has 5000 bytes; at most 4000");
  EXPECT_EQ(Eval(std::string(2000, '(')), "expression:101: the expression is nested more than 100 deep");
  EXPECT_EQ(Eval(std::string(2000, '!')), "expression:100: the expression is nested more than 100 deep");
}

TEST_F(RowExpressionTest, ResultTypeIsChecked) {
  CompileOptions options;
  options.result = {ValueType::kDate};
  options.purpose = "at";
  options.locate = [](size_t offset) { return "deal.textproto:7:" + std::to_string(offset + 10); };
  EXPECT_EQ(RowExpression::Compile("has(amount) && amount > 1 || stage == \"x\"", SchemaOf("deal"), options)
                .status()
                .message(),
            "deal.textproto:7:36: at must be date, this is a bool; of deal would fit: date(created_at), "
            "date(registered_at), registered_on, expected_close_on, closed_on, date(closed_at), "
            "registration_expires_on");
}

TEST_F(RowExpressionTest, PartsReadTheirRoot) {
  const TestRow stage(Fact<v1::DealStage>(R"(root_id: "d" stage: "Proposal" entered_at { seconds: 1711850400 })"),
                      "deal_stage");
  const auto expression = RowExpression::Compile("root.outcome == WON && root.amount > 1", SchemaOf("deal_stage"));
  ASSERT_TRUE(expression.ok()) << expression.status();
  EXPECT_TRUE(expression->Test({&stage.row(), &deal_.row(), &zone_}));
  EXPECT_FALSE(expression->Test({&stage.row(), nullptr, &zone_}));
  EXPECT_EQ(expression->root_slots().size(), 2u);
  EXPECT_TRUE(expression->slots().empty());
  EXPECT_EQ(RowExpression::Compile("root.amout > 1", SchemaOf("deal_stage")).status().message(),
            R"(expression:1: unknown field "root.amout" of deal (did you mean "root.amount"?))");
}

TEST_F(RowExpressionTest, NamesTheSlotsThatItReads) {
  const FactSchema& schema = SchemaOf("deal");
  const auto expression = RowExpression::Compile("role == SOURCED && credited_amount > 0", schema);
  ASSERT_TRUE(expression.ok()) << expression.status();
  EXPECT_TRUE(expression->Reads(schema.role_slot()));
  EXPECT_TRUE(expression->Reads(schema.credited_slot()));
  EXPECT_FALSE(expression->Reads(schema.Find("amount")->slot));
}

// Around every change of offset and every midnight, the remembered day is that of the time zone itself.
TEST(CivilDayTest, IsThatOfTheZone) {
  for (const char* name : {"UTC", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo",
                           "Australia/Lord_Howe", "Asia/Beirut", "Pacific/Kiritimati"}) {
    absl::TimeZone zone;
    ASSERT_TRUE(absl::LoadTimeZone(name, &zone));
    // Every 6 hours and 1 microsecond from 2008 to 2025; then again, from memory where slots have survived.
    for (int64_t t = 1'199'145'600'000'000; t < 1'750'000'000'000'000; t += 21'600'000'001) {
      const Day expected = ToDay(absl::CivilDay(zone.At(absl::FromUnixMicros(t)).cs));
      ASSERT_EQ(CivilDayOf(t, zone), expected) << name << " " << t;
    }
    for (int64_t t = 1'700'000'000'000'000; t < 1'705'000'000'000'000; t += 900'000'000) {
      const Day expected = ToDay(absl::CivilDay(zone.At(absl::FromUnixMicros(t)).cs));
      ASSERT_EQ(CivilDayOf(t, zone), expected) << name << " " << t;
      ASSERT_EQ(CivilDayOf(t - 1, zone), ToDay(absl::CivilDay(zone.At(absl::FromUnixMicros(t - 1)).cs)));
    }
  }
  EXPECT_EQ(CivilDayOf(-1, absl::UTCTimeZone()), -1);
  EXPECT_EQ(CivilDayOf(-86'400'000'000, absl::UTCTimeZone()), -1);
  EXPECT_EQ(CivilDayOf(-86'400'000'001, absl::UTCTimeZone()), -2);
}

// Where a text names more than the fact, the fact's fields begin with a prefix.
TEST(PrefixTest, FieldsBeginWithIt) {
  CompileOptions options;
  options.prefix = "partner.";
  const FactSchema& schema = SchemaOf("partner");
  const auto tier = RowExpression::Compile("partner.tier == 'Gold' && partner.type == RESELLER", schema, options);
  ASSERT_TRUE(tier.ok()) << tier.status();
  EXPECT_TRUE(tier->Reads(schema.Find("tier")->slot));
  const TestRow row(Fact<v1::Partner>("tier: 'Gold' type: PARTNER_TYPE_RESELLER"), "partner");
  EXPECT_TRUE(tier->Test({&row.row(), nullptr, nullptr}));
  const std::string refusal(RowExpression::Compile("tier == 'Gold'", schema, options).status().message());
  EXPECT_EQ(refusal.rfind("expression:1: unknown field \"tier\" of partner (there are: partner.", 0), 0u) << refusal;
}

}  // namespace
}  // namespace partnermetrics
