// Reads hand-made Stripe files with the plugin and tells what became of them, one short line for each event.
//
//   EXPECT_THAT(Lines({{"refunds.jsonl", …}}), ElementsAre("refund re_1 of in_1: USD 5.00 …"));
#ifndef PARTNERMETRICS_TESTS_CONNECTORS_STRIPE_BILLING_STRIPE_RUN_H_
#define PARTNERMETRICS_TESTS_CONNECTORS_STRIPE_BILLING_STRIPE_RUN_H_

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "tests/connectors/plugins/plugin_run.h"

namespace partnermetrics {

using Files = std::map<std::string, std::string>;

inline std::string MoneyText(const v1::Money& money) {
  char text[64];
  std::snprintf(text, sizeof(text), "%s %lld.%09d", money.currency_code().c_str(),
                static_cast<long long>(money.units()), money.nanos());
  std::string amount = text;
  amount.erase(amount.find_last_not_of('0') + 1);
  if (amount.back() == '.') amount.pop_back();
  return amount;
}

template <typename Part>
std::string PartText(const Part& part) {
  std::string text = part.root_id().empty() ? "" : " of " + part.root_id();
  if (!part.customer_id().empty()) text += " by " + part.customer_id();
  return text + ": " + MoneyText(part.amount());
}

// "payment ch_1 of in_1 by cus_1: USD 7"; "phase sub_1 of sub_1 from 100 to 200: EUR 10".
inline std::string EventText(const v1::Event& event) {
  const std::string id = " " + event.record_id();
  if (event.has_payment()) return "payment" + id + (event.deleted() ? " deleted" : PartText(event.payment()));
  if (event.has_refund()) return "refund" + id + PartText(event.refund());
  if (event.has_credit_note()) return "credit_note" + id + PartText(event.credit_note());
  if (event.has_customer()) return "customer" + id + ": " + event.customer().name() + event.customer().person_name();
  if (event.has_invoice()) {
    const v1::Invoice& invoice = event.invoice();
    if (event.deleted()) return "invoice" + id + " deleted";
    return "invoice" + id + " by " + invoice.customer_id() + ": " + MoneyText(invoice.amount()) + ", paid " +
           MoneyText(invoice.amount_paid());
  }
  if (event.has_subscription()) {
    const v1::Subscription& subscription = event.subscription();
    if (event.deleted()) return "subscription" + id + " deleted";
    return "subscription" + id + ": " + (subscription.has_mrr() ? MoneyText(subscription.mrr()) : "not known");
  }
  if (event.has_subscription_phase()) {
    const v1::SubscriptionPhase& phase = event.subscription_phase();
    if (event.deleted()) return "phase" + id + " deleted";
    std::string text = "phase" + id + " of " + phase.root_id() + " from " + std::to_string(phase.starts_at().seconds());
    if (phase.has_ends_at()) text += " to " + std::to_string(phase.ends_at().seconds());
    return text + ": " + (phase.has_mrr() ? MoneyText(phase.mrr()) : "not known");
  }
  return "another kind" + id;
}

inline std::vector<std::string> EventTexts(const PluginRun& run) {
  std::vector<std::string> lines;
  for (const v1::Event& event : run.events()) lines.push_back(EventText(event));
  return lines;
}

// A run over these files, from a state or from scratch. A failed run throws.
class StripeRun : public PluginRun {
 public:
  explicit StripeRun(const Files& files, const SettingMap& settings = {}, const std::string& state = "")
      : PluginRun("stripe_billing") {
    for (const auto& [name, content] : files) AddFile(name, content);
    if (Read(settings, state) != PM_OK) throw std::runtime_error(error());
  }
};

inline std::vector<std::string> Lines(const Files& files, const SettingMap& settings = {}) {
  return EventTexts(StripeRun(files, settings));
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_CONNECTORS_STRIPE_BILLING_STRIPE_RUN_H_
