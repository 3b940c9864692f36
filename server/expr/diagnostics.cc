#include "server/expr/diagnostics.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/errors.h"

namespace partnermetrics {
namespace {

constexpr size_t kMostNames = 12;

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = diagonal + (absl::ascii_tolower(a[i - 1]) == absl::ascii_tolower(b[j - 1]) ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replace}));
    }
  }
  return row.back();
}

}  // namespace

absl::Status ErrorAt(const TextLocator& locate, size_t offset, absl::string_view reason, absl::string_view message) {
  const std::string place = locate ? locate(offset) : absl::StrCat("expression:", offset + 1);
  return MakeError(absl::StatusCode::kInvalidArgument, reason, absl::StrCat(place, ": ", message));
}

std::string SuggestNames(absl::string_view wrong, std::vector<std::string> names) {
  if (names.empty()) return "";
  std::sort(names.begin(), names.end(), [wrong](const std::string& a, const std::string& b) {
    return std::make_pair(EditDistance(wrong, a), absl::string_view(a)) <
           std::make_pair(EditDistance(wrong, b), absl::string_view(b));
  });
  if (EditDistance(wrong, names.front()) <= std::max<size_t>(1, wrong.size() / 3)) {
    return absl::StrCat(" (did you mean \"", names.front(), "\"?)");
  }
  const bool cut = names.size() > kMostNames;
  if (cut) names.resize(kMostNames);
  return absl::StrCat(" (there are: ", absl::StrJoin(names, ", "), cut ? ", …)" : ")");
}

}  // namespace partnermetrics
