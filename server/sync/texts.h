// Texts and problems as plugins send them, made fit for messages: plugins are not trusted to send UTF-8, or to be
// brief.
#ifndef PARTNERMETRICS_SERVER_SYNC_TEXTS_H_
#define PARTNERMETRICS_SERVER_SYNC_TEXTS_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "connectors/host/frames.h"
#include "partnermetrics/v1/connector.pb.h"

namespace partnermetrics {

inline constexpr size_t kMaxTextBytes = 1024;

// The bytes as UTF-8, with U+FFFD for each byte that is none.
std::string ToUtf8(absl::string_view bytes);

// The text as UTF-8, cut after kMaxTextBytes.
std::string PluginText(absl::string_view text);

// Of a level of the connector ABI.
v1::ProblemLevel ToProblemLevel(int32_t level);

v1::ConnectorProblem ToProblem(const connectors::Problem& problem);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_TEXTS_H_
