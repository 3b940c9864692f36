// A number as of March uses nothing that happened later: what the metrics that ship say of a date follows from what was
// known by the end of it, and stays when the records live on.
#include <cstdlib>
#include <random>

#include "absl/strings/str_format.h"
#include "tests/property/kpi_engine.h"
#include "tests/support/environment.h"

namespace partnermetrics {
namespace {

int Businesses() {
  const char* cases = std::getenv("PM_PROPERTY_CASES");
  return cases != nullptr ? std::max(1, std::atoi(cases) / 500) : 4;
}

uint64_t FirstSeed() {
  return NumberFromEnvironment("PM_SEED", std::random_device{}());
}

// "0.25", or why there is no value.
std::string Shown(const v1::MetricValue& value) {
  return value.has_value() ? absl::StrFormat("%.9g", value.value()) : v1::NoDataReason_Name(value.no_data());
}

// Whether a kind of fact was ever reported is asked of all that is known: where nobody had reported any yet there may
// later be a 0, or another reason for no value.
bool IsSame(const v1::MetricValue& now, const v1::MetricValue& said) {
  const bool had_no_facts = !said.has_value() && said.no_data() == v1::NO_DATA_REASON_NO_FACTS;
  return had_no_facts ? !now.has_value() || now.value() == 0 : Shown(now) == Shown(said);
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
          EXPECT_TRUE(IsSame(now, said)) << metric.id() << " " << partner << " " << date << ": said " << Shown(said)
                                         << ", now " << Shown(now);
          compared += now.has_value() ? 1 : 0;
        }
      }
    }
    EXPECT_GT(compared, 200);
  }
}

}  // namespace
}  // namespace partnermetrics
