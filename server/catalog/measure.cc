#include "server/catalog/measure.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

// False when the measure sums a value that the fact does not have.
bool SumOf(const CompiledMeasure& measure, const EvalContext& context, Nanos& sum) {
  if (!measure.sum) return true;
  const Value value = measure.sum->Evaluate(context);
  if (value.is_null()) return false;
  sum = value.type == ValueType::kInt ? Nanos(value.integer) * kNanosPerUnit : value.decimal;
  return true;
}

// A value as bytes that differ whenever the values do.
std::string ValueText(const Value& value) {
  if (value.type == ValueType::kString) return std::string(value.text);
  if (value.type != ValueType::kDecimal && value.type != ValueType::kMoney) return absl::StrCat(value.integer);
  std::string bytes;
  storage::ByteWriter(&bytes).Int128(value.decimal);
  return bytes;
}

enum class Wanted { kCounting, kParked };

ContributionList Contributions(const CompiledMeasure& measure, const EvalContext& context, Wanted wanted) {
  ContributionList list;
  if (measure.where && !measure.where->Test(context)) return list;
  const Value begin = (measure.is_flow() ? measure.at : measure.from)->Evaluate(context);
  if (begin.is_null()) return list;
  Nanos sum = 0;
  if (SumOf(measure, context, sum) != (wanted == Wanted::kCounting)) return list;

  const Contribution first = {static_cast<Day>(begin.integer), 1, 1, sum};
  const Value end = measure.until ? measure.until->Evaluate(context) : Value::Null();
  if (!end.is_null() && end.integer <= begin.integer) return list;
  list.Add(first);
  if (!end.is_null()) list.Add({static_cast<Day>(end.integer), 1, -1, -sum});
  return list;
}

}  // namespace

ContributionList ContributionsOf(const CompiledMeasure& measure, const EvalContext& context) {
  return Contributions(measure, context, Wanted::kCounting);
}

ContributionList ParkedContributionsOf(const CompiledMeasure& measure, const EvalContext& context) {
  return measure.sum_is_money ? Contributions(measure, context, Wanted::kParked) : ContributionList();
}

ContributionList Within(const CompiledMeasure& measure, const ContributionList& list, const DayRange& days) {
  ContributionList within;
  if (list.empty()) return within;
  Contribution first = list[0];
  if (measure.is_flow()) {
    if (days.Contains(first.day)) within.Add(first);
    return within;
  }
  const Day none = DayRange().until;
  first.day = std::max(first.day, days.first);
  const Day until = std::min(list.size() > 1 ? list[1].day : none, days.until);
  if (until <= first.day) return within;
  within.Add(first);
  if (until != none) within.Add({until, 1, -1, -first.sum});
  return within;
}

bool EntryKey(const CompiledMeasure& measure, const EvalContext& context, absl::string_view fact, std::string& key) {
  key.clear();
  storage::ByteWriter writer(&key);
  if (measure.kind == v1::MEASURE_KIND_COHORT) {
    const Value then = measure.then->Evaluate(context);
    if (!then.is_null()) writer.KeyI32(static_cast<int32_t>(then.integer));
    return !then.is_null();
  }
  std::string parts;
  for (const RowExpression& part : measure.key) {
    const Value value = part.Evaluate(context);
    if (value.is_null()) return false;
    storage::ByteWriter(&parts).KeyString(ValueText(value));
  }
  writer.KeyString(parts);
  if (measure.reduce == v1::KEY_REDUCTION_LAST) writer.Raw(fact);
  return true;
}

Day CohortDay(absl::string_view entry_key) {
  return storage::ByteReader(entry_key).KeyI32();
}

absl::string_view ReducedKey(absl::string_view entry_key) {
  return entry_key.substr(0, entry_key.find(absl::string_view("\0\0", 2)));
}

std::string SplitRowName(const CompiledMeasure& measure, const EvalContext& context) {
  const FactRow* row = measure.by_root ? context.root : context.row;
  const Value value = row == nullptr ? Value::Null() : (*row)[measure.by->slot];
  std::string text;
  if (!value.is_null()) {
    const google::protobuf::EnumValueDescriptor* name =
        measure.by->enum_type == nullptr ? nullptr
                                         : measure.by->enum_type->FindValueByNumber(static_cast<int>(value.integer));
    text = name != nullptr ? ShortEnumName(*name) : ValueText(value);
  }
  return SplitRowName(measure.id, text);
}

std::string SplitRowName(absl::string_view measure, absl::string_view value) {
  return absl::StrCat(measure, "[", value, "]");
}

absl::string_view MeasureOfRow(absl::string_view row) {
  return row.substr(0, row.find('['));
}

}  // namespace partnermetrics
