// Figures of a real dashboard export as its README states them, the vendor's own example objects, and hand-made objects
// in the shapes before and after the API version of 2025-03-31.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "tests/connectors/plugins/plugin_run.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

TEST(StripeBilling, SpreadsheetSampleHasItsFigures) {
  PluginRun run("stripe_billing");
  run.AddSample("stripe/country_revenue/payments.csv");
  ASSERT_EQ(run.Check(), PM_OK) << run.error();
  EXPECT_THAT(run.host().problems, IsEmpty());
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_THAT(run.Rejections(), IsEmpty());
  auto payments = run.Facts(&v1::Event::has_payment, &v1::Event::payment);
  EXPECT_THAT(payments, SizeIs(622));
  std::map<std::string, int64_t> cents;
  std::set<std::string> ids;
  for (const v1::Payment* payment : payments) cents[payment->amount().currency_code()] += Cents(payment->amount());
  for (const v1::Event& event : run.events()) ids.insert(event.record_id());
  EXPECT_THAT(cents, UnorderedElementsAre(Pair("USD", 3'553'00), Pair("EUR", 3'107'50), Pair("MXN", 19'115'00)));
  EXPECT_THAT(ids, SizeIs(622));  // the export has no id column; none may hide another
}

TEST(StripeBilling, AllColumnsSampleNamesItsCustomer) {
  PluginRun run("stripe_billing");
  run.AddSample("stripe/country_revenue/unified_payments.csv");
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  auto payments = run.Facts(&v1::Event::has_payment, &v1::Event::payment);
  ASSERT_THAT(payments, SizeIs(1));
  EXPECT_EQ(run.events()[0].record_id(), "ch_3POsheC8ukEwBaxR1SBP6Pvo");
  EXPECT_EQ(payments[0]->root_id(), "");  // its invoice is not in the folder
  EXPECT_EQ(payments[0]->customer_id(), "cus_PsVhjfaepodbyRV");
  ASSERT_EQ(payments[0]->partner_refs_size(), 1);  // a free mailbox: no domain
  EXPECT_EQ(payments[0]->partner_refs(0).email(), "overlayon@gmail.com");
}

TEST(StripeBilling, ReadsTheVendorsExampleObjects) {
  simdjson::dom::parser parser;
  simdjson::dom::object resources;
  std::string path = std::string(PM_TEST_DATA) + "/samples/stripe/openapi/fixtures3.json";
  ASSERT_EQ(parser.load(path)["resources"].get(resources), simdjson::SUCCESS);
  std::string lines;
  for (auto [name, resource] : resources) lines += simdjson::minify(resource) + "\n";
  PluginRun run("stripe_billing");
  run.AddFile("resources.jsonl", lines);
  ASSERT_EQ(run.Read({{"include_test_mode", "true"}}), PM_OK) << run.error();
  EXPECT_THAT(run.records(), SizeIs(176));
  EXPECT_THAT(run.Facts(&v1::Event::has_customer, &v1::Event::customer), SizeIs(1));
  EXPECT_THAT(run.Facts(&v1::Event::has_subscription, &v1::Event::subscription), SizeIs(1));
  EXPECT_THAT(run.Facts(&v1::Event::has_refund, &v1::Event::refund), SizeIs(1));
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_GT(run.Skips()["test_mode"], 0);
}

constexpr char kNewInvoice[] =
    R"({"id":"in_2","object":"invoice","livemode":true,"created":1760000000,"currency":"jpy","customer":"cus_1",)"
    R"("status":"paid","total":1100,"total_excluding_tax":1000,"amount_due":1100,"amount_paid":1100,"due_date":null,)"
    R"("number":"B-2","billing_reason":"subscription_cycle","metadata":{"opportunity_id":"006X"},)"
    R"("parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_1",)"
    R"("metadata":{"partner_id":"northwind"}}},)"
    R"("status_transitions":{"finalized_at":1760000100,"paid_at":1760000200,"voided_at":null},)"
    R"("payments":{"object":"list","data":[{"payment":{"type":"payment_intent","payment_intent":"pi_2"}}]}})";
constexpr char kOldInvoice[] =
    R"({"id":"in_1","object":"invoice","livemode":true,"created":1730000000.0,"currency":"usd","customer":{"id":"cus_1"},)"
    R"("status":"paid","total":11900,"tax":1900,"amount_due":11900,"amount_paid":11900,"due_date":1730086400,)"
    R"("subscription":"sub_1","charge":"ch_1","billing_reason":"subscription_create",)"
    R"("status_transitions":{"finalized_at":1730000000,"paid_at":1730500000}})";

TEST(StripeBilling, ReadsInvoicesOfBothShapes) {
  PluginRun run("stripe_billing");
  run.AddFile("invoices.json", std::string(R"({"object":"list","url":"/v1/invoices","has_more":false,"data":[)") +
                                   kOldInvoice + ",\n " + kNewInvoice + "]}");
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_THAT(run.Rejections(), IsEmpty());
  auto invoices = run.Facts(&v1::Event::has_invoice, &v1::Event::invoice);
  ASSERT_THAT(invoices, SizeIs(2));
  EXPECT_EQ(Cents(invoices[0]->amount()), 100'00);  // without tax
  EXPECT_EQ(Cents(invoices[0]->amount_due()), 119'00);
  EXPECT_EQ(Cents(invoices[0]->paid_on_time()), 0);  // paid days after it was due
  EXPECT_EQ(invoices[0]->customer_id(), "cus_1");
  EXPECT_EQ(invoices[0]->revenue_kind(), v1::REVENUE_KIND_NEW);
  EXPECT_EQ(invoices[1]->amount().units(), 1000);  // yen have no minor unit
  EXPECT_EQ(invoices[1]->amount().currency_code(), "JPY");
  EXPECT_EQ(invoices[1]->paid_on_time().units(), 1100);
  EXPECT_EQ(invoices[1]->deal_id(), "006X");
  for (const v1::Invoice* invoice : invoices) EXPECT_EQ(invoice->subscription_id(), "sub_1");
  ASSERT_EQ(invoices[1]->partner_refs_size(), 2);
  EXPECT_EQ(invoices[1]->partner_refs(0).partner_id(), "northwind");
  EXPECT_EQ(run.events()[0].revision(), 1'730'500'000'000'000);
  auto payments = run.Facts(&v1::Event::has_payment, &v1::Event::payment);
  ASSERT_THAT(payments, SizeIs(2));
  EXPECT_EQ(payments[0]->root_id(), "in_1");
}

TEST(StripeBilling, RefundsFindTheirInvoice) {
  PluginRun run("stripe_billing");
  run.AddFile("a_refunds.jsonl",
              R"({"id":"re_1","object":"refund","created":1731000000,"currency":"usd","amount":500,"charge":"ch_1",)"
              R"("payment_intent":null,"reason":"requested_by_customer","status":"succeeded"})"
              "\n"
              R"({"id":"re_2","object":"refund","created":1761000000,"currency":"jpy","amount":500,"charge":"ch_9",)"
              R"("payment_intent":"pi_2","status":"succeeded"})"
              "\n");
  run.AddFile("invoices.jsonl", std::string(kOldInvoice) + "\n" + kNewInvoice + "\n");
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  auto refunds = run.Facts(&v1::Event::has_refund, &v1::Event::refund);
  ASSERT_THAT(refunds, SizeIs(2));
  EXPECT_EQ(refunds[0]->root_id(), "in_1");
  EXPECT_EQ(Cents(refunds[0]->amount()), 5'00);
  EXPECT_EQ(refunds[1]->root_id(), "in_2");
  EXPECT_EQ(refunds[1]->amount().units(), 500);
}

std::string Subscription(const std::string& status, const std::string& items, const std::string& more = "") {
  return R"({"id":"sub_1","object":"subscription","livemode":true,"created":1700000000,"start_date":1700000000,)"
         R"("currency":"usd","customer":"cus_1","status":")" +
         status + R"(","items":{"object":"list","data":[)" + items + "]}" + more + "}\n";
}

std::string Item(const std::string& amount, const std::string& interval, int count, int quantity) {
  return R"({"id":"si_1","current_period_end":1790000000,"quantity":)" + std::to_string(quantity) +
         R"(,"price":{"product":"prod_1","unit_amount":)" + amount + R"(,"recurring":{"interval":")" + interval +
         R"(","interval_count":)" + std::to_string(count) + R"(,"usage_type":"licensed"}}})";
}

TEST(StripeBilling, MonthlyValueOfEveryIntervalAndQuantity) {
  struct Case {
    std::string line;
    int64_t cents;
  };
  const Case cases[] = {
      {Subscription("active", Item("1000", "month", 1, 3)), 30'00},
      {Subscription("active", Item("3000", "month", 3, 2)), 20'00},
      {Subscription("past_due", Item("12000", "year", 1, 1)), 10'00},
      {Subscription("active", Item("1200", "week", 1, 1)), 52'00},
      {Subscription("active", Item("1200", "day", 1, 1)), 365'00},
      {Subscription("active", Item("1000", "month", 1, 1) + "," + Item("12000", "year", 1, 2)), 30'00},
      {Subscription("trialing", Item("1000", "month", 1, 1)), 0},
      {Subscription("active", Item("1000", "month", 1, 1),
                    R"(,"discount":{"coupon":{"percent_off":25.0,"duration":"forever"}})"),
       7'50},
      // A fixed amount comes off every bill: 12 a year is 1 a month.
      {Subscription("active", Item("12000", "year", 1, 1),
                    R"(,"discount":{"coupon":{"amount_off":1200,"duration":"forever"}})"),
       9'00},
  };
  for (const Case& test : cases) {
    PluginRun run("stripe_billing");
    run.AddFile("s.jsonl", test.line);
    ASSERT_EQ(run.Read(), PM_OK) << run.error();
    auto subscriptions = run.Facts(&v1::Event::has_subscription, &v1::Event::subscription);
    ASSERT_THAT(subscriptions, SizeIs(1)) << test.line;
    EXPECT_EQ(Cents(subscriptions[0]->mrr()), test.cents) << test.line;
    EXPECT_EQ(subscriptions[0]->renews_at().seconds(), 1'790'000'000);
    auto phases = run.Facts(&v1::Event::has_subscription_phase, &v1::Event::subscription_phase);
    ASSERT_THAT(phases, SizeIs(1));
    EXPECT_EQ(Cents(phases[0]->mrr()), test.cents);
    EXPECT_EQ(phases[0]->root_id(), "sub_1");
  }
  PluginRun tiered("stripe_billing");
  tiered.AddFile("s.jsonl", Subscription("active", Item("null", "month", 1, 1)));
  ASSERT_EQ(tiered.Read(), PM_OK) << tiered.error();
  EXPECT_FALSE(tiered.events().at(0).subscription().has_mrr());  // unknown is not zero
}

TEST(StripeBilling, LeavesOutByRuleAndRejectsWithReason) {
  PluginRun run("stripe_billing");
  run.AddFile(
      "mixed.jsonl",
      R"({"id":"in_3","object":"invoice","livemode":true,"created":1730000000,"currency":"usd","status":"draft"})"
      "\n"
      R"({"id":"in_4","object":"invoice","livemode":false,"created":1730000000,"currency":"usd","status":"open"})"
      "\n"
      R"({"id":"in_5","object":"invoice","livemode":true,"created":1730000000,"currency":"usx","status":"open"})"
      "\n"
      R"({"id":"in_6","object":"invoice","livemode":true,"cre)"
      "\n"
      R"({"id":"in_7","object":"invoice","livemode":true,"created":1730000000,"currency":"usd","status":"open",)"
      R"("total":"a lot"})"
      "\n"
      R"({"stream":"customers","data":{"id":"cus_1","object":"customer","created":1730000000,"name":"Acme",)"
      R"("email":"Jo@Acme.example","metadata":{"salesforce_account_id":"0015f00000AAAAB"}}})"
      "\n"
      R"({"id":"in_8","object":"invoice","livemode":true,"created":1730000000,"currency":"usd","status":"void"})"
      "\n"
      R"({"id":"ch_1","object":"charge","created":1730000000,"currency":"usd","status":"succeeded","captured":true,)"
      R"("amount":700,"invoice":"in_1"})"
      "\n");
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_THAT(run.Skips(), UnorderedElementsAre(Pair("draft", 1), Pair("test_mode", 1), Pair("paid_by_invoice", 1)));
  EXPECT_THAT(run.Rejections(), ElementsAre("mixed.jsonl:3:currency:unknown_currency", "mixed.jsonl:4::bad_json",
                                            "mixed.jsonl:5:total:bad_number"));
  ASSERT_THAT(run.events(), SizeIs(2));
  const v1::Customer& customer = run.events()[0].customer();
  EXPECT_EQ(customer.domain(), "acme.example");
  ASSERT_EQ(customer.partner_refs_size(), 3);
  EXPECT_EQ(customer.partner_refs(0).external().id(), "0015f00000AAAABAA5");
  EXPECT_EQ(customer.partner_refs(1).email(), "jo@acme.example");
  EXPECT_EQ(customer.partner_refs(2).domain(), "acme.example");
  EXPECT_TRUE(run.events()[1].deleted());  // the void invoice
}

TEST(StripeBilling, NumbersAsOtherExportersWriteThem) {
  PluginRun run("stripe_billing");
  run.AddFile("i.jsonl",
              R"({"id":"in_1","object":"invoice","created":1730000000.0,"currency":"USD","status":"open",)"
              R"("total":"11900","tax":1900.0,"amount_due":11900.0,"amount_paid":0})"
              "\n"
              R"({"id":"in_2","object":"invoice","created":1730000000,"currency":"usd","status":"open","total":119.5})"
              "\n");
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_EQ(Cents(run.events().at(0).invoice().amount()), 100'00);
  EXPECT_THAT(run.Rejections(), ElementsAre("i.jsonl:2:total:bad_number"));
}

TEST(StripeBilling, AListWithMorePagesIsReported) {
  PluginRun run("stripe_billing");
  run.AddFile("invoices.json", std::string(R"({"object":"list","has_more":true,"data":[)") + kOldInvoice + "]}");
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_THAT(run.events(), SizeIs(2));
  EXPECT_TRUE(run.HasProblem("invoices.json", "has more pages than the file holds"));
}

TEST(StripeBilling, BrokenListsFailTheRunWithTheirLine) {
  PluginRun run("stripe_billing");
  run.AddFile("invoices.json", std::string("{\"object\":\"list\",\n\"data\":[\n") + kOldInvoice + ",\n");
  EXPECT_EQ(run.Read(), PM_SOURCE);
  EXPECT_THAT(run.error(), HasSubstr("invoices.json, line 4"));
  PluginRun binary("stripe_billing");
  binary.AddFile("invoices.json", std::string("PK\x03\x04\0\0", 6));
  EXPECT_EQ(binary.Read(), PM_UNSUPPORTED);
}

TEST(StripeBilling, FinishedFilesAreNotReadAgain) {
  PluginRun run("stripe_billing");
  run.AddFile("invoices.jsonl", std::string(kOldInvoice) + "\n" + kNewInvoice + "\n");
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  std::string state = run.last_state();
  ASSERT_EQ(run.Read({}, state), PM_OK) << run.error();
  EXPECT_THAT(run.records(), IsEmpty());
  ASSERT_EQ(run.Read({{"include_test_mode", "true"}}, state), PM_OK) << run.error();
  EXPECT_THAT(run.records(), SizeIs(2));
}

}  // namespace
}  // namespace partnermetrics
