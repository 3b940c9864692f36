// What a plugin read, in a form for people and for golden files: one line for each event, rejection and skip.
//
//   Account.csv:1 partner {"recordId":"001…","partner":{"name":"Cascadia"}}
//   Account.csv:2 rejected CloseDate bad_date "30 Feb" is no date
//   complete partner
#ifndef PARTNERMETRICS_CONNECTORS_KIT_PRINT_H_
#define PARTNERMETRICS_CONNECTORS_KIT_PRINT_H_

#include <string>

#include "connectors/kit/kit_host.h"

namespace partnermetrics::kit {

std::string Print(const KitHost& host);

}  // namespace partnermetrics::kit

#endif  // PARTNERMETRICS_CONNECTORS_KIT_PRINT_H_
