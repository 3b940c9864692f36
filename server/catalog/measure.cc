#include "server/catalog/measure.h"

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

}  // namespace partnermetrics
