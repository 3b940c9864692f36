// Text ↔ the small messages that stand for one value: dates, instants, money, scopes, references.
//
//   v1::Date date;
//   ParseMessageText("today-30d", {.today = absl::CivilDay(2026, 3, 31)}, &date);   // 2026-03-01
//   FormatMessageText(date);                                                         // "2026-03-01"
//
// What FormatMessageText writes, ParseMessageText reads. Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_VALUE_TEXT_H_
#define PARTNERMETRICS_CLIENTS_CLI_VALUE_TEXT_H_

#include <google/protobuf/message.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace partnermetrics::cli {

// The moment of the call, which "today" and "now" mean.
struct CallTime {
  absl::CivilDay today;
  absl::Time now;
};

// Reads text into a message for which ValueTypeOfMessage gives a type. INVALID_ARGUMENT says what is wrong; what would
// be right is ValueForm's.
absl::Status ParseMessageText(absl::string_view text, const CallTime& time, google::protobuf::Message* message);

// Text of such a message.
std::string FormatMessageText(const google::protobuf::Message& message);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_VALUE_TEXT_H_
