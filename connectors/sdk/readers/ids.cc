#include "connectors/sdk/readers/ids.h"

#include "connectors/sdk/readers/text.h"

namespace partnermetrics::sdk {
namespace {

constexpr size_t kShort = 15;
constexpr size_t kLong = 18;

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Each check character says which of five characters are upper-case, so that ids survive case-blind tools.
std::string CheckCharacters(std::string_view id) {
  std::string check;
  for (size_t block = 0; block < kShort; block += 5) {
    unsigned bits = 0;
    for (size_t i = 0; i < 5; ++i) {
      char c = id[block + i];
      if (c >= 'A' && c <= 'Z') bits |= 1u << i;
    }
    check += "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits];
  }
  return check;
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
  std::string check = CheckCharacters(core);
  if (id.size() == kLong && id.substr(kShort) != check) return std::nullopt;
  return std::string(core) + check;
}

bool IsSalesforceId(std::string_view text, std::string_view key_prefix) {
  std::optional<std::string> id = SalesforceId(text);
  return id && !id->empty() && id->compare(0, key_prefix.size(), key_prefix) == 0;
}

}  // namespace partnermetrics::sdk
