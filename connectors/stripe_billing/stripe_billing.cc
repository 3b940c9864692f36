// The plugin stripe_billing: Stripe's API objects as JSON or JSON lines, and the dashboard's exports as CSV.
#include "connectors/sdk/readers/columns.h"
#include "connectors/sdk/readers/csv.h"
#include "connectors/sdk/readers/encoding.h"
#include "connectors/sdk/readers/file_state.h"
#include "connectors/sdk/readers/json.h"
#include "connectors/sdk/readers/text.h"
#include "connectors/stripe_billing/dashboard_csv.h"
#include "connectors/stripe_billing/objects.h"
#include "connectors/stripe_billing/surroundings.h"
#include "partnermetrics/connector.h"

namespace partnermetrics::stripe {
namespace {

using sdk::Level;
using sdk::Result;
using sdk::Status;

// The state of a run: the files that are read, and among which others they were. Objects that are connected with others
// (refunds) may mean more when a file came to the folder, so they are then stated again; and with invoices that were
// not there before, everything is.
class State {
 public:
  static Result<State> Parse(std::string_view text, const sdk::Settings& settings, const Surroundings& surroundings) {
    State state;
    state.among_ = (surroundings.has_invoices_csv() ? "invoices-" : "among-") + surroundings.fingerprint();
    const size_t space = std::min(text.find(' '), text.size());
    const std::string_view among = text.substr(0, space);
    const bool has_among = among.substr(0, 6) == "among-" || among.substr(0, 9) == "invoices-";
    if (has_among) text.remove_prefix(std::min(space + 1, text.size()));
    state.is_among_others_ = !text.empty() && among != state.among_;
    if (has_among && among[0] != state.among_[0]) text = {};
    PM_ASSIGN_OR_RETURN(state.files_, sdk::FileState::Parse(text, settings));
    return state;
  }

  sdk::FileState& files() { return files_; }
  // True when files came or went since the state was made.
  bool is_among_others() const { return is_among_others_; }
  std::string Serialize() const { return among_ + " " + files_.Serialize(); }

 private:
  std::string among_;
  bool is_among_others_ = false;
  sdk::FileState files_;
};

}  // namespace

class StripeBilling : public sdk::Connector {
 public:
  static constexpr char kName[] = "stripe_billing";
  static constexpr char kVersion[] = "1.0.0";

  static Description Describe() {
    return {
        .summary =
            "Reads Stripe exports: customers, invoices, subscriptions and their schedules, refunds, credit notes and "
            "charges as the API's JSON (lists, arrays, JSON lines; shapes before and after 2025-03-31), and the "
            "dashboard's payments, invoices, customers and subscriptions as CSV.",
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
                {.name = "subscription_csv_amount",
                 .description = "per_unit or total: what the column Amount of the dashboard's subscriptions export is. "
                                "Blank: the monthly value of subscriptions with a quantity above 1 is not known"},
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
    const std::string amount = settings.Get("subscription_csv_amount");
    if (amount == "per_unit") options_.csv_amount = CsvAmount::kPerUnit;
    if (amount == "total") options_.csv_amount = CsvAmount::kTotal;
    if (!amount.empty() && options_.csv_amount == CsvAmount::kUnknown) {
      return sdk::BadSetting("subscription_csv_amount", "\"" + amount + "\" is no choice", "use per_unit or total");
    }
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
                       "put Stripe's API lists or the dashboard's exports there");
    }
    return {};
  }

  Status Read(std::string_view state_text, Reader& reader, Sink& sink) override {
    PM_ASSIGN_OR_RETURN(sdk::Inputs inputs, sdk::Inputs::List(reader));
    PM_ASSIGN_OR_RETURN(Surroundings surroundings, Surroundings::Read(inputs));
    PM_ASSIGN_OR_RETURN(State state, State::Parse(state_text, settings_, surroundings));
    if (state.is_among_others()) PM_RETURN_IF_ERROR(StateAgain(inputs, surroundings, &state, sink));
    uint64_t number = 0;
    for (const sdk::Input& input : inputs.files()) {
      sink.Progress(number++, inputs.files().size(), "files");
      if (state.files().IsDone(input)) continue;
      if (IsJson(input)) {
        PM_RETURN_IF_ERROR(ReadJson(inputs, input, surroundings, &state, sink));
      } else if (IsCsv(input)) {
        PM_RETURN_IF_ERROR(ReadCsv(inputs, input, surroundings, &state, sink));
      } else {
        sink.Problem(Level::kInfo, input.name, "the file is not read", "export it as .json, .jsonl or .csv");
        continue;
      }
      state.files().End();
    }
    return sink.Commit(state.Serialize());
  }

 private:
  static Status RequireColumns(const sdk::Input& input, const sdk::ColumnBinder& bind) {
    if (bind.missing().empty()) return {};
    return sdk::SourceError(input.name, "required columns are missing: " + sdk::JoinNames(bind.missing()),
                            "export it with all columns");
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
    Gaps gaps;
    const Surroundings none;
    (void)DashboardCsv::Make(csv->header(), {options_, none, 0, &gaps}, &bind);
    return RequireColumns(input, bind);
  }

  // States the connected objects of files that earlier runs have read. No state is committed in between: a run that is
  // killed here does it again.
  Status StateAgain(const sdk::Inputs& inputs, const Surroundings& surroundings, State* state, Sink& sink) const {
    Gaps gaps;
    simdjson::dom::parser parser;
    for (const sdk::Input& input : inputs.files()) {
      if (!state->files().IsDone(input) || !surroundings.HasConnected(input)) continue;
      PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::ByteStream> bytes, inputs.Open(input));
      sdk::JsonReader json(std::make_unique<sdk::DecodingStream>(std::move(bytes)));
      MapContext context{options_, surroundings, input.modified_unix_ns / 1000, &gaps};
      sdk::JsonItem item;
      while (true) {
        Result<bool> more = json.Next(&item);
        if (!more.ok()) return InFile(input, more.status());
        if (!*more) break;
        Json object;
        if (item.problem != nullptr || !ParseItem(&parser, item.text, &object)) continue;
        if (!Surroundings::IsConnected(JsonRecord(object))) continue;
        PM_RETURN_IF_ERROR(StateObject(item, {input.name, item.number, item.offset}, object, context, sink));
      }
    }
    return {};
  }

  Status ReadJson(const sdk::Inputs& inputs, const sdk::Input& input, const Surroundings& surroundings, State* state,
                  Sink& sink) const {
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::ByteStream> bytes, inputs.Open(input));
    sdk::JsonReader json(std::make_unique<sdk::DecodingStream>(std::move(bytes)));
    Gaps gaps;
    MapContext context{options_, surroundings, input.modified_unix_ns / 1000, &gaps};
    simdjson::dom::parser parser;
    const uint64_t durable = state->files().Begin(input);
    sdk::JsonItem item;
    while (true) {
      Result<bool> more = json.Next(&item);
      if (!more.ok()) return InFile(input, more.status());
      if (!*more) break;
      if (item.number <= durable) continue;
      PM_RETURN_IF_ERROR(ReadObject(item, {input.name, item.number, item.offset}, context, &parser, sink));
      state->files().Advance(item.number);
      if (sink.PageFull()) PM_RETURN_IF_ERROR(sink.Checkpoint(state->Serialize()));
    }
    if (json.has_more()) {
      sink.Problem(Level::kWarning, input.name, "the list says that it has more pages than the file holds",
                   "export all pages");
    }
    TellGaps(input, gaps, sink);
    return {};
  }

  static void TellGaps(const sdk::Input& input, const Gaps& gaps, Sink& sink) {
    const auto tell = [&](uint64_t count, const char* what, const char* remedy) {
      if (count > 0) sink.Problem(Level::kWarning, input.name, std::to_string(count) + what, remedy);
    };
    tell(gaps.refunds, " refunds wait for the invoice of their payment, which no file tells",
         "export invoices with their payments, or invoice_payments, or the charges of older API versions");
    tell(gaps.charges, " charges are left out, because no file tells which of them paid invoices",
         "export invoices with their payments, or invoice_payments");
    tell(gaps.subscriptions, " subscriptions have no monthly value: a price or discount is not stated",
         "expand data.discounts, add lists of prices (expand data.tiers) and coupons; for CSV set "
         "subscription_csv_amount");
  }

  static Status ReadObject(const sdk::JsonItem& item, const sdk::Place& place, const MapContext& context,
                           simdjson::dom::parser* parser, Sink& sink) {
    if (item.problem != nullptr) return sink.Reject(place, item.text, "", item.problem, item.message);
    Json object;
    if (!ParseItem(parser, item.text, &object)) {
      return sink.Reject(place, item.text, "", "bad_json",
                         "line " + std::to_string(item.line) + " is no whole JSON object");
    }
    return StateObject(item, place, object, context, sink);
  }

  static Status StateObject(const sdk::JsonItem& item, const sdk::Place& place, Json object, const MapContext& context,
                            Sink& sink) {
    JsonRecord record(object);
    v1::EventBatch events;
    const char* skip = MapObject(&record, context, &events);
    if (!record.ok()) {
      return sink.Reject(place, item.text, record.fault().field, record.fault().reason, record.fault().message);
    }
    return skip != nullptr ? sink.Skip(place, skip) : sink.Emit(place, item.text, events);
  }

  Status ReadCsv(const sdk::Inputs& inputs, const sdk::Input& input, const Surroundings& surroundings, State* state,
                 Sink& sink) const {
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, OpenCsv(inputs, input));
    const uint64_t durable = state->files().Begin(input);
    if (csv == nullptr) {
      sink.Problem(Level::kWarning, input.name, "the file is empty");
      return {};
    }
    Gaps gaps;
    sdk::ColumnBinder bind(csv->header(), "", no_column_map_);
    const MapContext context{options_, surroundings, input.modified_unix_ns / 1000, &gaps};
    std::unique_ptr<DashboardCsv> rows = DashboardCsv::Make(csv->header(), context, &bind);
    if (rows == nullptr) {
      sink.Problem(Level::kInfo, input.name, std::string("the file is not read: ") + NoFacts(ExportOf(csv->header())));
      return {};
    }
    sink.Columns(sdk::StreamName(input.base_name), bind.Columns());
    PM_RETURN_IF_ERROR(RequireColumns(input, bind));
    sdk::CsvRow row;
    while (true) {
      PM_ASSIGN_OR_RETURN(bool more, csv->Next(&row));
      if (!more) break;
      sdk::CsvRecord record(row, csv->header(), cells_);
      v1::EventBatch events;
      // Rows that are durable already are mapped too: rows without id are numbered among their equals.
      const char* skip = record.ok() ? rows->Map(&record, row.raw, &events) : nullptr;
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
      state->files().Advance(row.number);
      if (sink.PageFull()) PM_RETURN_IF_ERROR(sink.Checkpoint(state->Serialize()));
    }
    TellGaps(input, gaps, sink);
    return {};
  }

  Settings settings_;
  Options options_;
  sdk::CellFormat cells_;
  sdk::NameLists no_column_map_;
};

}  // namespace partnermetrics::stripe

PARTNERMETRICS_CONNECTOR(partnermetrics::stripe::StripeBilling)
