// A share of an object's records, by their ids. What belongs together may stand anywhere in the files, and a plugin
// writes nothing to disk: so what does not fit into memory at once is read in several passes, each for one part.
//
//   std::vector<Part> parts = {Part()};  // all at first
//   while (!parts.empty()) {
//     Part part = parts.back();
//     parts.pop_back();
//     … read what is in the part; when there is too much: parts.push_back(part.Split()), forget what left it, go on …
//   }
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PART_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PART_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "connectors/salesforce_export/hash.h"

namespace partnermetrics::salesforce {

class Part {
 public:
  static constexpr size_t kIdSize = 15;  // of an id without its check characters

  bool IsAll() const { return bits_ == 0; }
  // `id` is as written in a file, with or without check characters. Each text is in exactly one of all parts.
  bool Has(std::string_view id) const {
    return bits_ == 0 || (Hash(id.substr(0, kIdSize)) & ((uint64_t{1} << bits_) - 1)) == residue_;
  }

  // One id alone cannot be divided.
  bool CanSplit() const { return bits_ < kMostBits; }
  // Keeps one half of the ids and returns the other.
  Part Split() {
    Part other = *this;
    other.residue_ |= uint64_t{1} << bits_;
    ++bits_;
    ++other.bits_;
    return other;
  }

 private:
  static constexpr int kMostBits = 16;

  uint64_t residue_ = 0;
  int bits_ = 0;
};

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PART_H_
