#include "server/reports/sla_table.h"

#include "tests/server/reports/report_fixture.h"

namespace partnermetrics {
namespace {

class SlaTableTest : public ReportTest {
 protected:
  // Something that took some hours and ended on 15 March.
  template <typename T>
  void Took(const std::string& kind, const std::string& from, const std::string& until, double hours) {
    const Day end = On(2024, 3, 15);
    Add<T>(kind, InstantText(from, end, 18 - hours) + InstantText(until, end, 18));
  }
  void Ticket(double to_answer, double to_resolution) {
    const Day end = On(2024, 3, 15);
    Add<v1::SupportTicket>("support_ticket", InstantText("opened_at", end, 12 - to_resolution) +
                                                 InstantText("first_response_at", end, 12 - to_resolution + to_answer) +
                                                 InstantText("resolved_at", end, 12));
  }
  // The table of the document.
  void AddDocument() {
    Took<v1::DealRegistration>("deal_registration", "submitted_at", "decided_at", 18);
    Took<v1::MdfRequest>("mdf_request", "requested_at", "decided_at", 4 * 24);
    Ticket(3.5, 52);
    Add<v1::Onboarding>("onboarding",
                        DateText("started_on", On(2024, 3, 3)) + DateText("completed_on", On(2024, 3, 15)));
    Took<v1::IncentivePayout>("incentive_payout", "requested_at", "paid_at", 28 * 24);
  }
  v1::SlaReport Table() { return BuildSlaTable(*catalog_, source_, request_); }
};

TEST_F(SlaTableTest, OfTheDocument) {
  AddDocument();
  const v1::SlaReport table = Table();
  ASSERT_EQ(table.rows_size(), 6);
  const struct {
    const char* name;
    double target, actual;
    v1::SlaStatus status;
  } expected[] = {
      {"Deal Reg Response", 24, 18, v1::SLA_STATUS_MEET},      {"MDF Approval", 5, 4, v1::SLA_STATUS_MEET},
      {"Support First Response", 4, 3.5, v1::SLA_STATUS_MEET}, {"Support Resolution", 48, 52, v1::SLA_STATUS_MISS},
      {"Onboarding Completion", 14, 12, v1::SLA_STATUS_MEET},  {"Payment Processing", 30, 28, v1::SLA_STATUS_MEET}};
  for (int i = 0; i < 6; ++i) {
    const v1::SlaReportRow& row = table.rows(i);
    EXPECT_EQ(row.display_name(), expected[i].name);
    EXPECT_EQ(row.value().target().max(), expected[i].target) << row.display_name();
    EXPECT_NEAR(row.value().value(), expected[i].actual, 1e-9) << row.display_name();
    EXPECT_EQ(row.status(), expected[i].status) << row.display_name();
  }
  // Five of six rows: 83 %, with a target of 90 %.
  EXPECT_DOUBLE_EQ(table.compliance().value(), 5.0 / 6);
  EXPECT_EQ(table.compliance().display(), "83 %");
  EXPECT_EQ(table.compliance().target().min(), 0.9);
  EXPECT_EQ(table.compliance().target_position(), v1::TARGET_POSITION_BELOW);
  EXPECT_EQ(table.met(), 5);
  EXPECT_EQ(table.missed(), 1);
  EXPECT_EQ(table.without_data(), 0);
  EXPECT_EQ(table.period(), "March 2024");
}

// The document's own words are "< 24 hours"; its table compares 24 with 24 as met.
TEST_F(SlaTableTest, ExactlyTheTargetMeetsIt) {
  Took<v1::DealRegistration>("deal_registration", "submitted_at", "decided_at", 24);
  EXPECT_EQ(Table().rows(0).status(), v1::SLA_STATUS_MEET);
  Took<v1::DealRegistration>("deal_registration", "submitted_at", "decided_at", 24.01);
  EXPECT_EQ(Table().rows(0).status(), v1::SLA_STATUS_MISS);
}

TEST_F(SlaTableTest, RowsWithoutDataAreNotCounted) {
  Took<v1::DealRegistration>("deal_registration", "submitted_at", "decided_at", 18);
  Ticket(5, 6);
  const v1::SlaReport table = Table();
  EXPECT_EQ(table.rows(1).status(), v1::SLA_STATUS_NO_DATA);
  EXPECT_EQ(table.met(), 2);
  EXPECT_EQ(table.missed(), 1);
  EXPECT_EQ(table.without_data(), 3);
  EXPECT_DOUBLE_EQ(table.compliance().value(), 2.0 / 3);
}

TEST_F(SlaTableTest, WithoutAnyDataThereIsNoCompliance) {
  const v1::SlaReport table = Table();
  EXPECT_EQ(table.without_data(), 6);
  EXPECT_EQ(table.compliance().no_data(), v1::NO_DATA_REASON_NO_FACTS);
}

// An average says nothing about what is still open: its number and age stand beside it.
TEST_F(SlaTableTest, OpenItemsStandBesideTheAverages) {
  Took<v1::DealRegistration>("deal_registration", "submitted_at", "decided_at", 18);
  Add<v1::DealRegistration>("deal_registration", InstantText("submitted_at", On(2024, 3, 1), 16));
  Add<v1::DealRegistration>("deal_registration", InstantText("submitted_at", On(2024, 3, 21), 16));
  // Decided, but nobody knows when: neither in the average nor open for ever.
  Add<v1::DealRegistration>("deal_registration", "decision: REGISTRATION_DECISION_APPROVED" +
                                                     InstantText("submitted_at", On(2023, 1, 1), 16));
  const v1::SlaReportRow row = Table().rows(0);
  EXPECT_EQ(row.value().value(), 18);
  EXPECT_EQ(row.open().value(), 2);
  EXPECT_EQ(row.open_age().value(), 20);  // of 30 and 10 days
  EXPECT_EQ(row.in_time().value(), 1);
  request_.as_of = On(2024, 3, 20);
  EXPECT_EQ(Table().rows(0).open().value(), 1);
  EXPECT_EQ(Table().rows(0).open_age().value(), 19);
}

TEST_F(SlaTableTest, ItsWindowIsThatOfTheCompliance) {
  AddDocument();
  request_.as_of = On(2024, 4, 1);
  EXPECT_EQ(Table().without_data(), 6);
  request_.window = v1::WINDOW_KIND_LAST_MONTH;
  EXPECT_EQ(Table().met(), 5);
  EXPECT_DOUBLE_EQ(Table().compliance().value(), 5.0 / 6);
}

TEST_F(SlaTableTest, OfOnePartner) {
  AddDocument();
  Add<v1::SupportTicket>(
      "support_ticket",
      InstantText("opened_at", On(2024, 3, 5), 9) + InstantText("first_response_at", On(2024, 3, 5), 10), 2);
  request_.scope = kFirstPartnerScope + 1;
  request_.scope_proto.set_kind(v1::SCOPE_KIND_PARTNER);
  const v1::SlaReport table = Table();
  EXPECT_EQ(table.rows(2).value().value(), 1);
  EXPECT_EQ(table.met(), 1);
  EXPECT_EQ(table.without_data(), 5);
}

}  // namespace
}  // namespace partnermetrics
