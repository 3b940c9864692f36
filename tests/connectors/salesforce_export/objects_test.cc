// The objects around partners, from tests/data/hand_made/salesforce (made by hand: a weekly export): which facts each
// states, and which rows it leaves out. The golden file salesforce_objects.txt of the kit has every event in full.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/plugins/plugin_run.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kCascadia[] = "0015f0000000001AAA";
constexpr char kNorthwind[] = "0015f0000000002AAA";
constexpr char kPat[] = "0035f0000000001AAA";
constexpr char kWebinar[] = "7015f0000000001AAA";
constexpr char kRequest[] = "0kR5f0000000001EAA";

std::string Day(const v1::Date& date) {
  return std::to_string(date.year()) + "-" + std::to_string(date.month()) + "-" + std::to_string(date.day());
}

// Times are compared in seconds since 1970.
constexpr int64_t At(int64_t days, int64_t hour, int64_t minute = 0, int64_t second = 0) {
  return days * 86'400 + hour * 3600 + minute * 60 + second;
}
constexpr int64_t kNewYear2026 = 20'454;  // 2026-01-01 in days since 1970
constexpr int64_t kMarch2026 = kNewYear2026 + 31 + 28;

template <typename Fact>
std::string PartnerOf(const Fact& fact) {
  return fact.partner_refs_size() == 1 ? fact.partner_refs(0).external().id() : "";
}

class SalesforceObjects : public ::testing::Test {
 protected:
  SalesforceObjects() : run_("salesforce_export") {
    run_.AddFolder(std::filesystem::path(PM_TEST_DATA) / "hand_made/salesforce");
  }
  void Read(const SettingMap& settings = {}) {
    ASSERT_EQ(run_.Read(settings), PM_OK) << run_.error();
    EXPECT_THAT(run_.Rejections(), IsEmpty());
  }
  // The rules by which rows of a file were left out: "4 no_partner".
  std::vector<std::string> SkipsOf(const std::string& file) const {
    std::vector<std::string> skips;
    for (const auto& record : run_.records()) {
      if (record.file == file && record.skip) skips.push_back(std::to_string(record.row) + " " + *record.skip);
    }
    return skips;
  }
  std::vector<std::string> Deleted() const {
    std::vector<std::string> ids;
    for (const v1::Event& event : run_.events()) {
      if (event.deleted()) ids.push_back(event.record_id());
    }
    return ids;
  }
  PluginRun run_;
};

TEST_F(SalesforceObjects, CheckFindsNothingWrong) {
  ASSERT_EQ(run_.Check(), PM_OK) << run_.error();
  for (const auto& problem : run_.host().problems) EXPECT_LT(problem.level, PM_WARNING) << problem.where;
}

TEST_F(SalesforceObjects, PartnersHaveTierProgrammePeopleAndFirstContract) {
  Read();
  auto partners = run_.Facts(&v1::Event::has_partner, &v1::Event::partner);
  ASSERT_THAT(partners, SizeIs(2));  // the second by its membership alone
  EXPECT_THAT(partners[0]->contact_emails(), ElementsAre("pat@cascadia.example"));  // of a contact and its user; once
  EXPECT_EQ(Day(partners[0]->signed_on()), "2024-1-31");
  EXPECT_EQ(partners[0]->tier(), "");
  EXPECT_EQ(partners[1]->tier(), "Gold");  // the highest of its levels
  ASSERT_EQ(partners[1]->labels_size(), 1);
  EXPECT_EQ(partners[1]->labels(0).key(), "program");
  EXPECT_EQ(partners[1]->labels(0).value(), "Solution Partners");
  EXPECT_EQ(Day(partners[1]->signed_on()), "2024-3-1");  // its contract is a draft: the account's creation
  // A contact changed after the account, so its partner did too.
  ASSERT_EQ(run_.events()[2].record_id(), kCascadia);
  EXPECT_EQ(run_.events()[2].revision(), At(kNewYear2026 + 10, 9) * 1'000'000);
}

TEST_F(SalesforceObjects, FieldHistoryMakesStagesAndTellsWhenALeadQualified) {
  Read();
  auto stages = run_.Facts(&v1::Event::has_deal_stage, &v1::Event::deal_stage);
  ASSERT_THAT(stages, SizeIs(3));
  EXPECT_EQ(stages[0]->stage(), "Prospecting");  // the first change says what it left
  EXPECT_EQ(stages[0]->entered_at().seconds(), At(kNewYear2026 + 4, 8));
  EXPECT_EQ(stages[0]->left_at().seconds(), At(kNewYear2026 + 19, 8));
  EXPECT_EQ(stages[1]->stage(), "Proposal");
  EXPECT_EQ(stages[2]->stage(), "Negotiation");
  EXPECT_FALSE(stages[2]->has_left_at());
  EXPECT_THAT(SkipsOf("EntityHistory.csv"), SizeIs(5));
  auto leads = run_.Facts(&v1::Event::has_lead, &v1::Event::lead);
  ASSERT_THAT(leads, SizeIs(1));
  EXPECT_EQ(leads[0]->qualified_at().seconds(), At(kNewYear2026 + 8, 8, 30));  // the first time, not the last change
}

TEST_F(SalesforceObjects, FieldHistoryDoesNotRepeatTheStagesOfOpportunityHistory) {
  run_.AddFile(
      "OpportunityHistory.csv",
      "Id,OpportunityId,CreatedDate,StageName\n0085f0000000001AAA,0065f0000000001AAA,2026-01-05,Prospecting\n");
  Read();
  EXPECT_THAT(run_.Facts(&v1::Event::has_deal_stage, &v1::Event::deal_stage), SizeIs(1));
  EXPECT_EQ(run_.Skips()["stage_known_otherwise"], 3);
}

TEST_F(SalesforceObjects, OpportunityFieldHistoryMakesStagesToo) {
  run_.host().files.erase("EntityHistory.csv");
  run_.AddFile("OpportunityFieldHistory.csv",
               "Id,IsDeleted,OpportunityId,CreatedDate,Field,OldValue,NewValue\n"
               "0175f0000000001AAA,false,0065f0000000001AAA,2026-01-20T08:00:00.000Z,StageName,New,Proposal\n"
               "0175f0000000002AAA,false,0065f0000000001AAA,2026-01-05T08:00:00.000Z,created,,\n");
  Read();
  auto stages = run_.Facts(&v1::Event::has_deal_stage, &v1::Event::deal_stage);
  ASSERT_THAT(stages, SizeIs(2));
  EXPECT_EQ(stages[0]->stage(), "New");
  EXPECT_EQ(stages[1]->stage(), "Proposal");
}

TEST_F(SalesforceObjects, ContractsOfPartnersHaveTheirTerm) {
  Read();
  auto contracts = run_.Facts(&v1::Event::has_contract, &v1::Event::contract);
  ASSERT_THAT(contracts, SizeIs(2));
  EXPECT_EQ(PartnerOf(*contracts[0]), kCascadia);
  EXPECT_EQ(contracts[0]->number(), "00000101");
  EXPECT_EQ(contracts[0]->status(), v1::CONTRACT_STATUS_ACTIVE);
  EXPECT_EQ(Day(contracts[0]->signed_on()), "2024-1-25");  // when the later one signed
  EXPECT_EQ(Day(contracts[0]->starts_on()), "2024-1-31");
  EXPECT_EQ(Day(contracts[0]->ends_on()), "2025-2-27");  // 13 months from the 31st: to the day before 28 February
  EXPECT_EQ(Day(contracts[0]->renewal_due_on()), "2025-2-27");
  EXPECT_EQ(contracts[1]->status(), v1::CONTRACT_STATUS_DRAFT);
  EXPECT_FALSE(contracts[1]->has_renewal_due_on());
  EXPECT_THAT(SkipsOf("Contract.csv"), ElementsAre("3 no_partner"));  // of a customer
}

TEST_F(SalesforceObjects, FundRequestsHaveDecisionsAndTheirTimes) {
  Read();
  auto requests = run_.Facts(&v1::Event::has_mdf_request, &v1::Event::mdf_request);
  ASSERT_THAT(requests, SizeIs(3));
  EXPECT_EQ(requests[0]->decision(), v1::MDF_DECISION_APPROVED);
  EXPECT_EQ(requests[0]->requested_amount().units(), 5000);
  EXPECT_EQ(requests[0]->approved_amount().units(), 4000);
  EXPECT_EQ(requests[0]->decided_at().seconds(), At(kNewYear2026 + 17, 10));  // from the history of its status
  EXPECT_EQ(requests[1]->decision(), v1::MDF_DECISION_REJECTED);
  EXPECT_FALSE(requests[1]->has_approved_amount());
  EXPECT_EQ(requests[1]->decided_at().seconds(), At(kNewYear2026 + 19, 10));  // the last change
  // The custom object states decision and spending itself.
  EXPECT_EQ(PartnerOf(*requests[2]), kNorthwind);
  EXPECT_EQ(requests[2]->decided_at().seconds(), At(kNewYear2026 + 33, 0));
  EXPECT_EQ(Day(requests[2]->activity_on()), "2026-2-20");
}

TEST_F(SalesforceObjects, OnlyPaidClaimsAreSpending) {
  Read();
  auto spending = run_.Facts(&v1::Event::has_mdf_spend, &v1::Event::mdf_spend);
  ASSERT_THAT(spending, SizeIs(2));
  EXPECT_EQ(Cents(spending[0]->amount()), 640'25);  // of MDF_Request__c
  EXPECT_EQ(spending[1]->root_id(), kRequest);
  EXPECT_EQ(Cents(spending[1]->amount()), 2500'50);
  EXPECT_EQ(Day(spending[1]->spent_on()), "2026-3-5");
  // What is a draft, not paid or not done may have been more once, so it is deleted.
  EXPECT_THAT(Deleted(), ElementsAre("0kR5f0000000003EAA", "0kC5f0000000002EAA", "00T5f0000000003EAA"));
}

TEST_F(SalesforceObjects, CampaignsWithAPartnerAreMarketing) {
  Read();
  auto activities = run_.Facts(&v1::Event::has_marketing_activity, &v1::Event::marketing_activity);
  ASSERT_THAT(activities, SizeIs(2));
  EXPECT_EQ(PartnerOf(*activities[0]), kCascadia);  // of the request that paid for it
  EXPECT_EQ(activities[0]->mdf_request_id(), kRequest);
  EXPECT_EQ(activities[0]->kind(), v1::MARKETING_ACTIVITY_KIND_EVENT);
  EXPECT_EQ(activities[0]->cost().units(), 3900);
  EXPECT_EQ(PartnerOf(*activities[1]), kNorthwind);  // of the column
  EXPECT_EQ(activities[1]->kind(), v1::MARKETING_ACTIVITY_KIND_EMAIL_CAMPAIGN);
  EXPECT_EQ(Day(activities[1]->started_on()), "2026-3-2");
  EXPECT_EQ(Day(activities[1]->ended_on()), "2026-3-16");
  EXPECT_THAT(SkipsOf("Campaign.csv"), ElementsAre("3 no_partner"));
}

TEST_F(SalesforceObjects, MembersOfEventsAreInvitations) {
  Read();
  auto invitations = run_.Facts(&v1::Event::has_event_invitation, &v1::Event::event_invitation);
  ASSERT_THAT(invitations, SizeIs(3));
  EXPECT_EQ(PartnerOf(*invitations[0]), kCascadia);
  EXPECT_EQ(invitations[0]->event_id(), kWebinar);
  EXPECT_EQ(invitations[0]->event_name(), "Spring webinar");
  EXPECT_EQ(Day(invitations[0]->event_on()), "2026-2-24");
  EXPECT_EQ(invitations[0]->event_kind(), v1::EVENT_KIND_WEBINAR);
  EXPECT_EQ(invitations[0]->person(), kPat);
  EXPECT_TRUE(invitations[0]->attended());
  EXPECT_FALSE(invitations[1]->attended());          // "No Show", although the flag says that it responded
  EXPECT_EQ(PartnerOf(*invitations[2]), kCascadia);  // a lead of the partner
  EXPECT_TRUE(invitations[2]->attended());
  EXPECT_THAT(SkipsOf("CampaignMember.csv"), ElementsAre("4 no_partner", "5 no_event"));
}

TEST_F(SalesforceObjects, ClosedTasksAndEventsAreCommunication) {
  Read();
  auto messages = run_.Facts(&v1::Event::has_communication, &v1::Event::communication);
  ASSERT_THAT(messages, SizeIs(4));
  EXPECT_EQ(messages[0]->channel(), v1::COMMUNICATION_CHANNEL_CALL);
  EXPECT_EQ(messages[0]->direction(), v1::COMMUNICATION_DIRECTION_INBOUND);
  EXPECT_EQ(messages[0]->sent_at().seconds(), At(kMarch2026 + 2, 15, 30));
  EXPECT_EQ(PartnerOf(*messages[1]), kNorthwind);  // what it is about
  EXPECT_EQ(messages[1]->channel(), v1::COMMUNICATION_CHANNEL_EMAIL);
  EXPECT_EQ(Day(messages[1]->sent_on()), "2026-3-4");
  EXPECT_EQ(messages[2]->channel(), v1::COMMUNICATION_CHANNEL_MEETING);
  EXPECT_EQ(messages[2]->sent_at().seconds(), At(kMarch2026 + 9, 14));
  EXPECT_EQ(Day(messages[3]->sent_on()), "2026-3-12");  // the whole day
  EXPECT_THAT(SkipsOf("Task.csv"), ElementsAre("4 no_partner"));
  EXPECT_THAT(SkipsOf("Event.csv"), ElementsAre("2 copy_for_invitee"));
}

TEST_F(SalesforceObjects, LoginsOfPartnersAreSessions) {
  Read();
  auto sessions = run_.Facts(&v1::Event::has_portal_session, &v1::Event::portal_session);
  ASSERT_THAT(sessions, SizeIs(2));
  EXPECT_EQ(PartnerOf(*sessions[0]), kCascadia);
  EXPECT_EQ(sessions[0]->started_at().seconds(), At(kMarch2026 + 27, 7));
  EXPECT_TRUE(sessions[0]->login());
  EXPECT_EQ(PartnerOf(*sessions[1]), kNorthwind);  // by the user's contact
  EXPECT_THAT(SkipsOf("LoginHistory.csv"), ElementsAre("2 failed_login", "4 no_partner"));
}

TEST_F(SalesforceObjects, WithoutLoginHistoryTheLastLoginOfEachUserCounts) {
  run_.host().files.erase("LoginHistory.csv");
  Read();
  auto sessions = run_.Facts(&v1::Event::has_portal_session, &v1::Event::portal_session);
  ASSERT_THAT(sessions, SizeIs(1));
  EXPECT_EQ(sessions[0]->started_at().seconds(), At(kMarch2026 + 28, 10, 11, 12));
  EXPECT_EQ(run_.events().back().record_id(), "0055f0000000002AAA@1774779072");
  EXPECT_THAT(SkipsOf("User.csv"), ElementsAre("1 no_partner", "3 no_login"));
}

TEST_F(SalesforceObjects, DatedRatesWinOverThoseOfCurrencyType) {
  Read();
  auto rates = run_.Facts(&v1::Event::has_fx_rate, &v1::Event::fx_rate);
  ASSERT_THAT(rates, SizeIs(2));
  EXPECT_EQ(rates[0]->from_currency(), "EUR");
  EXPECT_EQ(rates[0]->to_currency(), "USD");
  EXPECT_EQ(rates[0]->rate().nanos(), 42'100'000);
  EXPECT_EQ(Day(rates[0]->effective_on()), "2025-1-1");
  EXPECT_EQ(Day(rates[1]->effective_on()), "2026-1-1");
}

TEST_F(SalesforceObjects, WithoutDatedRatesThoseOfCurrencyTypeHoldForAllTimes) {
  run_.host().files.erase("DatedConversionRate.csv");
  Read();
  auto rates = run_.Facts(&v1::Event::has_fx_rate, &v1::Event::fx_rate);
  ASSERT_THAT(rates, SizeIs(2));
  EXPECT_EQ(rates[1]->to_currency(), "MXN");
  EXPECT_EQ(rates[1]->rate().units(), 18);
  EXPECT_EQ(rates[1]->rate().nanos(), 250'000'000);
  EXPECT_EQ(Day(rates[1]->effective_on()), "1990-1-1");
}

TEST_F(SalesforceObjects, RatesWithoutACorporateCurrencyAreRejected) {
  run_.host().files.erase("CurrencyType.csv");
  ASSERT_EQ(run_.Read(), PM_OK) << run_.error();
  EXPECT_THAT(run_.Rejections(), ElementsAre("DatedConversionRate.csv:1:IsoCode:unknown_corporate_currency",
                                             "DatedConversionRate.csv:2:IsoCode:unknown_corporate_currency",
                                             "DatedConversionRate.csv:3:IsoCode:unknown_corporate_currency"));
  Read({{"default_currency", "EUR"}});
  EXPECT_THAT(run_.Facts(&v1::Event::has_fx_rate, &v1::Event::fx_rate), SizeIs(2));
}

TEST_F(SalesforceObjects, ABadContactMakesFactsOfPeopleIncomplete) {
  ASSERT_EQ(run_.Read({{"complete_export", "true"}}), PM_OK) << run_.error();
  EXPECT_THAT(run_.host().complete,
              ::testing::IsSupersetOf({"contract", "mdf_spend", "event_invitation", "communication"}));
  run_.host().files["Contact.csv"] += "\"broken\"\n";
  ASSERT_EQ(run_.Read({{"complete_export", "true"}}), PM_OK) << run_.error();
  EXPECT_THAT(run_.host().complete, ::testing::Not(::testing::Contains("event_invitation")));
  EXPECT_THAT(run_.host().complete, ::testing::Contains("contract"));
}

}  // namespace
}  // namespace partnermetrics
