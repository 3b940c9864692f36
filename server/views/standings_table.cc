#include "server/views/standings_table.h"

#include <algorithm>
#include <numeric>

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

namespace partnermetrics {
namespace {

// Partners whose rows are collected under one lock of the engine.
constexpr size_t kBlock = 500;
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

// The memos of the partners of one block.
class BlockMemos final : public TierMemos {
 public:
  BlockMemos(std::vector<TierMemo>& memos, absl::Span<const uint32_t> partners) : memos_(memos), partners_(partners) {}
  TierMemo* Of(ScopeIndex scope) override {
    const auto place = static_cast<size_t>(scope - kFirstPartnerScope);
    return scope < kFirstPartnerScope || place >= partners_.size() ? nullptr : &memos_[partners_[place]];
  }

 private:
  std::vector<TierMemo>& memos_;
  const absl::Span<const uint32_t> partners_;
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

absl::Status StandingsTable::Refresh() {
  MutexLock lock(&mutex_);
  const absl::Time now = programs_.Now();
  Columns columns;
  for (auto it = columns_.begin(); it != columns_.end();) {
    const bool is_forgotten = !it->first.day && now - it->second->used > kKeep;
    if (!is_forgotten && !it->first.day) columns.push_back(it->second.get());
    it = is_forgotten ? columns_.erase(it) : std::next(it);
  }
  if (columns.empty()) return absl::OkStatus();
  {
    Engine::View view(program_.engine());
    if (IsOfOtherTimes(view)) return absl::OkStatus();
  }
  const absl::Status status = Update(columns);
  // Who reads next begins anew.
  return absl::IsAborted(status) ? absl::OkStatus() : status;
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
  auto column =
      std::make_unique<Column>(Column{metric, key, ReadsOwnScopeOnly(*metric), IsTimeless(*catalog_, *metric),
                                      IsTier(*catalog_, *metric), Ranking(metric->definition.direction(), ids_)});
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
  std::vector<std::string> changed;
  moment_ = view.ChangedScopes(moment_, [&](const std::string& scope) {
    absl::string_view id = scope;
    if (absl::ConsumePrefix(&id, PartnerScope(""))) changed.emplace_back(id);
  });
  for (const std::string& id : changed) {
    ASSIGN_OR_RETURN(const std::optional<v1::Partner> partner, ReadPartnerFields(view, id));
    if (!partner && !by_id_.contains(id)) continue;
    const uint32_t number = NumberOf(id);
    tier_memos_[number] = {};
    partners_[number].gone = !partner;
    if (partner) SetFields(number, partner->SerializeAsString());
    for (const auto& [key, column] : columns_) column->stale.Add(number);
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
  tier_memos_.clear();
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
  tier_memos_.emplace_back();
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
    if (key.day) kept.emplace_back(column->used, &key);
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
  for (Column* column : columns) (column->of_itself ? own : comparing).push_back(column);
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
    for (const Columns& batch : batches) RETURN_IF_ERROR(EvaluateBlocks(batch));
  }
  for (const Work& work : last) Evaluate(work.source, work.columns, work.partners);
  for (Column* column : columns) {
    column->stale.Forget();
    column->ranking.Settle();
  }
  return absl::OkStatus();
}

// Together, few partners' rows of many metrics would be read for the sake of the few metrics that concern all partners.
std::vector<StandingsTable::Columns> StandingsTable::BatchesOf(const Columns& columns) const {
  std::vector<Columns> batches(2);
  for (Column* column : columns) batches[column->is_timeless || column->is_tier ? 0 : 1].push_back(column);
  return batches;
}

// Each block at a position of its own: what changes meanwhile is found by the next round.
absl::Status StandingsTable::EvaluateBlocks(const Columns& columns) {
  const std::vector<uint32_t> stale = StaleIn(columns);
  for (size_t first = 0; first < stale.size(); first += kBlock) {
    const auto block = absl::MakeConstSpan(stale).subspan(first, kBlock);
    EngineSource source;
    {
      Engine::View view(program_.engine());
      if (IsOfOtherTimes(view)) return absl::AbortedError("definitions or kinds of fact are others now");
      ASSIGN_OR_RETURN(source, Collect(view, columns, block));
    }
    Evaluate(source, columns, block);
  }
  return absl::OkStatus();
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
  std::vector<uint32_t> stale;
  for (const Column* column : columns) column->stale.ForEach([&](uint32_t partner) { stale.push_back(partner); });
  std::sort(stale.begin(), stale.end());
  stale.erase(std::unique(stale.begin(), stale.end()), stale.end());
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
  for (Column* column : columns) {
    const Day as_of = AsOf(*column);
    DueSource due(*catalog_, source, as_of);
    Evaluator evaluator(*catalog_, due);
    BlockMemos memos(tier_memos_, partners);
    // Memos go on from day to day: those of other days would lead back.
    if (!column->key.day) evaluator.UseTierMemos(&memos);
    column->due.resize(ids_.size(), DueSource::kNever);
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
      Day next = column->is_timeless ? due.due() : as_of + 1;
      if (column->is_tier) next = Tier(evaluator, *catalog_, source, scope).NextTurn(as_of);
      if (is_waiting_) next = as_of + 1;
      for (const PartnerDays& time : partner.times) {
        for (const std::optional<Day>& day : {time.signed_on, time.terminated_on}) {
          if (day && *day > as_of) next = std::min(next, *day);
        }
      }
      column->due[partners[i]] = next;
      ++evaluated_;
    }
  }
}

}  // namespace partnermetrics
