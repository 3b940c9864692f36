#include "connectors/stripe_billing/surroundings.h"

#include "connectors/sdk/readers/encoding.h"
#include "connectors/sdk/readers/json.h"
#include "connectors/sdk/readers/row_ids.h"
#include "connectors/sdk/readers/text.h"
#include "connectors/stripe_billing/dashboard_csv.h"

namespace partnermetrics::stripe {
namespace {

using sdk::Result;
using sdk::Status;

// Calls `each` with every object of a JSON file that can be parsed.
template <typename Each>
Status ForEachObject(const sdk::Inputs& inputs, const sdk::Input& input, Each each) {
  PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::ByteStream> bytes, inputs.Open(input));
  sdk::JsonReader json(std::make_unique<sdk::DecodingStream>(std::move(bytes)));
  simdjson::dom::parser parser;
  sdk::JsonItem item;
  while (true) {
    Result<bool> more = json.Next(&item);
    if (!more.ok()) return InFile(input, more.status());
    if (!*more) return {};
    Json object;
    if (item.problem == nullptr && ParseItem(&parser, item.text, &object)) each(JsonRecord(object));
  }
}

}  // namespace

bool IsJson(const sdk::Input& input) {
  for (const char* suffix : {".json", ".jsonl", ".ndjson"}) {
    if (sdk::EndsWithIgnoreCase(input.base_name, suffix)) return true;
  }
  return false;
}

bool IsCsv(const sdk::Input& input) {
  return sdk::EndsWithIgnoreCase(input.base_name, ".csv");
}

Result<std::unique_ptr<sdk::CsvReader>> OpenCsv(const sdk::Inputs& inputs, const sdk::Input& input) {
  PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::ByteStream> bytes, inputs.Open(input));
  auto csv = std::make_unique<sdk::CsvReader>(std::make_unique<sdk::DecodingStream>(std::move(bytes)));
  Result<bool> any = csv->ReadHeader();
  if (!any.ok()) return InFile(input, any.status());
  if (!*any) csv.reset();
  return csv;
}

Status InFile(const sdk::Input& input, const Status& status) {
  if (status.ok() || status.where().compare(0, 5, "line ") != 0) return status;
  std::string where = input.name;
  where.append(", ").append(status.where());
  return Status(status.code(), where, status.message(), status.remedy());
}

bool ParseItem(simdjson::dom::parser* parser, std::string_view text, Json* object) {
  if (parser->parse(text.data(), text.size()).get(*object) != simdjson::SUCCESS || !object->is_object()) return false;
  Json data;
  bool wrapped = (*object)["stream"].error() == simdjson::SUCCESS && (*object)["data"].get(data) == simdjson::SUCCESS &&
                 data.is_object();
  if (wrapped) *object = data;
  return true;
}

Result<Surroundings> Surroundings::Read(const sdk::Inputs& inputs) {
  Surroundings found;
  std::string files;
  for (const sdk::Input& input : inputs.files()) {
    if (IsCsv(input)) {
      PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, OpenCsv(inputs, input));
      found.has_invoices_csv_ =
          found.has_invoices_csv_ || (csv != nullptr && ExportOf(csv->header()) == DashboardExport::kInvoices);
    }
    if (!IsJson(input)) continue;
    files.append(input.name).append(1, '\0').append(std::to_string(input.size)).append(1, '\0');
    files.append(std::to_string(input.modified_unix_ns)).append(1, '\0');
    PM_RETURN_IF_ERROR(ForEachObject(inputs, input, [&](const JsonRecord& record) { found.Gather(input, record); }));
  }
  found.fingerprint_ = std::to_string(sdk::StableHash(files));
  if (found.connected_.empty()) return found;
  for (const sdk::Input& input : inputs.files()) {
    if (!IsJson(input)) continue;
    PM_RETURN_IF_ERROR(ForEachObject(inputs, input, [&found](const JsonRecord& record) { found.GatherLinks(record); }));
  }
  return found;
}

bool Surroundings::IsConnected(const JsonRecord& record) {
  const std::string object = record.Text("object");
  // Charges said themselves what they were for until the API of 2025-03-31.
  return object == "refund" || (object == "charge" && record.object()["invoice"].error() != simdjson::SUCCESS);
}

void Surroundings::Gather(const sdk::Input& input, JsonRecord record) {
  const std::string object = record.Text("object");
  const std::string id = record.Text("id");
  if (IsConnected(record)) connected_.insert(input.name);
  if (object == "invoice") {
    has_invoices_ = true;
  } else if (object == "refund") {
    refunded_.try_emplace(record.Reference("charge"));
    refunded_.try_emplace(record.Reference("payment_intent"));
    refunded_.erase("");
  } else if (object == "charge") {
    has_loose_charges_ = has_loose_charges_ || IsConnected(record);
  } else if (object == "price" || object == "plan") {
    prices_[id] = ReadPrice(&record, record.object());
  } else if (object == "coupon") {
    coupons_[id] = ReadCoupon(&record, record.object());
  } else if (object == "product") {
    products_[id] = record.Text("name");
  } else if (object == "subscription_schedule") {
    std::optional<int64_t> at = record.Integer("released_at");
    if (!at) at = record.Integer("completed_at");
    std::string subscription = record.Reference("released_subscription");
    if (subscription.empty()) subscription = record.Reference("subscription");
    if (at) released_[subscription] = *at;
  }
}

void Surroundings::Link(const std::string& payment, const Purpose& purpose) {
  if (payment.empty()) return;
  if (!purpose.invoice.empty() && has_loose_charges_) {
    invoice_payments_.insert(sdk::StableHash(payment));
    knows_payments_ = true;
  }
  const auto refunded = refunded_.find(payment);
  if (refunded == refunded_.end()) return;
  Purpose& known = refunded->second;
  if (known.invoice.empty()) known.invoice = purpose.invoice;
  if (known.customer.empty()) known.customer = purpose.customer;
  known.one_off = known.one_off || purpose.one_off;
  known.is_there = known.is_there || purpose.is_there;
}

void Surroundings::GatherLinks(const JsonRecord& record) {
  const std::string object = record.Text("object");
  const std::string id = record.Text("id");
  Purpose purpose;
  purpose.customer = record.Reference("customer");
  if (object == "invoice") {
    purpose.invoice = id;
    Link(record.Reference("charge"), purpose);
    Link(record.Reference("payment_intent"), purpose);
    for (Json payment : record.List("payments.data")) {
      Link(JsonRecord::Id(payment, "payment.charge"), purpose);
      Link(JsonRecord::Id(payment, "payment.payment_intent"), purpose);
    }
  } else if (object == "invoice_payment") {
    purpose.invoice = record.Reference("invoice");
    Link(record.Reference("payment.charge"), purpose);
    Link(record.Reference("payment.payment_intent"), purpose);
  } else if (object == "charge" || object == "payment_intent") {
    purpose.is_there = true;
    purpose.invoice = record.Reference("invoice");
    purpose.one_off = purpose.invoice.empty() && record.object()["invoice"].error() == simdjson::SUCCESS;
    Link(id, purpose);
    Link(record.Reference(object == "charge" ? "payment_intent" : "latest_charge"), purpose);
  }
}

bool Surroundings::PaidInvoice(std::string_view payment) const {
  return !payment.empty() && invoice_payments_.count(sdk::StableHash(payment)) > 0;
}

std::string Surroundings::ProductName(const std::string& id) const {
  const std::string* name = Find(products_, id);
  return name == nullptr ? "" : *name;
}

}  // namespace partnermetrics::stripe
