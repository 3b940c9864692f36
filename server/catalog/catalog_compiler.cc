#include "server/catalog/catalog_compiler.h"

#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/errors.h"
#include "server/expr/diagnostics.h"
#include "server/facts/currency.h"

namespace partnermetrics {
namespace {

constexpr size_t kLongestId = 64;
constexpr size_t kMostErrors = 20;

bool IsSnakeCase(absl::string_view id) {
  const auto fits = [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) || absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
           c == '_';
  };
  return !id.empty() && id.size() <= kLongestId && absl::ascii_islower(static_cast<unsigned char>(id[0])) &&
         std::all_of(id.begin(), id.end(), fits);
}

template <typename T>
void SortById(google::protobuf::RepeatedPtrField<T>& definitions) {
  std::stable_sort(definitions.begin(), definitions.end(), [](const T& a, const T& b) { return a.id() < b.id(); });
}

// These messages have no maps, so that their serialised form is one.
std::string HashOf(const v1::Program& program, const v1::Catalog& definitions) {
  const std::string first = program.SerializeAsString();
  const std::string text = absl::StrCat(first.size(), ":", first, definitions.SerializeAsString());
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest), sizeof(digest)});
}

bool IsTime(ValueType type) {
  return type == ValueType::kDate || type == ValueType::kInstant;
}

}  // namespace

CatalogCompiler::CatalogCompiler(const v1::Program& program, const v1::Catalog& definitions,
                                 const DefinitionSources* sources)
    : sources_(sources == nullptr ? no_sources_ : *sources), catalog_(new Catalog) {
  catalog_->program_ = program;
  catalog_->definitions_ = definitions;
  SortById(*catalog_->definitions_.mutable_measures());
  SortById(*catalog_->definitions_.mutable_metrics());
}

absl::StatusOr<std::shared_ptr<const Catalog>> CatalogCompiler::Compile() {
  CheckIds();
  CompileMeasures();
  for (const v1::Metric& metric : catalog_->definitions_.metrics()) CheckMetric(metric);
  // Formulas are only worth checking over sound measures.
  if (errors_.empty()) CompileMetrics();
  if (errors_.empty() && Connect()) {
    for (const CompiledMetric& metric : catalog_->metrics_) CheckStarts(metric);
  }
  CheckProgram();
  if (errors_.empty()) {
    catalog_->hash_ = HashOf(catalog_->program_, catalog_->definitions_);
    return std::shared_ptr<const Catalog>(std::move(catalog_));
  }
  if (errors_.size() > kMostErrors) {
    const size_t more = errors_.size() - kMostErrors;
    errors_.resize(kMostErrors);
    errors_.push_back(absl::StrCat("and ", more, " more"));
  }
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_DEFINITIONS", absl::StrJoin(errors_, "\n"),
                   "correct the definitions at the places named");
}

void CatalogCompiler::Fail(absl::string_view kind, absl::string_view id, absl::string_view field,
                           absl::string_view message) {
  errors_.push_back(absl::StrCat(sources_.Locate(kind, id, field), ": ", message));
}

TextLocator CatalogCompiler::LocatorOf(absl::string_view kind, absl::string_view id, absl::string_view field) const {
  return [this, kind = std::string(kind), id = std::string(id), field = std::string(field)](size_t offset) {
    return sources_.Locate(kind, id, field, offset);
  };
}

void CatalogCompiler::CheckIds() {
  int index = 0;
  for (const v1::Measure& measure : catalog_->definitions_.measures()) {
    CheckId("measure", measure.id(), catalog_->measure_by_id_, index++);
  }
  index = 0;
  for (const v1::Metric& metric : catalog_->definitions_.metrics()) {
    CheckId("metric", metric.id(), catalog_->metric_by_id_, index++);
    if (IsFormulaWord(metric.id())) {
      Fail("metric", metric.id(), "id", "this word has a meaning in formulas; take another id");
    }
  }
}

void CatalogCompiler::CheckId(absl::string_view kind, absl::string_view id,
                              absl::flat_hash_map<std::string, int>& by_id, int index) {
  if (!IsSnakeCase(id)) {
    Fail(kind, id, "id", "an id is written in snake_case (a-z, 0-9, _; first a letter; at most 64)");
  }
  if (!by_id.emplace(id, index).second) Fail(kind, id, "id", "this id is defined twice");
}

void CatalogCompiler::CompileMeasures() {
  const auto& definitions = catalog_->definitions_.measures();
  catalog_->measures_.resize(static_cast<size_t>(definitions.size()));
  for (int i = 0; i < definitions.size(); ++i) {
    CompiledMeasure& measure = catalog_->measures_[static_cast<size_t>(i)];
    measure.index = i;
    CompileMeasure(definitions[i], measure);
  }
  for (const CompiledMeasure& measure : catalog_->measures_) {
    if (measure.fact == nullptr) continue;
    auto& by_kind = catalog_->measures_by_kind_;
    const auto kind = static_cast<size_t>(measure.fact->kind());
    if (by_kind.size() <= kind) by_kind.resize(kind + 1);
    by_kind[kind].push_back(&measure);
  }
}

void CatalogCompiler::CompileMeasure(const v1::Measure& definition, CompiledMeasure& measure) {
  measure.id = definition.id();
  measure.kind = definition.kind();
  measure.current_state = definition.current_state();
  measure.fact = FactSchemas::Get().Find(definition.fact());
  if (measure.fact == nullptr) {
    std::vector<std::string> names;
    for (const FactSchema* schema : FactSchemas::Get().all()) names.push_back(schema->name());
    return Fail("measure", definition.id(), "fact",
                absl::StrCat("unknown kind of fact \"", definition.fact(), "\"",
                             SuggestNames(definition.fact(), std::move(names))));
  }
  const bool flow = measure.is_flow();
  if (!flow && definition.kind() != v1::MEASURE_KIND_STOCK) {
    return Fail("measure", definition.id(), "kind", "kind must be MEASURE_KIND_FLOW or MEASURE_KIND_STOCK");
  }
  if (flow ? definition.at().empty() : definition.from().empty()) {
    return Fail("measure", definition.id(), flow ? "at" : "from",
                flow ? "a flow needs `at`, the day on which a fact counts"
                     : "a stock needs `from`, the first day on which a fact counts");
  }
  if (flow ? !definition.from().empty() || !definition.until().empty() : !definition.at().empty()) {
    return Fail("measure", definition.id(), "kind",
                flow ? "a flow has `at`; `from` and `until` belong to stocks"
                     : "a stock has `from` and `until`; `at` belongs to flows");
  }

  const auto compile = [&](absl::string_view field, const std::string& text, std::vector<ValueType> result,
                           std::optional<RowExpression>& target) {
    if (text.empty()) return;
    CompileOptions options;
    options.locate = LocatorOf("measure", definition.id(), field);
    options.result = std::move(result);
    options.purpose = field;
    auto expression = RowExpression::Compile(text, *measure.fact, options);
    if (!expression.ok()) {
      errors_.emplace_back(expression.status().message());
      return;
    }
    // Roles and shares differ by scope, whether they are the fact's own or its root's.
    const auto contains = [](absl::Span<const int> slots, int slot) {
      return slot >= 0 && std::find(slots.begin(), slots.end(), slot) != slots.end();
    };
    measure.reads_role |= contains(expression->slots(), measure.fact->role_slot());
    measure.reads_credited |= contains(expression->slots(), measure.fact->credited_slot());
    if (const FactSchema* root = measure.fact->root_schema(); root != nullptr) {
      measure.reads_role |= contains(expression->root_slots(), root->role_slot());
      measure.reads_credited |= contains(expression->root_slots(), root->credited_slot());
    }
    measure.reads_root |= !expression->root_slots().empty();
    target = *std::move(expression);
  };
  compile("where", definition.where(), {ValueType::kBool}, measure.where);
  compile("sum", definition.sum(), {ValueType::kMoney, ValueType::kDecimal, ValueType::kInt}, measure.sum);
  compile("at", definition.at(), {ValueType::kDate}, measure.at);
  compile("from", definition.from(), {ValueType::kDate}, measure.from);
  compile("until", definition.until(), {ValueType::kDate}, measure.until);
  measure.sum_is_money = measure.sum && measure.sum->type() == ValueType::kMoney;
  CheckNoLookAhead(definition, measure);
}

// What was true on a day must not depend on what happened later: a condition may only test the measure's own dates.
void CatalogCompiler::CheckNoLookAhead(const v1::Measure& definition, const CompiledMeasure& measure) {
  if (!measure.where || measure.current_state) return;
  const auto allowed = [&](int slot, bool root) {
    for (const auto* expression : {&measure.at, &measure.from, &measure.until}) {
      if (!*expression) continue;
      const auto slots = root ? (*expression)->root_slots() : (*expression)->slots();
      if (std::binary_search(slots.begin(), slots.end(), slot)) return true;
    }
    return false;
  };
  const auto check = [&](const FactSchema& schema, absl::Span<const int> slots, bool root) {
    for (const int slot : slots) {
      const FieldSchema& field = schema.fields()[static_cast<size_t>(slot)];
      if (!IsTime(field.type) || allowed(slot, root)) continue;
      Fail("measure", definition.id(), "where",
           absl::StrCat("\"", root ? "root." : "", field.name, "\" may lie after the day on which the fact counts, so ",
                        "that the value of a past window would change with what happened since; test only the date ",
                        "of ", measure.is_flow() ? "`at`" : "`from` and `until`",
                        ", or set current_state: true to have the value shown \"as known today\""));
    }
  };
  check(*measure.fact, measure.where->slots(), false);
  if (measure.reads_root) check(*FactSchemas::Get().Find(measure.fact->root()), measure.where->root_slots(), true);
}

void CatalogCompiler::CompileMetrics() {
  const auto& definitions = catalog_->definitions_.metrics();
  catalog_->metrics_.resize(static_cast<size_t>(definitions.size()));
  const FormulaNames names = {catalog_->measures_, &catalog_->measure_by_id_, &catalog_->metric_by_id_};
  for (int i = 0; i < definitions.size(); ++i) {
    const v1::Metric& definition = definitions[i];
    CompiledMetric& metric = catalog_->metrics_[static_cast<size_t>(i)];
    metric.index = i;
    metric.definition = definition;
    auto formula = CompileFormula(definition.formula(), names, LocatorOf("metric", definition.id(), "formula"));
    if (formula.ok()) {
      metric.formula = *std::move(formula);
    } else {
      errors_.emplace_back(formula.status().message());
    }
  }
}

void CatalogCompiler::CheckMetric(const v1::Metric& definition) {
  const auto require = [&](bool set, absl::string_view field) {
    if (!set) Fail("metric", definition.id(), field, absl::StrCat(field, " is required"));
  };
  require(!definition.display_name().empty(), "display_name");
  require(definition.category() != v1::METRIC_CATEGORY_UNSPECIFIED, "category");
  require(definition.unit() != v1::METRIC_UNIT_UNSPECIFIED, "unit");
  require(definition.window() != v1::WINDOW_KIND_UNSPECIFIED, "window");
  for (const int level : definition.levels()) {
    if (level == v1::SCOPE_KIND_UNSPECIFIED) Fail("metric", definition.id(), "levels", "a level must be specified");
  }
  if (definition.min_sample() < 0) Fail("metric", definition.id(), "min_sample", "min_sample is 0 or more");
  if (definition.has_target()) CheckTarget(definition.target(), "metric", definition.id(), "target");
}

void CatalogCompiler::CheckTarget(const v1::MetricTarget& target, absl::string_view kind, absl::string_view id,
                                  absl::string_view field) {
  if (!target.has_min() && !target.has_max()) Fail(kind, id, field, "a target needs min, max or both");
  if (target.has_min() && target.has_max() && target.min() > target.max()) {
    Fail(kind, id, field, "min lies above max");
  }
}

bool CatalogCompiler::Connect() {
  std::vector<char> done(catalog_->metrics_.size(), 0);
  std::vector<int> path;
  for (const CompiledMetric& metric : catalog_->metrics_) {
    if (!Visit(metric.index, path, done)) return false;
  }
  return true;
}

bool CatalogCompiler::Visit(int index, std::vector<int>& path, std::vector<char>& done) {
  CompiledMetric& metric = catalog_->metrics_[static_cast<size_t>(index)];
  if (done[static_cast<size_t>(index)] != 0) return true;
  const auto loop = std::find(path.begin(), path.end(), index);
  if (loop != path.end()) {
    std::vector<std::string> names;
    for (auto at = loop; at != path.end(); ++at) names.push_back(catalog_->metrics_[static_cast<size_t>(*at)].id());
    names.push_back(metric.id());
    Fail("metric", metric.id(), "formula", absl::StrCat("metrics go round in a circle: ", absl::StrJoin(names, " → ")));
    return false;
  }
  path.push_back(index);
  for (const FormulaNode& node : metric.formula.nodes) {
    if (node.op == FormulaOp::kMetric && !Visit(node.index, path, done)) return false;
  }
  metric.uses = catalog_->UsesOf(metric.formula, metric.formula.root());
  for (const MeasureUse& use : metric.uses) {
    metric.current_state |= catalog_->measures_[static_cast<size_t>(use.measure)].current_state;
  }
  path.pop_back();
  done[static_cast<size_t>(index)] = 1;
  return true;
}

// start(x) is the value on the day before the window: only stocks have one.
void CatalogCompiler::CheckStarts(const CompiledMetric& metric) {
  for (const FormulaNode& node : metric.formula.nodes) {
    if (node.op != FormulaOp::kStart) continue;
    for (const MeasureUse& use : catalog_->UsesOf(metric.formula, node.operands[0])) {
      const CompiledMeasure& measure = catalog_->measures_[static_cast<size_t>(use.measure)];
      if (!measure.is_flow()) continue;
      Fail("metric", metric.id(), "formula",
           absl::StrCat("start() needs stocks, and \"", measure.id, "\" is a flow; prior_period() shifts a flow"));
    }
  }
}

void CatalogCompiler::CheckMetricName(absl::string_view metric, const std::string& field) {
  if (catalog_->metric_by_id_.contains(metric)) return;
  std::vector<std::string> names;
  for (const auto& [name, index] : catalog_->metric_by_id_) names.push_back(name);
  Fail("program", catalog_->program_.id(), field,
       absl::StrCat("unknown metric \"", metric, "\"", SuggestNames(metric, std::move(names))));
}

void CatalogCompiler::CheckProgram() {
  const v1::Program& program = catalog_->program_;
  const auto fail = [&](absl::string_view field, absl::string_view message) {
    Fail("program", program.id(), field, message);
  };
  if (!IsSnakeCase(program.id())) {
    fail("id", "an id is written in snake_case (a-z, 0-9, _; first a letter; at most 64)");
  }
  if (program.display_name().empty()) fail("display_name", "display_name is required");
  if (!IsCurrency(program.currency_code())) {
    fail("currency_code",
         absl::StrCat("\"", program.currency_code(), "\" is no ISO 4217 currency code in upper case, such as \"USD\""));
  }
  if (program.time_zone().empty() || !absl::LoadTimeZone(program.time_zone(), &catalog_->zone_)) {
    fail("time_zone", absl::StrCat("\"", program.time_zone(),
                                   "\" is no time zone of the IANA database, such as \"America/New_York\""));
  }
  if (program.fiscal_year_start_month() < 0 || program.fiscal_year_start_month() > 12) {
    fail("fiscal_year_start_month", "a month lies between 1 and 12");
  }
  const auto check_sections = [&](const auto& sections, absl::string_view name) {
    for (int i = 0; i < sections.size(); ++i) {
      const std::string field = absl::StrCat(name, "[", i, "]");
      if (sections[i].title().empty()) fail(field, "a section needs a title");
      for (int j = 0; j < sections[i].metrics_size(); ++j) {
        CheckMetricName(sections[i].metrics(j), absl::StrCat(field, ".metrics[", j, "]"));
      }
    }
  };
  check_sections(program.scorecard(), "scorecard");
  check_sections(program.dashboard(), "dashboard");
  for (int i = 0; i < program.targets_size(); ++i) {
    const std::string field = absl::StrCat("targets[", i, "]");
    CheckMetricName(program.targets(i).metric(), absl::StrCat(field, ".metric"));
    CheckTarget(program.targets(i).target(), "program", program.id(), field);
  }
}

}  // namespace partnermetrics
