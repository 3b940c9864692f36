// How large answers and the texts in them get.
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_QUERIES_ANSWER_SIZE_H_
#define PARTNERMETRICS_SERVER_QUERIES_ANSWER_SIZE_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace partnermetrics {

// Answers stay below what clients take by default (4 MiB).
inline constexpr size_t kMaxAnswerBytes = size_t{3} << 20;

// At most `bytes` of the text, cut between characters.
std::string Clip(absl::string_view text, size_t bytes);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_ANSWER_SIZE_H_
