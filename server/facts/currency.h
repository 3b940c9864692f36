// The currencies that money may be in.
#ifndef PARTNERMETRICS_SERVER_FACTS_CURRENCY_H_
#define PARTNERMETRICS_SERVER_FACTS_CURRENCY_H_

#include "absl/strings/string_view.h"

namespace partnermetrics {

// Whether `code` is an active ISO 4217 code in upper case.
bool IsCurrency(absl::string_view code);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_FACTS_CURRENCY_H_
