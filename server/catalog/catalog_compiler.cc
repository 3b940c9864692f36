#include "server/catalog/catalog_compiler.h"

#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/expr/diagnostics.h"
#include "server/expr/syntax.h"
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
  CollectMetrics();
  CheckIds();
  CompileMeasures();
  for (const CompiledMetric& metric : catalog_->metrics_) CheckMetric(metric.definition);
  // Formulas are only worth checking over sound measures. What they need depends on the programme's targets.
  const bool is_sound = errors_.empty();
  CheckProgram();
  if (is_sound) {
    CompileScores();
    CompileMetrics();
  }
  if (errors_.empty() && Connect()) {
    for (const CompiledMetric& metric : catalog_->metrics_) CheckStarts(metric);
    CheckReports();
    CompileInterventions();
  }
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
                           absl::string_view message, size_t offset) {
  errors_.push_back(absl::StrCat(sources_.Locate(kind, id, field, offset), ": ", message));
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
    CheckWord("measure", measure.id());
  }
  index = 0;
  for (const CompiledMetric& metric : catalog_->metrics_) {
    CheckId("metric", metric.id(), catalog_->metric_by_id_, index++);
    CheckWord("metric", metric.id());
  }
}

void CatalogCompiler::CheckWord(absl::string_view kind, absl::string_view id) {
  if (IsFormulaWord(id)) Fail(kind, id, "id", "this word has a meaning in formulas; take another id");
}

void CatalogCompiler::CheckSnakeCase(absl::string_view word, absl::string_view kind, absl::string_view id,
                                     absl::string_view field) {
  if (IsSnakeCase(word)) return;
  Fail(kind, id, field, "an id is written in snake_case (a-z, 0-9, _; first a letter; at most 64)");
}

void CatalogCompiler::CheckId(absl::string_view kind, absl::string_view id,
                              absl::flat_hash_map<std::string, int>& by_id, int index) {
  CheckSnakeCase(id, kind, id, "id");
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
  if (!CheckMeasureFields(definition)) return;

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
    NoteReads(*expression, measure);
    target = *std::move(expression);
  };
  compile("where", definition.where(), {ValueType::kBool}, measure.where);
  compile("sum", definition.sum(), {ValueType::kMoney, ValueType::kDecimal, ValueType::kInt}, measure.sum);
  compile("at", definition.at(), {ValueType::kDate}, measure.at);
  compile("from", definition.from(), {ValueType::kDate}, measure.from);
  compile("until", definition.until(), {ValueType::kDate}, measure.until);
  compile("then", definition.then(), {ValueType::kDate}, measure.then);
  if (!definition.key().empty()) CompileKey(definition, measure);
  measure.reduce = definition.reduce();
  if (!definition.by().empty()) FindSplitField(definition, measure);
  measure.sum_is_money = measure.sum && measure.sum->type() == ValueType::kMoney;
  if (measure.fact == FactSchemas::Get().Find("partner")) {
    for (const auto* expression : {&measure.at, &measure.from, &measure.until, &measure.then}) {
      for (const char* day : {"signed_on", "activated_on", "terminated_on"}) {
        measure.by_partnership |= *expression && (*expression)->Reads(measure.fact->Find(day)->slot);
      }
    }
  }
  CheckNoLookAhead(definition, measure);
}

// Roles and shares differ by scope, whether they are the fact's own or its root's.
void CatalogCompiler::NoteReads(const RowExpression& expression, CompiledMeasure& measure) {
  const auto contains = [](absl::Span<const int> slots, int slot) {
    return slot >= 0 && std::find(slots.begin(), slots.end(), slot) != slots.end();
  };
  measure.reads_role |= contains(expression.slots(), measure.fact->role_slot());
  measure.reads_credited |= contains(expression.slots(), measure.fact->credited_slot());
  if (const FactSchema* root = measure.fact->root_schema(); root != nullptr) {
    measure.reads_role |= contains(expression.root_slots(), root->role_slot());
    measure.reads_credited |= contains(expression.root_slots(), root->credited_slot());
  }
  measure.reads_root |= !expression.root_slots().empty();
}

// One expression, or a list of them.
void CatalogCompiler::CompileKey(const v1::Measure& definition, CompiledMeasure& measure) {
  CompileOptions options;
  options.locate = LocatorOf("measure", definition.id(), "key");
  options.purpose = "key";
  const auto tree = ParseExpression(definition.key(), options.locate);
  if (!tree.ok()) {
    errors_.emplace_back(tree.status().message());
    return;
  }
  const auto compile = [&](const SyntaxNode& part) {
    auto expression = RowExpression::Compile(part, *measure.fact, options);
    if (!expression.ok()) {
      errors_.emplace_back(expression.status().message());
      return;
    }
    NoteReads(*expression, measure);
    measure.key.push_back(*std::move(expression));
  };
  if ((*tree)->kind != SyntaxKind::kList) return compile(**tree);
  if ((*tree)->operands.empty()) Fail("measure", definition.id(), "key", "a key has at least one part");
  for (const auto& part : (*tree)->operands) compile(*part);
}

// Each kind has the fields that it needs and no others.
bool CatalogCompiler::CheckMeasureFields(const v1::Measure& definition) {
  struct Field {
    absl::string_view name;
    bool set;
    bool needed;
    bool allowed;
    absl::string_view meaning;
  };
  const v1::MeasureKind kind = definition.kind();
  const auto fail = [&](absl::string_view field, absl::string_view message) {
    Fail("measure", definition.id(), field, message);
    return false;
  };
  if (kind == v1::MEASURE_KIND_UNSPECIFIED || !v1::MeasureKind_IsValid(kind)) {
    return fail("kind", "kind must be one of FLOW, STOCK, COHORT, KEYED, LATEST, with MEASURE_KIND_ before it");
  }
  const bool keyed = kind == v1::MEASURE_KIND_KEYED, cohort = kind == v1::MEASURE_KIND_COHORT;
  const bool stock = kind == v1::MEASURE_KIND_STOCK || (keyed && !definition.from().empty());
  const Field fields[] = {
      {"at", !definition.at().empty(), !stock, !stock, "the day on which a fact counts"},
      {"from", !definition.from().empty(), stock, stock, "the first day on which a fact counts"},
      {"until", !definition.until().empty(), false, stock, "the day from which a fact no longer counts"},
      {"then", !definition.then().empty(), cohort, cohort,
       "the day on which a fact reached what the cohort is measured by"},
      {"key", !definition.key().empty(), keyed, keyed, "what is counted once"},
      {"by", !definition.by().empty(), false, kind != v1::MEASURE_KIND_LATEST, "the field that splits it"},
      {"reduce", definition.reduce() != v1::KEY_REDUCTION_UNSPECIFIED, keyed, keyed, "which fact of a key counts"},
  };
  const std::string name = absl::AsciiStrToLower(absl::StripPrefix(v1::MeasureKind_Name(kind), "MEASURE_KIND_"));
  for (const Field& field : fields) {
    if (field.needed && !field.set) {
      return fail(field.name == "reduce" || field.name == "key" ? "kind" : field.name,
                  absl::StrCat("a measure of kind ", name, " needs `", field.name, "`, ", field.meaning));
    }
    if (field.set && !field.allowed) {
      return fail(field.name, absl::StrCat("a measure of kind ", name, stock ? " with `from`" : "", " has no `",
                                           field.name, "`, ", field.meaning));
    }
  }
  if (definition.reduce() == v1::KEY_REDUCTION_ANY && !definition.sum().empty()) {
    return fail("sum", "ANY only says whether there is a fact of a key; a sum needs KEY_REDUCTION_LAST");
  }
  return true;
}

void CatalogCompiler::FindSplitField(const v1::Measure& definition, CompiledMeasure& measure) {
  absl::string_view field = definition.by();
  const FactSchema* schema = measure.fact;
  if (measure.fact->root_schema() != nullptr && absl::ConsumePrefix(&field, "root.")) {
    schema = measure.fact->root_schema();
    measure.by_root = measure.reads_root = true;
  }
  measure.by = schema->Find(field);
  if (measure.by == nullptr) {
    std::vector<std::string> names;
    for (const FieldSchema& known : schema->fields()) names.push_back(known.name);
    return Fail("measure", definition.id(), "by",
                absl::StrCat("\"", definition.by(), "\" is no field of ", schema->name(),
                             SuggestNames(field, std::move(names))));
  }
  const ValueType type = measure.by->type;
  if (type != ValueType::kEnum && type != ValueType::kString && type != ValueType::kBool) {
    Fail("measure", definition.id(), "by",
         absl::StrCat("a measure is split by a name, an enum or a truth value; ", definition.by(), " is a ",
                      ValueTypeName(type)));
  }
}

// What was true on a day must not depend on what happened later: a condition may only test the measure's own dates.
void CatalogCompiler::CheckNoLookAhead(const v1::Measure& definition, const CompiledMeasure& measure) {
  if (!measure.where || measure.current_state) return;
  const auto allowed = [&](int slot, bool root) {
    for (const auto* expression : {&measure.at, &measure.from, &measure.until, &measure.then}) {
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
  const FormulaNames names = {catalog_->measures_, &catalog_->measure_by_id_, &catalog_->metric_by_id_};
  for (CompiledMetric& metric : catalog_->metrics_) {
    if (!metric.formula.nodes.empty()) continue;  // a score or a tier
    auto formula = CompileFormula(metric.definition.formula(), names, LocatorOf("metric", metric.id(), "formula"));
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
  if (definition.maturity_days() < 0) Fail("metric", definition.id(), "maturity_days", "maturity_days is 0 or more");
  if (definition.has_target()) CheckTarget(definition.target(), definition.id(), "metric", definition.id(), "target");
}

void CatalogCompiler::CheckTarget(const v1::MetricTarget& target, absl::string_view metric, absl::string_view kind,
                                  absl::string_view id, const std::string& field) {
  const bool has_bounds = target.has_min() || target.has_max();
  if (has_bounds != target.metric().empty()) Fail(kind, id, field, "a target needs min, max or both, or a metric");
  if (target.has_min() && target.has_max() && target.min() > target.max()) {
    Fail(kind, id, field, "min lies above max");
  }
  const auto own = catalog_->metric_by_id_.find(metric);
  if (own == catalog_->metric_by_id_.end()) return;
  CompiledMetric& aimed = catalog_->metrics_[static_cast<size_t>(own->second)];
  for (const int number : target.levels()) {
    const auto level = static_cast<v1::ScopeKind>(number);
    if (level != v1::SCOPE_KIND_UNSPECIFIED && aimed.HasLevel(level)) continue;
    Fail(kind, id, absl::StrCat(field, ".levels"),
         absl::StrCat("\"", metric, "\" is not defined for ", v1::ScopeKind_Name(level)));
  }
  if (target.metric().empty()) return;
  const std::string place = absl::StrCat(field, ".metric");
  const CompiledMetric* other = CheckMetricName(target.metric(), kind, id, place);
  if (other == nullptr) return;
  if (other == &aimed) return Fail(kind, id, place, "a metric cannot be its own target; take prior_year(…) of it");
  if (aimed.definition.direction() == v1::METRIC_DIRECTION_IN_RANGE) {
    Fail(kind, id, place, "a range needs min and max; a metric is one bound");
  }
  if (aimed.definition.unit() != other->definition.unit()) {
    Fail(kind, id, place,
         absl::StrCat("\"", target.metric(), "\" is in ", v1::MetricUnit_Name(other->definition.unit()), ", \"", metric,
                      "\" in ", v1::MetricUnit_Name(aimed.definition.unit())));
  }
  aimed.target_metrics.push_back(other->index);
}

CompiledMetric* CatalogCompiler::CheckMetricName(absl::string_view metric, absl::string_view kind, absl::string_view id,
                                                 const std::string& field) {
  const auto it = catalog_->metric_by_id_.find(metric);
  if (it != catalog_->metric_by_id_.end()) return &catalog_->metrics_[static_cast<size_t>(it->second)];
  std::vector<std::string> names;
  for (const auto& [name, index] : catalog_->metric_by_id_) names.push_back(name);
  Fail(kind, id, field, absl::StrCat("unknown metric \"", metric, "\"", SuggestNames(metric, std::move(names))));
  return nullptr;
}

void CatalogCompiler::CheckProgramTargets(const google::protobuf::RepeatedPtrField<v1::ProgramTarget>& targets,
                                          const std::string& field) {
  for (int i = 0; i < targets.size(); ++i) {
    const std::string at = absl::StrCat(field, "[", i, "]");
    CheckMetricName(targets[i].metric(), "program", catalog_->program_.id(), absl::StrCat(at, ".metric"));
    CheckTarget(targets[i].target(), targets[i].metric(), "program", catalog_->program_.id(),
                absl::StrCat(at, ".target"));
  }
}

void CatalogCompiler::CheckTargetSets() {
  const auto& sets = catalog_->program_.target_sets();
  absl::flat_hash_map<std::string, int> by_id;
  std::vector<std::string> names, starts;
  for (int i = 0; i < sets.size(); ++i) {
    by_id.emplace(sets[i].id(), i);
    names.push_back(sets[i].id());
  }
  for (int i = 0; i < sets.size(); ++i) {
    const v1::TargetSet& set = sets[i];
    const std::string at = absl::StrCat("target_sets[", i, "]");
    const auto fail = [&](absl::string_view field, absl::string_view message) {
      Fail("program", catalog_->program_.id(), absl::StrCat(at, field), message);
    };
    CheckSnakeCase(set.id(), "program", catalog_->program_.id(), absl::StrCat(at, ".id"));
    if (by_id.at(set.id()) != i) fail(".id", "this id is defined twice");
    const v1::Date& date = set.starts_on();
    const absl::CivilDay day(date.year(), date.month(), date.day());
    if (set.has_starts_on() && (day.year() != date.year() || day.month() != date.month() || day.day() != date.day())) {
      fail(".starts_on", "this is no day");
    }
    starts.push_back(set.has_starts_on() ? absl::FormatCivilTime(day) : "");
    if (std::find(starts.begin(), starts.end() - 1, starts.back()) != starts.end() - 1) {
      fail(".starts_on", "another set comes into force on the same day, so that none would be the default");
    }
    if (!set.falls_back_to().empty() && !by_id.contains(set.falls_back_to())) {
      fail(".falls_back_to",
           absl::StrCat("unknown target set \"", set.falls_back_to(), "\"", SuggestNames(set.falls_back_to(), names)));
      continue;
    }
    // As many steps as there are sets lead into a circle.
    const v1::TargetSet* next = &set;
    int steps = 0;
    while (next != nullptr && !next->falls_back_to().empty() && steps++ < sets.size()) {
      next = catalog_->FindTargetSet(next->falls_back_to());
    }
    if (steps >= sets.size()) fail(".falls_back_to", "target sets fall back to each other in a circle");
    CheckProgramTargets(set.targets(), absl::StrCat(at, ".targets"));
  }
}

void CatalogCompiler::CheckProgram() {
  const v1::Program& program = catalog_->program_;
  const auto fail = [&](absl::string_view field, absl::string_view message) {
    Fail("program", program.id(), field, message);
  };
  CheckSnakeCase(program.id(), "program", program.id(), "id");
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
        CheckMetricName(sections[i].metrics(j), "program", program.id(), absl::StrCat(field, ".metrics[", j, "]"));
      }
    }
  };
  check_sections(program.scorecard(), "scorecard");
  check_sections(program.dashboard(), "dashboard");
  CheckProgramTargets(program.targets(), "targets");
  if (program.max_rate_age_days() < 0) fail("max_rate_age_days", "an age is 0 days or more; 0 means 7");
  CheckTargetSets();
  CheckSegments();
}

}  // namespace partnermetrics
