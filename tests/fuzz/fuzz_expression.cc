// The server's expressions: every text is an expression or refused with its place; what compiles can be evaluated, also
// over rows without a value.
#include "server/expr/row_expression.h"
#include "server/expr/syntax.h"
#include "server/facts/fact_schema.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace partnermetrics;  // NOLINT: a function of C
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto locate = [&text](std::size_t offset) {
    REQUIRE(offset <= text.size());
    return std::to_string(offset);
  };
  if (!ParseExpression(text, locate).ok()) return 0;
  for (const char* kind : {"deal", "deal_stage", "survey_response"}) {
    const FactSchema* schema = FactSchemas::Get().Find(kind);
    const absl::StatusOr<RowExpression> compiled = RowExpression::Compile(text, *schema);
    if (!compiled.ok()) {
      REQUIRE(!compiled.status().message().empty());
      continue;
    }
    FactRow row(*schema);
    static const absl::TimeZone utc = absl::UTCTimeZone();
    EvalContext context;
    context.row = &row;
    context.zone = &utc;
    const Value value = compiled->Evaluate(context);
    REQUIRE(value.is_null() || value.type == compiled->type());
  }
  return 0;
}
