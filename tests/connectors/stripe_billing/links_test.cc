// Refunds and charges whose invoice only other objects tell. All files are hand-made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/stripe_billing/stripe_run.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kRefund[] =
    R"({"id":"re_1","object":"refund","created":1761000000,"currency":"usd","amount":500,"charge":"ch_1",)"
    R"("payment_intent":"pi_1","status":"succeeded"})"
    "\n";
constexpr char kInvoice[] =
    R"({"id":"in_1","object":"invoice","created":1760000000,"currency":"usd","customer":"cus_1","status":"open",)"
    R"("total":900,"total_excluding_tax":900,"amount_due":900,"amount_paid":0})"
    "\n";
constexpr char kInvoicePayment[] = R"({"id":"inpay_1","object":"invoice_payment","invoice":"in_1","status":"paid",)"
                                   R"("payment":{"type":"payment_intent","payment_intent":"pi_1"}})"
                                   "\n";

std::string Charge(const std::string& id, const std::string& more) {
  return R"({"id":"ch_)" + id + R"(","object":"charge","created":1760000000,"currency":"usd","status":"succeeded",)" +
         R"("captured":true,"amount":900,"amount_captured":900,"customer":"cus_1","payment_intent":"pi_)" + id + "\"" +
         more + "}\n";
}

TEST(StripeLinks, ARefundWaitsUntilItsInvoiceIsKnownAndIsThenStatedAgain) {
  StripeRun before(Files{{"refunds.jsonl", kRefund}});
  EXPECT_THAT(EventTexts(before), ElementsAre("refund re_1 of ch_1: USD 5"));  // an invoice that is not there: it waits
  EXPECT_TRUE(before.HasProblem("refunds.jsonl", "1 refunds wait for the invoice"));

  StripeRun after(Files{{"refunds.jsonl", kRefund}, {"z.jsonl", std::string(kInvoice) + kInvoicePayment}}, {},
                  before.last_state());
  EXPECT_THAT(EventTexts(after), ElementsAre("refund re_1 of in_1: USD 5", "invoice in_1 by cus_1: USD 9, paid USD 0"));

  StripeRun again(Files{{"refunds.jsonl", kRefund}, {"z.jsonl", std::string(kInvoice) + kInvoicePayment}}, {},
                  after.last_state());
  EXPECT_THAT(EventTexts(again), IsEmpty());
}

TEST(StripeLinks, ARefundOfAOneOffChargeStandsOnItsOwn) {
  // Until the API of 2025-03-31 the charge says that it has no invoice.
  EXPECT_THAT(Lines({{"a.jsonl", kRefund}, {"b.jsonl", Charge("1", R"(,"invoice":null)")}}),
              ElementsAre("refund re_1 by cus_1: USD 5", "payment ch_1 by cus_1: USD 9"));
  // Since then the payments of invoices tell: this charge is not among them.
  const std::string others = R"({"id":"inpay_2","object":"invoice_payment","invoice":"in_2",)"
                             R"("payment":{"type":"charge","charge":"ch_2"}})"
                             "\n";
  EXPECT_THAT(Lines({{"a.jsonl", kRefund}, {"b.jsonl", Charge("1", "") + others}}),
              ElementsAre("refund re_1 by cus_1: USD 5", "payment ch_1 by cus_1: USD 9"));
}

TEST(StripeLinks, ARefundWithAnExpandedChargeNeedsNoOtherFile) {
  EXPECT_THAT(
      Lines({{"a.jsonl", R"({"id":"re_1","object":"refund","created":1761000000,"currency":"usd","amount":500,)"
                         R"("charge":{"id":"ch_1","invoice":"in_1","customer":"cus_1"},"status":"succeeded"})"}}),
      ElementsAre("refund re_1 of in_1 by cus_1: USD 5"));
}

TEST(StripeLinks, ChargesOfInvoicesAreNoPaymentsOfTheirOwn) {
  StripeRun old_shape(Files{{"a.jsonl", Charge("1", R"(,"invoice":"in_1")")}});
  EXPECT_THAT(old_shape.Skips(), ElementsAre(Pair("paid_by_invoice", 1)));

  StripeRun nothing_known(Files{{"a.jsonl", Charge("1", "")}});
  EXPECT_THAT(nothing_known.Skips(), ElementsAre(Pair("invoice_unknown", 1)));
  EXPECT_TRUE(nothing_known.HasProblem("a.jsonl", "1 charges are left out"));

  EXPECT_THAT(Lines({{"a.jsonl", Charge("1", "") + Charge("3", "")}, {"b.jsonl", kInvoicePayment}}),
              ElementsAre("payment ch_1 deleted", "payment ch_3 by cus_1: USD 9"));
}

TEST(StripeLinks, AChargeTurnsOutToBeOfAnInvoiceInALaterRun) {
  const std::string others = R"({"id":"inpay_2","object":"invoice_payment","invoice":"in_2",)"
                             R"("payment":{"type":"charge","charge":"ch_2"}})"
                             "\n";
  Files files = {{"a.jsonl", Charge("1", "") + others}};
  StripeRun before(files);
  EXPECT_THAT(EventTexts(before), ElementsAre("payment ch_1 by cus_1: USD 9"));
  files["b.jsonl"] = kInvoicePayment;
  EXPECT_THAT(EventTexts(StripeRun(files, {}, before.last_state())), ElementsAre("payment ch_1 deleted"));
}

TEST(StripeLinks, OnlyCapturedMoneyOfChargesCounts) {
  const std::string partly = R"({"id":"ch_4","object":"charge","created":1760000000,"currency":"kwd","invoice":null,)"
                             R"("status":"succeeded","captured":true,"amount":12345,"amount_captured":10000,)"
                             R"("billing_details":{"email":"guest@helios.example"}})";
  const std::string failed = R"({"id":"ch_5","object":"charge","created":1760000000,"currency":"usd","invoice":null,)"
                             R"("status":"failed","captured":false,"amount":100})";
  StripeRun run(Files{{"a.jsonl", partly + "\n" + failed + "\n"}});
  EXPECT_THAT(EventTexts(run), ElementsAre("payment ch_4: KWD 10"));  // three decimals
  EXPECT_THAT(run.Skips(), ElementsAre(Pair("not_paid", 1)));
  ASSERT_EQ(run.events()[0].payment().partner_refs_size(), 2);  // a guest's address is all there is
  EXPECT_EQ(run.events()[0].payment().partner_refs(1).domain(), "helios.example");
}

TEST(StripeLinks, CreditNotesAreOfTheirInvoiceWithoutTax) {
  const std::string note = R"({"id":"cn_1","object":"credit_note","created":1761000000,"currency":"eur",)"
                           R"("customer":"cus_1","invoice":"in_1","number":"B-2-CN-01",)";
  EXPECT_THAT(Lines({{"a.jsonl",
                      note + R"("status":"issued","total":1190,"total_excluding_tax":1000})" + "\n" + note +
                          R"("status":"issued","total":1190,"subtotal":1500,"tax_amounts":[{"amount":190}]})" + "\n"}}),
              ElementsAre("credit_note cn_1 of in_1 by cus_1: EUR 10", "credit_note cn_1 of in_1 by cus_1: EUR 10"));
  StripeRun run(Files{{"a.jsonl", note + R"("status":"void","total":1190,"voided_at":1762000000})"}});
  EXPECT_EQ(run.events().at(0).credit_note().status(), v1::CREDIT_NOTE_STATUS_VOID);
  EXPECT_EQ(run.events().at(0).revision(), 1'762'000'000'000'000);
}

}  // namespace
}  // namespace partnermetrics
