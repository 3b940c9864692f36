// The values of one metric for many partners, in order.
//
//   Ranking ranking(v1::METRIC_DIRECTION_UP, ids);
//   ranking.Set(partner, value);
//   ranking.Settle();                                   // once, after all that changed was set
//   for (const uint32_t partner : ranking.order()) …    // the best first; equal ones by id
//
// To change a few of many costs one pass over them. Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_REPORTS_RANKING_H_
#define PARTNERMETRICS_SERVER_REPORTS_RANKING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "partnermetrics/v1/catalog.pb.h"
#include "partnermetrics/v1/metric_service.pb.h"
#include "server/scoring/number.h"

namespace partnermetrics {

class Ranking {
 public:
  // Partners are numbers; `ids`, which outlives the ranking and may grow, has their ids.
  Ranking(v1::MetricDirection direction, const std::vector<std::string>& ids) : direction_(direction), ids_(ids) {}

  void Set(uint32_t partner, const Number& value);
  void Settle();

  // The partners that have a value.
  absl::Span<const uint32_t> order() const { return order_; }
  double value(uint32_t partner) const { return values_[partner].value; }
  // NO_DATA_REASON_UNSPECIFIED: it has a value.
  v1::NoDataReason no_data(uint32_t partner) const { return values_[partner].no_data; }

 private:
  struct Entry {
    double value = 0;
    v1::NoDataReason no_data = v1::NO_DATA_REASON_NO_FACTS;
    bool changed = false;
  };
  bool Before(uint32_t a, uint32_t b) const;

  const v1::MetricDirection direction_;
  const std::vector<std::string>& ids_;
  std::vector<Entry> values_;
  std::vector<uint32_t> order_;
  std::vector<uint32_t> changed_;  // since the last Settle
};

// The value below which the given share of the sorted values lies, between two of them in proportion.
double Quantile(absl::Span<const double> ascending, double share);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_RANKING_H_
