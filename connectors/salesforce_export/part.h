// A share of an object's records, by their ids. What belongs together may stand anywhere in the files, and a plugin
// writes nothing to disk: so what does not fit into memory at once is read in several passes, each for one part.
//
//   for (Part part;; part = part.Next()) {  // all at first
//     … read what is in the part; when there is too much: part.Shrink(), forget what left it, go on …
//     if (part.IsLast()) break;
//   }
//
// The same files and the same memory make the same parts, so that an interrupted run finds its place again.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PART_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PART_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "connectors/salesforce_export/hash.h"

namespace partnermetrics::salesforce {

class Part {
 public:
  static constexpr size_t kIdSize = 15;  // of an id without its check characters

  // `id` is as written in a file, with or without check characters. Each text is in exactly one of all parts.
  bool Has(std::string_view id) const {
    if (first_ == 0 && IsLast()) return true;
    const uint64_t place = Spread(Hash(id.substr(0, kIdSize)));
    return first_ <= place && place <= last_;
  }

  // One id alone cannot be divided.
  bool CanShrink() const { return last_ - first_ > kLeast; }
  // Leaves an eighth to later parts: so a part fills its memory well.
  void Shrink() { last_ -= (last_ - first_) / 8 + 1; }

  bool IsLast() const { return last_ == kEnd; }
  // The part behind this one: a little more than this, which memory was enough for, and not too little of what is left.
  Part Next() const {
    Part next;
    next.first_ = last_ + 1;
    const uint64_t left = kEnd - next.first_;
    const uint64_t width = last_ - first_;
    next.last_ = next.first_ + std::min(left, std::max(width + width / 8, left / 64));
    return next;
  }

 private:
  static constexpr uint64_t kEnd = UINT64_MAX;
  static constexpr uint64_t kLeast = uint64_t{1} << 32;

  // FNV-1a leaves the high bits of similar texts similar.
  static uint64_t Spread(uint64_t hash) {
    hash = (hash ^ hash >> 33) * 0xFF51AFD7ED558CCDu;
    return hash ^ hash >> 33;
  }

  // Places from first to last belong to it.
  uint64_t first_ = 0;
  uint64_t last_ = kEnd;
};

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PART_H_
