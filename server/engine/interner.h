// Numbers for names, for as long as the process lives.
#ifndef PARTNERMETRICS_SERVER_ENGINE_INTERNER_H_
#define PARTNERMETRICS_SERVER_ENGINE_INTERNER_H_

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "storage/mutex.h"

namespace partnermetrics {

// Thread-safe.
class Interner {
 public:
  uint32_t Id(absl::string_view name) {
    MutexLock lock(&mutex_);
    return Number(name);
  }
  std::vector<uint32_t> Ids(absl::Span<const absl::string_view> names) {
    std::vector<uint32_t> ids;
    ids.reserve(names.size());
    MutexLock lock(&mutex_);
    for (const absl::string_view name : names) ids.push_back(Number(name));
    return ids;
  }
  uint32_t size() const {
    MutexLock lock(&mutex_);
    return static_cast<uint32_t>(names_.size());
  }
  // Stays where it is.
  const std::string& Name(uint32_t id) const {
    MutexLock lock(&mutex_);
    return names_[id];
  }

 private:
  uint32_t Number(absl::string_view name) PM_REQUIRES(mutex_) {
    if (const auto it = ids_.find(name); it != ids_.end()) return it->second;
    names_.emplace_back(name);
    const auto id = static_cast<uint32_t>(names_.size() - 1);
    ids_.emplace(names_.back(), id);
    return id;
  }

  mutable Mutex mutex_;
  std::deque<std::string> names_ PM_GUARDED_BY(mutex_);
  absl::flat_hash_map<absl::string_view, uint32_t> ids_ PM_GUARDED_BY(mutex_);
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_INTERNER_H_
