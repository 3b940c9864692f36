// Dates and times in a form that a mapping states.
//
//   ParseTimeAs("31 Mar 2025 4:05 pm", "D MMM YYYY h:mm a")
//
// YYYY YY, MM M MMM (Jan, January), DD D, HH H (0 to 23), hh h with a (am, pm), mm m, ss s, SSS (fraction, any number
// of digits), Z (Z, +0100, +01:00). Double letters need two digits, single ones take one or two. Any other character
// stands for itself, and so does T; other letters that shall are put into [brackets]. Pure and thread-safe.
#ifndef PARTNERMETRICS_CONNECTORS_TABLE_TIME_FORMAT_H_
#define PARTNERMETRICS_CONNECTORS_TABLE_TIME_FORMAT_H_

#include <optional>
#include <string>
#include <string_view>

#include "connectors/sdk/readers/times.h"

namespace partnermetrics::table {

// What is wrong with a format; empty when it can be used. With `time` it must have hours.
std::string CheckTimeFormat(std::string_view format, bool time);

std::optional<sdk::ParsedTime> ParseTimeAs(std::string_view text, std::string_view format);

}  // namespace partnermetrics::table

#endif  // PARTNERMETRICS_CONNECTORS_TABLE_TIME_FORMAT_H_
