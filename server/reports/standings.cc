#include "server/reports/standings.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/match.h"
#include "server/reports/report_parts.h"
#include "server/scoring/display.h"
#include "server/scoring/proto_values.h"

namespace partnermetrics {
namespace {

constexpr size_t kBuckets = 10;

// The values of an attribute by partner; null when no partner has it.
const std::vector<std::string>* ValuesOf(const Standings& standings, const std::string& attribute) {
  const auto found = standings.attributes->find(attribute);
  return found == standings.attributes->end() ? nullptr : &found->second;
}

// Tells whether partners belong to some segments.
class Filter {
 public:
  Filter(const Standings& standings, const Segments& segments) : members_(*standings.members) {
    for (const v1::Scope& scope : segments) {
      wanted_.emplace_back(ValuesOf(standings, scope.segment().attribute()), scope.segment().value());
    }
  }
  bool operator()(uint32_t partner) const {
    return members_[partner] && std::all_of(wanted_.begin(), wanted_.end(), [&](const auto& wanted) {
             const auto& [values, value] = wanted;
             return absl::EqualsIgnoreCase(values == nullptr ? "" : absl::string_view((*values)[partner]), value);
           });
  }

 private:
  const Members& members_;
  std::vector<std::pair<const std::vector<std::string>*, std::string>> wanted_;
};

int64_t CountPassing(const Standings& standings, const Filter& passes) {
  int64_t passing = 0;
  for (uint32_t partner = 0; partner < standings.ids->size(); ++partner) passing += passes(partner) ? 1 : 0;
  return passing;
}

// Null for a metric whose values are no tiers.
const CompiledTiers* TiersOf(const Standings& standings) {
  return standings.metric->definition.unit() == v1::METRIC_UNIT_TIER ? standings.catalog->tiers() : nullptr;
}

std::string TierName(const CompiledTiers& tiers, int rank) {
  return rank == 0 ? "none" : tiers.NameOf(rank);
}

std::string DisplayOf(const Standings& standings, double value) {
  if (const CompiledTiers* tiers = TiersOf(standings)) return TierName(*tiers, static_cast<int>(value));
  return DisplayValue(Number::Inexact(value), standings.metric->definition.unit(),
                      standings.catalog->program().currency_code());
}

// The values lie in the order of the ranking, which is ascending or descending.
v1::Spread SpreadOf(int64_t partners, std::vector<double> values) {
  v1::Spread spread;
  spread.set_partners(partners);
  spread.set_with_value(static_cast<int64_t>(values.size()));
  if (values.empty()) return spread;
  if (values.front() > values.back()) std::reverse(values.begin(), values.end());
  spread.set_min(values.front());
  spread.set_p10(Quantile(values, 0.1));
  spread.set_p25(Quantile(values, 0.25));
  spread.set_median(Quantile(values, 0.5));
  spread.set_p75(Quantile(values, 0.75));
  spread.set_p90(Quantile(values, 0.9));
  spread.set_max(values.back());
  spread.set_mean(std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()));
  return spread;
}

void AddBuckets(const std::vector<double>& values, v1::Distribution& distribution) {
  if (values.empty()) return;
  const double least = distribution.spread().min(), most = distribution.spread().max();
  const size_t buckets = least < most ? kBuckets : 1;
  const double width = (most - least) / static_cast<double>(buckets);
  for (size_t i = 0; i < buckets; ++i) {
    v1::DistributionBucket& bucket = *distribution.add_buckets();
    bucket.set_from(least + width * static_cast<double>(i));
    bucket.set_to(i + 1 == buckets ? most : least + width * static_cast<double>(i + 1));
  }
  for (const double value : values) {
    const size_t place = width > 0 ? static_cast<size_t>((value - least) / width) : 0;
    v1::DistributionBucket& bucket = *distribution.mutable_buckets(static_cast<int>(std::min(place, buckets - 1)));
    bucket.set_partners(bucket.partners() + 1);
  }
}

void AddTierBuckets(const CompiledTiers& tiers, const std::vector<double>& values, v1::Distribution& distribution) {
  for (int rank = tiers.top(); rank >= 0; --rank) {
    const auto partners = std::count(values.begin(), values.end(), static_cast<double>(rank));
    if (rank == 0 && partners == 0) continue;
    v1::DistributionBucket& bucket = *distribution.add_buckets();
    bucket.set_from(rank);
    bucket.set_to(rank);
    bucket.set_partners(partners);
    bucket.set_display_name(TierName(tiers, rank));
  }
}

}  // namespace

v1::Leaderboard BuildLeaderboard(const Standings& standings, const LeaderboardRequest& request) {
  const v1::Metric& metric = standings.metric->definition;
  v1::Leaderboard board;
  board.set_program(standings.catalog->program().id());
  board.set_metric_id(metric.id());
  board.set_display_name(metric.display_name());
  board.set_unit(metric.unit());
  board.set_currency_code(standings.catalog->program().currency_code());
  *board.mutable_as_of() = ToDate(standings.as_of);
  const Period period = PeriodOf(*standings.catalog, *standings.metric, standings.window, standings.as_of);
  *board.mutable_window()->mutable_start_on() = ToDate(period.first);
  *board.mutable_window()->mutable_end_on() = ToDate(period.last);
  board.set_position(standings.position);

  absl::Span<const uint32_t> order = standings.ranking->order();
  int64_t passing = standings.members->count();
  std::vector<uint32_t> filtered;
  if (!request.segments.empty()) {
    const Filter passes(standings, request.segments);
    filtered.reserve(order.size());
    std::copy_if(order.begin(), order.end(), std::back_inserter(filtered), passes);
    order = filtered;
    passing = CountPassing(standings, passes);
  }
  board.set_ranked(static_cast<int64_t>(order.size()));
  board.set_without_value(passing - board.ranked());

  const size_t limit = std::min(request.limit, order.size());
  size_t first = request.from_bottom ? order.size() - limit : 0;
  if (request.around) {
    const auto at = std::find(order.begin(), order.end(), *request.around);
    if (at == order.end()) return board;
    const auto place = static_cast<size_t>(at - order.begin());
    first = std::min(place - std::min(place, limit / 2), order.size() - limit);
  }
  for (size_t i = first; i < first + limit; ++i) {
    v1::LeaderboardRow& row = *board.add_rows();
    row.set_rank(static_cast<int64_t>(i) + 1);
    row.set_partner_id((*standings.ids)[order[i]]);
    row.set_name(standings.attributes->at("name")[order[i]]);
    row.set_value(standings.ranking->value(order[i]));
    row.set_display(DisplayOf(standings, row.value()));
    const size_t others = order.size() - 1;
    row.set_percentile(others == 0 ? 1 : static_cast<double>(others - i) / static_cast<double>(others));
  }
  return board;
}

v1::Distribution BuildDistribution(const Standings& standings, const Segments& segments, const std::string& group_by) {
  const v1::Metric& metric = standings.metric->definition;
  v1::Distribution distribution;
  distribution.set_program(standings.catalog->program().id());
  distribution.set_metric_id(metric.id());
  distribution.set_display_name(metric.display_name());
  distribution.set_unit(metric.unit());
  distribution.set_currency_code(standings.catalog->program().currency_code());
  *distribution.mutable_as_of() = ToDate(standings.as_of);
  distribution.set_position(standings.position);

  const Filter passes(standings, segments);
  struct Group {
    int64_t partners = 0;
    std::vector<double> values;
  };
  std::map<std::string, Group> groups;
  Group all;
  const std::vector<std::string>* attribute = ValuesOf(standings, group_by);
  for (uint32_t partner = 0; partner < standings.ids->size(); ++partner) {
    if (!passes(partner)) continue;
    ++all.partners;
    if (attribute != nullptr) ++groups[(*attribute)[partner]].partners;
  }
  for (const uint32_t partner : standings.ranking->order()) {
    if (!passes(partner)) continue;
    all.values.push_back(standings.ranking->value(partner));
    if (attribute != nullptr) groups[(*attribute)[partner]].values.push_back(all.values.back());
  }
  *distribution.mutable_spread() = SpreadOf(all.partners, all.values);
  if (const CompiledTiers* tiers = TiersOf(standings)) {
    AddTierBuckets(*tiers, all.values, distribution);
  } else {
    AddBuckets(all.values, distribution);
  }
  for (auto& [value, group] : groups) {
    v1::DistributionGroup& shown = *distribution.add_groups();
    shown.set_value(value);
    *shown.mutable_spread() = SpreadOf(group.partners, std::move(group.values));
  }
  std::stable_sort(distribution.mutable_groups()->begin(), distribution.mutable_groups()->end(),
                   [](const auto& a, const auto& b) { return a.spread().partners() > b.spread().partners(); });
  return distribution;
}

}  // namespace partnermetrics
