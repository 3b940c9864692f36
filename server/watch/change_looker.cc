#include "server/watch/change_looker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "absl/container/flat_hash_set.h"
#include "server/base/errors.h"
#include "server/reports/standings.h"
#include "server/scoring/display.h"

namespace partnermetrics {
namespace {

// More days than these are not looked at one by one.
constexpr Day kMostDays = 31;
// Scores have billionths; a hundredth of a scale is this many of them for each point of it.
constexpr double kBillion = 1e9;
constexpr double kBillionthsOfPercent = 1e7;

// In whole percent of the scale, rounded down, without an error of binary fractions at its lines.
int32_t PercentOf(const CompiledScore& score, double value) {
  const int64_t above = std::llround((value - score.least) * kBillion);
  const int64_t percent = std::llround((score.most - score.least) * kBillionthsOfPercent);
  return static_cast<int32_t>(std::clamp<int64_t>(percent == 0 ? 0 : above / percent, 0, 100));
}

const std::string& NameOf(const Standings& standings, uint32_t partner) {
  return standings.attributes->at("name")[partner];
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChangeLooker>> ChangeLooker::Open(ProgramRuntime& program, const Programs& programs,
                                                                 std::string folder,
                                                                 const ChangeJournal::Options& options) {
  auto looker = std::unique_ptr<ChangeLooker>(new ChangeLooker(program, programs));
  ASSIGN_OR_RETURN(looker->journal_, ChangeJournal::Open(std::move(folder), options,
                                                         [&](const v1::PartnerChange& c) { looker->Restore(c); }));
  return looker;
}

absl::Status ChangeLooker::Look() {
  Day today = 0;
  uint64_t position = 0;
  {
    Engine::View view(program_.engine());
    today = programs_.Today(*view.catalog());
    position = view.header().position;
  }
  std::optional<ChangePlace> last = journal_->End();
  if (last && last->point.position > position) {
    spdlog::warn("{}: the journal of changes is ahead of the log and begins anew", program_.id());
    journal_->Drop();
    known_.clear();
    interventions_.Clear();
    last.reset();
  }
  if (!last) return LookAsOf(today, position);
  today = std::max(today, last->point.day);
  const Day first = today - last->point.day > kMostDays ? today : last->point.day;
  for (Day day = first; day <= today; ++day) RETURN_IF_ERROR(LookAsOf(day, position));
  return absl::OkStatus();
}

absl::Status ChangeLooker::LookAsOf(Day day, uint64_t position) {
  if (looked_at_ == ChangePoint{position, day}) return absl::OkStatus();
  if (table_ == nullptr) table_ = std::make_unique<StandingsTable>(program_, programs_, day);
  table_->MoveTo(day);
  return table_->ReadTogether([&](const Catalog& catalog) { return Choose(catalog); },
                              [&](absl::Span<const Standings> columns) {
                                return Take(columns, {columns.empty() ? position : columns.front().position, day});
                              });
}

std::vector<StandingsKey> ChangeLooker::Choose(const Catalog& catalog) {
  std::vector<StandingsKey> keys;
  columns_.clear();
  const auto add = [&](int index, const CompiledScore* score, const std::vector<v1::ChangeKind>& kinds) {
    const CompiledMetric& metric = catalog.metrics()[static_cast<size_t>(index)];
    if (!metric.HasLevel(v1::SCOPE_KIND_PARTNER)) return;
    keys.push_back({metric.id()});
    Column& column = columns_.emplace_back();
    column.score = score;
    for (const v1::ChangeKind kind : kinds) {
      column.series.push_back(SeriesNumber(kind, metric.id(), metric.definition.display_name()));
    }
  };
  if (const CompiledTiers* tiers = catalog.tiers(); tiers != nullptr)
    add(tiers->metric, nullptr, {v1::CHANGE_KIND_TIER});
  for (const CompiledScore& score : catalog.scores()) {
    add(score.metric, &score, {v1::CHANGE_KIND_BAND, v1::CHANGE_KIND_SCORE});
  }
  return keys;
}

absl::Status ChangeLooker::Take(absl::Span<const Standings> columns, const ChangePoint& point) {
  const Changes changes = ChangesOf(columns);
  const std::optional<ChangePlace> last = journal_->End();
  // The first look has nothing to compare with.
  if (last) RETURN_IF_ERROR(journal_->Append(point, changes, /*keep=*/last->point.day != point.day));
  ASSIGN_OR_RETURN(const InterventionLooker::Look interventions,
                   interventions_.LookAsOf(point.day, last ? last->point.day : point.day));
  const ChangePoint later = {interventions.position, point.day};
  if (last) RETURN_IF_ERROR(journal_->Append(later, interventions.changes, /*keep=*/false));
  looked_at_ = point;
  return journal_->WantsState() ? BeginFile(columns, later) : absl::OkStatus();
}

ChangeLooker::Changes ChangeLooker::ChangesOf(absl::Span<const Standings> columns) {
  Changes changes;
  const size_t partners = columns.empty() ? 0 : columns.front().ids->size();
  size_t with_values = 0;
  for (uint32_t partner = 0; partner < partners; ++partner) {
    const KnownValues values = ValuesOf(columns, partner);
    with_values += values.empty() ? 0 : 1;
    Compare((*columns.front().ids)[partner], NameOf(columns.front(), partner), values, changes);
  }
  if (known_.size() > with_values) {
    // Nobody states them any more.
    absl::flat_hash_set<absl::string_view> there;
    for (uint32_t partner = 0; partner < partners; ++partner) there.insert((*columns.front().ids)[partner]);
    std::vector<std::string> gone;
    for (const auto& [id, values] : known_) {
      if (!there.contains(id)) gone.push_back(id);
    }
    for (const std::string& id : gone) Compare(id, "", {}, changes);
  }
  const auto key = [](const v1::PartnerChange& c) {
    return std::make_tuple(absl::string_view(c.partner_id()), c.kind(), absl::string_view(c.model_id()));
  };
  std::sort(changes.begin(), changes.end(),
            [&](const v1::PartnerChange& a, const v1::PartnerChange& b) { return key(a) < key(b); });
  return changes;
}

ChangeLooker::KnownValues ChangeLooker::ValuesOf(absl::Span<const Standings> columns, uint32_t partner) {
  KnownValues values;
  for (size_t i = 0; i < columns.size(); ++i) {
    const Ranking& ranking = *columns[i].ranking;
    // What a job is changing stays as it was, until the job is done.
    if (ranking.no_data(partner) == v1::NO_DATA_REASON_REBUILDING) {
      KeepKnown((*columns[i].ids)[partner], columns_[i], values);
    }
    if (ranking.no_data(partner) != v1::NO_DATA_REASON_UNSPECIFIED) continue;
    for (const uint32_t series : columns_[i].series) {
      const auto known = ValueOf(columns[i], columns_[i], series, ranking.value(partner));
      if (known) values.push_back(*known);
    }
  }
  std::sort(values.begin(), values.end(), [](const Known& a, const Known& b) { return a.series < b.series; });
  return values;
}

void ChangeLooker::KeepKnown(const std::string& partner_id, const Column& column, KnownValues& values) const {
  const auto found = known_.find(partner_id);
  if (found == known_.end()) return;
  for (const Known& known : found->second) {
    const bool is_of_column =
        std::find(column.series.begin(), column.series.end(), known.series) != column.series.end();
    if (is_of_column) values.push_back(known);
  }
}

std::optional<ChangeLooker::Known> ChangeLooker::ValueOf(const Standings& standings, const Column& column,
                                                         uint32_t series, double value) {
  Known known;
  known.series = series;
  known.value = value;
  switch (series_[series].kind) {
    case v1::CHANGE_KIND_TIER: {
      const CompiledTiers& tiers = *standings.catalog->tiers();
      const auto rank = static_cast<int>(value);
      known.text = TextNumber(tiers.IdOf(rank), rank == 0 ? "none" : tiers.NameOf(rank));
      return known;
    }
    case v1::CHANGE_KIND_BAND: {
      const v1::ScoreBand* band = column.score->BandOf(value);
      if (band == nullptr) return std::nullopt;
      known.text = TextNumber(band->id(), band->display_name());
      return known;
    }
    default:
      known.percent = PercentOf(*column.score, value);
      return known;
  }
}

void ChangeLooker::Compare(const std::string& partner_id, const std::string& name, const KnownValues& values,
                           Changes& changes) {
  const auto found = known_.find(partner_id);
  const KnownValues before = found == known_.end() ? KnownValues() : found->second;
  KnownValues next;
  auto old = before.begin();
  for (const Known& value : values) {
    for (; old != before.end() && old->series < value.series; ++old) {
      changes.push_back(ChangeOf(partner_id, name, &*old, nullptr));
    }
    const bool has_old = old != before.end() && old->series == value.series;
    const bool differs = !has_old || Differs(*old, value);
    if (differs) changes.push_back(ChangeOf(partner_id, name, has_old ? &*old : nullptr, &value));
    next.push_back(differs ? value : *old);
    if (has_old) ++old;
  }
  for (; old != before.end(); ++old) changes.push_back(ChangeOf(partner_id, name, &*old, nullptr));
  if (next.empty()) {
    known_.erase(partner_id);
  } else if (found == known_.end()) {
    known_.emplace(partner_id, std::move(next));
  } else {
    found->second = std::move(next);
  }
}

bool ChangeLooker::Differs(const Known& before, const Known& after) const {
  if (series_[before.series].kind == v1::CHANGE_KIND_SCORE) return before.percent != after.percent;
  return texts_[before.text].first != texts_[after.text].first;
}

v1::PartnerChange ChangeLooker::ChangeOf(const std::string& partner_id, const std::string& name, const Known* before,
                                         const Known* after) const {
  const Series& series = series_[before != nullptr ? before->series : after->series];
  v1::PartnerChange change;
  change.set_partner_id(partner_id);
  change.set_partner_name(name);
  change.set_kind(series.kind);
  change.set_model_id(series.model_id);
  change.set_model_name(series.model_name);
  if (before != nullptr) *change.mutable_from() = SideOf(*before);
  if (after != nullptr) *change.mutable_to() = SideOf(*after);
  return change;
}

v1::ChangeSide ChangeLooker::SideOf(const Known& known) const {
  v1::ChangeSide side;
  side.set_value(known.value);
  side.set_percent(known.percent);
  if (series_[known.series].kind == v1::CHANGE_KIND_SCORE) {
    side.set_display(DisplayValue(Number::Inexact(known.value), v1::METRIC_UNIT_POINTS, ""));
  } else {
    side.set_id(texts_[known.text].first);
    side.set_display(texts_[known.text].second);
  }
  return side;
}

absl::Status ChangeLooker::BeginFile(absl::Span<const Standings> columns, const ChangePoint& point) {
  return journal_->Begin(point, static_cast<uint64_t>(absl::ToUnixMicros(programs_.Now())),
                         [&](ChangeJournal::Visit visit) {
                           const size_t partners = columns.empty() ? 0 : columns.front().ids->size();
                           for (uint32_t partner = 0; partner < partners; ++partner) {
                             const std::string& id = (*columns.front().ids)[partner];
                             const auto found = known_.find(id);
                             if (found == known_.end()) continue;
                             const std::string& name = NameOf(columns.front(), partner);
                             for (const Known& value : found->second) visit(ChangeOf(id, name, nullptr, &value));
                           }
                           interventions_.EachTold(visit);
                         });
}

void ChangeLooker::Restore(const v1::PartnerChange& change) {
  if (change.kind() == v1::CHANGE_KIND_INTERVENTION) return interventions_.Restore(change);
  Known known;
  known.series = SeriesNumber(change.kind(), change.model_id(), change.model_name());
  KnownValues& values = known_[change.partner_id()];
  const auto at = std::lower_bound(values.begin(), values.end(), known.series,
                                   [](const Known& value, uint32_t series) { return value.series < series; });
  const bool is_there = at != values.end() && at->series == known.series;
  if (change.has_to()) {
    known.value = change.to().value();
    known.percent = change.to().percent();
    if (change.kind() != v1::CHANGE_KIND_SCORE) known.text = TextNumber(change.to().id(), change.to().display());
    if (is_there) {
      *at = known;
    } else {
      values.insert(at, known);
    }
  } else if (is_there) {
    values.erase(at);
  }
  if (values.empty()) known_.erase(change.partner_id());
}

uint32_t ChangeLooker::SeriesNumber(v1::ChangeKind kind, const std::string& model_id, const std::string& model_name) {
  const auto found = std::find_if(series_.begin(), series_.end(), [&](const Series& series) {
    return series.kind == kind && series.model_id == model_id;
  });
  if (found != series_.end()) {
    found->model_name = model_name;
    return static_cast<uint32_t>(found - series_.begin());
  }
  series_.push_back({kind, model_id, model_name});
  return static_cast<uint32_t>(series_.size() - 1);
}

uint32_t ChangeLooker::TextNumber(const std::string& id, const std::string& display) {
  const auto [it, is_new] = text_numbers_.emplace(std::make_pair(id, display), static_cast<uint32_t>(texts_.size()));
  if (is_new) texts_.emplace_back(id, display);
  return it->second;
}

absl::Status ChangeLooker::Close() {
  const std::optional<ChangePlace> last = journal_->End();
  return last ? journal_->Append(last->point, {}, /*keep=*/true) : absl::OkStatus();
}

}  // namespace partnermetrics
