// Expressions over one row of a feed: the grammar of the server's expressions (server/expr/syntax.h), with columns as
// names and functions that read what feeds write. Checked once and evaluated for each row.
//
//   ColumnList columns;
//   ASSIGN_OR_RETURN(Expression when, Compile("status == 'won' && has(amount)", {locate, formats, columns}));
//   Evaluation row{record, file, row_ids};
//   Value value = when.code(row);   // row.fault says when a cell could not be read
//
// Columns are texts; blank ones are null. Operators and functions of null are null, but `false && null` is false,
// `true || null` is true, and coalesce passes over nulls. Immutable after compilation; any thread may evaluate.
#ifndef PARTNERMETRICS_CONNECTORS_TABLE_EXPRESSION_H_
#define PARTNERMETRICS_CONNECTORS_TABLE_EXPRESSION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "connectors/sdk/readers/record.h"
#include "connectors/sdk/readers/row_ids.h"
#include "connectors/table/value.h"

namespace partnermetrics {
struct SyntaxNode;
}

namespace partnermetrics::table {

// Gives the place of a byte of a text as people look for it: "mapping.textproto:12:30".
using TextLocator = std::function<std::string(size_t offset)>;

// The columns that the expressions of a target read, each with the first place that names it.
class ColumnList {
 public:
  struct Column {
    std::string name;
    std::string place;  // "mapping.textproto:12:30"
  };

  // The index of the column; a new one when it is not yet there.
  size_t Add(const std::string& name, const std::string& place);
  const std::vector<Column>& all() const { return columns_; }

 private:
  std::vector<Column> columns_;
};

// A row or object of the feed.
class Record {
 public:
  virtual ~Record() = default;
  // The cell of a column by its index in the target's ColumnList: trimmed, empty for null.
  virtual std::string Text(size_t column) const = 0;
  // The row as read.
  virtual std::string_view raw() const = 0;
};

struct FeedFile {
  std::string name;  // the last part, without ".gz"
  sdk::Instant modified;
};

// A row while expressions look at it. The first fault stays.
struct Evaluation {
  const Record& record;
  const FeedFile& file;
  sdk::RowIds& row_ids;
  std::optional<std::string> row_id = {};  // once it was asked for
  sdk::Fault fault = {};

  void Fail(const std::string& field, const char* reason, const std::string& message) {
    if (fault.reason == nullptr) fault = {field, reason, message};
  }
};

using Code = std::function<Value(Evaluation&)>;

struct Expression {
  Type type = Type::kNull;
  Code code;
  std::string column;            // the first one that it reads, for messages
  std::optional<Value> literal;  // of a constant
  size_t offset = 0;             // in the text
};

struct CompileContext {
  const TextLocator& locate;
  const sdk::CellFormat& formats;
  ColumnList& columns;
};

// INVALID_ARGUMENT with the place, what is wrong and what would have fitted.
absl::StatusOr<Expression> Compile(absl::string_view text, const CompileContext& context);

// ` (did you mean "amount"?)`, or the names that exist: ` (there are: amount, stage)`; the nearest first.
std::string Suggestion(absl::string_view wrong, std::vector<std::string> names);

// The functions, as messages and the documentation list them: "replace(text, from, to)".
std::vector<std::string> FunctionForms();

// A call of a function whose operands are compiled.
struct Call {
  const SyntaxNode& node;
  std::vector<Expression> operands;
  const CompileContext& context;

  absl::Status Fail(size_t offset, absl::string_view message) const;
};
// functions.cc
absl::StatusOr<Expression> CompileFunction(Call call);

}  // namespace partnermetrics::table

#endif  // PARTNERMETRICS_CONNECTORS_TABLE_EXPRESSION_H_
