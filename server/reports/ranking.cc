#include "server/reports/ranking.h"

#include <algorithm>
#include <cmath>

namespace partnermetrics {

void Ranking::Set(uint32_t partner, const Number& value) {
  if (values_.size() <= partner) values_.resize(partner + 1);
  Entry& entry = values_[partner];
  if (entry.no_data == value.no_data && entry.value == value.value) return;
  if (!entry.changed) {
    entry.changed = true;
    changed_.push_back(partner);
  }
  entry.no_data = value.no_data;
  entry.value = value.has_value() ? value.value : 0;
}

bool Ranking::Before(uint32_t a, uint32_t b) const {
  const double value_a = values_[a].value, value_b = values_[b].value;
  if (value_a != value_b) return (value_a > value_b) != (direction_ == v1::METRIC_DIRECTION_DOWN);
  return ids_[a] < ids_[b];
}

void Ranking::Settle() {
  if (changed_.empty()) return;
  order_.erase(std::remove_if(order_.begin(), order_.end(), [&](uint32_t p) { return values_[p].changed; }),
               order_.end());
  for (const uint32_t partner : changed_) values_[partner].changed = false;
  changed_.erase(std::remove_if(changed_.begin(), changed_.end(),
                                [&](uint32_t p) { return values_[p].no_data != v1::NO_DATA_REASON_UNSPECIFIED; }),
                 changed_.end());
  const auto before = [this](uint32_t a, uint32_t b) { return Before(a, b); };
  std::sort(changed_.begin(), changed_.end(), before);
  const auto middle = static_cast<std::ptrdiff_t>(order_.size());
  order_.insert(order_.end(), changed_.begin(), changed_.end());
  std::inplace_merge(order_.begin(), order_.begin() + middle, order_.end(), before);
  changed_.clear();
}

double Quantile(absl::Span<const double> ascending, double share) {
  const double place = share * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<size_t>(std::floor(place));
  if (below + 1 >= ascending.size()) return ascending.back();
  return ascending[below] + (ascending[below + 1] - ascending[below]) * (place - std::floor(place));
}

}  // namespace partnermetrics
