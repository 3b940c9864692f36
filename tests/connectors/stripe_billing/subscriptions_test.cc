// What subscriptions come to each month: tiers, packages, coupons, other currencies, use, schedules. Hand-made, with
// the sums beside them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/stripe_billing/stripe_run.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A subscription in euros with one item for each text.
std::string Subscription(const std::vector<std::string>& items, const std::string& more = "",
                         const std::string& currency = "eur") {
  std::string text = R"({"id":"sub_1","object":"subscription","created":100,"start_date":100,"status":"active",)"
                     R"("customer":"cus_1","currency":")" +
                     currency + R"(")" + more + R"(,"items":{"data":[)";
  for (size_t i = 0; i < items.size(); ++i) text += (i == 0 ? "" : ",") + items[i];
  return text + "]}}\n";
}

std::string Item(const std::string& price, int quantity = 1, const std::string& more = "") {
  return R"({"id":"si_1","quantity":)" + std::to_string(quantity) + more + R"(,"price":)" + price + "}";
}

std::string Price(const std::string& members, const std::string& interval = "month") {
  return R"({"id":"price_1","object":"price","currency":"eur","product":"prod_1",)" + members +
         R"(,"recurring":{"interval":")" + interval + R"(","usage_type":"licensed"}})";
}

// The monthly value of sub_1.
std::string Monthly(const std::string& subscription, Files files = {}) {
  files["s.jsonl"] = subscription;
  for (const std::string& line : Lines(files)) {
    if (line.rfind("subscription sub_1: ", 0) == 0) return line.substr(20);
  }
  return "no subscription";
}

constexpr char kTiers[] =
    R"("unit_amount":null,"billing_scheme":"tiered","tiers":[{"up_to":5,"unit_amount":1000,"flat_amount":null},)"
    R"({"up_to":10,"unit_amount":800,"flat_amount":500},{"up_to":null,"unit_amount_decimal":"250.5"}],)";

TEST(StripePricing, GraduatedTiersChargeEachUnitByItsOwnTier) {
  const std::string price = Price(kTiers + std::string(R"("tiers_mode":"graduated")"));
  EXPECT_EQ(Monthly(Subscription({Item(price, 0)})), "EUR 0");
  EXPECT_EQ(Monthly(Subscription({Item(price, 5)})), "EUR 50");
  EXPECT_EQ(Monthly(Subscription({Item(price, 7)})), "EUR 71");       // 5 * 10 + 5 + 2 * 8
  EXPECT_EQ(Monthly(Subscription({Item(price, 12)})), "EUR 100.01");  // 50 + 5 + 5 * 8 + 2 * 2.505
}

TEST(StripePricing, VolumeTiersChargeAllUnitsByOneTier) {
  const std::string price = Price(kTiers + std::string(R"("tiers_mode":"volume")"));
  EXPECT_EQ(Monthly(Subscription({Item(price, 5)})), "EUR 50");
  EXPECT_EQ(Monthly(Subscription({Item(price, 7)})), "EUR 61");      // 7 * 8 + 5
  EXPECT_EQ(Monthly(Subscription({Item(price, 12)})), "EUR 30.06");  // 12 * 2.505
}

TEST(StripePricing, TiersComeFromTheListOfPricesToo) {
  // A list of subscriptions cannot expand tiers: they are a level too deep.
  const std::string bare = Price(R"("unit_amount":null,"billing_scheme":"tiered","tiers_mode":"volume")");
  EXPECT_EQ(Monthly(Subscription({Item(bare, 7)})), "not known");
  const std::string prices = Price(kTiers + std::string(R"("tiers_mode":"volume")")) + "\n";
  EXPECT_EQ(Monthly(Subscription({Item(bare, 7)}), {{"prices.jsonl", prices}}), "EUR 61");
}

TEST(StripePricing, PackagesAreRoundedAsThePriceSays) {
  const std::string up = R"("unit_amount":300,"transform_quantity":{"divide_by":10,"round":"up"})";
  const std::string down = R"("unit_amount":300,"transform_quantity":{"divide_by":10,"round":"down"})";
  EXPECT_EQ(Monthly(Subscription({Item(Price(up), 25)})), "EUR 9");
  EXPECT_EQ(Monthly(Subscription({Item(Price(down), 25)})), "EUR 6");
}

TEST(StripePricing, UseIsWhatTheLastInvoiceBilled) {
  const std::string metered =
      R"({"id":"price_1","currency":"eur","unit_amount":2,"recurring":{"interval":"month","usage_type":"metered"}})";
  const std::string item = R"({"id":"si_1","price":)" + metered + "}";
  EXPECT_EQ(Monthly(Subscription({item})), "not known");
  const std::string line = R"({"amount":4200,"proration":false,"subscription_item":"si_1"})";
  const std::string newer =
      R"({"amount":700,"parent":{"subscription_item_details":{"subscription_item":"si_1","proration":false}}})";
  const std::string proration = R"({"amount":9900,"proration":true,"subscription_item":"si_1"})";
  EXPECT_EQ(Monthly(Subscription({item}, R"(,"latest_invoice":{"id":"in_9","lines":{"data":[)" + line + "," + newer +
                                             "," + proration + "]}}")),
            "EUR 49");
}

TEST(StripePricing, APriceInAnotherCurrencyIsNeverTaken) {
  const std::string price = R"("unit_amount":1000,"currency_options":{"jpy":{"unit_amount":1600}})";
  EXPECT_EQ(Monthly(Subscription({Item(Price(price))})), "EUR 10");
  EXPECT_EQ(Monthly(Subscription({Item(Price(price))}, "", "jpy")), "JPY 1600");  // no minor unit
  EXPECT_EQ(Monthly(Subscription({Item(Price(price))}, "", "usd")), "not known");
}

TEST(StripePricing, MinorUnitsOfEveryKindOfCurrency) {
  const auto in = [](const std::string& currency) {
    return Monthly(Subscription({R"({"price":{"unit_amount":12345,"recurring":{"interval":"month"}}})"}, "", currency));
  };
  EXPECT_EQ(in("usd"), "USD 123.45");
  EXPECT_EQ(in("jpy"), "JPY 12345");
  EXPECT_EQ(in("kwd"), "KWD 12.345");
  EXPECT_EQ(in("isk"), "ISK 123.45");  // Stripe keeps two decimals although there is no minor unit
}

constexpr char kTen[] = R"("unit_amount":1000)";

TEST(StripeDiscounts, OfTheSubscriptionAndOfItemsInEveryShape) {
  const auto with = [](const std::string& more, const Files& files = {}) {
    return Monthly(Subscription({Item(Price(kTen), 2)}, more), files);
  };
  const std::string coupon = R"({"id":"co_1","object":"coupon","percent_off":12.5,"duration":"forever"})";
  EXPECT_EQ(with(R"(,"discount":{"coupon":)" + coupon + "}"), "EUR 17.5");
  EXPECT_EQ(with(R"(,"discounts":[{"id":"di_1","coupon":)" + coupon + "}]"), "EUR 17.5");
  EXPECT_EQ(with(R"(,"discounts":[{"id":"di_1","source":{"type":"coupon","coupon":)" + coupon + "}}]"), "EUR 17.5");
  // Only ids: the list of coupons tells; an id of the discount alone tells nothing, and no value is guessed.
  EXPECT_EQ(with(R"(,"discounts":[{"id":"di_1","source":{"coupon":"co_1"}}])", {{"c.jsonl", coupon}}), "EUR 17.5");
  EXPECT_EQ(with(R"(,"discounts":[{"id":"di_1","source":{"coupon":"co_1"}}])"), "not known");
  EXPECT_EQ(with(R"(,"discounts":["di_1"])"), "not known");
  // The older shape has both members; they are the same discount.
  EXPECT_EQ(with(R"(,"discounts":["di_1"],"discount":{"coupon":)" + coupon + "}"), "EUR 17.5");
  const std::string item_discount = R"(,"discounts":[{"coupon":)" + coupon + "}]";
  EXPECT_EQ(Monthly(Subscription({Item(Price(kTen), 2, item_discount), Item(Price(kTen), 3)})), "EUR 47.5");
}

TEST(StripeDiscounts, OnlyWhatRecursCounts) {
  const auto with = [](const std::string& coupon, const std::string& more = "") {
    return Monthly(Subscription({Item(Price(kTen), 2)},
                                R"(,"current_period_start":500,"discount":{"coupon":)" + coupon + more + "}"));
  };
  EXPECT_EQ(with(R"({"percent_off":50,"duration":"once"})"), "EUR 20");
  EXPECT_EQ(with(R"({"percent_off":50,"duration":"repeating"})", R"(,"end":501)"), "EUR 10");
  EXPECT_EQ(with(R"({"percent_off":50,"duration":"repeating"})", R"(,"end":500)"), "EUR 20");  // before this period
  EXPECT_EQ(with(R"({"percent_off":100,"duration":"forever"})"), "EUR 0");
  EXPECT_EQ(with(R"({"amount_off":500,"currency":"eur","duration":"forever"})"), "EUR 15");
  EXPECT_EQ(with(R"({"amount_off":9900,"currency":"eur","duration":"forever"})"), "EUR 0");
  EXPECT_EQ(with(R"({"amount_off":500,"currency":"usd","duration":"forever"})"), "not known");
}

TEST(StripeDiscounts, ThePresentPeriodStandsOnTheItemsSince2025) {
  const auto with = [](const std::string& end) {
    return Subscription({Item(Price(kTen), 2, R"(,"current_period_start":500)")},
                        R"(,"discount":{"coupon":{"percent_off":50,"duration":"repeating"},"end":)" + end + "}");
  };
  EXPECT_EQ(Monthly(with("501")), "EUR 10");
  EXPECT_EQ(Monthly(with("500")), "EUR 20");
  // A new period is a newer version of the subscription.
  EXPECT_EQ(StripeRun(Files{{"s.jsonl", with("501")}}).events().at(0).revision(), 500'000'000);
}

TEST(StripeDiscounts, ACouponMayHoldForSomeProductsOnly) {
  const std::string other = R"({"id":"p2","currency":"eur","product":"prod_2","unit_amount":4000,)"
                            R"("recurring":{"interval":"month"}})";
  const std::string discount =
      R"(,"discount":{"coupon":{"percent_off":50,"duration":"forever","applies_to":{"products":["prod_2"]}}})";
  EXPECT_EQ(Monthly(Subscription({Item(Price(kTen)), Item(other)}, discount)), "EUR 30");
}

TEST(StripeDiscounts, SubscriptionsOfUnknownValueAreReported) {
  StripeRun run(Files{{"s.jsonl", Subscription({Item(Price(kTen))}, R"(,"discounts":["di_1"])")}});
  EXPECT_TRUE(run.HasProblem("s.jsonl", "1 subscriptions have no monthly value"));
  EXPECT_THAT(EventTexts(run), ElementsAre("subscription sub_1: not known", "phase sub_1 deleted"));
}

TEST(StripeSubscriptions, TheProductsNameComesFromTheListOfProducts) {
  StripeRun run(Files{{"p.jsonl", R"({"id":"prod_1","object":"product","name":"Analytics"})"},
                      {"s.jsonl", Subscription({Item(Price(kTen))})}});
  EXPECT_EQ(run.events().at(0).subscription().product(), "Analytics");
}

std::string Schedule(const std::string& more) {
  return R"({"id":"sub_sched_1","object":"subscription_schedule","created":100,"subscription":"sub_1",)"
         R"("end_behavior":"release","phases":[)"
         R"({"start_date":100,"end_date":200,"currency":"eur","items":[{"price":"price_1","quantity":1}],)"
         R"("discounts":[{"coupon":"co_1"}]},)"
         R"({"start_date":200,"end_date":300,"currency":"eur","items":[{"price":"price_1","quantity":2}]},)"
         R"({"start_date":300,"end_date":400,"currency":"eur","items":[{"price":"price_1","quantity":5}]}])" +
         more + "}\n";
}
const char kFolder[] =
    R"({"id":"price_1","object":"price","currency":"eur","unit_amount":1000,"recurring":{"interval":"month"}})"
    "\n"
    R"({"id":"co_1","object":"coupon","percent_off":20,"duration":"forever"})"
    "\n";

TEST(StripeSchedules, StateOnePhaseForEachOfTheirs) {
  EXPECT_THAT(Lines({{"a.jsonl", kFolder}, {"b.jsonl", Schedule(R"(,"status":"active")")}}),
              ElementsAre("phase sub_sched_1/1 of sub_1 from 100 to 200: EUR 8",
                          "phase sub_sched_1/2 of sub_1 from 200 to 300: EUR 20",
                          "phase sub_sched_1/3 of sub_1 from 300: EUR 50"));  // it goes on after its last phase
  // While a schedule holds, the subscription states its present value and no phase.
  EXPECT_THAT(Lines({{"s.jsonl", Subscription({Item(Price(kTen))}, R"(,"schedule":"sub_sched_1")")}}),
              ElementsAre("subscription sub_1: EUR 10", "phase sub_1 deleted"));
}

TEST(StripeSchedules, EndWhereTheyWereReleasedOrCancelled) {
  EXPECT_THAT(Lines({{"a.jsonl", kFolder}, {"b.jsonl", Schedule(R"(,"status":"canceled","canceled_at":250)")}}),
              ElementsAre("phase sub_sched_1/1 of sub_1 from 100 to 200: EUR 8",
                          "phase sub_sched_1/2 of sub_1 from 200 to 250: EUR 20", "phase sub_sched_1/3 deleted"));
  // After a release the subscription goes on by itself.
  EXPECT_THAT(Lines({{"a.jsonl", kFolder},
                     {"b.jsonl", Schedule(R"(,"status":"released","released_at":200)")},
                     {"s.jsonl", Subscription({Item(Price(kTen), 3)}, R"(,"schedule":null)")}}),
              ElementsAre("phase sub_sched_1/1 of sub_1 from 100 to 200: EUR 8", "phase sub_sched_1/2 deleted",
                          "phase sub_sched_1/3 deleted", "subscription sub_1: EUR 30",
                          "phase sub_1 of sub_1 from 200: EUR 30"));
}

TEST(StripeSchedules, TrialsAreFreeAndPlansWithoutSubscriptionAreNone) {
  const std::string trial =
      R"({"id":"ss","object":"subscription_schedule","created":100,"subscription":"sub_1","end_behavior":"cancel",)"
      R"("phases":[{"start_date":100,"end_date":200,"trial_end":200,"currency":"eur","items":[{"price":"price_1"}]},)"
      R"({"start_date":200,"end_date":300,"currency":"eur","items":[{"price":"price_1"}]}]})";
  EXPECT_THAT(Lines({{"a.jsonl", kFolder}, {"b.jsonl", trial}}),
              ElementsAre("phase ss/1 of sub_1 from 100 to 200: EUR 0", "phase ss/2 of sub_1 from 200 to 300: EUR 10"));
  StripeRun planned(Files{{"b.jsonl", R"({"id":"ss","object":"subscription_schedule","created":100,"phases":[]})"}});
  EXPECT_EQ(planned.Skips()["no_subscription"], 1);
}

}  // namespace
}  // namespace partnermetrics
