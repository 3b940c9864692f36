// How partners stand: parts of a ranking, and how its values are spread.
//
//   v1::Leaderboard board = BuildLeaderboard(standings, {.limit = 10});
//   v1::Distribution spread = BuildDistribution(standings, segments, "tier");
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_REPORTS_STANDINGS_H_
#define PARTNERMETRICS_SERVER_REPORTS_STANDINGS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "google/protobuf/repeated_field.h"
#include "partnermetrics/v1/standings_service.pb.h"
#include "server/catalog/catalog.h"
#include "server/reports/ranking.h"

namespace partnermetrics {

// Who belongs to the programme on a date, by partner.
class Members {
 public:
  bool operator[](uint32_t partner) const { return partner < is_member_.size() && is_member_[partner] != 0; }
  void Set(uint32_t partner, bool is_member) {
    if (is_member_.size() <= partner) is_member_.resize(partner + 1);
    count_ += (is_member ? 1 : 0) - (is_member_[partner] != 0 ? 1 : 0);
    is_member_[partner] = is_member ? 1 : 0;
  }
  int64_t count() const { return count_; }

 private:
  std::vector<char> is_member_;
  int64_t count_ = 0;
};

// Every partner's value of one metric on a date. Partners are numbers.
struct Standings {
  const Catalog* catalog = nullptr;
  const CompiledMetric* metric = nullptr;
  v1::WindowKind window = v1::WINDOW_KIND_UNSPECIFIED;
  Day as_of = 0;
  uint64_t position = 0;
  const Ranking* ranking = nullptr;  // of members alone
  const std::vector<std::string>* ids = nullptr;
  // Names, enums and labels of partners ("name", "tier", "label.vertical" …): of each its values by partner.
  const std::map<std::string, std::vector<std::string>>* attributes = nullptr;
  const Members* members = nullptr;
};

using Segments = google::protobuf::RepeatedPtrField<v1::Scope>;

struct LeaderboardRequest {
  Segments segments;  // a partner must belong to all of them
  bool from_bottom = false;
  std::optional<uint32_t> around;  // a partner
  size_t limit = 10;
};

v1::Leaderboard BuildLeaderboard(const Standings& standings, const LeaderboardRequest& request);

// `group_by` is an attribute, or empty.
v1::Distribution BuildDistribution(const Standings& standings, const Segments& segments, const std::string& group_by);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_REPORTS_STANDINGS_H_
