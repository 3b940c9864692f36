// FNV-1a: hashes that are the same in every build, so that a state of one run is understood by the next.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_HASH_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_HASH_H_

#include <cstdint>
#include <string_view>

namespace partnermetrics::salesforce {

inline constexpr uint64_t kHashBegin = 14695981039346656037u;

// `begin` is the hash of what came before.
inline uint64_t Hash(std::string_view text, uint64_t begin = kHashBegin) {
  for (char c : text) begin = (begin ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return begin;
}

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_HASH_H_
