#include "server/reports/shares.h"

#include <algorithm>
#include <numeric>

namespace partnermetrics {

std::vector<int32_t> PercentShares(absl::Span<const Nanos> parts) {
  const auto part = [&](size_t i) { return std::max<Nanos>(parts[i], 0); };
  Nanos whole = 0;
  for (size_t i = 0; i < parts.size(); ++i) whole += part(i);
  std::vector<int32_t> shares(parts.size());
  if (whole == 0) return shares;
  std::vector<Nanos> remainders;
  int32_t missing = 100;
  for (size_t i = 0; i < parts.size(); ++i) {
    shares[i] = static_cast<int32_t>(part(i) * 100 / whole);
    remainders.push_back(part(i) * 100 % whole);
    missing -= shares[i];
  }
  std::vector<size_t> order(parts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return remainders[a] > remainders[b]; });
  for (int32_t i = 0; i < missing; ++i) ++shares[order[static_cast<size_t>(i)]];
  return shares;
}

}  // namespace partnermetrics
