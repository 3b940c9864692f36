#include "server/actions/period_values.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/engine/segments.h"
#include "server/queries/engine_source.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/proto_values.h"

namespace partnermetrics {
namespace {

// Partners whose rows are collected together.
constexpr size_t kBlock = 500;

v1::Scope ScopeOfKind(v1::ScopeKind kind) {
  v1::Scope scope;
  scope.set_kind(kind);
  return scope;
}

ScopeIndex IndexOf(v1::ScopeKind kind) {
  switch (kind) {
    case v1::SCOPE_KIND_BUSINESS:
      return kBusinessScope;
    case v1::SCOPE_KIND_DIRECT:
      return kDirectScope;
    case v1::SCOPE_KIND_PARTNER:
      return kFirstPartnerScope;
    case v1::SCOPE_KIND_SEGMENT:
      return kFirstSegmentScope;
    default:
      return kProgramScope;
  }
}

using Metrics = std::vector<const CompiledMetric*>;

Metrics MetricsOf(const Catalog& catalog, v1::ScopeKind kind) {
  Metrics metrics;
  for (const CompiledMetric& metric : catalog.metrics()) {
    if (metric.HasLevel(kind)) metrics.push_back(&metric);
  }
  return metrics;
}

void Evaluate(const Evaluator& evaluator, const Catalog& catalog, const Metrics& metrics, const PeriodSpan& span,
              ScopeIndex scope, PeriodNumbers& numbers) {
  for (const CompiledMetric* metric : metrics) {
    const Number number = evaluator.Evaluate(*metric, scope, PeriodOf(catalog, *metric, span.Window(), span.last));
    PeriodNumber& stated = numbers[metric->id()];
    stated.no_data = number.no_data;
    if (!number.has_value()) continue;
    stated.value = number.value;
    stated.exact = number.exact;
  }
}

absl::StatusOr<PeriodNumbers> NumbersOf(const Engine::View& view, const PeriodSpan& span, const v1::Scope& scope) {
  const std::shared_ptr<const Catalog> catalog = view.catalog();
  const Metrics metrics = MetricsOf(*catalog, scope.kind());
  const ScopeIndex index = IndexOf(scope.kind());
  std::vector<std::string> partners;
  if (scope.kind() == v1::SCOPE_KIND_PARTNER) partners.push_back(scope.partner_id());
  std::vector<v1::Segment> segments;
  if (scope.has_segment()) segments.push_back(scope.segment());
  ASSIGN_OR_RETURN(const EngineSource source,
                   EngineSource::Collect(view, ReadsOf(*catalog, metrics, {index}), std::move(partners), segments));
  PeriodNumbers numbers;
  Evaluate(Evaluator(*catalog, source), *catalog, metrics, span, index, numbers);
  return numbers;
}

// The scopes of segments that facts count in.
absl::StatusOr<std::vector<v1::Scope>> SegmentScopes(const Engine::View& view) {
  std::set<std::string> names;
  RETURN_IF_ERROR(view.ScanCellScopes([&](const std::string& name) { names.insert(name); }));
  std::vector<v1::Scope> scopes;
  for (const std::string& name : names) {
    for (const v1::SegmentAttribute& attribute : view.catalog()->program().segments()) {
      absl::string_view value = name;
      if (!absl::ConsumePrefix(&value, SegmentScopePrefix(attribute.attribute()))) continue;
      v1::Scope& scope = scopes.emplace_back(ScopeOfKind(v1::SCOPE_KIND_SEGMENT));
      scope.mutable_segment()->set_attribute(attribute.attribute());
      scope.mutable_segment()->set_value(std::string(value));
    }
  }
  return scopes;
}

// All partners, some at a time. What compares them with each other or with wider scopes is read once for all of them.
absl::Status EvaluatePartners(const Engine::View& view, const PeriodSpan& span,
                              absl::FunctionRef<absl::Status(const PeriodScope&)> visit) {
  const std::shared_ptr<const Catalog> catalog = view.catalog();
  Metrics own, comparing;
  for (const CompiledMetric* metric : MetricsOf(*catalog, v1::SCOPE_KIND_PARTNER)) {
    (ReadsOwnScopeOnly(*metric) ? own : comparing).push_back(metric);
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, PartnerIds(view));
  const auto scopes_of = [](size_t count) {
    std::vector<ScopeIndex> scopes;
    for (size_t i = 0; i < count; ++i) scopes.push_back(kFirstPartnerScope + static_cast<ScopeIndex>(i));
    return scopes;
  };
  ASSIGN_OR_RETURN(const EngineSource all,
                   EngineSource::Collect(view, ReadsOf(*catalog, comparing, scopes_of(ids.size())), ids));
  const Evaluator compare(*catalog, all);
  for (size_t first = 0; first < ids.size(); first += kBlock) {
    const size_t count = std::min(kBlock, ids.size() - first);
    std::vector<std::string> block(ids.begin() + static_cast<std::ptrdiff_t>(first),
                                   ids.begin() + static_cast<std::ptrdiff_t>(first + count));
    ASSIGN_OR_RETURN(const EngineSource source,
                     EngineSource::Collect(view, ReadsOf(*catalog, own, scopes_of(count)), std::move(block)));
    const Evaluator evaluator(*catalog, source);
    for (size_t i = 0; i < count; ++i) {
      PeriodScope scope;
      scope.scope = ScopeOfKind(v1::SCOPE_KIND_PARTNER);
      scope.scope.set_partner_id(ids[first + i]);
      scope.name = ScopeName(scope.scope);
      Evaluate(evaluator, *catalog, own, span, kFirstPartnerScope + static_cast<ScopeIndex>(i), scope.numbers);
      Evaluate(compare, *catalog, comparing, span, kFirstPartnerScope + static_cast<ScopeIndex>(first + i),
               scope.numbers);
      RETURN_IF_ERROR(visit(scope));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<log::v1::PeriodValues> ReadValues(const storage::EventLog& log, uint64_t position) {
  ASSIGN_OR_RETURN(const storage::LogRecord record, log.Get(position));
  log::v1::PeriodValues values;
  if (values.ParseFromString(record.payload) && values.scopes_size() > 0) return values;
  return absl::DataLossError(absl::StrCat("record ", position, " of the log is damaged"));
}

const std::string& MetricOf(const log::v1::PeriodStatement& statement, const log::v1::PeriodValue& value) {
  static const std::string& unknown = *new std::string;
  const auto index = static_cast<int>(value.metric());
  return index < statement.metric_ids_size() ? statement.metric_ids(index) : unknown;
}

std::string KindName(v1::PeriodKind kind) {
  return absl::AsciiStrToLower(absl::StripPrefix(v1::PeriodKind_Name(kind), "PERIOD_KIND_"));
}

}  // namespace

absl::StatusOr<PeriodSpan> PeriodSpan::Of(v1::PeriodKind kind, Day day, const Catalog& catalog) {
  if (kind == v1::PERIOD_KIND_UNSPECIFIED || !v1::PeriodKind_IsValid(kind)) {
    return InvalidField("kind", "REQUIRED", "must be MONTH, QUARTER or YEAR");
  }
  PeriodSpan span;
  span.kind = kind;
  const Period period = PeriodOf(span.Window(), day, catalog.fiscal_start_month());
  span.first = period.first;
  span.last = period.whole_last;
  return span;
}

std::string PeriodSpan::Id() const {
  return absl::StrCat(KindName(kind), "-", DayText(last));
}

v1::WindowKind PeriodSpan::Window() const {
  switch (kind) {
    case v1::PERIOD_KIND_MONTH:
      return v1::WINDOW_KIND_MONTH_TO_DATE;
    case v1::PERIOD_KIND_QUARTER:
      return v1::WINDOW_KIND_QUARTER_TO_DATE;
    default:
      return v1::WINDOW_KIND_YEAR_TO_DATE;
  }
}

absl::Status EvaluatePeriod(Engine& engine, const PeriodSpan& span,
                            absl::FunctionRef<absl::Status(const PeriodScope&)> visit) {
  const Engine::View view(engine);
  const auto visit_one = [&](const v1::Scope& scope) -> absl::Status {
    ASSIGN_OR_RETURN(PeriodNumbers numbers, NumbersOf(view, span, scope));
    return visit({scope, ScopeName(scope), std::move(numbers)});
  };
  // In order of the scopes' names.
  RETURN_IF_ERROR(visit_one(ScopeOfKind(v1::SCOPE_KIND_BUSINESS)));
  RETURN_IF_ERROR(visit_one(ScopeOfKind(v1::SCOPE_KIND_DIRECT)));
  RETURN_IF_ERROR(EvaluatePartners(view, span, visit));
  RETURN_IF_ERROR(visit_one(ScopeOfKind(v1::SCOPE_KIND_PROGRAM)));
  ASSIGN_OR_RETURN(const std::vector<v1::Scope> segments, SegmentScopes(view));
  for (const v1::Scope& segment : segments) RETURN_IF_ERROR(visit_one(segment));
  return absl::OkStatus();
}

absl::StatusOr<int64_t> CountScopes(Engine& engine) {
  const Engine::View view(engine);
  ASSIGN_OR_RETURN(const std::vector<v1::Scope> segments, SegmentScopes(view));
  constexpr int64_t kWholeScopes = 3;  // business, direct part, programme
  return kWholeScopes + view.header().partners + static_cast<int64_t>(segments.size());
}

absl::StatusOr<PeriodScope> EvaluatePeriodOf(const Engine::View& view, const PeriodSpan& span, const v1::Scope& scope) {
  PeriodScope evaluated{scope, ScopeName(scope), {}};
  if (scope.kind() == v1::SCOPE_KIND_PARTNER) {
    ASSIGN_OR_RETURN(const auto known, view.IndexValue(Index::kPartner, scope.partner_id()));
    if (!known.has_value()) return evaluated;
  }
  ASSIGN_OR_RETURN(evaluated.numbers, NumbersOf(view, span, scope));
  return evaluated;
}

absl::StatusOr<StatedPeriod> StatedPeriod::Read(ProgramRuntime& program, const std::string& period_id) {
  std::optional<std::string> record;
  {
    const Engine::View view(program.engine());
    ASSIGN_OR_RETURN(record, view.IndexValue(Index::kPeriod, period_id));
  }
  if (record.has_value()) return Read(program.log(), *record);
  return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_PERIOD",
                   absl::StrCat("there is no closed period '", period_id, "'"),
                   "list those there are: partnerctl period list");
}

absl::StatusOr<std::vector<StatedPeriod>> StatedPeriod::ReadAll(ProgramRuntime& program) {
  std::vector<std::string> records;
  {
    const Engine::View view(program.engine());
    RETURN_IF_ERROR(view.ScanIndex(Index::kPeriod, "", [&](absl::string_view, absl::string_view record) {
      records.emplace_back(record);
      return true;
    }));
  }
  std::vector<StatedPeriod> periods;
  for (const std::string& record : records) {
    ASSIGN_OR_RETURN(periods.emplace_back(StatedPeriod(program.log())), Read(program.log(), record));
  }
  std::sort(periods.begin(), periods.end(), [](const StatedPeriod& a, const StatedPeriod& b) {
    return std::make_pair(b.span_.last, b.span_.kind) < std::make_pair(a.span_.last, a.span_.kind);
  });
  return periods;
}

absl::StatusOr<StatedPeriod> StatedPeriod::Read(const storage::EventLog& log, absl::string_view record) {
  log::v1::PeriodRecord stored;
  if (!stored.ParseFromArray(record.data(), static_cast<int>(record.size()))) {
    return absl::DataLossError("stored period is damaged");
  }
  StatedPeriod period(log);
  for (const uint64_t position : stored.statements()) {
    ASSIGN_OR_RETURN(const storage::LogRecord logged, log.Get(position));
    Statement& statement = period.statements_.emplace_back();
    if (!statement.content.ParseFromString(logged.payload)) {
      return absl::DataLossError(absl::StrCat("record ", position, " of the log is damaged"));
    }
    statement.stated_at_us = logged.appended_at_us;
  }
  const log::v1::PeriodStatement& close = period.statements_.front().content;
  period.span_ = {static_cast<v1::PeriodKind>(close.kind()), ToDay(close.days().start_on()),
                  ToDay(close.days().end_on())};
  return period;
}

absl::StatusOr<PeriodHistory> StatedPeriod::HistoryOf(const std::string& scope_name) const {
  PeriodHistory history;
  for (const Statement& statement : statements_) {
    const auto& values_at = statement.content.values_at();
    // The record that begins with the scope, or the last one that begins before it.
    auto it = std::upper_bound(values_at.begin(), values_at.end(), scope_name,
                               [](const std::string& name, const auto& at) { return name < at.first_scope(); });
    if (it == values_at.begin()) continue;
    ASSIGN_OR_RETURN(const log::v1::PeriodValues values, ReadValues(*log_, std::prev(it)->position()));
    for (const log::v1::PeriodScope& scope : values.scopes()) {
      if (ScopeName(scope.scope()) != scope_name) continue;
      for (const log::v1::PeriodValue& value : scope.values()) {
        history[MetricOf(statement.content, value)].emplace_back(static_cast<int>(statement.content.number()),
                                                                 FromStored(value));
      }
    }
  }
  return history;
}

StatedScopes::StatedScopes(const StatedPeriod& period) : period_(period) {
  for (const StatedPeriod::Statement& statement : period.statements_)
    cursors_.emplace_back().statement = &statement.content;
}

absl::StatusOr<std::optional<PeriodScope>> StatedScopes::Next() {
  for (size_t i = 0; !begun_ && i < cursors_.size(); ++i) RETURN_IF_ERROR(Load(cursors_[i]));
  begun_ = true;
  std::string name;
  for (const Cursor& cursor : cursors_) {
    if (!cursor.name.empty() && (name.empty() || cursor.name < name)) name = cursor.name;
  }
  if (name.empty()) return std::optional<PeriodScope>();
  PeriodScope scope;
  scope.name = name;
  for (Cursor& cursor : cursors_) {
    if (cursor.name != name) continue;
    const log::v1::PeriodScope& stated = cursor.values.scopes(cursor.scope);
    scope.scope = stated.scope();
    for (const log::v1::PeriodValue& value : stated.values()) {
      scope.numbers[MetricOf(*cursor.statement, value)] = FromStored(value);
    }
    ++cursor.scope;
    RETURN_IF_ERROR(Load(cursor));
  }
  return std::optional<PeriodScope>(std::move(scope));
}

absl::Status StatedScopes::Load(Cursor& cursor) const {
  cursor.name.clear();
  if (begun_ && cursor.scope == cursor.values.scopes_size()) {
    ++cursor.record;
    cursor.scope = 0;
  }
  if (cursor.record == cursor.statement->values_at_size()) return absl::OkStatus();
  if (cursor.scope == 0) {
    ASSIGN_OR_RETURN(cursor.values, ReadValues(*period_.log_, cursor.statement->values_at(cursor.record).position()));
  }
  cursor.name = ScopeName(cursor.values.scopes(cursor.scope).scope());
  return absl::OkStatus();
}

log::v1::PeriodValue ToStored(const PeriodNumber& number, uint32_t metric) {
  log::v1::PeriodValue stored;
  stored.set_metric(metric);
  if (number.value) stored.set_value(*number.value);
  if (number.exact) *stored.mutable_exact() = ToDecimal(*number.exact);
  stored.set_no_data(number.no_data);
  stored.set_gone(number.gone);
  return stored;
}

PeriodNumber FromStored(const log::v1::PeriodValue& stored) {
  PeriodNumber number;
  if (stored.has_value()) number.value = stored.value();
  if (stored.has_exact()) number.exact = ToNanos(stored.exact());
  number.no_data = static_cast<v1::NoDataReason>(stored.no_data());
  number.gone = stored.gone();
  return number;
}

std::string ScopeName(const v1::Scope& scope) {
  switch (scope.kind()) {
    case v1::SCOPE_KIND_BUSINESS:
      return kBusinessName;
    case v1::SCOPE_KIND_DIRECT:
      return kDirectName;
    case v1::SCOPE_KIND_PARTNER:
      return PartnerScope(scope.partner_id());
    case v1::SCOPE_KIND_SEGMENT:
      return SegmentScope(scope.segment().attribute(), scope.segment().value());
    default:
      return kProgramName;
  }
}

}  // namespace partnermetrics
