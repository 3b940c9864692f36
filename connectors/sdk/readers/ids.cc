#include "connectors/sdk/readers/ids.h"

#include "connectors/sdk/readers/text.h"

namespace partnermetrics::sdk {
namespace {

constexpr size_t kShort = 15;
constexpr size_t kLong = 18;

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Appends the check characters to an id of 15. Each says which of five characters are upper-case, so that ids survive
// case-blind tools.
void AppendCheckCharacters(std::string* id) {
  for (size_t block = 0; block < kShort; block += 5) {
    unsigned bits = 0;
    for (size_t i = 0; i < 5; ++i) {
      char c = (*id)[block + i];
      if (c >= 'A' && c <= 'Z') bits |= 1u << i;
    }
    *id += "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits];
  }
}

}  // namespace

std::optional<std::string> SalesforceId(std::string_view text) {
  std::string_view id = CleanCell(text);
  if (id.empty()) return "";
  if (id.size() != kShort && id.size() != kLong) return std::nullopt;
  for (char c : id) {
    if (!IsAlphanumeric(c)) return std::nullopt;
  }
  std::string_view core = id.substr(0, kShort);
  if (core == "000000000000000") return "";
  std::string full;
  full.reserve(kLong);
  full = core;
  AppendCheckCharacters(&full);
  if (id.size() == kLong && id != full) return std::nullopt;
  return full;
}

bool IsSalesforceId(std::string_view text, std::string_view key_prefix) {
  std::optional<std::string> id = SalesforceId(text);
  return id && !id->empty() && id->compare(0, key_prefix.size(), key_prefix) == 0;
}

}  // namespace partnermetrics::sdk
