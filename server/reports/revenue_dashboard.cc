#include "server/reports/revenue_dashboard.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "server/catalog/calendar.h"
#include "server/facts/fact_schema.h"
#include "server/reports/shares.h"
#include "server/scoring/display.h"
#include "server/scoring/proto_values.h"
#include "server/scoring/tier.h"

namespace partnermetrics {
namespace {

constexpr char kOther[] = "Other";
constexpr char kNone[] = "None";
constexpr char kRest[] = "Other roles";
constexpr int kDefaultTop = 5;

const FactSchema& PartnerSchema() {
  static const FactSchema& schema = *FactSchemas::Get().Find("partner");
  return schema;
}

std::string TextOf(const FactRow* partner, absl::string_view name) {
  if (partner == nullptr) return "";
  const FieldSchema& field = *PartnerSchema().Find(name);
  const Value& value = (*partner)[field.slot];
  if (value.is_null()) return "";
  if (field.type != ValueType::kEnum) return std::string(value.text);
  const auto* known = field.enum_type->FindValueByNumber(static_cast<int>(value.integer));
  return known == nullptr ? "" : absl::AsciiStrToLower(ShortEnumName(*known));
}

// One group of partners, while they are added up.
struct Group {
  Nanos amount = 0;
  int64_t partners = 0;
};

// Those that the configuration names, in its order, and "Other" behind them; all of them, the largest first, when it
// names none.
std::vector<std::pair<std::string, Group>> Arrange(std::map<std::string, Group> groups,
                                                   const std::vector<std::string>& named) {
  std::vector<std::pair<std::string, Group>> arranged;
  for (const std::string& name : named) arranged.emplace_back(name, groups[name]);
  for (const std::string& name : named) groups.erase(name);
  if (!named.empty()) {
    Group other;
    for (const auto& [name, group] : groups) {
      other.amount += group.amount;
      other.partners += group.partners;
    }
    if (other.partners > 0) arranged.emplace_back(kOther, other);
    return arranged;
  }
  for (auto& [name, group] : groups) arranged.emplace_back(name.empty() ? kNone : name, group);
  std::stable_sort(arranged.begin(), arranged.end(),
                   [](const auto& a, const auto& b) { return a.second.amount > b.second.amount; });
  return arranged;
}

void SetDecimal(Nanos nanos, v1::Decimal* decimal) {
  decimal->set_units(static_cast<int64_t>(nanos / kNanosPerUnit));
  decimal->set_nanos(static_cast<int32_t>(nanos % kNanosPerUnit));
}

bool IsOfTiers(const Catalog& catalog, const std::string& split_by) {
  return catalog.tiers() != nullptr && catalog.tiers()->definition->id() == split_by;
}

// A partner's values of what is split by, over the time up to a day.
std::vector<ValueSince> HistoryOf(const Catalog& catalog, const MeasureSource& source, const Evaluator& evaluator,
                                  const RevenueRequest& request, const std::string& split_by, ScopeIndex partner,
                                  Day until) {
  std::vector<ValueSince> history;
  if (IsOfTiers(catalog, split_by)) {
    for (const auto& [day, rank] : Tier(evaluator, catalog, source, partner).RanksUntil(until)) {
      history.push_back({day, catalog.tiers()->NameOf(rank)});
    }
  } else if (request.history) {
    history = request.history(partner);
  } else {
    history = {{0, TextOf(source.Partner(partner), split_by)}};
  }
  if (history.empty()) history.push_back({0, ""});
  return history;
}

// Whether values of parts of a period add up to that of the whole.
bool AddsUp(const v1::Metric& metric) {
  return !metric.own_window() && metric.maturity_days() == 0 && metric.min_sample() <= 1;
}

// What of a partner's value belongs to which group: each fact counts in the one of its own day.
std::map<std::string, Nanos> AmountsOf(const Evaluator& evaluator, const CompiledMetric& metric, ScopeIndex partner,
                                       const Period& period, const std::vector<ValueSince>& history) {
  std::map<std::string, Nanos> amounts;
  for (size_t i = 0; i < history.size(); ++i) {
    Period piece = period;
    if (i > 0) piece.first = std::max(piece.first, history[i].from);
    if (i + 1 < history.size()) piece.last = std::min(piece.last, history[i + 1].from - 1);
    if (piece.first > piece.last) continue;
    const Number value = evaluator.Evaluate(metric, partner, piece);
    if (value.has_value() && value.exact && *value.exact != 0) amounts[history[i].value] += *value.exact;
  }
  return amounts;
}

// What the programme's value has beyond the groups.
Nanos RestOf(const Evaluator& evaluator, const CompiledMetric& metric, const Period& period,
             const std::vector<std::pair<std::string, Group>>& groups) {
  if (!metric.HasLevel(v1::SCOPE_KIND_PROGRAM)) return 0;
  const Number whole = evaluator.Evaluate(metric, kProgramScope, period);
  if (!whole.has_value() || !whole.exact) return 0;
  Nanos rest = *whole.exact;
  for (const auto& [name, group] : groups) rest -= group.amount;
  return rest;
}

void AddGroups(const Catalog& catalog, const MeasureSource& source, const Evaluator& evaluator,
               const RevenueRequest& request, v1::RevenueReport& report) {
  const v1::RevenueDashboard& configured = catalog.program().reports().revenue();
  const CompiledMetric& metric = *catalog.FindMetric(configured.split_metric());
  const Period period = PeriodOf(catalog, metric, request.of_program.window, request.of_program.as_of);
  const bool is_configured = request.split_by.empty() || request.split_by == configured.split_by();
  report.set_split_by(is_configured ? configured.split_by() : request.split_by);
  std::map<std::string, Group> groups;
  for (const ScopeIndex partner : source.Partners()) {
    if (!evaluator.Evaluate(metric, partner, period).has_value()) continue;
    auto history = HistoryOf(catalog, source, evaluator, request, report.split_by(), partner, period.last);
    if (!AddsUp(metric.definition)) history = {history.back()};
    for (const auto& [value, amount] : AmountsOf(evaluator, metric, partner, period, history)) {
      Group& group = groups[value];
      group.amount += amount;
      ++group.partners;
    }
  }
  std::vector<std::string> named;
  if (is_configured) named = {configured.split_values().begin(), configured.split_values().end()};
  auto arranged = Arrange(std::move(groups), named);
  const size_t rest = arranged.size();
  if (const Nanos amount = RestOf(evaluator, metric, period, arranged); amount != 0) {
    arranged.push_back({kRest, {amount, 0}});
  }
  std::vector<Nanos> amounts;
  for (const auto& [name, group] : arranged) amounts.push_back(group.amount);
  const std::vector<int32_t> shares = PercentShares(amounts);
  for (size_t i = 0; i < arranged.size(); ++i) {
    v1::RevenueGroup& shown = *report.add_groups();
    shown.set_value(arranged[i].first);
    SetDecimal(amounts[i], shown.mutable_amount());
    shown.set_display(
        DisplayValue(Number::Exact(amounts[i]), metric.definition.unit(), catalog.program().currency_code()));
    shown.set_share_percent(shares[i]);
    shown.set_partners(arranged[i].second.partners);
    shown.set_is_rest(i == rest);
  }
}

// Partners come by id, so that equal values keep that order.
void AddTop(const Catalog& catalog, const MeasureSource& source, const Evaluator& evaluator,
            const RevenueRequest& request, v1::RevenueReport& report) {
  const v1::RevenueDashboard& configured = catalog.program().reports().revenue();
  const int configured_top = configured.top() > 0 ? configured.top() : kDefaultTop;
  const auto top = static_cast<size_t>(request.top > 0 ? request.top : configured_top);
  const CompiledMetric& metric = *catalog.FindMetric(configured.top_metric());
  const Period period = PeriodOf(catalog, metric, request.of_program.window, request.of_program.as_of);
  std::vector<std::pair<Number, ScopeIndex>> ranked;
  for (const ScopeIndex partner : source.Partners()) {
    const Number value = evaluator.Evaluate(metric, partner, period);
    if (value.has_value() && value.value > 0) ranked.emplace_back(value, partner);
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return Compare(a.first, b.first) > 0; });
  if (ranked.size() > top) ranked.resize(top);
  const Number whole = evaluator.Evaluate(metric, kProgramScope, period);
  for (size_t i = 0; i < ranked.size(); ++i) {
    ReportRequest own = request.of_program;
    own.scope = ranked[i].second;
    own.scope_proto.set_kind(v1::SCOPE_KIND_PARTNER);
    own.scope_proto.set_partner_id(request.partner_id(own.scope));
    v1::TopPartner& shown = *report.add_top();
    shown.set_rank(static_cast<int32_t>(i) + 1);
    shown.set_partner_id(own.scope_proto.partner_id());
    shown.set_name(TextOf(source.Partner(own.scope), "name"));
    *shown.mutable_value() = ValueOf(catalog, evaluator, metric.id(), own);
    if (whole.has_value() && whole.value > 0) shown.set_share(ranked[i].first.value / whole.value);
  }
}

}  // namespace

Reads RevenueReads(const Catalog& catalog, const std::string& split_by) {
  const v1::RevenueDashboard& configured = catalog.program().reports().revenue();
  std::vector<std::string> names = {configured.split_metric(), configured.top_metric()};
  const std::string& by = split_by.empty() ? configured.split_by() : split_by;
  if (IsOfTiers(catalog, by)) names.push_back(by);
  const auto of_partners = MetricsNamed(catalog, names);
  Reads reads = ReadsOfEveryPartner(of_partners);
  std::vector<std::string> figures(configured.figures().begin(), configured.figures().end());
  figures.push_back(configured.top_metric());
  figures.push_back(configured.split_metric());
  return Joined(std::move(reads), ReadsOf(catalog, MetricsNamed(catalog, figures), {kProgramScope}));
}

v1::RevenueReport BuildRevenueDashboard(const Catalog& catalog, const MeasureSource& source,
                                        const RevenueRequest& request) {
  const v1::RevenueDashboard& configured = catalog.program().reports().revenue();
  const ReportRequest& of_program = request.of_program;
  v1::RevenueReport report;
  report.set_program(catalog.program().id());
  report.set_title(configured.title().empty() ? "Partner revenue" : configured.title());
  *report.mutable_as_of() = ToDate(of_program.as_of);
  const v1::WindowKind window = of_program.window != v1::WINDOW_KIND_UNSPECIFIED
                                    ? of_program.window
                                    : catalog.FindMetric(configured.split_metric())->definition.window();
  report.set_period(
      PeriodText(PeriodOf(window, of_program.as_of, catalog.fiscal_start_month()), catalog.fiscal_start_month()));
  report.set_currency_code(catalog.program().currency_code());
  const Evaluator evaluator(catalog, source);
  for (const std::string& id : configured.figures()) {
    *report.add_figures() = FigureOf(catalog, evaluator, id, of_program);
  }
  AddGroups(catalog, source, evaluator, request, report);
  AddTop(catalog, source, evaluator, request, report);
  return report;
}

}  // namespace partnermetrics
