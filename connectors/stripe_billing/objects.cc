#include "connectors/stripe_billing/objects.h"

#include <algorithm>

#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/ids.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::stripe {
namespace {

using References = google::protobuf::RepeatedPtrField<v1::PartnerReference>;
using sdk::Decimal;
using sdk::Instant;

v1::Event* AddEvent(const JsonRecord& record, int64_t revision, const MapContext& context, v1::EventBatch* events) {
  v1::Event* event = events->add_events();
  event->set_record_id(record.Text("id"));
  event->set_revision(revision > 0 ? revision : context.file_micros);
  return event;
}

const char* MapCustomer(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  v1::Event* event = AddEvent(*record, record->Newest({"created"}), context, events);
  event->set_deleted(record->Bool("deleted"));
  v1::Customer* customer = event->mutable_customer();
  std::string email = sdk::NormalizeEmail(record->Text("email"));
  std::string domain = sdk::EmailDomain(email);
  bool free_mail = sdk::IsFreeMailDomain(domain);
  // A name beside a free mailbox is most likely a person's.
  (free_mail ? customer->mutable_person_name() : customer->mutable_name())->assign(record->Text("name"));
  if (!free_mail) customer->set_domain(domain);
  customer->set_country(record->Text("address.country"));
  if (auto metadata = record->Find("metadata")) {
    AddMetadataReferences(*metadata, context.options, customer->mutable_partner_refs());
  }
  if (context.options.link_by_email) AddEmailReferences(email, customer->mutable_partner_refs());
  return nullptr;
}

v1::RevenueKind RevenueKindOf(const std::string& billing_reason) {
  if (billing_reason == "subscription_create") return v1::REVENUE_KIND_NEW;
  if (billing_reason == "subscription_cycle") return v1::REVENUE_KIND_RENEWAL;
  if (billing_reason == "subscription_update") return v1::REVENUE_KIND_UPSELL;
  return billing_reason.empty() ? v1::REVENUE_KIND_UNSPECIFIED : v1::REVENUE_KIND_OTHER;
}

v1::InvoiceStatus InvoiceStatusOf(const std::string& status) {
  if (status == "open") return v1::INVOICE_STATUS_OPEN;
  if (status == "paid") return v1::INVOICE_STATUS_PAID;
  if (status == "uncollectible") return v1::INVOICE_STATUS_UNCOLLECTIBLE;
  if (status == "void") return v1::INVOICE_STATUS_VOID;
  return v1::INVOICE_STATUS_UNSPECIFIED;
}

// The subscription of an invoice: its own member until the API of 2025-03-31, below `parent` since.
std::string SubscriptionOfInvoice(const JsonRecord& record) {
  std::string id = record.Reference("subscription");
  return id.empty() ? record.Reference("parent.subscription_details.subscription") : id;
}

// Total without tax: the API's own figure, else the total less every tax it lists.
std::optional<Decimal> RevenueOf(JsonRecord* record, const std::string& currency) {
  std::optional<Decimal> without_tax = record->Amount("total_excluding_tax", currency);
  if (without_tax) return without_tax;
  std::optional<Decimal> total = record->Amount("total", currency);
  if (!total) return std::nullopt;
  int64_t tax = record->Integer("tax").value_or(0);
  for (const char* list : {"total_taxes", "total_tax_amounts"}) {
    simdjson::dom::array taxes;
    std::optional<Json> member = record->Find(list);
    if (!member || member->get(taxes) != simdjson::SUCCESS) continue;
    tax = 0;
    for (Json entry : taxes) tax += record->Integer(entry, "amount").value_or(0);
  }
  std::optional<Decimal> part = sdk::FromMinorUnits(tax, sdk::BillingMinorDigits(currency));
  return part ? sdk::Subtract(*total, *part) : std::nullopt;
}

void MapPaid(JsonRecord* record, const std::string& currency, v1::Invoice* invoice) {
  std::optional<Instant> paid_at = record->Time("status_transitions.paid_at");
  if (!paid_at) paid_at = record->Time("charge.created");  // older shape, expanded
  std::optional<Decimal> due = record->Amount("amount_due", currency);
  std::optional<Decimal> paid = record->Amount("amount_paid", currency);
  if (due) sdk::SetMoney(*due, currency, invoice->mutable_amount_due());
  if (paid) sdk::SetMoney(*paid, currency, invoice->mutable_amount_paid());
  if (invoice->status() != v1::INVOICE_STATUS_PAID || !paid_at) return;
  sdk::SetInstant(*paid_at, invoice->mutable_paid_at());
  if (!paid || !invoice->has_due_at()) return;
  int64_t due_day = sdk::DayNumber(sdk::UtcDate({invoice->due_at().seconds(), 0}));
  bool on_time = sdk::DayNumber(sdk::UtcDate(*paid_at)) <= due_day;
  sdk::SetMoney(on_time ? *paid : Decimal(), currency, invoice->mutable_paid_on_time());
}

const char* MapInvoice(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  std::string status = record->Text("status");
  if (status == "draft") return "draft";
  int64_t revision =
      record->Newest({"created", "effective_at", "status_transitions.finalized_at", "status_transitions.paid_at",
                      "status_transitions.voided_at", "status_transitions.marked_uncollectible_at"});
  v1::Event* event = AddEvent(*record, revision, context, events);
  v1::Invoice* invoice = event->mutable_invoice();
  if (status == "void" || record->Bool("deleted")) {
    event->set_deleted(true);  // it may have been stated while it was open
    return nullptr;
  }
  std::string currency = record->Currency();
  invoice->set_status(InvoiceStatusOf(status));
  invoice->set_number(record->Text("number"));
  invoice->set_customer_id(record->Reference("customer"));
  invoice->set_subscription_id(SubscriptionOfInvoice(*record));
  invoice->set_revenue_kind(RevenueKindOf(record->Text("billing_reason")));
  std::optional<Instant> issued = record->Time("status_transitions.finalized_at");
  if (!issued) issued = record->Time("effective_at");
  if (!issued) issued = record->Time("created");
  std::optional<Instant> due = record->Time("due_date");
  if (!due) due = issued;  // charged automatically: due on issue
  if (issued) sdk::SetInstant(*issued, invoice->mutable_issued_at());
  if (due) sdk::SetInstant(*due, invoice->mutable_due_at());
  if (auto amount = RevenueOf(record, currency)) sdk::SetMoney(*amount, currency, invoice->mutable_amount());
  MapPaid(record, currency, invoice);
  for (const char* path : {"metadata", "subscription_details.metadata", "parent.subscription_details.metadata"}) {
    std::optional<Json> metadata = record->Find(path);
    if (!metadata) continue;
    AddMetadataReferences(*metadata, context.options, invoice->mutable_partner_refs());
    for (const std::string& key : context.options.deal_keys) {
      if (invoice->deal_id().empty()) invoice->set_deal_id(JsonRecord::Text(*metadata, key));
    }
  }
  bool paid = invoice->has_amount_paid() && (invoice->amount_paid().units() > 0 || invoice->amount_paid().nanos() > 0);
  if (paid && invoice->has_paid_at()) {
    v1::Payment* payment = AddEvent(*record, revision, context, events)->mutable_payment();
    payment->set_root_id(event->record_id());
    payment->set_customer_id(invoice->customer_id());
    payment->set_status(v1::PAYMENT_STATUS_SUCCEEDED);
    *payment->mutable_paid_at() = invoice->paid_at();
    *payment->mutable_amount() = invoice->amount_paid();
  }
  return nullptr;
}

v1::RefundStatus RefundStatusOf(const std::string& status) {
  if (status == "succeeded") return v1::REFUND_STATUS_SUCCEEDED;
  if (status == "failed") return v1::REFUND_STATUS_FAILED;
  if (status == "canceled") return v1::REFUND_STATUS_CANCELLED;
  return status == "pending" || status == "requires_action" ? v1::REFUND_STATUS_PENDING : v1::REFUND_STATUS_UNSPECIFIED;
}

const char* MapRefund(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  v1::Refund* refund = AddEvent(*record, record->Newest({"created"}), context, events)->mutable_refund();
  std::string currency = record->Currency();
  for (const std::string& payment :
       {record->Reference("charge.invoice"), record->Reference("charge"), record->Reference("payment_intent")}) {
    auto invoice = context.invoice_of_payment.find(payment);
    if (refund->root_id().empty() && invoice != context.invoice_of_payment.end()) refund->set_root_id(invoice->second);
    if (refund->root_id().empty() && payment.compare(0, 3, "in_") == 0) refund->set_root_id(payment);
  }
  if (auto metadata = record->Find("metadata")) {
    AddMetadataReferences(*metadata, context.options, refund->mutable_partner_refs());
  }
  refund->set_customer_id(record->Reference("charge.customer"));
  refund->set_reason(record->Text("reason"));
  refund->set_status(RefundStatusOf(record->Text("status")));
  if (auto at = record->Time("created")) sdk::SetInstant(*at, refund->mutable_refunded_at());
  if (auto amount = record->Amount("amount", currency)) sdk::SetMoney(*amount, currency, refund->mutable_amount());
  return nullptr;
}

const char* MapCreditNote(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  int64_t revision = record->Newest({"created", "effective_at", "voided_at"});
  v1::CreditNote* note = AddEvent(*record, revision, context, events)->mutable_credit_note();
  std::string currency = record->Currency();
  note->set_root_id(record->Reference("invoice"));
  note->set_customer_id(record->Reference("customer"));
  note->set_number(record->Text("number"));
  std::string status = record->Text("status");
  if (status == "issued") note->set_status(v1::CREDIT_NOTE_STATUS_ISSUED);
  if (status == "void") note->set_status(v1::CREDIT_NOTE_STATUS_VOID);
  std::optional<Instant> issued = record->Time("effective_at");
  if (!issued) issued = record->Time("created");
  if (issued) sdk::SetInstant(*issued, note->mutable_issued_at());
  std::optional<Decimal> amount = record->Amount("total_excluding_tax", currency);
  if (!amount) amount = record->Amount("subtotal", currency);
  if (amount) sdk::SetMoney(*amount, currency, note->mutable_amount());
  return nullptr;
}

// One-off payments. Charges of invoices are in the invoices, and since 2025-03-31 a charge does not say whose it is.
const char* MapCharge(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  Json invoice;
  if (record->object()["invoice"].get(invoice) != simdjson::SUCCESS) return "invoice_unknown";
  if (!invoice.is_null()) return "paid_by_invoice";
  if (record->Text("status") != "succeeded" || !record->Bool("captured", true)) return "not_paid";
  v1::Payment* payment = AddEvent(*record, record->Newest({"created"}), context, events)->mutable_payment();
  std::string currency = record->Currency();
  payment->set_customer_id(record->Reference("customer"));
  payment->set_status(v1::PAYMENT_STATUS_SUCCEEDED);
  std::optional<Decimal> amount = record->Amount("amount_captured", currency);
  if (!amount) amount = record->Amount("amount", currency);
  if (amount) sdk::SetMoney(*amount, currency, payment->mutable_amount());
  if (auto at = record->Time("created")) sdk::SetInstant(*at, payment->mutable_paid_at());
  if (auto metadata = record->Find("metadata")) {
    AddMetadataReferences(*metadata, context.options, payment->mutable_partner_refs());
  }
  return nullptr;
}

v1::SubscriptionStatus SubscriptionStatusOf(const std::string& status) {
  if (status == "trialing") return v1::SUBSCRIPTION_STATUS_TRIALING;
  if (status == "active") return v1::SUBSCRIPTION_STATUS_ACTIVE;
  if (status == "past_due") return v1::SUBSCRIPTION_STATUS_PAST_DUE;
  if (status == "paused") return v1::SUBSCRIPTION_STATUS_PAUSED;
  if (status == "incomplete") return v1::SUBSCRIPTION_STATUS_INCOMPLETE;
  if (status == "unpaid") return v1::SUBSCRIPTION_STATUS_UNPAID;
  if (status == "canceled" || status == "incomplete_expired") return v1::SUBSCRIPTION_STATUS_CANCELLED;
  return v1::SUBSCRIPTION_STATUS_UNSPECIFIED;
}

// The end of the present period: on the items since 2025-03-31, on the subscription before.
std::optional<Instant> RenewalOf(JsonRecord* record) {
  std::optional<Instant> renewal = record->Time("current_period_end");
  simdjson::dom::array items;
  std::optional<Json> list = record->Find("items.data");
  if (renewal || !list || list->get(items) != simdjson::SUCCESS) return renewal;
  for (Json item : items) {
    std::optional<Instant> end = record->Time(item, "current_period_end");
    if (end && (!renewal || *end < *renewal)) renewal = end;
  }
  return renewal;
}

std::string ProductOf(const JsonRecord& record) {
  simdjson::dom::array items;
  std::optional<Json> list = record.Find("items.data");
  if (!list || list->get(items) != simdjson::SUCCESS) return "";
  for (Json item : items) {
    for (const char* path :
         {"price.product.name", "price.nickname", "plan.nickname", "price.product", "plan.product"}) {
      std::string text = JsonRecord::Text(item, path);
      if (!text.empty()) return text;
    }
  }
  return "";
}

const char* MapSubscription(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  int64_t revision = record->Newest({"created", "start_date", "canceled_at", "ended_at", "current_period_start"});
  v1::Event* event = AddEvent(*record, revision, context, events);
  v1::Subscription* subscription = event->mutable_subscription();
  std::string status = record->Text("status");
  if (status == "incomplete_expired") {
    event->set_deleted(true);  // it never began
    return nullptr;
  }
  std::string currency = record->Currency();
  subscription->set_status(SubscriptionStatusOf(status));
  subscription->set_customer_id(record->Reference("customer"));
  subscription->set_product(ProductOf(*record));
  std::optional<Instant> start = record->Time("start_date");
  if (!start) start = record->Time("created");
  std::optional<Instant> cancelled = record->Time("canceled_at");
  std::optional<Instant> end = record->Time("ended_at");
  if (!end && status == "canceled") end = cancelled;
  if (start) sdk::SetInstant(*start, subscription->mutable_starts_at());
  if (end) sdk::SetInstant(*end, subscription->mutable_ends_at());
  if (cancelled) sdk::SetInstant(*cancelled, subscription->mutable_cancelled_at());
  if (auto renewal = RenewalOf(record)) sdk::SetInstant(*renewal, subscription->mutable_renews_at());
  if (auto metadata = record->Find("metadata")) {
    AddMetadataReferences(*metadata, context.options, subscription->mutable_partner_refs());
  }
  // What ended keeps the value it had: its end says that it counts no longer.
  bool charged = status == "active" || status == "past_due" || status == "canceled" || status == "unpaid";
  bool paused = record->Find("pause_collection").has_value();
  std::optional<Decimal> mrr = charged && !paused ? MonthlyValue(record, currency) : Decimal();
  if (mrr) sdk::SetMoney(*mrr, currency, subscription->mutable_mrr());
  if (!start || !mrr) return nullptr;
  v1::SubscriptionPhase* phase = AddEvent(*record, revision, context, events)->mutable_subscription_phase();
  phase->set_root_id(event->record_id());
  std::optional<Instant> trial_end = record->Time("trial_end");
  bool after_trial = trial_end && status != "trialing" && *start < *trial_end;
  sdk::SetInstant(after_trial ? *trial_end : *start, phase->mutable_starts_at());
  if (end) sdk::SetInstant(*end, phase->mutable_ends_at());
  sdk::SetMoney(*mrr, currency, phase->mutable_mrr());
  return nullptr;
}

using Mapper = const char* (*)(JsonRecord*, const MapContext&, v1::EventBatch*);

Mapper MapperOf(const std::string& object) {
  if (object == "customer") return &MapCustomer;
  if (object == "invoice") return &MapInvoice;
  if (object == "refund") return &MapRefund;
  if (object == "credit_note") return &MapCreditNote;
  if (object == "charge") return &MapCharge;
  if (object == "subscription") return &MapSubscription;
  return nullptr;
}

}  // namespace

const char* MapObject(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  std::string object = record->Text("object");
  if (object.empty()) record->Fail("object", "not_a_stripe_object", "it does not say what it is");
  Mapper mapper = MapperOf(object);
  if (mapper == nullptr) return "other_object";
  if (!record->Bool("livemode", true) && !context.options.include_test_mode) return "test_mode";
  if (record->Text("id").empty()) record->Fail("id", "missing_id", "the object has no id");
  return mapper(record, context, events);
}

void AddValueReferences(const std::string& key, const std::string& value, References* references) {
  if (value.empty()) return;
  std::optional<std::string> salesforce = sdk::SalesforceId(value);
  if (key == "partner_id") references->Add()->set_partner_id(value);
  sdk::SetExternalId(salesforce && !salesforce->empty() ? *salesforce : value, references->Add());
}

void AddMetadataReferences(Json metadata, const Options& options, References* references) {
  for (const std::string& key : options.partner_keys) {
    AddValueReferences(key, JsonRecord::Text(metadata, key), references);
  }
}

void AddEmailReferences(const std::string& email, References* references) {
  std::string address = sdk::NormalizeEmail(email);
  if (address.empty()) return;
  references->Add()->set_email(address);
  std::string domain = sdk::EmailDomain(address);
  if (!sdk::IsFreeMailDomain(domain)) references->Add()->set_domain(domain);
}

}  // namespace partnermetrics::stripe
