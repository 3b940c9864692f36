// Stored lists of facts: sorted, each once.
#ifndef PARTNERMETRICS_SERVER_ENGINE_ID_LIST_H_
#define PARTNERMETRICS_SERVER_ENGINE_ID_LIST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/engine/keys.h"
#include "server/engine/state_overlay.h"

namespace partnermetrics {

std::string EncodeIds(const std::vector<FactId>& ids);
absl::StatusOr<std::vector<FactId>> DecodeIds(absl::string_view value);
// Of one fact alone.
absl::StatusOr<FactId> DecodeId(absl::string_view value);

// Adds or removes an id of the list under an index's key. True when the list was or became empty.
absl::StatusOr<bool> ChangeIdList(StateOverlay& state, const std::string& key, const FactId& id, bool add);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_ID_LIST_H_
