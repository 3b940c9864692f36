#include "server/engine/fact_scan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

// Facts that may be stored ahead of the scan, beyond twice those that there were, until they are gathered anew:
// checkpoints have written most of them by then.
constexpr size_t kMostStoredAhead = 100'000;

}  // namespace

void FactScan::Gather(absl::string_view from) {
  std::vector<std::string> keys;
  state_.ForEachChangedFact([&](absl::string_view key) {
    if (key >= from && absl::StartsWith(key, prefix_)) keys.emplace_back(key);
  });
  std::sort(keys.begin(), keys.end());
  ahead_.clear();
  for (std::string& key : keys) ahead_.insert(ahead_.end(), std::move(key));
  gathered_ = ahead_.size();
}

void FactScan::Add(absl::string_view key, absl::string_view value) {
  Entry entry;
  entry.key = bytes_.size();
  bytes_.append(key.data(), key.size());
  entry.value = bytes_.size();
  bytes_.append(value.data(), value.size());
  entry.end = bytes_.size();
  entries_.push_back(entry);
}

absl::Status FactScan::TakeAhead() {
  const std::string key = std::move(ahead_.extract(ahead_.begin()).value());
  ASSIGN_OR_RETURN(const std::optional<std::string> value, state_.Get(StateTable::kFacts, key));
  if (value.has_value()) Add(key, *value);
  return absl::OkStatus();
}

absl::Status FactScan::Read(std::string from, size_t most) {
  if (next_ != from || ahead_.size() > 2 * gathered_ + kMostStoredAhead) Gather(from);
  bytes_.clear();
  entries_.clear();
  at_ = 0;
  overtaken_.clear();
  changed_value_.reset();
  absl::Status status;
  RETURN_IF_ERROR(state_.ScanStoredFacts(prefix_, from, [&](absl::string_view key, absl::string_view value) {
    while (status.ok() && entries_.size() < most && !ahead_.empty() && *ahead_.begin() < key) status = TakeAhead();
    if (!status.ok() || entries_.size() == most) return false;
    if (!ahead_.empty() && *ahead_.begin() == key) {
      status = TakeAhead();
    } else {
      Add(key, value);
    }
    return status.ok() && entries_.size() < most;
  }));
  while (status.ok() && entries_.size() < most && !ahead_.empty()) status = TakeAhead();
  next_ = entries_.empty() ? std::move(from) : std::string(KeyOf(entries_.size() - 1)) + '\0';
  if (!status.ok()) next_.reset();  // what was taken out is gathered anew
  return status;
}

absl::StatusOr<bool> FactScan::Next() {
  if (at_ == entries_.size()) return false;
  ++at_;
  changed_value_.reset();
  if (!overtaken_.empty() && overtaken_.contains(key())) {
    ASSIGN_OR_RETURN(changed_value_, state_.Get(StateTable::kFacts, key()));
    if (!changed_value_.has_value()) return absl::DataLossError("a fact is gone");
  }
  return true;
}

void FactScan::Stored(absl::string_view key) {
  if (!next_.has_value()) return;  // will be gathered
  if (key >= *next_) {
    ahead_.emplace(key);
  } else if (at_ < entries_.size() && key > (at_ == 0 ? absl::string_view() : this->key())) {
    overtaken_.emplace(key);
  }
}

}  // namespace partnermetrics
