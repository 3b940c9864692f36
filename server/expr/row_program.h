// The compiled form of a row expression: typed operations in an array, operands before their operator.
//
// Only RowCompiler makes programs and only RowExpression runs them. Immutable after compilation.
#ifndef PARTNERMETRICS_SERVER_EXPR_ROW_PROGRAM_H_
#define PARTNERMETRICS_SERVER_EXPR_ROW_PROGRAM_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "server/expr/syntax.h"
#include "server/facts/fact_row.h"

namespace partnermetrics {

enum class RowOp : uint8_t {
  kConstant,
  kField,      // a: slot of the row
  kRootField,  // a: slot of the root's row
  kHas,        // a
  kNot,
  kAnd,
  kOr,
  kChoice,          // a ? b : c
  kCompareInteger,  // a, b by `relation`; for everything kept in Value::integer
  kCompareDecimal,
  kCompareText,
  kInInteger,
  kInDecimal,
  kInText,  // a in the list
  kAddInteger,
  kSubtractInteger,
  kMultiplyInteger,
  kDivideInteger,
  kModuloInteger,
  kNegateInteger,
  kAddDecimal,
  kSubtractDecimal,
  kMultiplyDecimal,
  kDivideDecimal,
  kNegateDecimal,
  kAddDays,  // a: date, b: number of days
  kSubtractDays,
  kToDecimal,     // a: int
  kRetype,        // a, as `type`
  kDateOf,        // a: instant
  kHoursBetween,  // a, b: instants
  kEarliest,
  kLatest,
  kCoalesce,  // of the list
  kSize,
  kStartsWith,
  kEndsWith,
  kContains,
};

struct RowCode {
  RowOp op = RowOp::kConstant;
  SyntaxOp relation = SyntaxOp::kNone;
  ValueType type = ValueType::kNull;  // of the result
  int a = -1, b = -1, c = -1;         // operands
  std::vector<int> list;
  Value constant;
};

struct RowProgram {
  std::vector<RowCode> codes;     // the last is the result
  std::deque<std::string> texts;  // that constants point into
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPR_ROW_PROGRAM_H_
