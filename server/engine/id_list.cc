#include "server/engine/id_list.h"

#include <algorithm>

#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {

absl::StatusOr<FactId> DecodeId(absl::string_view value) {
  storage::ByteReader reader(value);
  FactId id = Keys::ReadFactId(reader);
  RETURN_IF_ERROR(reader.Finish("name of a fact"));
  return id;
}

std::string EncodeIds(const std::vector<FactId>& ids) {
  std::string value;
  for (const FactId& id : ids) Keys::AppendFact(value, id);
  return value;
}

absl::StatusOr<std::vector<FactId>> DecodeIds(absl::string_view value) {
  storage::ByteReader reader(value);
  std::vector<FactId> ids;
  while (reader.ok() && !reader.empty()) ids.push_back(Keys::ReadFactId(reader));
  RETURN_IF_ERROR(reader.Finish("list of facts"));
  return ids;
}

absl::StatusOr<bool> ChangeIdList(StateOverlay& state, const std::string& key, const FactId& id, bool add) {
  ASSIGN_OR_RETURN(auto value, state.Get(StateTable::kIndexes, key));
  std::vector<FactId> ids;
  if (value.has_value()) {
    ASSIGN_OR_RETURN(ids, DecodeIds(*value));
  }
  const bool was_empty = ids.empty();
  const auto at = std::lower_bound(ids.begin(), ids.end(), id);
  const bool there = at != ids.end() && *at == id;
  if (add && !there) ids.insert(at, id);
  if (!add && there) ids.erase(at);
  if (ids.empty()) {
    state.Delete(StateTable::kIndexes, key);
  } else {
    state.Put(StateTable::kIndexes, key, EncodeIds(ids));
  }
  return was_empty != ids.empty();
}

}  // namespace partnermetrics
