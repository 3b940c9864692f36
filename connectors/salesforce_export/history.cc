// OpportunityHistory: a DealStage fact for each period that a deal spent in one stage with one amount, probability and
// expected close. The rows of a deal may stand anywhere in the files, so the files are read in passes, each of which
// holds the rows of a part of the deals: memory is bounded and nothing is written to disk.
#include <algorithm>
#include <optional>
#include <vector>

#include "connectors/salesforce_export/objects.h"
#include "connectors/salesforce_export/run.h"
#include "connectors/sdk/readers/facts.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::CsvRecord;
using sdk::Status;

constexpr char kObject[] = "OpportunityHistory";

// A row of the history.
struct Step {
  std::string deal_id;
  std::string id;
  sdk::Instant at;
  std::string stage;
  std::optional<sdk::Decimal> amount;
  std::optional<sdk::Decimal> weighted;
  std::optional<sdk::Decimal> probability;  // percent
  std::optional<sdk::CivilDate> expected_close;
  std::string currency;
  bool deleted = false;
  int64_t changed = 0;

  size_t file = 0;
  uint64_t row = 0;
  uint64_t offset = 0;
  std::string raw;

  bool SamePeriod(const Step& other) const {
    return stage == other.stage && amount == other.amount && probability == other.probability &&
           expected_close == other.expected_close;
  }
};

class HistoryColumns {
 public:
  explicit HistoryColumns(sdk::ColumnBinder* bind)
      : common_(bind),
        deal_(bind->Required("OpportunityId", {"OpportunityId"})),
        stage_(bind->Required("StageName", {"StageName"})),
        at_(bind->Required("CreatedDate", {"CreatedDate"})),
        amount_(bind->Optional("Amount", {"Amount"})),
        weighted_(bind->Optional("ExpectedRevenue", {"ExpectedRevenue"})),
        probability_(bind->Optional("Probability", {"Probability"})),
        close_(bind->Optional("CloseDate", {"CloseDate"})),
        currency_(bind->Optional("CurrencyIsoCode", {"CurrencyIsoCode"})) {}

  std::string DealId(CsvRecord* record) const { return record->RequiredSalesforceId(deal_); }

  Step Parse(CsvRecord* record, const Options& options) const {
    Step step;
    step.deal_id = DealId(record);
    step.id = record->RequiredSalesforceId(common_.id);
    step.deleted = record->Bool(common_.is_deleted);
    step.stage = record->Text(stage_);
    if (step.stage.empty()) record->Fail(stage_, "missing_stage", "the row has no stage");
    if (record->IsBlank(at_)) record->Fail(at_, "missing_time", "the row has no time");
    step.at = record->Time(at_).value_or(sdk::Instant());
    step.amount = record->Amount(amount_);
    step.weighted = record->Amount(weighted_);
    step.probability = record->Amount(probability_);
    step.expected_close = record->Date(close_);
    step.currency = record->Currency(currency_, options.default_currency);
    step.changed = common_.changed.Micros(record);
    return step;
  }

 private:
  CommonColumns common_;
  int deal_, stage_, at_, amount_, weighted_, probability_, close_, currency_;
};

// FNV-1a: the same parts in every build, so that an interrupted run finds its place again.
size_t PartOf(const std::string& deal_id, size_t parts) {
  uint64_t hash = 14695981039346656037u;
  for (char c : deal_id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return static_cast<size_t>(hash % parts);
}

class HistoryReader {
 public:
  explicit HistoryReader(Run* run) : run_(*run), inputs_(run->files.Of(kObject)) {}

  Status Read() {
    if (inputs_.empty()) return {};
    first_unit_ = run_.state.done;
    PM_RETURN_IF_ERROR(CountRows());
    size_t parts = static_cast<size_t>(rows_ / run_.options.history_rows_in_memory + 1);
    for (size_t part = 0; part < parts; ++part) PM_RETURN_IF_ERROR(ReadPart(part, parts));
    return {};
  }

 private:
  // Counts the file's units of work; true when an interrupted run has done this one already.
  bool Done() {
    ++unit_;
    if (unit_ <= first_unit_) return true;
    run_.state.done = unit_;
    return false;
  }

  Status CountRows() {
    for (const sdk::Input& input : inputs_) {
      PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, run_.files.Open(input));
      sdk::CsvRow row;
      while (csv != nullptr) {
        PM_ASSIGN_OR_RETURN(bool more, csv->Next(&row));
        if (!more) break;
        ++rows_;
      }
      if (csv == nullptr) continue;
      sdk::ColumnBinder bind(csv->header(), kObject, run_.options.column_map);
      HistoryColumns columns(&bind);
      PM_RETURN_IF_ERROR(run_.CheckColumns(input.name, bind));
    }
    return {};
  }

  Status ReadPart(size_t part, size_t parts) {
    std::vector<Step> steps;
    for (size_t file = 0; file < inputs_.size(); ++file) {
      PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, run_.files.Open(inputs_[file]));
      if (csv == nullptr) continue;
      sdk::ColumnBinder bind(csv->header(), kObject, run_.options.column_map);
      HistoryColumns columns(&bind);
      sdk::CsvRow row;
      while (true) {
        PM_ASSIGN_OR_RETURN(bool more, csv->Next(&row));
        if (!more) break;
        if (run_.sink.Cancelled()) return sdk::Cancelled();
        CsvRecord record(row, csv->header(), run_.options.cells);
        std::string deal_id = record.ok() ? columns.DealId(&record) : "";
        // Rows without a readable deal belong to the first part.
        if (deal_id.empty() ? part != 0 : PartOf(deal_id, parts) != part) continue;
        Step step = columns.Parse(&record, run_.options);
        if (!record.ok()) {
          if (Done()) continue;
          sdk::Place place{inputs_[file].name, row.number, row.offset};
          PM_RETURN_IF_ERROR(run_.Reject(kObject, place, row.raw, record.fault()));
          PM_RETURN_IF_ERROR(run_.Checkpoint());
          continue;
        }
        step.file = file;
        step.row = row.number;
        step.offset = row.offset;
        step.raw = row.raw;
        steps.push_back(std::move(step));
      }
    }
    return EmitDeals(&steps);
  }

  Status EmitDeals(std::vector<Step>* steps) {
    std::sort(steps->begin(), steps->end(), [](const Step& a, const Step& b) {
      if (a.deal_id != b.deal_id) return a.deal_id < b.deal_id;
      return a.at == b.at ? a.id < b.id : a.at < b.at;
    });
    for (size_t begin = 0; begin < steps->size();) {
      size_t end = begin;
      while (end < steps->size() && (*steps)[end].deal_id == (*steps)[begin].deal_id) ++end;
      if (!Done()) {
        PM_RETURN_IF_ERROR(EmitDeal(steps->data() + begin, steps->data() + end));
        PM_RETURN_IF_ERROR(run_.Checkpoint());
      }
      begin = end;
    }
    return {};
  }

  Status EmitDeal(const Step* begin, const Step* end) {
    bool unchanged = true;
    for (const Step* step = begin; step != end; ++step) {
      run_.state.Saw(kObject, step->changed);
      unchanged = unchanged && run_.IsUnchanged(kObject, step->changed);
    }
    const Step* period = nullptr;
    for (const Step* step = begin; step != end; ++step) {
      if (unchanged) {
        PM_RETURN_IF_ERROR(run_.sink.Skip(PlaceOf(*step), "unchanged"));
      } else if (step->deleted) {
        v1::EventBatch events;
        v1::Event* event = AddEvent(&events, step->id, Revision(*step));
        event->set_deleted(true);
        event->mutable_deal_stage();
        PM_RETURN_IF_ERROR(run_.sink.Emit(PlaceOf(*step), step->raw, events));
      } else if (period != nullptr && period->SamePeriod(*step)) {
        PM_RETURN_IF_ERROR(run_.sink.Skip(PlaceOf(*step), "same_period"));
      } else {
        if (period != nullptr) PM_RETURN_IF_ERROR(EmitPeriod(*period, step));
        period = step;
      }
    }
    return period == nullptr ? Status() : EmitPeriod(*period, nullptr);
  }

  Status EmitPeriod(const Step& step, const Step* next) {
    v1::EventBatch events;
    // The row that ends a period changes it, so its time counts too.
    int64_t revision = next == nullptr ? Revision(step) : std::max(Revision(step), Revision(*next));
    v1::DealStage* stage = AddEvent(&events, step.id, revision)->mutable_deal_stage();
    stage->set_root_id(step.deal_id);
    stage->set_stage(step.stage);
    sdk::SetInstant(step.at, stage->mutable_entered_at());
    if (next != nullptr) sdk::SetInstant(next->at, stage->mutable_left_at());
    if (step.amount) sdk::SetMoney(*step.amount, step.currency, stage->mutable_amount());
    if (step.probability) {
      std::optional<sdk::Decimal> share = sdk::Scale(*step.probability, 1, 100);
      if (share) sdk::SetDecimal(*share, stage->mutable_probability());
    }
    std::optional<sdk::Decimal> weighted = step.weighted;
    if (!weighted && step.amount && step.probability) {
      int64_t thousandths = step.probability->units * 1000 + step.probability->nanos / 1'000'000;
      weighted = sdk::Scale(*step.amount, thousandths, 100'000);
    }
    if (weighted) sdk::SetMoney(*weighted, step.currency, stage->mutable_weighted_amount());
    if (step.expected_close) sdk::SetDate(*step.expected_close, stage->mutable_expected_close_on());
    return run_.sink.Emit(PlaceOf(step), step.raw, events);
  }

  static int64_t Revision(const Step& step) { return std::max(step.changed, step.at.Micros()); }
  sdk::Place PlaceOf(const Step& step) const { return {inputs_[step.file].name, step.row, step.offset}; }

  Run& run_;
  std::vector<sdk::Input> inputs_;
  uint64_t rows_ = 0;
  uint64_t unit_ = 0;
  uint64_t first_unit_ = 0;
};

}  // namespace

Status ReadHistory(Run* run) {
  return HistoryReader(run).Read();
}

void BindHistory(sdk::ColumnBinder* bind) {
  HistoryColumns columns(bind);
}

}  // namespace partnermetrics::salesforce
