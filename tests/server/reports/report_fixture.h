// Reports of the programme that ships, over facts that a test adds.
#ifndef PARTNERMETRICS_TESTS_SERVER_REPORTS_REPORT_FIXTURE_H_
#define PARTNERMETRICS_TESTS_SERVER_REPORTS_REPORT_FIXTURE_H_

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/catalog/definitions.h"
#include "server/reports/report_parts.h"
#include "tests/server/scoring/fact_source.h"

namespace partnermetrics {

inline Day On(int year, int month, int day) {
  return ToDay(absl::CivilDay(year, month, day));
}

// A field of type Date.
inline std::string DateText(const std::string& field, Day day) {
  const absl::CivilDay civil = ToCivil(day);
  return absl::StrCat(" ", field, " { year: ", civil.year(), " month: ", civil.month(), " day: ", civil.day(), " } ");
}

// An instant of a day, UTC.
inline std::string InstantText(const std::string& field, Day day, double hour) {
  const double seconds = day * 86400.0 + hour * 3600;
  return absl::StrCat(" ", field, " { seconds: ", static_cast<int64_t>(seconds), " } ");
}

class ReportTest : public testing::Test {
 protected:
  ReportTest() : catalog_(Load("partneros")), source_(*catalog_) { request_.as_of = On(2024, 3, 31); }

  static std::shared_ptr<const Catalog> Load(const std::string& name) {
    const std::string folder = PM_SOURCE_DIR "/server/catalog/definitions";
    const auto definitions = LoadDefinitions({folder});
    EXPECT_TRUE(definitions.ok()) << definitions.status();
    const auto program = LoadProgram(absl::StrCat(folder, "/programs/", name, ".textproto"));
    EXPECT_TRUE(program.ok()) << program.status();
    auto catalog = Catalog::Compile(*program, definitions->catalog, &definitions->sources);
    EXPECT_TRUE(catalog.ok()) << catalog.status().message();
    return *std::move(catalog);
  }

  template <typename T>
  void Add(const std::string& kind, const std::string& fields, int partner = 1,
           v1::AttributionRole role = v1::ATTRIBUTION_ROLE_UNSPECIFIED) {
    source_.Add(kind, Fact<T>(fields), partner, role);
  }
  void Partner(const std::string& fields) { source_.AddPartner(Fact<v1::Partner>(fields)); }
  void Won(int64_t dollars, Day day, int partner, v1::AttributionRole role = v1::ATTRIBUTION_ROLE_SOURCED) {
    Add<v1::Deal>("deal",
                  absl::StrCat("outcome: DEAL_OUTCOME_WON amount { units: ", dollars, " }", DateText("closed_on", day)),
                  partner, role);
  }

  std::shared_ptr<const Catalog> catalog_;
  FactSource source_;
  ReportRequest request_ = [] {
    ReportRequest request;
    request.scope_proto.set_kind(v1::SCOPE_KIND_PROGRAM);
    return request;
  }();
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SERVER_REPORTS_REPORT_FIXTURE_H_
