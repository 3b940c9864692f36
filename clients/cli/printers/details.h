// A message as a list of names and values, with nested messages indented.
//
//   partner_id  salesforce:001
//   partner
//     name      Acme
//
// Unset fields, empty texts and empty lists are left out; zero and false are shown. Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_PRINTERS_DETAILS_H_
#define PARTNERMETRICS_CLIENTS_CLI_PRINTERS_DETAILS_H_

#include <google/protobuf/message.h>

#include "clients/cli/text_layout.h"

namespace partnermetrics::cli {

// `except`: a field of the message that is left out; may be null.
void PrintDetails(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor* except,
                  const Screen& screen);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_PRINTERS_DETAILS_H_
