// Histories of deals: a DealStage fact for each period that a deal spent in one stage with one amount, probability and
// expected close. The rows of a deal may stand anywhere in the files, so the deals are read in parts.
#include <algorithm>
#include <deque>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "connectors/salesforce_export/objects.h"
#include "connectors/salesforce_export/part.h"
#include "connectors/salesforce_export/run.h"
#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/ids.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::CsvRecord;
using sdk::Status;

// A row of the history. Ids are without their check characters: such texts need no memory of their own.
struct Step {
  std::string deal_id;
  std::string id;
  sdk::Instant at;
  std::string stage;
  std::string left_stage;  // where a row of a field's history says it
  std::optional<sdk::Decimal> amount;
  std::optional<sdk::Decimal> weighted;
  std::optional<sdk::Decimal> probability;  // percent
  std::optional<sdk::CivilDate> expected_close;
  std::string currency;
  const char* skip = nullptr;  // the rule by which the row is left out
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
  // Of memory, with the pointer that puts it in order.
  size_t Bytes() const { return sizeof(Step) + sizeof(void*) + raw.size() + stage.size(); }
};

// The columns of OpportunityHistory, or of the history of single fields.
class HistoryColumns {
 public:
  HistoryColumns(const std::string& object, sdk::ColumnBinder* bind)
      : of_fields_(object != "OpportunityHistory"),
        common_(bind),
        deal_(bind->Required("OpportunityId", {of_fields_ ? "ParentId" : "OpportunityId", "OpportunityId"})),
        stage_(of_fields_ ? bind->Required("NewValue", {"NewvalString", "NewValue"})
                          : bind->Required("StageName", {"StageName"})),
        at_(bind->Required("CreatedDate", {"CreatedDate"})),
        field_(of_fields_ ? bind->Required("Field", {"FieldName", "Field"}) : -1),
        left_stage_(of_fields_ ? bind->Optional("OldValue", {"OldvalString", "OldValue"}) : -1),
        amount_(bind->Optional("Amount", {"Amount"})),
        weighted_(bind->Optional("ExpectedRevenue", {"ExpectedRevenue"})),
        probability_(bind->Optional("Probability", {"Probability"})),
        close_(bind->Optional("CloseDate", {"CloseDate"})),
        currency_(bind->Optional("CurrencyIsoCode", {"CurrencyIsoCode"})) {
    if (of_fields_) bind->Optional("ParentSobjectType", {"ParentSobjectType"});  // said by the id
  }

  // As written.
  std::string_view DealCell(const sdk::CsvRow& row) const { return row.Cell(deal_); }

  Step Parse(CsvRecord* record, const Options& options) const {
    Step step;
    std::string deal_id = record->RequiredSalesforceId(deal_);
    step.deal_id = deal_id.substr(0, Part::kIdSize);
    step.id = record->RequiredSalesforceId(common_.id).substr(0, Part::kIdSize);
    step.deleted = record->Bool(common_.is_deleted);
    step.changed = common_.changed.Micros(record);
    if (of_fields_) {
      ParseFieldRow(record, deal_id, &step);
      if (step.skip != nullptr) return step;
    } else {
      step.stage = record->Text(stage_);
      if (step.stage.empty()) record->Fail(stage_, "missing_stage", "the row has no stage");
    }
    if (record->IsBlank(at_)) record->Fail(at_, "missing_time", "the row has no time");
    step.at = record->Time(at_).value_or(sdk::Instant());
    step.amount = record->Amount(amount_);
    step.weighted = record->Amount(weighted_);
    step.probability = record->Amount(probability_);
    step.expected_close = record->Date(close_);
    step.currency = record->Currency(currency_, options.default_currency);
    return step;
  }

 private:
  // The row "created" begins the first stage, which the next change names.
  void ParseFieldRow(CsvRecord* record, const std::string& deal_id, Step* step) const {
    std::string_view field = record->Cell(field_);
    bool changes_stage = sdk::EqualsIgnoreCase(field, "StageName");
    if (!sdk::IsSalesforceId(deal_id, "006") || !(changes_stage || sdk::EqualsIgnoreCase(field, "created"))) {
      step->skip = "field_not_read";
      return;
    }
    if (!changes_stage) return;
    step->stage = record->Text(stage_);
    step->left_stage = record->Text(left_stage_);
    if (step->stage.empty()) record->Fail(stage_, "missing_stage", "the row has no stage");
  }

  const bool of_fields_;
  CommonColumns common_;
  int deal_, stage_, at_, field_, left_stage_, amount_, weighted_, probability_, close_, currency_;
};

class HistoryReader {
  using Steps = std::span<Step* const>;  // of one deal, in the order of time

 public:
  HistoryReader(const std::string& object, Run* run)
      : object_(object),
        stages_elsewhere_(object == "EntityHistory" && (!run->files.Of("OpportunityHistory").empty() ||
                                                        !run->files.Of("OpportunityFieldHistory").empty())),
        run_(*run),
        inputs_(run->files.Of(object)) {}

  Status Read() {
    for (;; part_ = part_.Next()) {
      steps_.clear();
      bytes_ = 0;
      for (size_t file = 0; file < inputs_.size(); ++file) PM_RETURN_IF_ERROR(ReadFile(file));
      PM_RETURN_IF_ERROR(EmitDeals());
      if (part_.IsLast()) return {};
      first_pass_ = false;
    }
  }

 private:
  Status ReadFile(size_t file) {
    const sdk::Input& input = inputs_[file];
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, run_.files.Open(input));
    if (csv == nullptr) return {};
    sdk::ColumnBinder bind(csv->header(), object_, run_.options.column_map);
    HistoryColumns columns(object_, &bind);
    if (first_pass_) PM_RETURN_IF_ERROR(run_.CheckColumns(input.name, bind));
    sdk::CsvRow row;
    while (true) {
      PM_ASSIGN_OR_RETURN(bool more, csv->Next(&row));
      if (!more) return {};
      PM_RETURN_IF_ERROR(run_.Progress(input, row));
      // The first pass looks at all rows, for those that are bad or left out; the part may still become smaller.
      if (!first_pass_ && !part_.Has(columns.DealCell(row))) continue;
      CsvRecord record(row, csv->header(), run_.options.cells);
      Step step;
      if (record.ok()) step = columns.Parse(&record, run_.options);
      if (stages_elsewhere_ && step.skip == nullptr) step.skip = "stage_known_otherwise";
      step.file = file;
      step.row = row.number;
      step.offset = row.offset;
      if (!record.ok() || step.skip != nullptr) {
        if (first_pass_) PM_RETURN_IF_ERROR(LeaveOut(step, record, row.raw));
      } else if (part_.Has(step.deal_id)) {
        step.raw = row.raw;
        Keep(std::move(step));
      }
    }
  }

  Status LeaveOut(const Step& step, const CsvRecord& record, std::string_view raw) {
    if (run_.Done()) return {};
    if (record.ok()) {
      PM_RETURN_IF_ERROR(run_.sink.Skip(PlaceOf(step), step.skip));
    } else if (run_.IsUnchanged(step.changed)) {
      PM_RETURN_IF_ERROR(run_.sink.Skip(PlaceOf(step), "unchanged"));
    } else {
      PM_RETURN_IF_ERROR(run_.Reject(PlaceOf(step), raw, record.fault()));
    }
    return run_.Checkpoint();
  }

  void Keep(Step step) {
    bytes_ += step.Bytes();
    steps_.push_back(std::move(step));
    if (bytes_ <= run_.options.memory_bytes || !part_.CanShrink()) return;
    part_.Shrink();
    auto left = [this](const Step& other) { return !part_.Has(other.deal_id); };
    steps_.erase(std::remove_if(steps_.begin(), steps_.end(), left), steps_.end());
    bytes_ = 0;
    for (const Step& kept : steps_) bytes_ += kept.Bytes();
  }

  Status EmitDeals() {
    std::vector<Step*> sorted;
    sorted.reserve(steps_.size());
    for (Step& step : steps_) sorted.push_back(&step);
    std::sort(sorted.begin(), sorted.end(), [](const Step* a, const Step* b) {
      return std::tie(a->deal_id, a->at, a->id) < std::tie(b->deal_id, b->at, b->id);
    });
    for (size_t begin = 0; begin < sorted.size();) {
      size_t end = begin;
      while (end < sorted.size() && sorted[end]->deal_id == sorted[begin]->deal_id) ++end;
      if (begin / kProgressRows != end / kProgressRows) run_.sink.Progress(end, sorted.size(), "rows of " + object_);
      if (!run_.Done()) {
        const Steps deal(sorted.data() + begin, end - begin);
        NameFirstStage(deal);
        PM_RETURN_IF_ERROR(EmitDeal(deal));
        PM_RETURN_IF_ERROR(run_.Checkpoint());
      }
      begin = end;
    }
    return {};
  }

  // What the next change says it left.
  static void NameFirstStage(Steps deal) {
    for (size_t i = 0; i < deal.size(); ++i) {
      if (!deal[i]->stage.empty()) continue;
      if (i + 1 < deal.size()) deal[i]->stage = deal[i + 1]->left_stage;
      if (deal[i]->stage.empty()) deal[i]->skip = "stage_not_known";
    }
  }

  Status EmitDeal(Steps deal) {
    bool unchanged = true;
    for (const Step* step : deal) {
      run_.Saw(step->changed);
      unchanged = unchanged && run_.IsUnchanged(step->changed);
    }
    const Step* period = nullptr;
    for (const Step* step : deal) {
      if (unchanged) {
        PM_RETURN_IF_ERROR(run_.sink.Skip(PlaceOf(*step), "unchanged"));
      } else if (step->deleted) {
        events_.Clear();
        v1::Event* event = AddEvent(&events_, FullId(step->id), Revision(*step));
        event->set_deleted(true);
        event->mutable_deal_stage();
        PM_RETURN_IF_ERROR(run_.sink.Emit(PlaceOf(*step), step->raw, events_));
      } else if (step->skip != nullptr) {
        PM_RETURN_IF_ERROR(run_.sink.Skip(PlaceOf(*step), step->skip));
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
    events_.Clear();
    // The row that ends a period changes it, so its time counts too.
    int64_t revision = next == nullptr ? Revision(step) : std::max(Revision(step), Revision(*next));
    v1::DealStage* stage = AddEvent(&events_, FullId(step.id), revision)->mutable_deal_stage();
    stage->set_root_id(FullId(step.deal_id));
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
    return run_.sink.Emit(PlaceOf(step), step.raw, events_);
  }

  static std::string FullId(const std::string& id) { return sdk::SalesforceId(id).value_or(""); }
  static int64_t Revision(const Step& step) { return std::max(step.changed, step.at.Micros()); }
  sdk::Place PlaceOf(const Step& step) const { return {inputs_[step.file].name, step.row, step.offset}; }

  const std::string object_;
  const bool stages_elsewhere_;  // then the stages of EntityHistory would count twice
  Run& run_;
  const std::vector<sdk::Input> inputs_;
  Part part_;  // that is read now
  bool first_pass_ = true;
  std::deque<Step> steps_;  // of this part
  size_t bytes_ = 0;        // of their memory
  v1::EventBatch events_;   // of the present record
};

}  // namespace

Status ReadHistory(const std::string& object, Run* run) {
  return HistoryReader(object, run).Read();
}

void BindHistory(const std::string& object, sdk::ColumnBinder* bind) {
  HistoryColumns columns(object, bind);
}

}  // namespace partnermetrics::salesforce
