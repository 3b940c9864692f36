// Numbers for names, for as long as the process lives.
#ifndef PARTNERMETRICS_SERVER_ENGINE_INTERNER_H_
#define PARTNERMETRICS_SERVER_ENGINE_INTERNER_H_

#include <cstdint>
#include <deque>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "storage/mutex.h"

namespace partnermetrics {

// Thread-safe.
class Interner {
 public:
  uint32_t Id(absl::string_view name) {
    MutexLock lock(&mutex_);
    if (const auto it = ids_.find(name); it != ids_.end()) return it->second;
    names_.emplace_back(name);
    const auto id = static_cast<uint32_t>(names_.size() - 1);
    ids_.emplace(names_.back(), id);
    return id;
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
  mutable Mutex mutex_;
  std::deque<std::string> names_ PM_GUARDED_BY(mutex_);
  absl::flat_hash_map<absl::string_view, uint32_t> ids_ PM_GUARDED_BY(mutex_);
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_INTERNER_H_
