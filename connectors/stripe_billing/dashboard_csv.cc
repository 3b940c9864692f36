#include "connectors/stripe_billing/dashboard_csv.h"

#include <algorithm>

#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::stripe {
namespace {

using sdk::CsvRecord;
using sdk::Decimal;
using sdk::Instant;
using sdk::SetInstant;
using sdk::SetMoney;

class PaymentsCsv : public DashboardCsv {
 public:
  PaymentsCsv(const MapContext& context, sdk::ColumnBinder* bind)
      : DashboardCsv(context, bind),
        created_(bind->Required("created", {"Created date (UTC)", "Created (UTC)"})),
        amount_(bind->Required("amount", {"Amount"})),
        refunded_(bind->Optional("refunded", {"Amount Refunded"})),
        refunded_at_(bind->Optional("refunded_at", {"Refunded date (UTC)"})),
        currency_(bind->Required("currency", {"Currency"})),
        status_(bind->Required("status", {"Status"})),
        captured_(bind->Optional("captured", {"Captured"})),
        customer_(bind->Optional("customer", {"Customer ID"})),
        email_(bind->Optional("email", {"Customer Email"})),
        invoice_(bind->Optional("invoice", {"Invoice ID"})) {}

  const char* Map(CsvRecord* record, std::string_view raw, v1::EventBatch* events) override {
    const std::string id = RecordId(*record, raw);
    if (IsTestMode(*record)) return "test_mode";
    const std::string status = sdk::ToLower(record->Cell(status_));
    if (status != "paid" && status != "refunded" && status != "partially refunded") return "not_paid";
    if (captured_ >= 0 && !record->IsBlank(captured_) && !record->Bool(captured_)) return "not_paid";
    std::string invoice = record->Text(invoice_);
    if (!invoice.empty() && context_.surroundings.has_invoices()) return "paid_by_invoice";
    // Without invoices in the folder a part of one would wait for ever.
    if (!context_.surroundings.has_invoices_csv()) invoice.clear();
    const std::string currency = Currency(record, currency_);
    std::optional<Instant> created = record->Time(created_);
    std::optional<Decimal> amount = record->Amount(amount_);
    if (!created) record->Fail(created_, "missing_time", "the row has no time");
    if (!amount) record->Fail(amount_, "missing_amount", "the row has no amount");
    std::optional<Decimal> refunded = record->Amount(refunded_);
    std::optional<Instant> refunded_at = record->Time(refunded_at_);
    if (!record->ok()) return nullptr;

    v1::Payment* payment = AddEvent(id, {created, refunded_at}, events)->mutable_payment();
    payment->set_root_id(invoice);
    payment->set_customer_id(record->Text(customer_));
    payment->set_status(v1::PAYMENT_STATUS_SUCCEEDED);
    SetInstant(*created, payment->mutable_paid_at());
    SetMoney(*amount, currency, payment->mutable_amount());
    AddMetadata(*record, payment->mutable_partner_refs());
    if (context_.options.link_by_email) AddEmailReferences(record->Text(email_), payment->mutable_partner_refs());
    if (!refunded || refunded->IsZero()) return nullptr;
    v1::Refund* refund = AddEvent(id, {created, refunded_at}, events)->mutable_refund();
    refund->set_root_id(invoice);
    refund->set_customer_id(payment->customer_id());
    refund->set_status(v1::REFUND_STATUS_SUCCEEDED);
    if (refunded_at) SetInstant(*refunded_at, refund->mutable_refunded_at());
    SetMoney(*refunded, currency, refund->mutable_amount());
    *refund->mutable_partner_refs() = payment->partner_refs();
    return nullptr;
  }

 private:
  int created_, amount_, refunded_, refunded_at_, currency_, status_, captured_, customer_, email_, invoice_;
};

// What was paid comes from the payments export: older invoice exports do not say when.
class InvoicesCsv : public DashboardCsv {
 public:
  InvoicesCsv(const MapContext& context, sdk::ColumnBinder* bind)
      : DashboardCsv(context, bind),
        status_(bind->Required("status", {"Status"})),
        currency_(bind->Required("currency", {"Currency"})),
        created_(bind->Required("created", {"Date (UTC)", "Created (UTC)"})),
        total_(bind->Required("total", {"Total"})),
        tax_(bind->Optional("tax", {"Tax"})),
        finalized_(bind->Optional("finalized", {"Finalized At (UTC)"})),
        due_(bind->Optional("due", {"Due Date (UTC)"})),
        paid_at_(bind->Optional("paid_at", {"Paid At (UTC)"})),
        amount_due_(bind->Optional("amount_due", {"Amount Due"})),
        amount_paid_(bind->Optional("amount_paid", {"Amount Paid"})),
        number_(bind->Optional("number", {"Number"})),
        customer_(bind->Optional("customer", {"Customer", "Customer ID"})),
        subscription_(bind->Optional("subscription", {"Subscription"})) {}

  const char* Map(CsvRecord* record, std::string_view raw, v1::EventBatch* events) override {
    const std::string id = RecordId(*record, raw);
    const std::string status = sdk::ToLower(record->Cell(status_));
    if (IsTestMode(*record)) return "test_mode";
    if (status == "draft") return "draft";
    std::optional<Instant> created = record->Time(created_), finalized = record->Time(finalized_);
    std::optional<Instant> due = record->Time(due_), paid_at = record->Time(paid_at_);
    const std::string currency = Currency(record, currency_);
    std::optional<Decimal> total = record->Amount(total_), tax = record->Amount(tax_);
    std::optional<Decimal> amount_due = record->Amount(amount_due_), paid = record->Amount(amount_paid_);
    if (!created) record->Fail(created_, "missing_time", "the row has no time");
    if (InvoiceStatusOf(status) == v1::INVOICE_STATUS_UNSPECIFIED) {
      record->Fail(status_, "unknown_status", "it is no status of an invoice");
    }
    if (!record->ok()) return nullptr;

    v1::Event* event = AddEvent(id, {created, finalized, paid_at}, events);
    v1::Invoice* invoice = event->mutable_invoice();
    event->set_deleted(status == "void");  // it may have been stated while it was open
    invoice->set_status(InvoiceStatusOf(status));
    invoice->set_number(record->Text(number_));
    invoice->set_customer_id(record->Text(customer_));
    invoice->set_subscription_id(record->Text(subscription_));
    invoice->set_deal_id(DealId(*record));
    AddMetadata(*record, invoice->mutable_partner_refs());
    const Instant issued = finalized.value_or(*created);
    SetInstant(issued, invoice->mutable_issued_at());
    SetInstant(due.value_or(issued), invoice->mutable_due_at());
    if (total) total = sdk::Subtract(*total, tax.value_or(Decimal()));
    if (total) SetMoney(*total, currency, invoice->mutable_amount());
    if (amount_due) SetMoney(*amount_due, currency, invoice->mutable_amount_due());
    if (paid) SetMoney(*paid, currency, invoice->mutable_amount_paid());
    if (status != "paid" || !paid_at) return nullptr;
    SetInstant(*paid_at, invoice->mutable_paid_at());
    const bool on_time = sdk::DayNumber(sdk::UtcDate(*paid_at)) <= sdk::DayNumber(sdk::UtcDate(due.value_or(issued)));
    if (paid) SetMoney(on_time ? *paid : Decimal(), currency, invoice->mutable_paid_on_time());
    return nullptr;
  }

 private:
  int status_, currency_, created_, total_, tax_, finalized_, due_, paid_at_, amount_due_, amount_paid_, number_,
      customer_, subscription_;
};

class CustomersCsv : public DashboardCsv {
 public:
  CustomersCsv(const MapContext& context, sdk::ColumnBinder* bind)
      : DashboardCsv(context, bind),
        created_(bind->Required("created", {"Created (UTC)", "Created date (UTC)"})),
        name_(bind->Optional("name", {"Name"})),
        email_(bind->Optional("email", {"Email"})) {}

  const char* Map(CsvRecord* record, std::string_view raw, v1::EventBatch* events) override {
    const std::string id = RecordId(*record, raw);
    if (IsTestMode(*record)) return "test_mode";
    std::optional<Instant> created = record->Time(created_);
    if (!record->ok()) return nullptr;
    v1::Customer* customer = AddEvent(id, {created}, events)->mutable_customer();
    const std::string email = sdk::NormalizeEmail(record->Text(email_));
    SetCustomerName(record->Text(name_), email, customer);
    AddMetadata(*record, customer->mutable_partner_refs());
    if (context_.options.link_by_email) AddEmailReferences(email, customer->mutable_partner_refs());
    return nullptr;
  }

 private:
  int created_, name_, email_;
};

class SubscriptionsCsv : public DashboardCsv {
 public:
  SubscriptionsCsv(const MapContext& context, sdk::ColumnBinder* bind)
      : DashboardCsv(context, bind),
        status_(bind->Required("status", {"Status"})),
        start_(bind->Required("start", {"Start Date (UTC)", "Start (UTC)"})),
        currency_(bind->Required("currency", {"Currency"})),
        amount_(bind->Required("amount", {"Amount"})),
        interval_(bind->Required("interval", {"Interval"})),
        quantity_(bind->Optional("quantity", {"Quantity"})),
        created_(bind->Optional("created", {"Created (UTC)"})),
        period_start_(bind->Optional("period_start", {"Current Period Start (UTC)"})),
        period_end_(bind->Optional("period_end", {"Current Period End (UTC)"})),
        trial_end_(bind->Optional("trial_end", {"Trial End (UTC)"})),
        cancelled_(bind->Optional("cancelled", {"Canceled At (UTC)"})),
        ended_(bind->Optional("ended", {"Ended At (UTC)"})),
        customer_(bind->Optional("customer", {"Customer ID"})),
        product_(bind->Optional("product", {"Product", "Plan"})) {}

  const char* Map(CsvRecord* record, std::string_view raw, v1::EventBatch* events) override {
    const std::string id = RecordId(*record, raw);
    const std::string status = sdk::ToLower(record->Cell(status_));
    if (IsTestMode(*record)) return "test_mode";
    std::optional<Instant> start = record->Time(start_), created = record->Time(created_);
    std::optional<Instant> period_start = record->Time(period_start_), period_end = record->Time(period_end_);
    std::optional<Instant> cancelled = record->Time(cancelled_), ended = record->Time(ended_);
    std::optional<Instant> trial_end = record->Time(trial_end_);
    const std::string currency = Currency(record, currency_);
    const std::optional<Decimal> mrr = MonthlyValue(record, status);
    if (!start) start = created;
    if (!start) record->Fail(start_, "missing_time", "the row has no time");
    const bool never_began = status == "incomplete_expired";
    if (!never_began && SubscriptionStatusOf(status) == v1::SUBSCRIPTION_STATUS_UNSPECIFIED) {
      record->Fail(status_, "unknown_status", "it is no status of a subscription");
    }
    if (!record->ok()) return nullptr;
    if (!mrr) ++context_.gaps->subscriptions;
    if (!ended && status == "canceled") ended = cancelled;

    v1::Event* event = AddEvent(id, {created, start, period_start, cancelled, ended}, events);
    event->set_deleted(never_began);
    v1::Subscription* subscription = event->mutable_subscription();
    subscription->set_status(SubscriptionStatusOf(status));
    subscription->set_customer_id(record->Text(customer_));
    subscription->set_product(record->Text(product_));
    AddMetadata(*record, subscription->mutable_partner_refs());
    SetInstant(*start, subscription->mutable_starts_at());
    if (ended) SetInstant(*ended, subscription->mutable_ends_at());
    if (cancelled) SetInstant(*cancelled, subscription->mutable_cancelled_at());
    if (period_end) SetInstant(*period_end, subscription->mutable_renews_at());
    if (mrr) SetMoney(*mrr, currency, subscription->mutable_mrr());
    if (never_began || !mrr) return nullptr;
    v1::SubscriptionPhase* phase =
        AddEvent(id, {created, start, period_start, cancelled, ended}, events)->mutable_subscription_phase();
    phase->set_root_id(id);
    const bool after_trial = trial_end && status != "trialing" && *start < *trial_end;
    SetInstant(after_trial ? *trial_end : *start, phase->mutable_starts_at());
    if (ended) SetInstant(*ended, phase->mutable_ends_at());
    SetMoney(*mrr, currency, phase->mutable_mrr());
    return nullptr;
  }

 private:
  // The file does not say whether Amount is of one unit or of all: with a quantity above 1 a setting must tell.
  std::optional<Decimal> MonthlyValue(CsvRecord* record, const std::string& status) const {
    if (status == "trialing" || status == "paused" || status == "incomplete") return Decimal();
    std::optional<Decimal> amount = record->Amount(amount_);
    const int64_t quantity = record->Integer(quantity_).value_or(1);
    if (amount && quantity != 1) {
      if (context_.options.csv_amount == CsvAmount::kUnknown) return std::nullopt;
      if (context_.options.csv_amount == CsvAmount::kPerUnit) amount = sdk::Scale(*amount, quantity, 1);
    }
    return amount ? PerMonth(*amount, {sdk::ToLower(record->Cell(interval_)), 1}) : std::nullopt;
  }

  int status_, start_, currency_, amount_, interval_, quantity_, created_, period_start_, period_end_, trial_end_,
      cancelled_, ended_, customer_, product_;
};

}  // namespace

DashboardExport ExportOf(const sdk::CsvHeader& header) {
  const auto has = [&header](const char* name) { return header.Find(name) >= 0; };
  if (has("Net") && has("Fee") && !has("Status")) return DashboardExport::kBalance;
  if (has("Tax Code") || has("Unit Label")) return DashboardExport::kProducts;
  if (has("Amount Due") || has("Due Date (UTC)")) return DashboardExport::kInvoices;
  if (has("Interval") && has("Plan")) return DashboardExport::kSubscriptions;
  if (has("Delinquent") || has("Account Balance") || has("Total Spend")) return DashboardExport::kCustomers;
  return DashboardExport::kPayments;
}

const char* NoFacts(DashboardExport kind) {
  if (kind == DashboardExport::kBalance) return "movements of the balance repeat payments and refunds";
  return kind == DashboardExport::kProducts ? "a list of products states no business" : nullptr;
}

std::unique_ptr<DashboardCsv> DashboardCsv::Make(const sdk::CsvHeader& header, const MapContext& context,
                                                 sdk::ColumnBinder* bind) {
  switch (ExportOf(header)) {
    case DashboardExport::kPayments:
      return std::make_unique<PaymentsCsv>(context, bind);
    case DashboardExport::kInvoices:
      return std::make_unique<InvoicesCsv>(context, bind);
    case DashboardExport::kCustomers:
      return std::make_unique<CustomersCsv>(context, bind);
    case DashboardExport::kSubscriptions:
      return std::make_unique<SubscriptionsCsv>(context, bind);
    case DashboardExport::kBalance:
    case DashboardExport::kProducts:
      break;
  }
  return nullptr;
}

DashboardCsv::DashboardCsv(const MapContext& context, sdk::ColumnBinder* bind)
    : context_(context), id_(bind->Optional("id", {"id"})), mode_(bind->Optional("mode", {"Mode"})) {
  const auto metadata_column = [bind](const std::string& key) { return bind->Optional(key, {key + " (metadata)"}); };
  for (const std::string& key : context.options.partner_keys) {
    if (int column = metadata_column(key); column >= 0) partners_.emplace_back(key, column);
  }
  for (const std::string& key : context.options.deal_keys) {
    if (int column = metadata_column(key); column >= 0) deals_.push_back(column);
  }
}

v1::Event* DashboardCsv::AddEvent(const std::string& id, std::initializer_list<std::optional<Instant>> times,
                                  v1::EventBatch* events) const {
  int64_t revision = 0;
  for (const std::optional<Instant>& time : times) {
    if (time) revision = std::max(revision, time->Micros());
  }
  v1::Event* event = events->add_events();
  event->set_record_id(id);
  event->set_revision(revision > 0 ? revision : context_.file_micros);
  return event;
}

std::string DashboardCsv::RecordId(const CsvRecord& record, std::string_view raw) {
  std::string id = record.Text(id_);
  return id.empty() ? row_ids_.Next(raw) : id;
}

bool DashboardCsv::IsTestMode(const CsvRecord& record) const {
  return sdk::EqualsIgnoreCase(record.Cell(mode_), "Test") && !context_.options.include_test_mode;
}

void DashboardCsv::AddMetadata(const CsvRecord& record, References* references) const {
  for (const auto& [key, column] : partners_) AddValueReferences(key, record.Text(column), references);
}

std::string DashboardCsv::DealId(const CsvRecord& record) const {
  for (int column : deals_) {
    if (!record.IsBlank(column)) return record.Text(column);
  }
  return "";
}

std::string DashboardCsv::Currency(CsvRecord* record, int column) {
  std::string currency = record->Currency(column, "");
  if (currency.empty()) record->Fail(column, "unknown_currency", "the row has no currency");
  return currency;
}

}  // namespace partnermetrics::stripe
