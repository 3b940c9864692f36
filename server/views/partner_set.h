// Partners, as numbers, to whom something is to be done.
//
//   set.Add(partner);
//   set.ForEach([&](uint32_t partner) { … });
//   if (set.Remove(partner)) …                 // once for each
//   set.Compact();                             // after most were removed
//
// Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_VIEWS_PARTNER_SET_H_
#define PARTNERMETRICS_SERVER_VIEWS_PARTNER_SET_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace partnermetrics {

class PartnerSet {
 public:
  void Add(uint32_t partner) {
    if (has_.size() <= partner) has_.resize(partner + 1);
    if (!has_[partner]) list_.push_back(partner);
    has_[partner] = true;
  }
  void AddUpTo(size_t partners) {
    for (uint32_t partner = 0; partner < partners; ++partner) Add(partner);
  }
  // Gives whether it was there.
  bool Remove(uint32_t partner) {
    const bool had = partner < has_.size() && has_[partner];
    if (had) has_[partner] = false;
    return had;
  }
  // Calls `visit` with each, with one that was removed and added again more than once.
  template <typename Visit>
  void ForEach(const Visit& visit) const {
    for (const uint32_t partner : list_) {
      if (has_[partner]) visit(partner);
    }
  }
  // Gives back the room that removed ones take.
  void Compact() {
    list_.erase(std::remove_if(list_.begin(), list_.end(), [this](uint32_t partner) { return !has_[partner]; }),
                list_.end());
  }

 private:
  std::vector<bool> has_;       // by partner
  std::vector<uint32_t> list_;  // those that were added, and maybe removed, since the last Compact
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_VIEWS_PARTNER_SET_H_
