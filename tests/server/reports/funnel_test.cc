#include "server/reports/funnel.h"

#include "tests/server/reports/report_fixture.h"

namespace partnermetrics {
namespace {

class FunnelTest : public ReportTest {
 protected:
  // A partner that came this far: 1 is onboarded, 7 has done everything.
  void PartnerAt(int steps) {
    ++partners_;
    Partner(absl::StrCat("name: 'P", partners_, "'", DateText("signed_on", On(2023, 1, 1)),
                         steps >= 1 ? DateText("activated_on", On(2023, 2, 1)) : ""));
    Training(steps >= 2);
    if (steps >= 3) Certified("sales");
    if (steps >= 4) Certified("technical");
    if (steps >= 5) Registered();
    if (steps >= 6) Won(steps >= 7 ? 100'000 : 99'999, On(2023, 6, 1), partners_);
  }
  void Training(bool complete) {
    Add<v1::TrainingAssignment>(
        "training_assignment",
        DateText("assigned_on", On(2023, 2, 2)) + (complete ? DateText("completed_on", On(2023, 3, 1)) : ""),
        partners_);
  }
  void Certified(const std::string& track, Day expires = On(2026, 1, 1)) {
    Add<v1::Certification>(
        "certification",
        absl::StrCat("track: '", track, "'", DateText("certified_on", On(2023, 4, 1)), DateText("expires_on", expires)),
        partners_);
  }
  void Registered() {
    Add<v1::DealRegistration>("deal_registration", InstantText("submitted_at", On(2023, 5, 1), 12), partners_);
  }
  v1::FunnelReport Funnel(Day as_of = On(2024, 3, 31)) {
    return BuildFunnel(*catalog_, source_, *FindFunnel(*catalog_, "enablement_funnel"), as_of);
  }

  int partners_ = 0;
};

TEST_F(FunnelTest, OfTheDocument) {
  const int at_least[] = {100, 85, 72, 65, 58, 42, 35};
  for (int i = 0; i < 100; ++i) {
    int steps = 0;
    for (const int partners : at_least) steps += i < partners ? 1 : 0;
    PartnerAt(steps);
  }
  PartnerAt(0);  // signed, and not onboarded
  const v1::FunnelReport funnel = Funnel();
  ASSERT_EQ(funnel.steps_size(), 7);
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(funnel.steps(i).partners(), at_least[i]) << funnel.steps(i).display_name();
    EXPECT_DOUBLE_EQ(funnel.steps(i).share(), at_least[i] / 100.0);
    if (i > 0) {
      EXPECT_DOUBLE_EQ(funnel.steps(i).conversion(), static_cast<double>(at_least[i]) / at_least[i - 1]);
    }
  }
  EXPECT_FALSE(funnel.steps(0).has_conversion());
  EXPECT_EQ(funnel.steps(0).display_name(), "Onboarded Partners");
  EXPECT_EQ(funnel.steps(6).at_least(), 100'000);
}

// Technical without sales: counted where it is, but not on the way.
TEST_F(FunnelTest, WhoSkippedAStepIsNotOnTheWay) {
  PartnerAt(3);
  PartnerAt(2);
  Certified("technical");
  const v1::FunnelReport funnel = Funnel();
  EXPECT_EQ(funnel.steps(2).partners(), 1);
  EXPECT_EQ(funnel.steps(3).partners(), 0);
  EXPECT_EQ(funnel.steps(3).reached(), 1);
  EXPECT_EQ(funnel.steps(3).conversion(), 0);
  EXPECT_FALSE(funnel.steps(4).has_conversion());
}

TEST_F(FunnelTest, StepsCanBeLostAgain) {
  PartnerAt(3);
  PartnerAt(2);
  Certified("sales", On(2024, 1, 1));
  EXPECT_EQ(Funnel(On(2023, 12, 31)).steps(2).partners(), 2);
  EXPECT_EQ(Funnel(On(2024, 1, 1)).steps(2).partners(), 1);
}

TEST_F(FunnelTest, AsItWasOnTheDate) {
  PartnerAt(7);
  EXPECT_EQ(Funnel(On(2023, 1, 31)).steps(0).partners(), 0);
  EXPECT_EQ(Funnel(On(2023, 2, 1)).steps(0).partners(), 1);
  EXPECT_EQ(Funnel(On(2023, 5, 31)).steps(4).partners(), 1);
  EXPECT_EQ(Funnel(On(2023, 5, 31)).steps(5).partners(), 0);
  EXPECT_EQ(Funnel(On(2023, 6, 1)).steps(6).partners(), 1);
}

TEST_F(FunnelTest, RequiredCertificationsAreAllNeeded) {
  PartnerAt(3);
  Add<v1::CertificationRequirement>("certification_requirement",
                                    "track: 'sales' people: 2" + DateText("effective_on", On(2024, 1, 1)), partners_);
  EXPECT_EQ(Funnel(On(2023, 12, 31)).steps(2).partners(), 1);
  EXPECT_EQ(Funnel().steps(2).partners(), 0);
  Certified("sales");
  EXPECT_EQ(Funnel().steps(2).partners(), 1);
}

TEST_F(FunnelTest, WithoutPartnersThereAreNoShares) {
  const v1::FunnelReport funnel = Funnel();
  EXPECT_EQ(funnel.steps_size(), 7);
  EXPECT_FALSE(funnel.steps(0).has_share());
}

TEST_F(FunnelTest, AreFoundByTheirId) {
  EXPECT_EQ(FindFunnel(*catalog_, "")->id(), "enablement_funnel");
  EXPECT_EQ(FindFunnel(*catalog_, "no_such"), nullptr);
}

}  // namespace
}  // namespace partnermetrics
