// Scores and tiers of an engine that took events in any order, with corrections, deletions and restarts, are those of a
// source that recounts the final facts on every read: at any date, past or to come.
//
// PM_PROPERTY_CASES sets the number of cases, PM_SEED the seed of a failing run.
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/queries/engine_source.h"
#include "server/scoring/score.h"
#include "server/scoring/tier.h"
#include "server/scoring/tier_outlook.h"
#include "tests/server/scoring/fact_source.h"
#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

constexpr int kCases = 60;
constexpr int kOperations = 120;
constexpr int kPartners = 3;

constexpr char kProgram[] = R"pb(
  id: "test"
  display_name: "Test"
  currency_code: "USD"
  time_zone: "UTC"
  scores {
    id: "health"
    display_name: "Health"
    category: METRIC_CATEGORY_REVENUE
    components {
      title: "Revenue"
      weight: 2
      parts { metric: "revenue" }
      parts {
        metric: "deal_size"
        points { value: 0 points: 0 }
        points { value: 300 points: 80 }
        points { value: 900 points: 100 }
      }
    }
    components {
      title: "Aging"
      weight: 1
      parts {
        metric: "aging_rate"
        points { value: 0 points: 100 }
        points { value: 0.5 points: 0 }
      }
    }
    bands { id: "good" display_name: "Good" from: 60 }
    bands { id: "bad" display_name: "Bad" from: 0 }
  }
  tiers {
    id: "tier"
    display_name: "Tier"
    category: METRIC_CATEGORY_REVENUE
    levels {
      id: "gold"
      display_name: "Gold"
      requirements { metric: "revenue" window: WINDOW_KIND_TRAILING_3_MONTHS min: 800 }
      requirements { metric: "aging_rate" max: 0.3 exclusive: true }
    }
    levels {
      id: "silver"
      display_name: "Silver"
      requirements { metric: "revenue" window: WINDOW_KIND_TRAILING_3_MONTHS min: 200 }
    }
    levels {
      id: "bronze"
      display_name: "Bronze"
      requirements { metric: "health" min: 20 }
    }
    minima { metric: "revenue" window: WINDOW_KIND_TRAILING_3_MONTHS min: 100 }
    entry_level: "bronze"
    relegation_reviews: REVIEW_PERIOD_HALF_YEAR
    grace_reviews: 1
    max_violations: 2
  }
)pb";

constexpr char kCatalog[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "outcome == WON" }
  measures { id: "backlog" fact: "project" kind: MEASURE_KIND_STOCK from: "m1_approved_on" until: "pto_on" }
  measures { id: "aging" fact: "project" kind: MEASURE_KIND_STOCK from: "m1_approved_on + days(61)" until: "pto_on" }
  metrics {
    id: "revenue"
    display_name: "Revenue"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_MONEY
    direction: METRIC_DIRECTION_UP
    formula: "won.sum"
    window: WINDOW_KIND_QUARTER_TO_DATE
    target { min: 1000 }
  }
  metrics {
    id: "deal_size"
    display_name: "Deal Size"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_MONEY
    direction: METRIC_DIRECTION_UP
    formula: "avg(won)"
    window: WINDOW_KIND_QUARTER_TO_DATE
  }
  metrics {
    id: "aging_rate"
    display_name: "Aging"
    category: METRIC_CATEGORY_QUALITY
    unit: METRIC_UNIT_PERCENT
    direction: METRIC_DIRECTION_DOWN
    formula: "aging.count / backlog.count"
    window: WINDOW_KIND_MONTH_TO_DATE
  }
)pb";

Day DayOf(const v1::Date& date) {
  return ToDay(absl::CivilDay(date.year(), date.month(), date.day()));
}

// The final facts, recounted on every read.
class FinalFacts : public FactSource {
 public:
  explicit FinalFacts(const Catalog& catalog) : FactSource(catalog), catalog_(catalog) {}

  bool IsReported(int measure) const override {
    return kinds.count(catalog_.measures()[static_cast<size_t>(measure)].fact->name()) > 0;
  }
  const TierDecisions* Decisions(ScopeIndex scope) const override {
    const auto it = decisions.find(scope);
    return it == decisions.end() ? nullptr : &it->second;
  }

  std::set<std::string> kinds;  // ever stated
  std::map<ScopeIndex, TierDecisions> decisions;

 private:
  const Catalog& catalog_;
};

class ScorePropertyTest : public EngineFixture {
 protected:
  void Run(uint64_t seed) {
    SCOPED_TRACE(absl::StrCat("PM_SEED=", seed));
    random_.seed(seed);
    log_ = MemoryLog();
    state_ = MemoryState();
    Open();
    facts_.clear();
    kinds_.clear();
    log::v1::Definitions definitions;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(kProgram, definitions.mutable_program()));
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(kCatalog, definitions.mutable_catalog()));
    Append(storage::RecordType::kDefinitions, definitions.SerializeAsString());
    for (int i = 0; i < kPartners; ++i) State(MakePartner(i));
    for (int i = 0; i < kOperations; ++i) {
      State(AnyEvent());
      if (Below(40) == 0) Open();
      if (Below(25) == 0) Compare();
    }
    Compare();
  }

 private:
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  void SetDay(v1::Date* date, Day day) {
    const absl::CivilDay civil = ToCivil(day);
    date->set_year(static_cast<int>(civil.year()));
    date->set_month(civil.month());
    date->set_day(civil.day());
  }
  Day AnyDay() { return ToDay(absl::CivilDay(2024, 1, 1)) + Below(500); }

  v1::Event MakePartner(int i) {
    v1::Event event;
    event.set_record_id(absl::StrCat("P", i));
    event.set_revision(++revision_);
    SetDay(event.mutable_partner()->mutable_signed_on(), ToDay(absl::CivilDay(2023, 12, 1)) + Below(120));
    if (Below(6) == 0) SetDay(event.mutable_partner()->mutable_terminated_on(), AnyDay() + 200);
    return event;
  }

  template <typename Fact>
  void SetPartner(Fact& fact) {
    v1::ExternalId& id = *fact.add_partner_refs()->mutable_external();
    id.set_source("crm");
    id.set_id(absl::StrCat("P", Below(kPartners)));
  }

  v1::Event AnyEvent() {
    const int what = Below(10);
    if (what == 0) return MakePartner(Below(kPartners));
    v1::Event event;
    event.set_record_id(absl::StrCat("R", Below(12)));
    // Some are stale.
    event.set_revision(++revision_ - (Below(5) == 0 ? 20 : 0));
    if (event.revision() < 0) event.set_revision(0);
    event.set_deleted(Below(8) == 0);
    if (what <= 5) {
      v1::Deal& deal = *event.mutable_deal();
      SetPartner(*deal.add_attributions());
      deal.set_outcome(Below(4) == 0 ? v1::DEAL_OUTCOME_LOST : v1::DEAL_OUTCOME_WON);
      deal.mutable_amount()->set_units(50 * Below(20));
      SetDay(deal.mutable_closed_on(), AnyDay());
    } else if (what <= 7) {
      v1::Project& project = *event.mutable_project();
      SetPartner(project);
      SetDay(project.mutable_m1_approved_on(), AnyDay());
      if (Below(2) == 0) SetDay(project.mutable_pto_on(), AnyDay());
    } else if (what == 8) {
      v1::TierOverride& stated = *event.mutable_tier_override();
      SetPartner(stated);
      stated.set_tier(Below(3) == 0 ? "" : "gold");
      stated.set_author("a");
      stated.set_reason("r");
      SetDay(stated.mutable_starts_on(), AnyDay());
      if (Below(2) == 0) SetDay(stated.mutable_expires_on(), AnyDay());
    } else {
      v1::TierReview& review = *event.mutable_tier_review();
      SetPartner(review);
      review.set_tier(Below(2) == 0 ? "silver" : "bronze");
      review.set_cause(v1::TIER_CAUSE_RELEGATION);
      review.set_violations(Below(3));
      SetDay(review.mutable_reviewed_on(), AnyDay());
    }
    return event;
  }

  void State(v1::Event event) {
    event.set_program("test");
    event.set_source("crm");
    const FactSchema& schema = *FactSchemas::Get().FindByNumber(static_cast<int>(event.fact_case()));
    kinds_.insert(schema.name());
    const FactId id{schema.kind(), "crm", event.record_id()};
    const Applied applied = Append(storage::RecordType::kEvent, event.SerializeAsString());
    if (applied.effect == Effect::kApplied) facts_[id] = event;
  }

  static int PartnerOf(const v1::PartnerReference& reference) { return reference.external().id()[1] - '0' + 1; }

  // What is left in the end, by the ids of the facts.
  void FillFinal(FinalFacts& final) const {
    final.kinds = kinds_;
    for (const auto& [id, event] : facts_) {
      if (event.has_partner()) final.AddPartner(event.partner());  // by id, and so by number
    }
    for (const auto& [id, event] : facts_) {
      if (event.deleted()) continue;
      if (event.has_deal()) final.Add("deal", event.deal(), PartnerOf(event.deal().attributions(0).partner_refs(0)));
      if (event.has_project()) final.Add("project", event.project(), PartnerOf(event.project().partner_refs(0)));
      const auto decisions = [&](const v1::PartnerReference& partner) -> TierDecisions& {
        return final.decisions[kFirstPartnerScope + PartnerOf(partner) - 1];
      };
      if (event.has_tier_override()) {
        decisions(event.tier_override().partner_refs(0)).overrides.push_back(event.tier_override());
      } else if (event.has_tier_review()) {
        decisions(event.tier_review().partner_refs(0)).reviews.push_back(event.tier_review());
      }
    }
    for (auto& [scope, decisions] : final.decisions) {
      std::stable_sort(decisions.overrides.begin(), decisions.overrides.end(),
                       [](const auto& a, const auto& b) { return DayOf(a.starts_on()) < DayOf(b.starts_on()); });
      std::stable_sort(decisions.reviews.begin(), decisions.reviews.end(),
                       [](const auto& a, const auto& b) { return DayOf(a.reviewed_on()) < DayOf(b.reviewed_on()); });
    }
  }

  // What is served may come from an evaluator that remembers values.
  static std::string Text(const Catalog& catalog, const MeasureSource& source, ScopeIndex scope, Day as_of,
                          bool remembers) {
    v1::Scope proto;
    proto.set_kind(v1::SCOPE_KIND_PARTNER);
    Evaluator evaluator(catalog, source);
    if (remembers) evaluator.RememberValuesOf(scope);
    const Tier tier(evaluator, catalog, source, scope);
    v1::TierStanding standing = tier.StandingAt(as_of);
    AddOutlook(tier, catalog, source, scope, as_of, standing);
    return absl::StrCat(ScoreOf(evaluator, catalog, catalog.scores()[0], scope, proto, as_of).DebugString(),
                        standing.DebugString());
  }

  void Compare() {
    Engine::View view(*engine_);
    const Catalog& catalog = *view.catalog();
    std::vector<std::string> partners;
    std::vector<ScopeIndex> scopes;
    for (int i = 0; i < kPartners; ++i) {
      partners.push_back(absl::StrCat("crm:P", i));
      scopes.push_back(kFirstPartnerScope + i);
    }
    const std::vector<const CompiledMetric*> metrics = {catalog.FindMetric("health"), catalog.FindMetric("tier")};
    const auto served = EngineSource::Collect(view, ReadsOf(catalog, metrics, scopes), partners);
    ASSERT_TRUE(served.ok()) << served.status();
    FinalFacts final(catalog);
    FillFinal(final);
    for (int i = 0; i < 3; ++i) {
      const Day as_of = AnyDay() + (i == 2 ? 400 : 0);
      for (const ScopeIndex scope : scopes) {
        ASSERT_EQ(Text(catalog, *served, scope, as_of, i % 2 == 0), Text(catalog, final, scope, as_of, false))
            << DayText(as_of);
      }
    }
  }

  std::mt19937_64 random_;
  int64_t revision_ = 0;
  std::map<FactId, v1::Event> facts_;
  std::set<std::string> kinds_;
};

TEST_F(ScorePropertyTest, ScoresAndTiersAreThoseOfTheFinalFacts) {
  const char* seed = std::getenv("PM_SEED");
  if (seed != nullptr) return Run(std::strtoull(seed, nullptr, 10));
  const char* cases = std::getenv("PM_PROPERTY_CASES");
  const int count = cases == nullptr ? kCases : std::max(1, std::atoi(cases) / 30);
  for (int i = 0; i < count && !HasFatalFailure(); ++i) Run(static_cast<uint64_t>(i) + 1);
}

}  // namespace
}  // namespace partnermetrics
