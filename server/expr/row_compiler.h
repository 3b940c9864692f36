// Checks the types of a row expression and compiles it. Used by RowExpression::Compile alone.
#ifndef PARTNERMETRICS_SERVER_EXPR_ROW_COMPILER_H_
#define PARTNERMETRICS_SERVER_EXPR_ROW_COMPILER_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/descriptor.h"
#include "server/expr/row_expression.h"
#include "server/expr/row_program.h"
#include "server/expr/syntax.h"

namespace partnermetrics {

class RowCompiler {
 public:
  RowCompiler(const FactSchema& schema, const CompileOptions& options);

  absl::StatusOr<RowExpression> Compile(const SyntaxNode& tree);

 private:
  using EnumType = const google::protobuf::EnumDescriptor*;

  // A compiled operand and what is known of it.
  struct Typed {
    int index = -1;
    ValueType type = ValueType::kNull;  // kNull: the literal null
    bool days = false;                  // made by days(n): may only be added to a date
    EnumType enum_type = nullptr;
    size_t offset = 0;
  };

  // `wanted` is the enum whose short names may stand here.
  absl::StatusOr<Typed> Check(const SyntaxNode& node, EnumType wanted = nullptr);
  absl::StatusOr<Typed> CheckName(const SyntaxNode& node, EnumType wanted);
  absl::StatusOr<Typed> CheckEnumName(const SyntaxNode& node, EnumType wanted);
  absl::StatusOr<Typed> CheckUnary(const SyntaxNode& node);
  absl::StatusOr<Typed> CheckBinary(const SyntaxNode& node);
  absl::StatusOr<Typed> CheckLogic(const SyntaxNode& node);
  absl::StatusOr<Typed> CheckComparison(const SyntaxNode& node);
  absl::StatusOr<Typed> CheckIn(const SyntaxNode& node);
  absl::StatusOr<Typed> CheckArithmetic(const SyntaxNode& node);
  absl::StatusOr<Typed> AddToDate(const SyntaxNode& node, const Typed& left, const Typed& right);
  absl::StatusOr<Typed> Scale(const SyntaxNode& node, Typed left, Typed right);
  absl::StatusOr<Typed> CheckChoice(const SyntaxNode& node, EnumType wanted);
  absl::StatusOr<Typed> CheckCall(const SyntaxNode& node, EnumType wanted);
  absl::StatusOr<Typed> CheckHas(const SyntaxNode& node);
  absl::StatusOr<Typed> CheckDateLiteral(const SyntaxNode& node);
  absl::StatusOr<Typed> CheckSimpleCall(const SyntaxNode& node);
  absl::StatusOr<Typed> CheckPick(const SyntaxNode& node, EnumType wanted);
  absl::StatusOr<Typed> CheckTextCall(const SyntaxNode& node);

  // Brings operands to one type: ints become decimals, literal numbers become money beside money.
  absl::Status Unify(const SyntaxNode& node, std::vector<Typed>& operands);
  absl::Status ExpectBool(const Typed& operand, absl::string_view where);
  absl::Status ExpectCount(const SyntaxNode& node, size_t least, size_t most, absl::string_view form);
  absl::Status CheckResult(const Typed& result);

  // The enum type of a side of a comparison, so that the other side may use its names.
  EnumType EnumOf(const SyntaxNode& node) const;
  const FieldSchema* FindField(absl::string_view name) const;
  // "closed_on, expected_close_on, date(created_at)": what would fit a result of these types.
  std::string FittingFields(const std::vector<ValueType>& types) const;

  int Emit(RowCode code);
  Typed Emit(RowOp op, ValueType type, const SyntaxNode& node, int a = -1, int b = -1, int c = -1);
  Typed Constant(Value value, const SyntaxNode& node);
  Typed ToDecimal(const Typed& operand, ValueType type);
  bool IsLiteral(const Typed& operand) const;
  absl::Status Fail(size_t offset, absl::string_view reason, absl::string_view message) const;

  const FactSchema& schema_;
  const FactSchema* root_ = nullptr;
  const CompileOptions& options_;
  std::shared_ptr<RowProgram> program_ = std::make_shared<RowProgram>();
  std::set<int> slots_, root_slots_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPR_ROW_COMPILER_H_
