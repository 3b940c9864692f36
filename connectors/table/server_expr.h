// The server's grammar of expressions and its messages. For .cc files that use absl::Status, as their last include: the
// server's macros need the name PM_ASSIGN_OR_RETURN, which the SDK's has too.
#ifndef PARTNERMETRICS_CONNECTORS_TABLE_SERVER_EXPR_H_
#define PARTNERMETRICS_CONNECTORS_TABLE_SERVER_EXPR_H_

#include "partnermetrics/status.h"
#undef PM_ASSIGN_OR_RETURN

#include "server/base/errors.h"
#include "server/expr/decimal.h"
#include "server/expr/diagnostics.h"
#include "server/expr/syntax.h"
#include "server/expr/text_places.h"

#endif  // PARTNERMETRICS_CONNECTORS_TABLE_SERVER_EXPR_H_
