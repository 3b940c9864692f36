// Invoices, what was paid for them, and what was given back.
#include <algorithm>

#include "connectors/sdk/readers/facts.h"
#include "connectors/stripe_billing/objects.h"

namespace partnermetrics::stripe {
namespace {

using sdk::Decimal;
using sdk::Instant;

v1::RevenueKind RevenueKindOf(const std::string& billing_reason) {
  if (billing_reason == "subscription_create") return v1::REVENUE_KIND_NEW;
  if (billing_reason == "subscription_cycle") return v1::REVENUE_KIND_RENEWAL;
  if (billing_reason == "subscription_update") return v1::REVENUE_KIND_UPSELL;
  return billing_reason.empty() ? v1::REVENUE_KIND_UNSPECIFIED : v1::REVENUE_KIND_OTHER;
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
  for (const char* list : {"total_taxes", "total_tax_amounts", "tax_amounts"}) {
    const std::vector<Json> taxes = record->List(list);
    if (taxes.empty()) continue;
    tax = 0;
    for (Json entry : taxes) tax += record->Integer(entry, "amount").value_or(0);
    break;
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

v1::RefundStatus RefundStatusOf(const std::string& status) {
  if (status == "succeeded") return v1::REFUND_STATUS_SUCCEEDED;
  if (status == "failed") return v1::REFUND_STATUS_FAILED;
  if (status == "canceled") return v1::REFUND_STATUS_CANCELLED;
  return status == "pending" || status == "requires_action" ? v1::REFUND_STATUS_PENDING : v1::REFUND_STATUS_UNSPECIFIED;
}

}  // namespace

v1::InvoiceStatus InvoiceStatusOf(const std::string& status) {
  if (status == "open") return v1::INVOICE_STATUS_OPEN;
  if (status == "paid") return v1::INVOICE_STATUS_PAID;
  if (status == "uncollectible") return v1::INVOICE_STATUS_UNCOLLECTIBLE;
  if (status == "void") return v1::INVOICE_STATUS_VOID;
  return v1::INVOICE_STATUS_UNSPECIFIED;
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

// A refund names what it gives back and not the invoice: that is found through the folder's other objects. As long as
// they do not tell, the refund waits, as part of an invoice that is not there, and counts nowhere: it is stated again
// when a later file tells (stripe_billing.cc).
const char* MapRefund(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  v1::Refund* refund = AddEvent(*record, record->Newest({"created"}), context, events)->mutable_refund();
  std::string currency = record->Currency();
  std::string invoice = record->Reference("charge.invoice"), customer = record->Reference("charge.customer");
  std::string payment;
  bool one_off = false;
  for (const std::string& id : {record->Reference("charge"), record->Reference("payment_intent")}) {
    const Purpose* purpose = context.surroundings.PurposeOf(id);
    if (payment.empty()) payment = id;
    if (purpose == nullptr) continue;
    if (invoice.empty()) invoice = purpose->invoice;
    if (customer.empty()) customer = purpose->customer;
    one_off = one_off || purpose->one_off || (purpose->is_there && context.surroundings.knows_payments());
  }
  if (invoice.empty() && !one_off) {
    invoice = payment;
    ++context.gaps->refunds;
  }
  refund->set_root_id(invoice);
  refund->set_customer_id(customer);
  if (auto metadata = record->Find("metadata")) {
    AddMetadataReferences(*metadata, context.options, refund->mutable_partner_refs());
  }
  refund->set_reason(record->Text("reason"));
  refund->set_status(RefundStatusOf(record->Text("status")));
  if (auto at = record->Time("created")) sdk::SetInstant(*at, refund->mutable_refunded_at());
  if (auto amount = record->Amount("amount", currency)) sdk::SetMoney(*amount, currency, refund->mutable_amount());
  return nullptr;
}

// One-off payments; those of invoices are stated with the invoices. Since 2025-03-31 a charge does not say what it was
// for: it is one-off when the folder says by what its invoices were paid, and this charge is not among it.
const char* MapCharge(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  const int64_t revision = record->Newest({"created"});
  if (record->Find("invoice")) return "paid_by_invoice";
  if (Surroundings::IsConnected(*record)) {
    if (!context.surroundings.knows_payments()) {
      ++context.gaps->charges;
      return "invoice_unknown";
    }
    if (context.surroundings.PaidInvoice(record->Text("id")) ||
        context.surroundings.PaidInvoice(record->Reference("payment_intent"))) {
      v1::Event* event = AddEvent(*record, revision, context, events);
      event->mutable_payment();
      event->set_deleted(true);  // it may have been stated before its invoice was known
      return nullptr;
    }
  }
  if (record->Text("status") != "succeeded" || !record->Bool("captured", true)) return "not_paid";
  v1::Payment* payment = AddEvent(*record, revision, context, events)->mutable_payment();
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
  // A guest has no customer object that could say more.
  if (context.options.link_by_email && payment->customer_id().empty()) {
    AddEmailReferences(record->Text("billing_details.email"), payment->mutable_partner_refs());
  }
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
  std::optional<Decimal> amount = RevenueOf(record, currency);
  if (!amount) amount = record->Amount("subtotal", currency);
  if (amount) sdk::SetMoney(*amount, currency, note->mutable_amount());
  return nullptr;
}

}  // namespace partnermetrics::stripe
