// Formulas of a catalogue made for tests, over facts that a test adds.
#ifndef PARTNERMETRICS_TESTS_SERVER_SCORING_FORMULA_FIXTURE_H_
#define PARTNERMETRICS_TESTS_SERVER_SCORING_FORMULA_FIXTURE_H_

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/scoring/evaluator.h"
#include "tests/server/scoring/fact_source.h"

namespace partnermetrics {

inline Day On(int year, int month, int day) {
  return ToDay(absl::CivilDay(year, month, day));
}

inline std::string DateText(const std::string& field, Day day) {
  const absl::CivilDay civil = ToCivil(day);
  return absl::StrCat(" ", field, " { year: ", civil.year(), " month: ", civil.month(), " day: ", civil.day(), " } ");
}

// Measures "won" (a flow of deals with their amounts), "open" (a stock of deals), "trained" (a flow nobody reports) and
// "partners" (a stock). A metric needs id and formula; it is of the quarter and of no level, unless it says more.
class FormulaTest : public testing::Test {
 protected:
  static std::string Metric(const std::string& id, const std::string& formula, const std::string& more = "") {
    const bool has_window = more.find("window: ") != std::string::npos;
    return absl::StrCat("metrics { id: '", id, "' display_name: 'X' category: METRIC_CATEGORY_REVENUE ",
                        more.find("unit: ") == std::string::npos ? "unit: METRIC_UNIT_COUNT " : "",
                        has_window ? "" : "window: WINDOW_KIND_QUARTER_TO_DATE ", more, " formula: '", formula, "' } ");
  }

  static absl::StatusOr<std::shared_ptr<const Catalog>> Compile(const std::string& metrics,
                                                                const std::string& program = "") {
    v1::Catalog definitions;
    v1::Program proto;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        absl::StrCat(R"pb(
                       measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW at: "closed_on" sum: "amount" }
                       measures {
                         id: "open"
                         fact: "deal"
                         kind: MEASURE_KIND_STOCK
                         from: "registered_on"
                         until: "closed_on"
                         sum: "amount"
                       }
                       measures { id: "trained" fact: "training_assignment" kind: MEASURE_KIND_FLOW at: "completed_on" }
                       measures {
                         id: "partners"
                         fact: "partner"
                         kind: MEASURE_KIND_STOCK
                         from: "signed_on"
                         until: "terminated_on"
                       }
                     )pb",
                     metrics),
        &definitions));
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        absl::StrCat("id: 'p' display_name: 'P' currency_code: 'USD' time_zone: 'UTC' ", program), &proto));
    return Catalog::Compile(proto, definitions);
  }

  static std::string Refusal(const std::string& metrics, const std::string& program = "") {
    const auto catalog = Compile(metrics, program);
    return catalog.ok() ? "accepted" : std::string(catalog.status().message());
  }

  void Define(const std::string& metrics, const std::string& program = "") {
    auto catalog = Compile(metrics, program);
    ASSERT_TRUE(catalog.ok()) << catalog.status().message();
    catalog_ = *std::move(catalog);
    source_ = std::make_unique<FactSource>(*catalog_);
  }

  void Partner(const std::string& fields) { source_->AddPartner(Fact<v1::Partner>(fields)); }
  // A deal of a partner (1, 2, …), or a direct one (0).
  void Won(int64_t amount, Day day, int partner = 1) {
    source_->Add("deal", Fact<v1::Deal>(absl::StrCat("amount { units: ", amount, " }", DateText("closed_on", day))),
                 partner);
  }
  void Open(int64_t amount, Day from, Day until, int partner = 1) {
    source_->Add("deal",
                 Fact<v1::Deal>(absl::StrCat("amount { units: ", amount, " }", DateText("registered_on", from),
                                             DateText("closed_on", until))),
                 partner);
  }

  Number Evaluate(const std::string& metric, Day as_of, ScopeIndex scope = kProgramScope,
                  v1::WindowKind window = v1::WINDOW_KIND_UNSPECIFIED) {
    const CompiledMetric& found = *catalog_->FindMetric(metric);
    return Evaluator(*catalog_, *source_).Evaluate(found, scope, PeriodOf(*catalog_, found, window, as_of));
  }

  v1::MetricValue Value(const std::string& metric, Day as_of, v1::Comparison comparison = v1::COMPARISON_UNSPECIFIED,
                        const std::string& target_set = "", ScopeIndex scope = kProgramScope) {
    v1::Scope proto;
    proto.set_kind(scope >= kFirstPartnerScope ? v1::SCOPE_KIND_PARTNER : v1::SCOPE_KIND_PROGRAM);
    const CompiledMetric* found = catalog_->FindMetric(metric);
    return Evaluator(*catalog_, *source_)
        .Value({found, scope, proto, PeriodOf(*catalog_, *found, v1::WINDOW_KIND_UNSPECIFIED, as_of), comparison,
                catalog_->FindTargetSet(target_set)});
  }

  std::shared_ptr<const Catalog> catalog_;
  std::unique_ptr<FactSource> source_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SERVER_SCORING_FORMULA_FIXTURE_H_
