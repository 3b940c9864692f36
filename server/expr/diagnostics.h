// Messages about a text that somebody wrote: where, what, and what would have fitted.
//
//   return ErrorAt(locate, name.offset, "UNKNOWN_FIELD", StrCat("unknown field \"amout\"", SuggestNames("amout",
//   fields)));
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_EXPR_DIAGNOSTICS_H_
#define PARTNERMETRICS_SERVER_EXPR_DIAGNOSTICS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/expr/row_expression.h"

namespace partnermetrics {

// INVALID_ARGUMENT "<place>: <message>". Without a locator the place is "expression:<column>".
absl::Status ErrorAt(const TextLocator& locate, size_t offset, absl::string_view reason, absl::string_view message);

// ` (did you mean "amount"?)`, or the names that exist: ` (there are: amount, stage)`; the nearest first.
std::string SuggestNames(absl::string_view wrong, std::vector<std::string> names);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_EXPR_DIAGNOSTICS_H_
