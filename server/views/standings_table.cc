#include "server/views/standings_table.h"

#include <algorithm>
#include <numeric>

#include "absl/hash/hash.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/expr/diagnostics.h"
#include "server/queries/partner_records.h"
#include "server/reports/due_source.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/partner_days.h"
#include "server/scoring/tier.h"
#include "server/views/business_print.h"
#include "server/views/month_ends.h"

namespace partnermetrics {
namespace {

// Partners whose rows are collected under one lock of the engine; fewer where many columns are evaluated for each.
constexpr size_t kBlock = 500;
constexpr size_t kSmallBlock = 100;
// While events pour in, this often; then the rest is evaluated under one lock.
constexpr int kMostRounds = 4;
constexpr absl::Duration kKeep = absl::Hours(1);
// Values of other days than today that are kept, some 30 bytes each; but at least these columns of them.
constexpr size_t kOtherDaysValues = 2'000'000;
constexpr size_t kLeastOtherDays = 4;
constexpr absl::string_view kLabelPrefix = "label.";

const FactSchema& PartnerSchema() {
  static const FactSchema& schema = *FactSchemas::Get().Find("partner");
  return schema;
}

bool IsTier(const Catalog& catalog, const CompiledMetric& metric) {
  return catalog.tiers() != nullptr && metric.index == catalog.tiers()->metric;
}

bool Compares(const Catalog& catalog, const CompiledMetric& metric) {
  return metric.needs.all || std::any_of(metric.target_metrics.begin(), metric.target_metrics.end(), [&](int target) {
           return catalog.metrics()[static_cast<size_t>(target)].needs.all;
         });
}

// The memos of the partners of one block.
class BlockMemos final : public TierMemos {
 public:
  void Add(TierMemo& memo) { memos_.push_back(&memo); }
  TierMemo* Of(ScopeIndex scope) override {
    const auto place = static_cast<size_t>(scope - kFirstPartnerScope);
    return scope < kFirstPartnerScope || place >= memos_.size() ? nullptr : memos_[place];
  }

 private:
  std::vector<TierMemo*> memos_;
};

std::string TextOf(const FactRow& row, const FieldSchema& field) {
  const Value& value = row[field.slot];
  if (value.is_null()) return "";
  if (field.type != ValueType::kEnum) return std::string(value.text);
  const auto* known = field.enum_type->FindValueByNumber(static_cast<int>(value.integer));
  return known == nullptr ? "" : absl::AsciiStrToLower(ShortEnumName(*known));
}

}  // namespace

absl::Status StandingsTable::Read(const StandingsKey& key, absl::FunctionRef<absl::Status(const Standings&)> use) {
  return ReadTogether([&](const Catalog&) { return std::vector<StandingsKey>{key}; },
                      [&](absl::Span<const Standings> standings) { return use(standings.front()); });
}

absl::Status StandingsTable::ReadTogether(absl::FunctionRef<std::vector<StandingsKey>(const Catalog&)> choose,
                                          absl::FunctionRef<absl::Status(absl::Span<const Standings>)> use) {
  MutexLock lock(&mutex_);
  Columns columns;
  absl::Status status = absl::AbortedError("");
  while (absl::IsAborted(status)) {
    {
      Engine::View view(program_.engine());
      RETURN_IF_ERROR(TakeChanges(view));
    }
    columns.clear();
    for (const StandingsKey& key : choose(*catalog_)) {
      ASSIGN_OR_RETURN(Column * column, ColumnOf(key));
      column->used = programs_.Now();
      columns.push_back(column);
    }
    status = Update(columns);
  }
  RETURN_IF_ERROR(status);
  std::vector<Standings> together;
  for (const Column* column : columns) {
    Standings& standings = together.emplace_back();
    standings.catalog = catalog_.get();
    standings.metric = column->metric;
    standings.window = column->key.window;
    standings.as_of = AsOf(*column);
    standings.position = position_;
    standings.ranking = &column->ranking;
    standings.ids = &ids_;
    standings.attributes = &attributes_;
    standings.members = &column->members;
  }
  status = use(together);
  DropOtherDays();
  return status;
}

void StandingsTable::MoveTo(Day day) {
  MutexLock lock(&mutex_);
  day_ = day;
}

absl::StatusOr<bool> StandingsTable::Refresh(absl::Duration most) {
  MutexLock lock(&mutex_);
  const absl::Time until = absl::Now() + most, now = programs_.Now();
  Columns own, comparing;
  for (auto it = columns_.begin(); it != columns_.end();) {
    Column& column = *it->second;
    const bool is_forgotten = !it->first.day && now - column.used > kKeep;
    if (!is_forgotten && !it->first.day) (column.compares ? comparing : own).push_back(&column);
    it = is_forgotten ? columns_.erase(it) : std::next(it);
  }
  if (own.empty() && comparing.empty()) return false;
  {
    Engine::View view(program_.engine());
    // Who reads next begins anew.
    if (IsOfOtherTimes(view)) return false;
    RETURN_IF_ERROR(TakeChanges(view));
  }
  for (const Columns& batch : BatchesOf(own)) {
    const absl::StatusOr<size_t> stale = EvaluateBlocks(batch, kBlock, until);
    if (absl::IsAborted(stale.status())) return false;
    RETURN_IF_ERROR(stale.status());
    // A few are left to whoever reads.
    if (*stale > kBlock) return true;
  }
  const absl::Status compared = Update(comparing);
  if (!absl::IsAborted(compared)) RETURN_IF_ERROR(compared);
  return false;
}

absl::StatusOr<bool> StandingsTable::RollUp(absl::Duration most) {
  MutexLock lock(&mutex_);
  if (columns_.empty()) return false;
  const absl::Time until = absl::Now() + most;
  {
    Engine::View view(program_.engine());
    if (IsOfOtherTimes(view)) return false;
    RETURN_IF_ERROR(TakeChanges(view));
  }
  ASSIGN_OR_RETURN(const std::vector<Columns> metrics, ChooseRollUp());
  bool worked = false;
  for (const Columns& months : metrics) {
    if (StaleIn(months).empty()) continue;
    if (worked && absl::Now() >= until) return true;
    worked = true;
    const absl::StatusOr<size_t> stale = EvaluateBlocks(months, kSmallBlock, until);
    if (absl::IsAborted(stale.status())) return false;
    RETURN_IF_ERROR(stale.status());
    if (*stale > 0) return true;
  }
  return false;
}

absl::StatusOr<std::vector<StandingsTable::Columns>> StandingsTable::ChooseRollUp() {
  const absl::Time now = programs_.Now();
  std::vector<MetricUse> uses;  // columns of one metric and window follow each other
  for (const auto& [key, column] : columns_) {
    if (column->compares || now - column->used > kKeep) continue;
    if (uses.empty() || uses.back().metric != key.metric || uses.back().window != key.window) {
      uses.push_back({key.metric, key.window, column->used});
    }
    uses.back().used = std::max(uses.back().used, column->used);
    uses.back().is_rolled_up |= column->is_rolled_up;
  }
  for (const auto& [key, column] : columns_) column->is_rolled_up = false;
  std::vector<Columns> metrics;
  for (const MetricUse& use : ChooseForRollUp(std::move(uses), ids_.size())) {
    Columns& months = metrics.emplace_back();
    for (const Day day : MonthEndsBefore(as_of_)) {
      ASSIGN_OR_RETURN(Column * column, ColumnOf({use.metric, use.window, day}));
      column->is_rolled_up = true;
      months.push_back(column);
    }
  }
  for (auto it = columns_.begin(); it != columns_.end();) {
    const bool was_for_roll_up = it->second->used == absl::InfinitePast() && !it->second->is_rolled_up;
    it = was_for_roll_up ? columns_.erase(it) : std::next(it);
  }
  return metrics;
}

StandingsWork StandingsTable::work() {
  MutexLock lock(&mutex_);
  return {static_cast<int64_t>(ids_.size()), evaluated_, static_cast<int64_t>(columns_.size())};
}

void StandingsTable::set_other_days_budget(size_t columns) {
  MutexLock lock(&mutex_);
  other_days_budget_ = columns;
}

absl::StatusOr<StandingsTable::Column*> StandingsTable::ColumnOf(const StandingsKey& key) {
  if (const auto it = columns_.find(key); it != columns_.end()) return it->second.get();
  const CompiledMetric* metric = catalog_->FindMetric(key.metric);
  if (metric == nullptr || !metric->HasLevel(v1::SCOPE_KIND_PARTNER)) {
    std::vector<std::string> names;
    for (const CompiledMetric& known : catalog_->metrics()) {
      if (known.HasLevel(v1::SCOPE_KIND_PARTNER)) names.push_back(known.id());
    }
    return InvalidField(
        "metric_id", "UNKNOWN_METRIC",
        absl::StrCat("there is no metric '", key.metric, "' of partners", SuggestNames(key.metric, std::move(names))));
  }
  const bool compares = Compares(*catalog_, *metric);
  auto column =
      std::make_unique<Column>(Column{.metric = metric,
                                      .key = key,
                                      .compares = compares,
                                      .business = compares ? std::vector<RowKey>() : BusinessRowsOf(*catalog_, *metric),
                                      .is_timeless = IsTimeless(*catalog_, *metric),
                                      .is_tier = IsTier(*catalog_, *metric),
                                      .ranking = Ranking(metric->definition.direction(), ids_)});
  column->stale.AddUpTo(ids_.size());
  return columns_.emplace(key, std::move(column)).first->second.get();
}

// Zero of something that nobody reports is no data, until somebody does.
bool StandingsTable::IsOfOtherTimes(const Engine::View& view) const {
  return view.catalog() != catalog_ || view.header().fresh_at_us.size() != kinds_;
}

absl::Status StandingsTable::TakeChanges(const Engine::View& view) {
  const Day today = day_ ? *day_ : programs_.Today(*view.catalog());
  position_ = view.header().position;
  is_waiting_ = view.header().parked_facts > 0;
  if (IsOfOtherTimes(view)) {
    as_of_ = today;
    return Begin(view);
  }
  Columns columns;
  for (const auto& [key, column] : columns_) columns.push_back(column.get());
  RETURN_IF_ERROR(TakeBusiness(view, columns));
  std::vector<std::string> changed;
  moment_ = view.ChangedScopes(moment_, [&](const std::string& scope) {
    absl::string_view id = scope;
    if (absl::ConsumePrefix(&id, PartnerScope(""))) changed.emplace_back(id);
  });
  for (const std::string& id : changed) {
    ASSIGN_OR_RETURN(const std::optional<v1::Partner> partner, ReadPartnerFields(view, id));
    if (!partner && !by_id_.contains(id)) continue;
    const uint32_t number = NumberOf(id);
    partners_[number].gone = !partner;
    if (partner) SetFields(number, partner->SerializeAsString());
    for (Column* column : columns) {
      column->stale.Add(number);
      if (number < column->memos.size()) column->memos[number] = {};
    }
  }
  if (!changed.empty()) RETURN_IF_ERROR(TakeFirstFact(view));
  if (as_of_ == today) return absl::OkStatus();
  as_of_ = today;
  for (const auto& [key, column] : columns_) {
    if (key.day) continue;
    for (uint32_t partner = 0; partner < column->due.size(); ++partner) {
      if (column->due[partner] <= today) column->stale.Add(partner);
    }
  }
  return absl::OkStatus();
}

absl::Status StandingsTable::TakeBusiness(const Engine::View& view, const Columns& columns) {
  const uint64_t position = view.header().position;
  if (!targets_print_ || targets_position_ != position) {
    ASSIGN_OR_RETURN(targets_print_, BusinessTargetsPrint(view));
    targets_position_ = position;
  }
  for (Column* column : columns) {
    if (column->business_print && column->business_position == position) continue;
    ASSIGN_OR_RETURN(const uint64_t rows, BusinessPrint(view, column->business));
    const uint64_t print = absl::HashOf(rows, *targets_print_);
    if (column->business_print != print) {
      column->stale.AddUpTo(ids_.size());
      column->memos.clear();
    }
    column->business_print = print;
    column->business_position = position;
  }
  return absl::OkStatus();
}

absl::Status StandingsTable::TakeFirstFact(const Engine::View& view) {
  if (catalog_->tiers() == nullptr) return absl::OkStatus();
  std::optional<Day> first;
  for (const MeasureUse& use : catalog_->metrics()[static_cast<size_t>(catalog_->tiers()->metric)].uses) {
    if (use.level != v1::SCOPE_KIND_UNSPECIFIED) continue;
    ASSIGN_OR_RETURN(const CellRow row, view.Row(kProgramName, catalog_->measures()[static_cast<size_t>(use.measure)]));
    const std::optional<Day> day = row.FirstDay();
    if (day && (!first || *day < *first)) first = day;
  }
  if (first == first_fact_) return absl::OkStatus();
  first_fact_ = first;
  for (const auto& [key, column] : columns_) {
    if (column->metric->needs.tier) column->stale.AddUpTo(ids_.size());
  }
  return absl::OkStatus();
}

absl::Status StandingsTable::Begin(const Engine::View& view) {
  catalog_ = view.catalog();
  kinds_ = view.header().fresh_at_us.size();
  columns_.clear();
  ids_.clear();
  partners_.clear();
  by_id_.clear();
  attributes_.clear();
  moment_ = view.ChangedScopes(0, [](const std::string&) {});
  ASSIGN_OR_RETURN(const std::vector<PartnerRecord> records, ReadPartnerRecords(view));
  for (const PartnerRecord& record : records) SetFields(NumberOf(record.partner_id), record.fields);
  return TakeFirstFact(view);
}

uint32_t StandingsTable::NumberOf(const std::string& partner_id) {
  const auto [it, is_new] = by_id_.emplace(partner_id, static_cast<uint32_t>(ids_.size()));
  if (!is_new) return it->second;
  ids_.push_back(partner_id);
  partners_.emplace_back();
  for (const auto& [key, column] : columns_) column->stale.Add(it->second);
  return it->second;
}

void StandingsTable::SetFields(uint32_t partner, const std::string& fields) {
  FactRow row(PartnerSchema());
  FieldError error;
  // What ingest let through can be read.
  row.Decode(fields, catalog_->program().currency_code(), &error);
  partners_[partner].times = PartnerDaysOf(&row);
  for (const FieldSchema& field : PartnerSchema().fields()) {
    if (field.type != ValueType::kString && field.type != ValueType::kEnum) continue;
    SetAttribute(field.name, partner, TextOf(row, field));
  }
  // Labels that it has no more.
  for (auto& [name, values] : attributes_) {
    values.resize(ids_.size());
    if (absl::StartsWith(name, kLabelPrefix)) values[partner].clear();
  }
  v1::Partner parsed;
  parsed.ParseFromString(fields);
  for (const v1::Label& label : parsed.labels()) {
    SetAttribute(absl::StrCat(kLabelPrefix, label.key()), partner, label.value());
  }
}

void StandingsTable::SetAttribute(const std::string& name, uint32_t partner, std::string value) {
  std::vector<std::string>& values = attributes_[name];
  values.resize(ids_.size());
  values[partner] = std::move(value);
}

bool StandingsTable::IsMember(const Partner& partner, Day as_of) {
  return !partner.gone && IsPartnerOn(partner.times, as_of);
}

void StandingsTable::DropOtherDays() {
  std::vector<std::pair<absl::Time, const StandingsKey*>> kept;
  for (const auto& [key, column] : columns_) {
    if (key.day && !column->is_rolled_up) kept.emplace_back(column->used, &key);
  }
  const size_t budget =
      other_days_budget_.value_or(std::max(kLeastOtherDays, kOtherDaysValues / std::max<size_t>(1, ids_.size())));
  if (kept.size() <= budget) return;
  std::sort(kept.begin(), kept.end());
  kept.resize(kept.size() - budget);
  for (const auto& [used, key] : kept) columns_.erase(columns_.find(*key));
}

absl::Status StandingsTable::Update(const Columns& columns) {
  Columns own, comparing;
  for (Column* column : columns) (column->compares ? comparing : own).push_back(column);
  const std::vector<Columns> batches = BatchesOf(own);
  std::vector<Work> last;
  for (int round = 0;; ++round) {
    {
      Engine::View view(program_.engine());
      if (IsOfOtherTimes(view)) return absl::AbortedError("definitions or kinds of fact are others now");
      RETURN_IF_ERROR(TakeChanges(view));
      if (StaleIn(own).size() <= kBlock || round >= kMostRounds) {
        ASSIGN_OR_RETURN(last, CollectLast(view, batches, comparing));
        break;
      }
    }
    for (const Columns& batch : batches) {
      RETURN_IF_ERROR(EvaluateBlocks(batch, kBlock, absl::InfiniteFuture()).status());
    }
  }
  for (const Work& work : last) Evaluate(work.source, work.columns, work.partners);
  Settle(columns);
  return absl::OkStatus();
}

void StandingsTable::Settle(const Columns& columns) {
  for (Column* column : columns) {
    column->stale.Compact();
    column->ranking.Settle();
  }
}

// Together, few partners' rows of many metrics would be read for the sake of the few metrics that concern all partners.
std::vector<StandingsTable::Columns> StandingsTable::BatchesOf(const Columns& columns) const {
  std::vector<Columns> batches(2);
  for (Column* column : columns) batches[column->is_timeless || column->is_tier ? 0 : 1].push_back(column);
  return batches;
}

// Each block at a position of its own: what changes meanwhile is found by the next round.
absl::StatusOr<size_t> StandingsTable::EvaluateBlocks(const Columns& columns, size_t block_size, absl::Time until) {
  const std::vector<uint32_t> stale = StaleIn(columns);
  for (absl::Span<const uint32_t> left = stale; !left.empty();) {
    const absl::Span<const uint32_t> block = left.first(std::min(left.size(), block_size));
    EngineSource source;
    {
      Engine::View view(program_.engine());
      if (IsOfOtherTimes(view)) return absl::AbortedError("definitions or kinds of fact are others now");
      RETURN_IF_ERROR(TakeBusiness(view, columns));
      ASSIGN_OR_RETURN(source, Collect(view, columns, block));
    }
    Evaluate(source, columns, block);
    left.remove_prefix(block.size());
    if (!left.empty() && absl::Now() >= until) return left.size();
  }
  Settle(columns);
  // The business may have changed between two blocks.
  return StaleIn(columns).size();
}

absl::StatusOr<std::vector<StandingsTable::Work>> StandingsTable::CollectLast(const Engine::View& view,
                                                                              const std::vector<Columns>& batches,
                                                                              const Columns& comparing) {
  std::vector<Work> last;
  for (const Columns& batch : batches) {
    std::vector<uint32_t> stale = StaleIn(batch);
    if (stale.empty()) continue;
    ASSIGN_OR_RETURN(EngineSource source, Collect(view, batch, stale));
    last.push_back({batch, std::move(stale), std::move(source)});
  }
  for (Column* column : comparing) {
    if (column->evaluated_at == std::make_pair(AsOf(*column), position_)) continue;
    std::vector<uint32_t> all(ids_.size());
    std::iota(all.begin(), all.end(), 0);
    ASSIGN_OR_RETURN(EngineSource source, Collect(view, {column}, all));
    column->evaluated_at = {AsOf(*column), position_};
    column->stale.AddUpTo(ids_.size());
    last.push_back({{column}, std::move(all), std::move(source)});
  }
  return last;
}

std::vector<uint32_t> StandingsTable::StaleIn(const Columns& columns) const {
  std::vector<bool> is_listed(ids_.size());
  std::vector<uint32_t> stale;
  for (const Column* column : columns) {
    column->stale.ForEach([&](uint32_t partner) {
      if (!is_listed[partner]) stale.push_back(partner);
      is_listed[partner] = true;
    });
  }
  // Most often they are all, in order.
  if (!std::is_sorted(stale.begin(), stale.end())) std::sort(stale.begin(), stale.end());
  return stale;
}

absl::StatusOr<EngineSource> StandingsTable::Collect(const Engine::View& view, const Columns& columns,
                                                     absl::Span<const uint32_t> partners) const {
  std::vector<const CompiledMetric*> metrics;
  for (const Column* column : columns) metrics.push_back(column->metric);
  std::vector<ScopeIndex> scopes;
  std::vector<std::string> ids;
  for (const uint32_t partner : partners) {
    scopes.push_back(kFirstPartnerScope + static_cast<ScopeIndex>(ids.size()));
    ids.push_back(ids_[partner]);
  }
  Reads reads = ReadsOf(*catalog_, metrics, scopes);
  // What depends on days only through measures reads no targets.
  reads.targets = !std::all_of(columns.begin(), columns.end(), [](const Column* c) { return c->is_timeless; });
  return EngineSource::Collect(view, std::move(reads), std::move(ids));
}

void StandingsTable::Evaluate(const EngineSource& source, const Columns& columns, absl::Span<const uint32_t> partners) {
  // Of one day after the other: months come in order.
  std::vector<TierMemo> past(partners.size());
  for (Column* column : columns) {
    const Day as_of = AsOf(*column);
    const bool follows_today = !column->key.day, reads_tiers = column->metric->needs.tier;
    if (follows_today && reads_tiers) column->memos.resize(ids_.size());
    BlockMemos memos;
    for (size_t i = 0; reads_tiers && i < partners.size(); ++i) {
      memos.Add(follows_today ? column->memos[partners[i]] : past[i]);
    }
    DueSource due(*catalog_, source, as_of);
    Evaluator evaluator(*catalog_, follows_today ? static_cast<const MeasureSource&>(due) : source);
    if (reads_tiers) evaluator.UseTierMemos(&memos);
    if (follows_today) column->due.resize(ids_.size(), DueSource::kNever);
    const Period period = PeriodOf(*catalog_, *column->metric, column->key.window, as_of);
    for (size_t i = 0; i < partners.size(); ++i) {
      if (!column->stale.Remove(partners[i])) continue;
      const Partner& partner = partners_[partners[i]];
      const bool is_member = IsMember(partner, as_of);
      due.Reset();
      const auto scope = kFirstPartnerScope + static_cast<ScopeIndex>(i);
      const Number value = is_member ? evaluator.Evaluate(*column->metric, scope, period)
                                     : Number::NoData(v1::NO_DATA_REASON_WRONG_SCOPE);
      column->members.Set(partners[i], is_member);
      column->ranking.Set(partners[i], value);
      ++evaluated_;
      if (follows_today) {
        const Day read = column->is_tier ? Tier(evaluator, *catalog_, source, scope).NextTurn(as_of) : due.due();
        column->due[partners[i]] = DueOf(*column, partner, read);
      }
    }
  }
}

// `read` is when what was read turns.
Day StandingsTable::DueOf(const Column& column, const Partner& partner, Day read) const {
  Day next = (column.is_timeless || column.is_tier) && !is_waiting_ ? read : as_of_ + 1;
  for (const PartnerDays& time : partner.times) {
    for (const std::optional<Day>& day : {time.signed_on, time.terminated_on}) {
      if (day && *day > as_of_) next = std::min(next, *day);
    }
  }
  return next;
}

}  // namespace partnermetrics
