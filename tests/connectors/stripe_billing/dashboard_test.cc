// The dashboard's CSV exports. Headers as seen in public files; rows hand-made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/stripe_billing/stripe_run.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(StripeDashboard, PaymentsOfTheOldLayout) {
  const std::string header =
      "id,Description,Seller Message,Created (UTC),Amount,Amount Refunded,Currency,Converted Amount,Converted Amount "
      "Refunded,Fee,Tax,Converted Currency,Mode,Status,Statement Descriptor,Customer ID,Customer Description,Customer "
      "Email,Captured,Card ID,Invoice ID,Payment Source Type,Destination,Transfer,Transfer Group,PaymentIntent ID\n";
  StripeRun run(
      Files{{"payments.csv",
             header + "ch_1,Order,,2014-02-03 01:47,20.00,5.00,usd,20.00,5.00,0.88,0.00,usd,Live,Paid,,cus_1,,"
                      "jo@helios.example,true,card_1,,card,,,,\n"
                      "ch_2,Order,,2014-02-03 01:48,20.00,0.00,usd,20.00,0.00,0.88,0.00,usd,Live,Failed,,cus_1,,,true,"
                      "card_1,,card,,,,\n"
                      "ch_3,Order,,2014-02-03 01:49,1000.00,0.00,jpy,9.00,0.00,0.88,0.00,usd,Live,Paid,,,,,true,"
                      "card_1,,card,,,,\n"
                      "ch_4,Order,,2014-02-03 01:50,20.00,0.00,usd,20.00,0.00,0.88,0.00,usd,Test,Paid,,cus_1,,,true,"
                      "card_1,,card,,,,\n"
                      "ch_5,Order,,2014-02-03 01:51,12.345,0.00,kwd,20.00,0.00,0.88,0.00,usd,Live,Paid,,,,,false,"
                      "card_1,,card,,,,\n"}});
  EXPECT_THAT(EventTexts(run), ElementsAre("payment ch_1 by cus_1: USD 20", "refund ch_1 by cus_1: USD 5",
                                           "payment ch_3: JPY 1000"));  // major units, whatever the currency
  EXPECT_THAT(run.Skips(), ElementsAre(Pair("not_paid", 2), Pair("test_mode", 1)));
  EXPECT_EQ(run.events()[0].payment().paid_at().seconds(), 1'391'392'020);
}

constexpr char kInvoices[] =
    "id,Amount Due,Billing,Closed,Currency,Customer,Date (UTC),Due Date (UTC),Number,Paid,Subscription,Subtotal,Total "
    "Discount Amount,Applied Coupons,Tax,Tax Percent,Total,Amount Paid,Status,deal_id (metadata),partner_id "
    "(metadata)\n";

TEST(StripeDashboard, Invoices) {
  StripeRun run(
      Files{{"invoices.csv",
             std::string(kInvoices) +
                 "in_1,119.00,send_invoice,true,eur,cus_1,2026-01-05 10:00,2026-01-19 10:00,B-1,true,sub_1,100.00,"
                 "0.00,,19.00,19.0,119.00,119.00,paid,006X,northwind\n"
                 "in_2,50.00,charge_automatically,false,eur,cus_1,2026-01-06 10:00,,,false,,50.00,,,,,50.00,0.00,"
                 "draft,,\n"
                 "in_3,50.00,charge_automatically,false,eur,cus_1,2026-01-06 10:00,,B-3,false,,50.00,,,,,50.00,"
                 "0.00,open,,\n"
                 "in_4,50.00,send_invoice,true,eur,cus_1,2026-01-06 10:00,,B-4,false,,50.00,,,,,50.00,0.00,void,,"
                 "\n"
                 "in_5,50.00,send_invoice,true,eur,cus_1,2026-01-06 10:00,,B-5,false,,50.00,,,,,50.00,0.00,"
                 "frozen,,\n"}});
  EXPECT_THAT(EventTexts(run), ElementsAre("invoice in_1 by cus_1: EUR 100, paid EUR 119",
                                           "invoice in_3 by cus_1: EUR 50, paid EUR 0", "invoice in_4 deleted"));
  EXPECT_THAT(run.Skips(), ElementsAre(Pair("draft", 1)));
  EXPECT_TRUE(run.host().columns.at("invoices.csv").at("Total"));
  EXPECT_FALSE(run.host().columns.at("invoices.csv").at("Applied Coupons"));
  EXPECT_THAT(run.Rejections(), ElementsAre("invoices.csv:5:Status:unknown_status"));
  const v1::Invoice& paid = run.events()[0].invoice();
  EXPECT_EQ(paid.due_at().seconds(), 1'768'816'800);
  EXPECT_FALSE(paid.has_paid_at());  // this layout does not say when
  EXPECT_EQ(paid.deal_id(), "006X");
  EXPECT_EQ(paid.partner_refs(0).partner_id(), "northwind");
  const v1::Invoice& open = run.events()[1].invoice();
  EXPECT_EQ(open.due_at().seconds(), open.issued_at().seconds());  // charged automatically
}

TEST(StripeDashboard, NewerInvoicesSayWhenTheyWerePaid) {
  StripeRun run(
      Files{{"invoices.csv",
             "id,Amount Due,Currency,Customer,Date (UTC),Due Date (UTC),Total,Amount Paid,Status,Finalized At "
             "(UTC),Paid At (UTC)\n"
             "in_1,10.00,usd,cus_1,2026-01-01 00:00,2026-01-31 00:00,10.00,10.00,paid,2026-01-02 00:00,2026-01-31 "
             "23:59\n"
             "in_2,10.00,usd,cus_1,2026-01-01 00:00,2026-01-31 00:00,10.00,10.00,paid,2026-01-02 00:00,2026-02-01 "
             "00:00\n"}});
  auto invoices = run.Facts(&v1::Event::has_invoice, &v1::Event::invoice);
  EXPECT_EQ(invoices[0]->issued_at().seconds(), 1'767'312'000);
  EXPECT_EQ(Cents(invoices[0]->paid_on_time()), 10'00);
  EXPECT_EQ(Cents(invoices[1]->paid_on_time()), 0);
  EXPECT_EQ(run.events()[0].revision(), 1'769'903'940'000'000);
}

TEST(StripeDashboard, PaymentsArePartsOfInvoicesThatAreThere) {
  const std::string payments =
      "id,Created date (UTC),Amount,Amount Refunded,Currency,Status,Customer ID,Invoice ID\n"
      "ch_1,2026-01-06 10:00:00,119.00,19.00,eur,Paid,cus_1,in_1\n";
  // Alone it stands on its own: as a part it would wait for an invoice that never comes.
  StripeRun alone(Files{{"unified_payments.csv", payments}});
  EXPECT_THAT(EventTexts(alone), ElementsAre("payment ch_1 by cus_1: EUR 119", "refund ch_1 by cus_1: EUR 19"));
  // When an invoices export comes later, all is stated again.
  const Files both = {{"unified_payments.csv", payments}, {"invoices.csv", kInvoices}};
  EXPECT_THAT(EventTexts(StripeRun(both, {}, alone.last_state())),
              ElementsAre("payment ch_1 of in_1 by cus_1: EUR 119", "refund ch_1 of in_1 by cus_1: EUR 19"));
  // Invoices of the API state their payments themselves.
  StripeRun api(
      Files{{"unified_payments.csv", payments},
            {"i.jsonl", R"({"id":"in_1","object":"invoice","created":100,"currency":"eur","status":"open"})"}});
  EXPECT_THAT(api.Skips(), ElementsAre(Pair("paid_by_invoice", 1)));
}

TEST(StripeDashboard, Customers) {
  StripeRun run(
      Files{{"unified_customers.csv",
             "id,Description,Email,Name,Created (UTC),Delinquent,Card ID,Plan,Status,Cancel At Period End,Account "
             "Balance,Currency,Total Spend,Payment Count,Average Order,Refunded Volume,Dispute Losses,Business Vat "
             "ID,Tax Location Recognized,account_id (metadata)\n"
             "cus_1,,Billing@Helios.example,Helios GmbH,2026-01-05 10:00,,,,,,0.00,eur,119.00,1,119.00,0.00,0.00,,,"
             "0015f00000AAAAB\n"
             "cus_2,,jo@gmail.com,Jo Doe,2026-01-05 10:01,false,,,,,0.00,eur,0.00,0,0.00,0.00,0.00,,,\n"}});
  EXPECT_THAT(EventTexts(run), ElementsAre("customer cus_1: Helios GmbH", "customer cus_2: Jo Doe"));
  const v1::Customer& company = run.events()[0].customer();
  EXPECT_EQ(company.domain(), "helios.example");
  EXPECT_EQ(company.partner_refs(0).external().id(), "0015f00000AAAABAA5");
  EXPECT_EQ(run.events()[1].customer().person_name(), "Jo Doe");  // beside a free mailbox: a person
}

constexpr char kSubscriptions[] =
    "id,Customer ID,Customer Description,Customer Email,Plan,Product,Quantity,Currency,Interval,Amount,Status,Created "
    "(UTC),Start Date (UTC),Current Period Start (UTC),Current Period End (UTC),Trial Start (UTC),Trial End "
    "(UTC),Canceled At (UTC),Ended At (UTC),Cancellation Reason,Customer Name\n";

TEST(StripeDashboard, Subscriptions) {
  const std::string file =
      std::string(kSubscriptions) +
      "sub_1,cus_1,,,price_1,Analytics,1,eur,month,30.00,active,1970-01-01 00:01,1970-01-01 00:01,,2026-02-05 "
      "10:00,,,,,,Helios\n"
      "sub_2,cus_1,,,price_1,Analytics,1,eur,year,120.00,canceled,1970-01-01 00:01,1970-01-01 00:01,,,,,1970-01-01 "
      "00:02,1970-01-01 00:03,,Helios\n"
      "sub_3,cus_1,,,price_1,Analytics,4,eur,month,30.00,active,1970-01-01 00:01,1970-01-01 00:01,,,,,,,,Helios\n"
      "sub_4,cus_1,,,price_1,Analytics,1,eur,month,30.00,trialing,1970-01-01 00:01,1970-01-01 00:01,,,1970-01-01 "
      "00:01,2026-02-05 10:00,,,,Helios\n"
      "sub_5,cus_1,,,price_1,Analytics,1,eur,month,30.00,active,1970-01-01 00:01,1970-01-01 00:01,,,1970-01-01 "
      "00:01,1970-01-01 00:02,,,,Helios\n"
      "sub_6,cus_1,,,price_1,Analytics,1,eur,month,30.00,incomplete_expired,1970-01-01 00:01,1970-01-01 "
      "00:01,,,,,,,,Helios\n";
  StripeRun run(Files{{"subscriptions.csv", file}});
  EXPECT_THAT(EventTexts(run), ElementsAre("subscription sub_1: EUR 30", "phase sub_1 of sub_1 from 60: EUR 30",
                                           "subscription sub_2: EUR 10", "phase sub_2 of sub_2 from 60 to 180: EUR 10",
                                           "subscription sub_3: not known",  // is Amount of one unit, or of all four?
                                           "subscription sub_4: EUR 0", "phase sub_4 of sub_4 from 60: EUR 0",
                                           "subscription sub_5: EUR 30", "phase sub_5 of sub_5 from 120: EUR 30",
                                           "subscription sub_6 deleted"));
  EXPECT_TRUE(run.HasProblem("subscriptions.csv", "1 subscriptions have no monthly value"));
  EXPECT_EQ(run.events()[0].subscription().product(), "Analytics");
  EXPECT_EQ(run.events()[0].subscription().renews_at().seconds(), 1'770'285'600);
  EXPECT_EQ(Lines({{"subscriptions.csv", file}}, {{"subscription_csv_amount", "per_unit"}})[4],
            "subscription sub_3: EUR 120");
  EXPECT_EQ(Lines({{"subscriptions.csv", file}}, {{"subscription_csv_amount", "total"}})[4],
            "subscription sub_3: EUR 30");
  EXPECT_EQ(run.Read({{"subscription_csv_amount", "perhaps"}}), PM_BAD_SETTING);
}

TEST(StripeDashboard, SubscriptionsReSavedByASpreadsheet) {
  const std::string file =
      "\xEF\xBB\xBFid;Customer ID;Plan;Quantity;Currency;Interval;Amount;Status;Start (UTC)\r\n"
      "sub_1;cus_1;price_1;1;eur;month;30,00;active;23/2/26 8:55\r\n";
  EXPECT_THAT(Lines({{"subscriptions.csv", file}}, {{"date_order", "day_first"}, {"number_style", "1.234,5"}}),
              ElementsAre("subscription sub_1: EUR 30", "phase sub_1 of sub_1 from 1771836900: EUR 30"));
  StripeRun unknown_order(Files{{"subscriptions.csv", file}}, {{"number_style", "1.234,5"}});
  EXPECT_THAT(unknown_order.Rejections(), ElementsAre("subscriptions.csv:1:Start (UTC):bad_time"));
}

TEST(StripeDashboard, BooleansOfEverySpelling) {
  StripeRun run(Files{{"payments.csv",
                       "id,Created (UTC),Amount,Currency,Status,Captured\n"
                       "ch_1,2026-01-05 10:00,1.00,usd,Paid,true\nch_2,2026-01-05 10:00,1.00,usd,Paid,TRUE\n"
                       "ch_3,2026-01-05 10:00,1.00,usd,Paid,1\nch_4,2026-01-05 10:00,1.00,usd,Paid,\n"
                       "ch_5,2026-01-05 10:00,1.00,usd,Paid,False\nch_6,2026-01-05 10:00,1.00,usd,Paid,0\n"
                       "ch_7,2026-01-05 10:00,1.00,usd,Paid,perhaps\n"}});
  EXPECT_EQ(run.events().size(), 4u);
  EXPECT_THAT(run.Skips(), ElementsAre(Pair("not_paid", 2)));
  EXPECT_THAT(run.Rejections(), ElementsAre("payments.csv:7:Captured:bad_boolean"));
}

TEST(StripeDashboard, ExportsWithoutFactsAreNamed) {
  StripeRun run(Files{{"balance.csv",
                       "id,Type,Source,Amount,Fee,Net,Currency,Created (UTC),Available On (UTC)\ntxn_1,charge,"
                       "ch_1,20.00,0.88,19.12,usd,2026-01-05 10:00,2026-01-07 00:00\n"},
                      {"products.csv",
                       "id,Name,Type,Date (UTC),Description,Statement Descriptor,Unit Label,Url,Tax Code\n"
                       "prod_1,Analytics,service,2026-01-05 10:00,,,,,\n"}});
  EXPECT_THAT(EventTexts(run), IsEmpty());
  EXPECT_TRUE(run.HasProblem("balance.csv", "movements of the balance repeat payments and refunds"));
  EXPECT_TRUE(run.HasProblem("products.csv", "a list of products states no business"));
}

TEST(StripeDashboard, MissingColumnsAreNamedByCheckAndRun) {
  PluginRun run("stripe_billing");
  run.AddFile("invoices.csv", "id,Amount Due,Date (UTC)\nin_1,1.00,2026-01-05 10:00\n");
  ASSERT_EQ(run.Check(), PM_OK);
  EXPECT_TRUE(run.HasProblem("invoices.csv", "required columns are missing: Status, Currency, Total"));
  EXPECT_EQ(run.Read(), PM_SOURCE);
}

}  // namespace
}  // namespace partnermetrics
