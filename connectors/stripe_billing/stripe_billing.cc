// The plugin stripe_billing: Stripe's API objects as JSON or JSON lines, and the dashboard's payments as CSV.
#include <unordered_set>

#include "connectors/sdk/readers/csv.h"
#include "connectors/sdk/readers/encoding.h"
#include "connectors/sdk/readers/file_state.h"
#include "connectors/sdk/readers/json.h"
#include "connectors/sdk/readers/text.h"
#include "connectors/stripe_billing/objects.h"
#include "connectors/stripe_billing/payments_csv.h"
#include "partnermetrics/connector.h"

namespace partnermetrics::stripe {
namespace {

using sdk::Level;
using sdk::Result;
using sdk::Status;

bool IsJson(const sdk::Input& input) {
  for (const char* suffix : {".json", ".jsonl", ".ndjson"}) {
    if (sdk::EndsWithIgnoreCase(input.base_name, suffix)) return true;
  }
  return false;
}

bool IsCsv(const sdk::Input& input) {
  return sdk::EndsWithIgnoreCase(input.base_name, ".csv");
}

// An error of a reader knows the line; this adds the file.
Status InFile(const sdk::Input& input, const Status& status) {
  if (status.ok() || status.where().compare(0, 5, "line ") != 0) return status;
  std::string where = input.name;
  where.append(", ").append(status.where());
  return Status(status.code(), where, status.message(), status.remedy());
}

// Parses one object, without the envelope {"stream": …, "data": {…}} that some exporters put around it.
bool ParseItem(simdjson::dom::parser* parser, std::string_view text, Json* object) {
  if (parser->parse(text.data(), text.size()).get(*object) != simdjson::SUCCESS || !object->is_object()) return false;
  Json data;
  bool wrapped = (*object)["stream"].error() == simdjson::SUCCESS && (*object)["data"].get(data) == simdjson::SUCCESS &&
                 data.is_object();
  if (wrapped) *object = data;
  return true;
}

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

// What must be known before the first object is stated. Refunds name a charge or payment intent; their invoice is found
// by reading the files twice more, so that only what refunds name is held in memory.
struct Survey {
  bool has_invoices = false;
  std::unordered_map<std::string, std::string> invoice_of_payment;
};

Result<Survey> LookAround(const sdk::Inputs& inputs) {
  Survey survey;
  std::unordered_set<std::string> refunded;
  for (const sdk::Input& input : inputs.files()) {
    if (!IsJson(input)) continue;
    PM_RETURN_IF_ERROR(ForEachObject(inputs, input, [&](const JsonRecord& record) {
      std::string object = record.Text("object");
      survey.has_invoices = survey.has_invoices || object == "invoice";
      if (object != "refund") return;
      refunded.insert(record.Reference("charge"));
      refunded.insert(record.Reference("payment_intent"));
    }));
  }
  refunded.erase("");
  if (refunded.empty()) return survey;
  auto link = [&](const std::string& payment, const std::string& invoice) {
    if (!invoice.empty() && refunded.count(payment) > 0) survey.invoice_of_payment[payment] = invoice;
  };
  for (const sdk::Input& input : inputs.files()) {
    if (!IsJson(input)) continue;
    PM_RETURN_IF_ERROR(ForEachObject(inputs, input, [&](const JsonRecord& record) {
      std::string object = record.Text("object");
      std::string id = record.Text("id");
      if (object == "invoice") {
        link(record.Reference("charge"), id);
        link(record.Reference("payment_intent"), id);
        simdjson::dom::array payments;
        std::optional<Json> list = record.Find("payments.data");
        if (!list || list->get(payments) != simdjson::SUCCESS) return;
        for (Json payment : payments) {
          JsonRecord part(payment);
          link(part.Reference("payment.charge"), id);
          link(part.Reference("payment.payment_intent"), id);
        }
      } else if (object == "charge") {
        link(id, record.Reference("invoice"));
      } else if (object == "invoice_payment") {
        link(record.Reference("payment.charge"), record.Reference("invoice"));
        link(record.Reference("payment.payment_intent"), record.Reference("invoice"));
      }
    }));
  }
  return survey;
}

}  // namespace

class StripeBilling : public sdk::Connector {
 public:
  static constexpr char kName[] = "stripe_billing";
  static constexpr char kVersion[] = "1.0.0";

  static Description Describe() {
    return {
        .summary =
            "Reads Stripe exports: customers, invoices, subscriptions, refunds, credit notes and charges as the "
            "API's JSON (lists, arrays, JSON lines; shapes before and after 2025-03-31), and the dashboard's "
            "payments as CSV.",
        .settings =
            {
                {.name = "partner_metadata_keys",
                 .description = "Keys of metadata that name the partner, most trusted first, separated by commas; "
                                "metadata of an invoice or subscription comes before that of its customer",
                 .default_value = "partner_id, salesforce_account_id, account_id, referral_code, cello_ucc"},
                {.name = "deal_metadata_keys",
                 .description = "Keys of metadata that hold the id of the deal that is billed",
                 .default_value = "deal_id, salesforce_opportunity_id, opportunity_id"},
                {.name = "link_by_email",
                 .description = "true: customers are also linked by the e-mail address and its domain, free mailboxes "
                                "excepted",
                 .default_value = "true"},
                {.name = "include_test_mode",
                 .description = "true: objects of the test mode are read too",
                 .default_value = "false"},
                {.name = "date_order",
                 .description = "How 02/03/24 is read in CSV files saved by a spreadsheet: month_first or day_first"},
                {.name = "number_style",
                 .description = "plain, 1,234.5 or 1.234,5: numbers of CSV files",
                 .default_value = "plain"},
            },
        .fact_kinds = {"customer", "invoice", "payment", "refund", "credit_note", "subscription", "subscription_phase"},
        .delete_model = sdk::DeleteModel::kMarked,
        .revision_rule =
            "The newest of created and the status transitions in microseconds, else the file's time; of "
            "equal ones the later run wins.",
    };
  }

  Status Open(const Settings& settings) override {
    settings_ = settings;
    PM_ASSIGN_OR_RETURN(cells_, sdk::ParseCellFormat(settings));
    options_.partner_keys = sdk::SplitList(settings.Get("partner_metadata_keys"));
    options_.deal_keys = sdk::SplitList(settings.Get("deal_metadata_keys"));
    PM_ASSIGN_OR_RETURN(options_.link_by_email, settings.GetBool("link_by_email", true));
    PM_ASSIGN_OR_RETURN(options_.include_test_mode, settings.GetBool("include_test_mode", false));
    return {};
  }

  Status Check(Reader& reader, Reporter& reporter) override {
    PM_ASSIGN_OR_RETURN(sdk::Inputs inputs, sdk::Inputs::List(reader));
    bool any = false;
    for (const sdk::Input& input : inputs.files()) {
      any = any || IsJson(input) || IsCsv(input);
      Status status = CheckFile(inputs, input);
      if (!status.ok()) reporter.Problem(Level::kError, status.where(), status.message(), status.remedy());
    }
    if (!any) {
      reporter.Problem(Level::kError, "", "the folder has no .json, .jsonl or .csv file",
                       "put Stripe's API lists or the dashboard's payments export there");
    }
    return {};
  }

  Status Read(std::string_view state_text, Reader& reader, Sink& sink) override {
    PM_ASSIGN_OR_RETURN(sdk::FileState state, sdk::FileState::Parse(state_text, settings_));
    PM_ASSIGN_OR_RETURN(sdk::Inputs inputs, sdk::Inputs::List(reader));
    PM_ASSIGN_OR_RETURN(Survey survey, LookAround(inputs));
    uint64_t number = 0;
    for (const sdk::Input& input : inputs.files()) {
      sink.Progress(number++, inputs.files().size(), "files");
      if (state.IsDone(input)) continue;
      if (IsJson(input)) {
        PM_RETURN_IF_ERROR(ReadJson(inputs, input, survey, &state, sink));
      } else if (IsCsv(input)) {
        PM_RETURN_IF_ERROR(ReadCsv(inputs, input, survey, &state, sink));
      } else {
        sink.Problem(Level::kInfo, input.name, "the file is not read", "export it as .json, .jsonl or .csv");
        continue;
      }
      state.End();
    }
    return sink.Commit(state.Serialize());
  }

 private:
  Result<std::unique_ptr<sdk::CsvReader>> OpenCsv(const sdk::Inputs& inputs, const sdk::Input& input) const {
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::ByteStream> bytes, inputs.Open(input));
    auto csv = std::make_unique<sdk::CsvReader>(std::make_unique<sdk::DecodingStream>(std::move(bytes)));
    Result<bool> any = csv->ReadHeader();
    if (!any.ok()) return InFile(input, any.status());
    if (!*any) csv.reset();
    return csv;
  }

  static Status RequireColumns(const sdk::Input& input, const sdk::ColumnBinder& bind) {
    if (bind.missing().empty()) return {};
    return sdk::SourceError(input.name, "required columns are missing: " + sdk::JoinNames(bind.missing()),
                            "export payments with all columns");
  }

  Status CheckFile(const sdk::Inputs& inputs, const sdk::Input& input) const {
    if (IsJson(input)) {
      PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::ByteStream> bytes, inputs.Open(input));
      sdk::JsonReader json(std::make_unique<sdk::DecodingStream>(std::move(bytes)));
      sdk::JsonItem item;
      Result<bool> more = json.Next(&item);
      return more.ok() ? Status() : InFile(input, more.status());
    }
    if (!IsCsv(input)) return {};
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, OpenCsv(inputs, input));
    if (csv == nullptr) return {};
    sdk::ColumnBinder bind(csv->header(), "", no_column_map_);
    PaymentsCsv payments(&bind, options_, 0);
    return RequireColumns(input, bind);
  }

  Status ReadJson(const sdk::Inputs& inputs, const sdk::Input& input, const Survey& survey, sdk::FileState* state,
                  Sink& sink) const {
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::ByteStream> bytes, inputs.Open(input));
    sdk::JsonReader json(std::make_unique<sdk::DecodingStream>(std::move(bytes)));
    MapContext context{options_, survey.invoice_of_payment, input.modified_unix_ns / 1000};
    simdjson::dom::parser parser;
    uint64_t durable = state->Begin(input);
    sdk::JsonItem item;
    while (true) {
      Result<bool> more = json.Next(&item);
      if (!more.ok()) return InFile(input, more.status());
      if (!*more) break;
      if (item.number <= durable) continue;
      PM_RETURN_IF_ERROR(ReadObject(item, {input.name, item.number, item.offset}, context, &parser, sink));
      state->Advance(item.number);
      if (sink.PageFull()) PM_RETURN_IF_ERROR(sink.Checkpoint(state->Serialize()));
    }
    if (json.has_more()) {
      sink.Problem(Level::kWarning, input.name, "the list says that it has more pages than the file holds",
                   "export all pages");
    }
    return {};
  }

  Status ReadObject(const sdk::JsonItem& item, const sdk::Place& place, const MapContext& context,
                    simdjson::dom::parser* parser, Sink& sink) const {
    if (item.problem != nullptr) return sink.Reject(place, item.text, "", item.problem, item.message);
    Json object;
    if (!ParseItem(parser, item.text, &object)) {
      return sink.Reject(place, item.text, "", "bad_json",
                         "line " + std::to_string(item.line) + " is no whole JSON object");
    }
    JsonRecord record(object);
    v1::EventBatch events;
    const char* skip = MapObject(&record, context, &events);
    if (!record.ok()) {
      return sink.Reject(place, item.text, record.fault().field, record.fault().reason, record.fault().message);
    }
    return skip != nullptr ? sink.Skip(place, skip) : sink.Emit(place, item.text, events);
  }

  Status ReadCsv(const sdk::Inputs& inputs, const sdk::Input& input, const Survey& survey, sdk::FileState* state,
                 Sink& sink) const {
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, OpenCsv(inputs, input));
    uint64_t durable = state->Begin(input);
    if (csv == nullptr) {
      sink.Problem(Level::kWarning, input.name, "the file is empty");
      return {};
    }
    sdk::ColumnBinder bind(csv->header(), "", no_column_map_);
    PaymentsCsv payments(&bind, options_, input.modified_unix_ns / 1000);
    PM_RETURN_IF_ERROR(RequireColumns(input, bind));
    std::vector<std::string> unread = bind.Unread();
    if (!unread.empty()) {
      sink.Problem(Level::kInfo, input.name, "columns that are not read: " + sdk::JoinNames(unread));
    }
    sdk::CsvRow row;
    while (true) {
      PM_ASSIGN_OR_RETURN(bool more, csv->Next(&row));
      if (!more) return {};
      sdk::CsvRecord record(row, csv->header(), cells_);
      v1::EventBatch events;
      // Rows that are durable already are mapped too: rows without id are numbered among their equals.
      const char* skip = record.ok() ? payments.Map(&record, row.raw, survey.has_invoices, &events) : nullptr;
      if (row.number <= durable) continue;
      sdk::Place place{input.name, row.number, row.offset};
      if (!record.ok()) {
        PM_RETURN_IF_ERROR(
            sink.Reject(place, row.raw, record.fault().field, record.fault().reason, record.fault().message));
      } else if (skip != nullptr) {
        PM_RETURN_IF_ERROR(sink.Skip(place, skip));
      } else {
        PM_RETURN_IF_ERROR(sink.Emit(place, row.raw, events));
      }
      state->Advance(row.number);
      if (sink.PageFull()) PM_RETURN_IF_ERROR(sink.Checkpoint(state->Serialize()));
    }
  }

  Settings settings_;
  Options options_;
  sdk::CellFormat cells_;
  sdk::NameLists no_column_map_;
};

}  // namespace partnermetrics::stripe

PARTNERMETRICS_CONNECTOR(partnermetrics::stripe::StripeBilling)
