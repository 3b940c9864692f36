#include "server/engine/entry_set.h"

#include <algorithm>
#include <utility>

#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

absl::StatusOr<std::vector<std::string>> Decode(absl::string_view value) {
  std::vector<std::string> entries;
  storage::ByteReader reader(value);
  while (reader.ok() && !reader.empty()) entries.emplace_back(reader.String());
  RETURN_IF_ERROR(reader.Finish("set of entries"));
  return entries;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> EntrySets::ReadFirst(const FactId& owner) const {
  ASSIGN_OR_RETURN(const auto value, state_.Get(StateTable::kIndexes, keys_.Of(tables_.first, owner)));
  return value.has_value() ? Decode(*value) : std::vector<std::string>();
}

absl::StatusOr<std::optional<std::string>> EntrySets::First(const FactId& owner) const {
  ASSIGN_OR_RETURN(std::vector<std::string> entries, ReadFirst(owner));
  return entries.empty() ? std::nullopt : std::optional<std::string>(std::move(entries.front()));
}

absl::StatusOr<std::vector<std::string>> EntrySets::Read(const FactId& owner) const {
  ASSIGN_OR_RETURN(std::vector<std::string> entries, ReadFirst(owner));
  if (entries.size() < tables_.most_first) return entries;
  const std::string prefix = keys_.Of(tables_.later, owner);
  RETURN_IF_ERROR(state_.Scan(StateTable::kIndexes, prefix, prefix, [&](absl::string_view key, absl::string_view) {
    entries.emplace_back(key.substr(prefix.size()));
    return true;
  }));
  return entries;
}

absl::StatusOr<std::optional<std::string>> EntrySets::TakeNextLater(const FactId& owner) {
  const std::string prefix = keys_.Of(tables_.later, owner);
  std::string next;
  RETURN_IF_ERROR(state_.Scan(StateTable::kIndexes, prefix, prefix, [&](absl::string_view key, absl::string_view) {
    next = std::string(key);
    return false;
  }));
  if (next.empty()) return std::nullopt;
  std::string entry = next.substr(prefix.size());
  state_.Delete(StateTable::kIndexes, std::move(next));
  return entry;
}

absl::StatusOr<bool> EntrySets::Change(const FactId& owner, absl::string_view out, absl::string_view in) {
  ASSIGN_OR_RETURN(std::vector<std::string> entries, ReadFirst(owner));
  const std::vector<std::string> before = entries;
  bool is_first = false;
  if (!out.empty()) {
    const auto at = std::lower_bound(entries.begin(), entries.end(), out);
    if (at == entries.end()) {
      state_.Delete(StateTable::kIndexes, absl::StrCat(keys_.Of(tables_.later, owner), out));
    } else if (*at == out) {
      is_first = at == entries.begin();
      entries.erase(at);
      if (before.size() == tables_.most_first) {
        ASSIGN_OR_RETURN(std::optional<std::string> next, TakeNextLater(owner));
        if (next.has_value()) entries.push_back(*std::move(next));
      }
    }
  }
  if (!in.empty()) {
    const auto at = std::lower_bound(entries.begin(), entries.end(), in);
    is_first = is_first || at == entries.begin();
    if (at == entries.end() || *at != in) entries.emplace(at, in);
    if (entries.size() > tables_.most_first) {
      state_.Put(StateTable::kIndexes, absl::StrCat(keys_.Of(tables_.later, owner), entries.back()), "");
      entries.pop_back();
    }
  }
  if (entries == before) return is_first;
  std::string value;
  for (const std::string& entry : entries) storage::ByteWriter(&value).String(entry);
  if (value.empty()) {
    state_.Delete(StateTable::kIndexes, keys_.Of(tables_.first, owner));
  } else {
    state_.Put(StateTable::kIndexes, keys_.Of(tables_.first, owner), std::move(value));
  }
  return is_first;
}

absl::Status ForEachEntry(const EntryTables& tables, const ScanOwner& scan, const VisitEntry& visit) {
  absl::Status status;
  RETURN_IF_ERROR(scan(tables.first, [&](absl::string_view, absl::string_view value) {
    const absl::StatusOr<std::vector<std::string>> entries = Decode(value);
    status = entries.status();
    for (size_t i = 0; status.ok() && i < entries->size(); ++i) status = visit((*entries)[i]);
    return status.ok();
  }));
  RETURN_IF_ERROR(status);
  RETURN_IF_ERROR(scan(tables.later, [&](absl::string_view entry, absl::string_view) {
    status = visit(entry);
    return status.ok();
  }));
  return status;
}

}  // namespace partnermetrics
