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

char Lower(char c) {
  return absl::ascii_tolower(static_cast<unsigned char>(c));
}

// Letters to insert, remove, replace or swap with their neighbour; case does not count.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  const auto same = [&](size_t i, size_t j) { return Lower(a[i - 1]) == Lower(b[j - 1]); };
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (same(i, j) ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && same(i, j - 1) && same(i - 1, j);
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
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
