#include "connectors/stripe_billing/payments_csv.h"

#include <algorithm>

#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::stripe {

PaymentsCsv::PaymentsCsv(sdk::ColumnBinder* bind, const Options& options, int64_t file_micros)
    : options_(options),
      file_micros_(file_micros),
      id_(bind->Optional("id", {"id"})),
      created_(bind->Required("created", {"Created date (UTC)", "Created (UTC)"})),
      amount_(bind->Required("amount", {"Amount"})),
      refunded_(bind->Optional("refunded", {"Amount Refunded"})),
      refunded_at_(bind->Optional("refunded_at", {"Refunded date (UTC)"})),
      currency_(bind->Required("currency", {"Currency"})),
      status_(bind->Required("status", {"Status"})),
      captured_(bind->Optional("captured", {"Captured"})),
      mode_(bind->Optional("mode", {"Mode"})),
      customer_(bind->Optional("customer", {"Customer ID"})),
      email_(bind->Optional("email", {"Customer Email"})),
      invoice_(bind->Optional("invoice", {"Invoice ID"})) {
  for (const std::string& key : options.partner_keys) {
    int column = bind->Optional(key, {key + " (metadata)"});
    if (column >= 0) metadata_.emplace_back(key, column);
  }
}

// Exports whose id column was left out get ids from the row's text; equal rows are numbered.
std::string PaymentsCsv::RecordId(const sdk::CsvRecord& record, std::string_view raw) {
  std::string id = record.Text(id_);
  return id.empty() ? row_ids_.Next(raw) : id;
}

void PaymentsCsv::AddReferences(const sdk::CsvRecord& record,
                                google::protobuf::RepeatedPtrField<v1::PartnerReference>* references) const {
  for (const auto& [key, column] : metadata_) AddValueReferences(key, record.Text(column), references);
  if (options_.link_by_email) AddEmailReferences(record.Text(email_), references);
}

const char* PaymentsCsv::Map(sdk::CsvRecord* record, std::string_view raw, bool invoices_are_here,
                             v1::EventBatch* events) {
  std::string id = RecordId(*record, raw);
  if (sdk::EqualsIgnoreCase(record->Cell(mode_), "Test") && !options_.include_test_mode) return "test_mode";
  std::string status = sdk::ToLower(record->Cell(status_));
  if (status != "paid" && status != "refunded" && status != "partially refunded") return "not_paid";
  if (captured_ >= 0 && !record->IsBlank(captured_) && !record->Bool(captured_)) return "not_paid";
  std::string invoice = record->Text(invoice_);
  if (!invoice.empty() && invoices_are_here) return "paid_by_invoice";
  std::string currency = record->Currency(currency_, "");
  if (currency.empty()) record->Fail(currency_, "unknown_currency", "the row has no currency");
  std::optional<sdk::Instant> created = record->Time(created_);
  std::optional<sdk::Decimal> amount = record->Amount(amount_);
  if (!created) record->Fail(created_, "missing_time", "the row has no time");
  if (!amount) record->Fail(amount_, "missing_amount", "the row has no amount");
  std::optional<sdk::Decimal> refunded = record->Amount(refunded_);
  std::optional<sdk::Instant> refunded_at = record->Time(refunded_at_);
  if (!record->ok()) return nullptr;

  int64_t revision = std::max(created->Micros(), refunded_at ? refunded_at->Micros() : 0);
  v1::Event* event = events->add_events();
  event->set_record_id(id);
  event->set_revision(revision > 0 ? revision : file_micros_);
  v1::Payment* payment = event->mutable_payment();
  payment->set_root_id(invoice);
  payment->set_customer_id(record->Text(customer_));
  payment->set_status(v1::PAYMENT_STATUS_SUCCEEDED);
  sdk::SetInstant(*created, payment->mutable_paid_at());
  sdk::SetMoney(*amount, currency, payment->mutable_amount());
  AddReferences(*record, payment->mutable_partner_refs());
  if (!refunded || refunded->IsZero()) return nullptr;
  v1::Event* refund_event = events->add_events();
  refund_event->set_record_id(id);
  refund_event->set_revision(event->revision());
  v1::Refund* refund = refund_event->mutable_refund();
  refund->set_root_id(invoice);
  refund->set_customer_id(payment->customer_id());
  refund->set_status(v1::REFUND_STATUS_SUCCEEDED);
  if (refunded_at) sdk::SetInstant(*refunded_at, refund->mutable_refunded_at());
  sdk::SetMoney(*refunded, currency, refund->mutable_amount());
  *refund->mutable_partner_refs() = payment->partner_refs();
  return nullptr;
}

}  // namespace partnermetrics::stripe
