// Billing exports that come in parts: what a run cannot know yet, a later run makes right. Files made by hand.
#include <string>

#include "tests/end_to_end/server_fixture.h"

namespace partnermetrics {
namespace {

class BillingTest : public ServerFixture {};

TEST_F(BillingTest, ARefundCountsOnceItsInvoiceIsThere) {
  const std::string folder = AddConnector("billing", "stripe_billing");
  WriteFile(folder + "/refunds.jsonl",
            R"({"id":"re_1","object":"refund","created":1767225600,"currency":"usd","amount":500,)"
            R"("payment_intent":"pi_1","status":"succeeded"})"
            "\n");
  Start();
  EXPECT_EQ(RunConnector("billing").state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(Metric("refunds", v1::SCOPE_KIND_BUSINESS).facts(), 0);  // it waits

  WriteFile(folder + "/invoices.jsonl",
            R"({"id":"in_1","object":"invoice","created":1767139200,"currency":"usd","customer":"cus_1",)"
            R"("status":"paid","total":900,"total_excluding_tax":900,"amount_due":900,"amount_paid":900,)"
            R"("status_transitions":{"paid_at":1767139200},)"
            R"("payments":{"data":[{"payment":{"payment_intent":"pi_1"}}]}})"
            "\n");
  EXPECT_EQ(RunConnector("billing").state(), v1::RUN_STATE_SUCCEEDED);
  EXPECT_EQ(ExactText(Metric("refunds", v1::SCOPE_KIND_BUSINESS)), "5");
  EXPECT_EQ(Metric("refunds", v1::SCOPE_KIND_BUSINESS).facts(), 1);
  EXPECT_EQ(ExactText(Metric("partner_revenue_billed", v1::SCOPE_KIND_BUSINESS)), "4");
}

}  // namespace
}  // namespace partnermetrics
