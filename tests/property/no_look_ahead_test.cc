// A number as of March uses nothing that happened later: what the metrics that ship say of a date follows from what was
// known by the end of it, and stays when the records live on.
#include <cstdlib>
#include <random>

#include "absl/strings/str_format.h"
#include "tests/property/kpi_engine.h"

namespace partnermetrics {
namespace {

int Businesses() {
  const char* cases = std::getenv("PM_PROPERTY_CASES");
  return cases != nullptr ? std::max(1, std::atoi(cases) / 500) : 4;
}

uint64_t FirstSeed() {
  const char* seed = std::getenv("PM_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : std::random_device{}();
}

// "0.25", or why there is no value. Whether a kind of fact was ever reported is asked of all that is known, so a count
// over a kind that nobody had reported yet may turn from "no facts" to 0.
std::string Shown(const v1::MetricValue& value) {
  if (value.has_value()) return absl::StrFormat("%.9g", value.value());
  return value.no_data() == v1::NO_DATA_REASON_NO_FACTS ? "0" : v1::NoDataReason_Name(value.no_data());
}

TEST(NoLookAheadTest, WhatIsSaidOfADateStaysAsItWasSaidOnIt) {
  for (uint64_t seed = FirstSeed(), end = seed + static_cast<uint64_t>(Businesses()); seed != end; ++seed) {
    SCOPED_TRACE(absl::StrCat("PM_SEED=", seed));
    KpiEngine whole(MakeBusiness(seed, kBusinessStart + 2 * kBusinessDays));
    const std::shared_ptr<const Catalog> catalog = whole.catalog();
    int compared = 0;
    for (const int offset : {90, 182, 366, 500, 731}) {
      const absl::CivilDay date = kBusinessStart + offset;
      KpiEngine then(MakeBusiness(seed, date));
      for (const CompiledMetric& metric : catalog->metrics()) {
        for (const std::string partner : {"", "crm:p0", "crm:p1"}) {
          const v1::MetricValue now = whole.Value(metric, partner, ToDay(date));
          if (now.current_state()) continue;  // says so itself
          const v1::MetricValue said = then.Value(*then.catalog()->FindMetric(metric.id()), partner, ToDay(date));
          EXPECT_EQ(Shown(now), Shown(said)) << metric.id() << " " << partner << " " << date;
          compared += now.has_value() ? 1 : 0;
        }
      }
    }
    EXPECT_GT(compared, 200);
  }
}

}  // namespace
}  // namespace partnermetrics
