#include "server/expr/row_expression.h"

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "server/expr/civil_day.h"
#include "server/expr/decimal.h"
#include "server/expr/row_program.h"

namespace partnermetrics {
namespace {

enum class Truth : uint8_t { kFalse, kTrue, kUnknown };

Truth TruthOf(bool value) {
  return value ? Truth::kTrue : Truth::kFalse;
}

template <typename T>
bool Holds(SyntaxOp relation, const T& a, const T& b) {
  switch (relation) {
    case SyntaxOp::kEqual:
      return a == b;
    case SyntaxOp::kNotEqual:
      return a != b;
    case SyntaxOp::kLess:
      return a < b;
    case SyntaxOp::kLessEqual:
      return a <= b;
    case SyntaxOp::kGreater:
      return a > b;
    default:
      return a >= b;
  }
}

int64_t CodePoints(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

// Days that a calendar date may have: years 1 to 9999.
constexpr int64_t kFirstDay = -719'162, kLastDay = 2'932'896;

class Run {
 public:
  Run(const RowProgram& program, const EvalContext& context) : codes_(program.codes.data()), context_(context) {}

  Truth Test(int index) const {
    const RowCode& code = codes_[index];
    switch (code.op) {
      case RowOp::kHas: {
        Value scratch;
        return TruthOf(!Get(code.a, scratch).is_null());
      }
      case RowOp::kNot: {
        const Truth truth = Test(code.a);
        return truth == Truth::kUnknown ? truth : TruthOf(truth == Truth::kFalse);
      }
      case RowOp::kAnd:
        return Both(code, Truth::kFalse);
      case RowOp::kOr:
        return Both(code, Truth::kTrue);
      case RowOp::kCompareInteger:
      case RowOp::kCompareDecimal:
      case RowOp::kCompareText:
        return Compare(code);
      case RowOp::kInInteger:
      case RowOp::kInDecimal:
      case RowOp::kInText:
        return In(code);
      case RowOp::kStartsWith:
      case RowOp::kEndsWith:
      case RowOp::kContains:
        return TestText(code);
      default: {
        const Value value = Evaluate(index);
        return value.is_null() ? Truth::kUnknown : TruthOf(value.integer != 0);
      }
    }
  }

  Value Evaluate(int index) const {
    const RowCode& code = codes_[index];
    switch (code.op) {
      case RowOp::kConstant:
        return code.constant;
      case RowOp::kField:
        return (*context_.row)[code.a];
      case RowOp::kRootField:
        return context_.root == nullptr ? Value::Null() : (*context_.root)[code.a];
      case RowOp::kChoice: {
        const Truth condition = Test(code.a);
        return condition == Truth::kUnknown ? Value::Null() : Evaluate(condition == Truth::kTrue ? code.b : code.c);
      }
      case RowOp::kCoalesce:
      case RowOp::kEarliest:
      case RowOp::kLatest:
        return Pick(code);
      case RowOp::kToDecimal:
      case RowOp::kRetype:
      case RowOp::kDateOf:
      case RowOp::kSize:
      case RowOp::kNegateInteger:
      case RowOp::kNegateDecimal:
        return Unary(code);
      case RowOp::kAddInteger:
      case RowOp::kSubtractInteger:
      case RowOp::kMultiplyInteger:
      case RowOp::kDivideInteger:
      case RowOp::kModuloInteger:
      case RowOp::kAddDays:
      case RowOp::kSubtractDays:
      case RowOp::kHoursBetween:
        return IntegerArithmetic(code);
      case RowOp::kAddDecimal:
      case RowOp::kSubtractDecimal:
      case RowOp::kMultiplyDecimal:
      case RowOp::kDivideDecimal:
        return DecimalArithmetic(code);
      default: {
        const Truth truth = Test(index);
        return truth == Truth::kUnknown ? Value::Null() : Value::Bool(truth == Truth::kTrue);
      }
    }
  }

 private:
  // The value of a node without copying what is a field or a constant.
  const Value& Get(int index, Value& scratch) const {
    const RowCode& code = codes_[index];
    if (code.op == RowOp::kField) return (*context_.row)[code.a];
    if (code.op == RowOp::kConstant) return code.constant;
    return scratch = Evaluate(index);
  }

  // && and ||: `decisive` decides alone, even beside null.
  Truth Both(const RowCode& code, Truth decisive) const {
    const Truth left = Test(code.a);
    if (left == decisive) return left;
    const Truth right = Test(code.b);
    return right == decisive || left != Truth::kUnknown ? right : left;
  }

  bool Same(const RowCode& code, const Value& a, const Value& b, SyntaxOp relation) const {
    if (code.op == RowOp::kCompareInteger || code.op == RowOp::kInInteger) {
      return Holds(relation, a.integer, b.integer);
    }
    if (code.op == RowOp::kCompareDecimal || code.op == RowOp::kInDecimal) {
      return Holds(relation, a.decimal, b.decimal);
    }
    return Holds(relation, a.text, b.text);
  }

  Truth Compare(const RowCode& code) const {
    Value scratch_a, scratch_b;
    const Value& a = Get(code.a, scratch_a);
    if (a.is_null()) return Truth::kUnknown;
    const Value& b = Get(code.b, scratch_b);
    return b.is_null() ? Truth::kUnknown : TruthOf(Same(code, a, b, code.relation));
  }

  Truth In(const RowCode& code) const {
    Value scratch_a, scratch_b;
    const Value& a = Get(code.a, scratch_a);
    if (a.is_null()) return Truth::kUnknown;
    bool unknown = false;
    for (const int element : code.list) {
      const Value& b = Get(element, scratch_b);
      if (b.is_null()) {
        unknown = true;
      } else if (Same(code, a, b, SyntaxOp::kEqual)) {
        return Truth::kTrue;
      }
    }
    return unknown ? Truth::kUnknown : Truth::kFalse;
  }

  Truth TestText(const RowCode& code) const {
    Value scratch_a, scratch_b;
    const Value& a = Get(code.a, scratch_a);
    const Value& b = Get(code.b, scratch_b);
    if (a.is_null() || b.is_null()) return Truth::kUnknown;
    if (code.op == RowOp::kStartsWith) return TruthOf(absl::StartsWith(a.text, b.text));
    if (code.op == RowOp::kEndsWith) return TruthOf(absl::EndsWith(a.text, b.text));
    return TruthOf(absl::StrContains(a.text, b.text));
  }

  Value Pick(const RowCode& code) const {
    Value best;
    for (const int operand : code.list) {
      Value value = Evaluate(operand);
      if (value.is_null()) continue;
      if (code.op == RowOp::kCoalesce) return value;
      const bool better = code.op == RowOp::kEarliest ? value.integer < best.integer : value.integer > best.integer;
      if (best.is_null() || better) best = value;
    }
    return best;
  }

  Value Unary(const RowCode& code) const {
    Value value = Evaluate(code.a);
    if (value.is_null()) return value;
    switch (code.op) {
      case RowOp::kToDecimal:
        value.decimal = Nanos(value.integer) * kNanosPerUnit;
        break;
      case RowOp::kDateOf:
        value.integer = CivilDayOf(value.integer, *context_.zone);
        break;
      case RowOp::kSize:
        value.integer = CodePoints(value.text);
        break;
      case RowOp::kNegateInteger:
        if (__builtin_sub_overflow(int64_t{0}, value.integer, &value.integer)) return Value::Null();
        break;
      case RowOp::kNegateDecimal:
        if (!SubtractNanos(0, value.decimal, value.decimal)) return Value::Null();
        break;
      default:
        break;
    }
    value.type = code.type;
    return value;
  }

  Value IntegerArithmetic(const RowCode& code) const {
    Value scratch_a, scratch_b;
    const Value& left = Get(code.a, scratch_a);
    const Value& right = Get(code.b, scratch_b);
    if (left.is_null() || right.is_null()) return Value::Null();
    const int64_t a = left.integer, b = right.integer;
    Value result = {code.type, 0, 0, {}};
    bool fits = true;
    switch (code.op) {
      case RowOp::kAddInteger:
        fits = !__builtin_add_overflow(a, b, &result.integer);
        break;
      case RowOp::kSubtractInteger:
        fits = !__builtin_sub_overflow(a, b, &result.integer);
        break;
      case RowOp::kMultiplyInteger:
        fits = !__builtin_mul_overflow(a, b, &result.integer);
        break;
      case RowOp::kDivideInteger:
      case RowOp::kModuloInteger:
        fits = b != 0 && !(b == -1 && a == std::numeric_limits<int64_t>::min());
        if (fits) result.integer = code.op == RowOp::kDivideInteger ? a / b : a % b;
        break;
      case RowOp::kHoursBetween:
        fits = !__builtin_sub_overflow(b, a, &result.integer);
        // Microseconds to billionths of an hour: * 10^9 / (3600 * 10^6).
        result.decimal = DivideHalfEven(Nanos(result.integer) * 5, 18);
        break;
      default:
        fits = code.op == RowOp::kAddDays ? !__builtin_add_overflow(a, b, &result.integer)
                                          : !__builtin_sub_overflow(a, b, &result.integer);
        fits = fits && result.integer >= kFirstDay && result.integer <= kLastDay;
    }
    return fits ? result : Value::Null();
  }

  Value DecimalArithmetic(const RowCode& code) const {
    Value scratch_a, scratch_b;
    const Value& a = Get(code.a, scratch_a);
    const Value& b = Get(code.b, scratch_b);
    if (a.is_null() || b.is_null()) return Value::Null();
    Value result = {code.type, 0, 0, {}};
    bool fits;
    switch (code.op) {
      case RowOp::kAddDecimal:
        fits = AddNanos(a.decimal, b.decimal, result.decimal);
        break;
      case RowOp::kSubtractDecimal:
        fits = SubtractNanos(a.decimal, b.decimal, result.decimal);
        break;
      case RowOp::kMultiplyDecimal:
        fits = MultiplyNanos(a.decimal, b.decimal, result.decimal);
        break;
      default:
        fits = DivideNanos(a.decimal, b.decimal, result.decimal);
    }
    return fits ? result : Value::Null();
  }

  const RowCode* codes_;
  const EvalContext& context_;
};

}  // namespace

Value RowExpression::Evaluate(const EvalContext& context) const {
  return Run(*program_, context).Evaluate(static_cast<int>(program_->codes.size()) - 1);
}

bool RowExpression::Test(const EvalContext& context) const {
  return Run(*program_, context).Test(static_cast<int>(program_->codes.size()) - 1) == Truth::kTrue;
}

bool RowExpression::Reads(int slot) const {
  return std::binary_search(slots_.begin(), slots_.end(), slot);
}

}  // namespace partnermetrics
