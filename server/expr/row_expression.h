// Expressions over one fact: a subset of CEL, checked once and evaluated often.
//
//   ASSIGN_OR_RETURN(RowExpression where, RowExpression::Compile("outcome == WON && amount > 1000", *deal));
//   if (where.Test({.row = &row, .zone = &zone})) …
//
// A fact's unset field is null. Operators and functions of null are null, but `false && null` is false, `true || null`
// is true, and `coalesce`, `earliest` and `latest` pass over nulls. An overflow or a division by zero gives null.
// docs/metrics.md lists the language. Immutable after compilation; any thread may evaluate.
#ifndef PARTNERMETRICS_SERVER_EXPR_ROW_EXPRESSION_H_
#define PARTNERMETRICS_SERVER_EXPR_ROW_EXPRESSION_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/facts/fact_row.h"
#include "server/facts/fact_schema.h"

namespace partnermetrics {

struct EvalContext {
  const FactRow* row = nullptr;
  const FactRow* root = nullptr;         // for parts; null while the root is not known: its fields are then null
  const absl::TimeZone* zone = nullptr;  // of the programme; decides what date() gives
};

struct RowProgram;
struct SyntaxNode;

// Gives the place of a byte of the text as people look for it: "pipeline.textproto:12:30".
using TextLocator = std::function<std::string(size_t offset)>;

struct CompileOptions {
  TextLocator locate;             // unset: "expression:<column>"
  std::vector<ValueType> result;  // types that the expression may have; empty: any
  absl::string_view purpose;      // what the result is for, used in messages: "where"
  absl::string_view prefix;  // that the names of the fact's fields begin with, where the text names more: "partner."
};

class RowExpression {
 public:
  // INVALID_ARGUMENT with the place, what is wrong and what would have fitted. Parts may read `root.` fields.
  static absl::StatusOr<RowExpression> Compile(absl::string_view text, const FactSchema& schema,
                                               const CompileOptions& options = {});
  // The same of an expression that is part of a parsed text; text() is then empty.
  static absl::StatusOr<RowExpression> Compile(const SyntaxNode& tree, const FactSchema& schema,
                                               const CompileOptions& options = {});

  Value Evaluate(const EvalContext& context) const;
  // For conditions: null counts as false.
  bool Test(const EvalContext& context) const;

  ValueType type() const { return type_; }
  const std::string& text() const { return text_; }
  // Slots of the row, and of the root's row, that are read: ascending, each once.
  absl::Span<const int> slots() const { return slots_; }
  absl::Span<const int> root_slots() const { return root_slots_; }
  bool Reads(int slot) const;

 private:
  friend class RowCompiler;

  std::shared_ptr<const RowProgram> program_;
  ValueType type_ = ValueType::kNull;
  std::string text_;
  std::vector<int> slots_, root_slots_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPR_ROW_EXPRESSION_H_
