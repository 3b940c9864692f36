// Record ids for rows that have none of their own: made of the row's text, so that the same export gives the same ids.
//
//   std::string id = record.Text(id_column);
//   if (id.empty()) id = row_ids.Next(row.raw);   // "row-1f2e3d…", for its second copy "row-1f2e3d…-2"
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_ROW_IDS_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_ROW_IDS_H_

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace partnermetrics::sdk {

// FNV-1a: the same in every build, because record ids are made of it.
inline uint64_t StableHash(std::string_view text) {
  uint64_t hash = 14695981039346656037u;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

// Of one export. Every row without an id must be asked for, in order: equal rows are numbered.
class RowIds {
 public:
  std::string Next(std::string_view raw) {
    const uint64_t hash = StableHash(raw);
    char digits[16];
    char* end = std::to_chars(digits, digits + sizeof(digits), hash, 16).ptr;
    std::string id = "row-";
    id.append(digits, static_cast<size_t>(end - digits));
    const uint32_t copy = ++copies_[hash];
    if (copy > 1) id.append("-").append(std::to_string(copy));
    return id;
  }

 private:
  std::unordered_map<uint64_t, uint32_t> copies_;  // rows seen so far, by the hash of their text
};

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_ROW_IDS_H_
