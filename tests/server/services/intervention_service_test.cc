// Interventions as callers meet them: lists, actions and what corrections, days and restarts do.
#include "partnermetrics/v1/intervention_service.grpc.pb.h"

#include <gmock/gmock.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/text_format.h"
#include "tests/server/services/server_fixture.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// Less than 100 of revenue in 30 days for a week opens one, 200 closes it. A partner is to win more than goes direct.
constexpr char kProgram[] = R"pb(
  id: "acme"
  display_name: "Acme partners"
  currency_code: "USD"
  time_zone: "UTC"
  interventions {
    rules {
      id: "behind_direct"
      display_name: "Behind direct business"
      severity: INTERVENTION_SEVERITY_LOW
      watches: "partner_revenue"
      opens_when { metric: "against_direct" max: 1 exclusive: true }
      closes_when { metric: "against_direct" min: 1 }
      check: INTERVENTION_CHECK_WEEK
    }
    rules {
      id: "low_revenue"
      display_name: "Low revenue"
      severity: INTERVENTION_SEVERITY_HIGH
      watches: "partner_revenue"
      opens_when { metric: "partner_revenue" max: 100 exclusive: true }
      open_after_days: 7
      closes_when { metric: "partner_revenue" min: 200 }
      causes: "Disengagement"
      actions: "QBR"
    }
    starts_on { year: 2024 month: 3 day: 1 }
  }
)pb";

constexpr char kCatalog[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "outcome == WON" }
  metrics {
    id: "partner_revenue"
    display_name: "Partner Revenue"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_MONEY
    direction: METRIC_DIRECTION_UP
    formula: "won.sum"
    window: WINDOW_KIND_TRAILING_30_DAYS
  }
  metrics {
    id: "against_direct"
    display_name: "Revenue against Direct"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_RATIO
    formula: "won.sum / direct(won.sum)"
    window: WINDOW_KIND_TRAILING_30_DAYS
  }
)pb";

constexpr int64_t kDay = 86'400'000'000;

class InterventionServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    Write("acme.textproto", kProgram);
    Write("catalog.textproto", kCatalog);
    Begin();
    // Apex does well. Birch has sold nothing since February, Cedar since 11 February.
    Ingest({Signed("P1", "Apex"), Signed("P2", "Birch"), Signed("P3", "Cedar"), Won("D0", "P1", 500, 2, 1),
            Won("D1", "P1", 500, 3, 1), Won("D2", "P3", 150, 2, 11), Won("D4", "P1", 500, 3, 25)});
  }
  void Begin() {
    Start();
    stub_ = v1::InterventionService::NewStub(Connect());
  }

  static v1::Event Signed(const std::string& id, const std::string& name) {
    v1::Event event = PartnerEvent(id, name);
    *event.mutable_partner()->mutable_signed_on() = MakeDate(2023, 1, 1);
    return event;
  }
  static v1::Event Won(const std::string& id, const std::string& partner, int64_t amount, int month, int day,
                       int64_t revision = 1) {
    v1::Event event = WonDeal(id, partner, amount, 1);
    *event.mutable_deal()->mutable_closed_on() = MakeDate(2024, month, day);
    event.set_revision(revision);
    return event;
  }

  template <typename Request, typename Response>
  using Method = grpc::Status (v1::InterventionService::Stub::*)(grpc::ClientContext*, const Request&, Response*);
  template <typename Request, typename Response>
  grpc::Status Call(Method<Request, Response> method, const std::string& text, Response* response) {
    Request request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request)) << text;
    grpc::ClientContext context;
    return (stub_.get()->*method)(&context, request, response);
  }
  template <typename Request>
  v1::Intervention Do(Method<Request, v1::Intervention> method, const std::string& text) {
    v1::Intervention response;
    const grpc::Status status = Call(method, text, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  v1::ListInterventionsResponse List(const std::string& text = "") {
    v1::ListInterventionsResponse response;
    const grpc::Status status = Call(&v1::InterventionService::Stub::ListInterventions, text, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  std::vector<std::string> Ids(const std::string& text = "") {
    const v1::ListInterventionsResponse list = List(text);
    std::vector<std::string> ids;
    for (const v1::Intervention& intervention : list.interventions()) ids.push_back(intervention.intervention_id());
    return ids;
  }

  std::unique_ptr<v1::InterventionService::Stub> stub_;
};

constexpr char kBirch[] = "low_revenue/crm:P2/2024-03-08";
constexpr char kCedar[] = "low_revenue/crm:P3/2024-03-19";

std::string Of(const char* id, const std::string& more = "author: 'Ada'") {
  return absl::StrCat("intervention_id: '", id, "' ", more);
}

TEST_F(InterventionServiceTest, ListsTheMostUrgentFirst) {
  const v1::ListInterventionsResponse list = List();
  ASSERT_EQ(list.interventions_size(), 2);
  EXPECT_EQ(list.total_size(), 2);
  EXPECT_EQ(list.as_of().day(), 31);
  EXPECT_GT(list.position(), 0u);
  const v1::Intervention& birch = list.interventions(0);
  EXPECT_EQ(birch.intervention_id(), kBirch);
  EXPECT_EQ(birch.partner_name(), "Birch");
  EXPECT_EQ(birch.display_name(), "Low revenue");
  EXPECT_EQ(birch.status(), v1::INTERVENTION_STATUS_OPEN);
  EXPECT_EQ(birch.cause(), "Partner Revenue $0 (< $100)");
  EXPECT_THAT(birch.possible_causes(), ElementsAre("Disengagement"));
  EXPECT_THAT(birch.recommended_actions(), ElementsAre("QBR"));
  EXPECT_EQ(birch.kpi().now().value(), 0);
  EXPECT_THAT(birch.history(), IsEmpty());
  EXPECT_EQ(list.interventions(1).intervention_id(), kCedar);  // 30 days after 11 February, and a week
  // Direct business that goes better than a partner's opens those of low severity, behind the others.
  v1::Event direct = Won("D9", "", 1000, 3, 20);
  direct.mutable_deal()->clear_attributions();
  Ingest({direct});
  EXPECT_THAT(Ids(), ElementsAre(kBirch, kCedar, "behind_direct/crm:P2/2024-03-25", "behind_direct/crm:P3/2024-03-25"));
  EXPECT_THAT(Ids("order_by: 'partner_id desc' page_size: 1"), ElementsAre(kCedar));
  EXPECT_THAT(Ids("rules: 'behind_direct' severities: INTERVENTION_SEVERITY_LOW"),
              ElementsAre("behind_direct/crm:P2/2024-03-25", "behind_direct/crm:P3/2024-03-25"));
  EXPECT_THAT(Ids("partner_id: 'Cedar' order_by: 'opened_on desc'"),
              ElementsAre("behind_direct/crm:P3/2024-03-25", kCedar));
  // Against no direct business nobody is behind.
  direct.mutable_deal()->mutable_amount()->set_units(0);
  direct.set_revision(2);
  Ingest({direct});
  EXPECT_THAT(Ids(), ElementsAre(kBirch, kCedar));
}

TEST_F(InterventionServiceTest, TellsOfAnyDay) {
  EXPECT_THAT(Ids("as_of { year: 2024 month: 3 day: 7 }"), IsEmpty());
  EXPECT_THAT(Ids("as_of { year: 2024 month: 3 day: 8 }"), ElementsAre(kBirch));
  // If nothing happens, Apex will need one a week after its last deal is 30 days old.
  EXPECT_THAT(Ids("as_of { year: 2024 month: 4 day: 30 }"), ElementsAre(kBirch, kCedar));
  EXPECT_THAT(Ids("as_of { year: 2024 month: 5 day: 1 }"),
              ElementsAre(kBirch, kCedar, "low_revenue/crm:P1/2024-05-01"));
}

TEST_F(InterventionServiceTest, FollowsTheDays) {
  EXPECT_THAT(Ids(), ElementsAre(kBirch, kCedar));
  now_us_ += 30 * kDay;
  EXPECT_THAT(Ids(), ElementsAre(kBirch, kCedar));
  now_us_ += kDay;  // the day on which Apex' last deal has been out of the window for a week
  EXPECT_THAT(Ids(), ElementsAre(kBirch, kCedar, "low_revenue/crm:P1/2024-05-01"));
}

TEST_F(InterventionServiceTest, PagesGoOnWhereTheLastEnded) {
  std::vector<std::string> ids;
  std::string token;
  do {
    const v1::ListInterventionsResponse page =
        List(absl::StrCat("page_size: 1 page_token: '", token, "' as_of { year: 2024 month: 5 day: 1 }"));
    ASSERT_EQ(page.interventions_size(), 1);
    EXPECT_EQ(page.total_size(), 3);
    ids.push_back(page.interventions(0).intervention_id());
    token = page.next_page_token();
  } while (!token.empty());
  EXPECT_THAT(ids, ElementsAre(kBirch, kCedar, "low_revenue/crm:P1/2024-05-01"));
}

TEST_F(InterventionServiceTest, PeopleActAndTheirActionsSurviveARestart) {
  Do(&v1::InterventionService::Stub::AcknowledgeIntervention, Of(kBirch, "author: 'Ada' note: 'I call them'"));
  EXPECT_EQ(
      Do(&v1::InterventionService::Stub::AssignIntervention, Of(kBirch, "author: 'Ada' assignee: 'Bob'")).assignee(),
      "Bob");
  Do(&v1::InterventionService::Stub::SnoozeIntervention,
     Of(kCedar, "author: 'Ada' until { year: 2024 month: 4 day: 10 } acted_on { year: 2024 month: 3 day: 25 }"));
  const std::string before = List("statuses: INTERVENTION_STATUS_ACKNOWLEDGED").ShortDebugString();
  EXPECT_THAT(Ids("assignee: 'Bob'"), ElementsAre(kBirch));
  Stop();
  Begin();
  EXPECT_EQ(List("statuses: INTERVENTION_STATUS_ACKNOWLEDGED").ShortDebugString(), before);
  EXPECT_THAT(Ids("statuses: INTERVENTION_STATUS_SNOOZED"), ElementsAre(kCedar));
  EXPECT_THAT(Ids("statuses: INTERVENTION_STATUS_OPEN as_of { year: 2024 month: 4 day: 10 }"), ElementsAre(kCedar));

  v1::Intervention birch = Do(&v1::InterventionService::Stub::GetIntervention, Of(kBirch, ""));
  ASSERT_EQ(birch.history_size(), 3);
  EXPECT_EQ(birch.history(0).assignee(), "Bob");
  EXPECT_EQ(birch.history(1).cause(), "I call them");
  EXPECT_EQ(birch.history(1).author(), "Ada");
  EXPECT_EQ(birch.history(2).kind(), v1::INTERVENTION_EVENT_KIND_OPENED);

  birch = Do(&v1::InterventionService::Stub::ResolveIntervention,
             Of(kBirch, "author: 'Bob' note: 'they sell again' acted_on { year: 2024 month: 3 day: 20 }"));
  EXPECT_EQ(birch.status(), v1::INTERVENTION_STATUS_RESOLVED);
  EXPECT_EQ(birch.kpi().recovery(), v1::INTERVENTION_RECOVERY_NOT_RECOVERED);
  Ingest({Won("D5", "P2", 300, 3, 30)});
  const v1::ListInterventionsResponse resolved = List("statuses: INTERVENTION_STATUS_RESOLVED");
  ASSERT_EQ(resolved.interventions_size(), 1);
  birch = resolved.interventions(0);
  EXPECT_EQ(birch.kpi().recovery(), v1::INTERVENTION_RECOVERY_RECOVERED);
  EXPECT_EQ(birch.kpi().at_open().value(), 0);
  EXPECT_EQ(birch.kpi().now().value(), 300);
}

TEST_F(InterventionServiceTest, WhatIsCorrectedAwayIsWithdrawnIfSomebodyTookNote) {
  v1::RecordInterventionsResponse recorded;
  ASSERT_TRUE(Call(&v1::InterventionService::Stub::RecordInterventions, "author: 'Ada'", &recorded).ok());
  EXPECT_EQ(recorded.recorded(), 2);
  EXPECT_GT(recorded.position(), 0u);
  ASSERT_TRUE(Call(&v1::InterventionService::Stub::RecordInterventions, "author: 'Ada'", &recorded).ok());
  EXPECT_EQ(recorded.recorded(), 0);
  // A deal that was late in the books: Birch was fine all the time.
  Ingest({Won("D6", "P2", 300, 3, 2)});
  EXPECT_THAT(Ids(), ElementsAre(kCedar));
  const v1::ListInterventionsResponse withdrawn = List("statuses: INTERVENTION_STATUS_WITHDRAWN");
  ASSERT_EQ(withdrawn.interventions_size(), 1);
  EXPECT_EQ(withdrawn.interventions(0).intervention_id(), kBirch);
  EXPECT_EQ(withdrawn.interventions(0).cause(), "Partner Revenue $0 (< $100)");
  const v1::Intervention birch = Do(&v1::InterventionService::Stub::GetIntervention, Of(kBirch, ""));
  EXPECT_EQ(birch.history(0).kind(), v1::INTERVENTION_EVENT_KIND_WITHDRAWN);
  // And when the correction turns out to be wrong, it is there again.
  Ingest({Won("D6", "P2", 3, 3, 2, /*revision=*/2)});
  EXPECT_THAT(Ids(), ElementsAre(kBirch, kCedar));
}

TEST_F(InterventionServiceTest, WhatAListOfTodayShowedIsWithdrawnAndNotForgotten) {
  EXPECT_THAT(Ids("page_size: 1"), ElementsAre(kBirch));
  EXPECT_THAT(Ids("as_of { year: 2024 month: 3 day: 20 }"), ElementsAre(kBirch, kCedar));  // looks back
  const uint64_t position = List("page_size: 1").position();
  EXPECT_EQ(List("page_size: 1").position(), position);  // it is noted once
  Stop();
  Begin();
  // Deals that were late in the books: both were fine all the time.
  Ingest({Won("D6", "P2", 300, 3, 2), Won("D7", "P3", 300, 3, 2)});
  EXPECT_THAT(Ids(), IsEmpty());
  const v1::ListInterventionsResponse withdrawn = List("statuses: INTERVENTION_STATUS_WITHDRAWN");
  ASSERT_EQ(withdrawn.interventions_size(), 1);
  EXPECT_EQ(withdrawn.interventions(0).intervention_id(), kBirch);
  EXPECT_EQ(withdrawn.interventions(0).cause(), "Partner Revenue $0 (< $100)");
  const v1::Intervention birch = Do(&v1::InterventionService::Stub::GetIntervention, Of(kBirch, ""));
  ASSERT_EQ(birch.history_size(), 2);
  EXPECT_EQ(birch.history(0).kind(), v1::INTERVENTION_EVENT_KIND_WITHDRAWN);
  EXPECT_EQ(birch.history(1).kind(), v1::INTERVENTION_EVENT_KIND_RECORDED);
  EXPECT_EQ(birch.history(1).author(), "partnermetrics");
}

TEST_F(InterventionServiceTest, AnOldIdLeadsToAnInterventionThatMoved) {
  Do(&v1::InterventionService::Stub::AcknowledgeIntervention, Of(kCedar));
  Ingest({Won("D2", "P3", 150, 2, 14, /*revision=*/2)});  // it was won three days later
  EXPECT_EQ(Do(&v1::InterventionService::Stub::GetIntervention, Of(kCedar, "")).intervention_id(),
            "low_revenue/crm:P3/2024-03-22");
}

TEST_F(InterventionServiceTest, RefusesWhatCannotBe) {
  v1::Intervention response;
  using Stub = v1::InterventionService::Stub;
  const auto fields = [](const grpc::Status& status) { return InfoOf(status).fields; };
  EXPECT_THAT(fields(Call(&Stub::AcknowledgeIntervention, Of(kBirch, ""), &response)),
              ElementsAre("author: must say who does it"));
  EXPECT_THAT(fields(Call(&Stub::ResolveIntervention, Of(kBirch), &response)),
              ElementsAre("note: must say what came of it"));
  EXPECT_THAT(fields(Call(&Stub::SnoozeIntervention, Of(kBirch), &response)),
              ElementsAre("until: must say until when"));
  EXPECT_THAT(fields(Call(&Stub::SnoozeIntervention, Of(kBirch, "author: 'A' until { year: 2024 month: 3 day: 31 }"),
                          &response)),
              ElementsAre("until: must lie after 2024-03-31"));
  EXPECT_THAT(fields(Call(&Stub::AcknowledgeIntervention,
                          Of(kBirch, "author: 'A' acted_on { year: 2024 month: 4 day: 1 }"), &response)),
              ElementsAre("acted_on: must not lie after today"));
  EXPECT_EQ(InfoOf(Call(&Stub::GetIntervention, Of("low_revenue/crm:P2/2024-03-09", ""), &response)).reason,
            "UNKNOWN_INTERVENTION");
  EXPECT_EQ(InfoOf(Call(&Stub::GetIntervention, Of("low_revenue/crm:P9/2024-03-09", ""), &response)).reason,
            "UNKNOWN_PARTNER");
  EXPECT_EQ(fields(Call(&Stub::GetIntervention, Of("low_revenue", ""), &response)).size(), 1u);
  Do(&Stub::ResolveIntervention, Of(kBirch, "author: 'A' note: 'done'"));
  EXPECT_EQ(InfoOf(Call(&Stub::AcknowledgeIntervention, Of(kBirch), &response)).reason, "INTERVENTION_OVER");
  v1::ListInterventionsResponse list;
  EXPECT_THAT(fields(Call(&Stub::ListInterventions, "rules: 'low_revenu'", &list)),
              ElementsAre("rules: there is no rule 'low_revenu' (did you mean \"low_revenue\"?)"));
  EXPECT_EQ(fields(Call(&Stub::ListInterventions, "order_by: 'name'", &list)).size(), 1u);
  EXPECT_THAT(fields(Call(&Stub::ListInterventions, "statuses: INTERVENTION_STATUS_UNSPECIFIED", &list)),
              ElementsAre("statuses: is no status"));
}

// Whatever comes in, is corrected or done, and however days pass: the table tells what a replay of each partner's days
// tells.
TEST_F(InterventionServiceTest, TheTableFollowsFactsActionsAndDays) {
  std::mt19937 random(7);
  const auto roll = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const std::string all =
      "statuses: [INTERVENTION_STATUS_OPEN, INTERVENTION_STATUS_ACKNOWLEDGED, INTERVENTION_STATUS_SNOOZED, "
      "INTERVENTION_STATUS_RESOLVED, INTERVENTION_STATUS_CLOSED, INTERVENTION_STATUS_WITHDRAWN] page_size: 1000 ";
  const auto texts = [](const v1::ListInterventionsResponse& list) {
    std::vector<std::string> texts;
    for (const v1::Intervention& intervention : list.interventions()) texts.push_back(intervention.ShortDebugString());
    return texts;
  };
  for (int step = 0; step < 60; ++step) {
    std::vector<v1::Event> events;
    for (int i = roll(4); i > 0; --i) {
      const std::string partner = absl::StrCat("P", 1 + roll(3));
      v1::Event event = Won(absl::StrCat("R", roll(30)), partner, 10 * roll(30), 1 + roll(5), 1 + roll(28), step + 2);
      if (roll(5) == 0) {
        event.mutable_deal()->clear_attributions();
      }
      event.set_deleted(roll(6) == 0);
      events.push_back(std::move(event));
    }
    if (!events.empty()) Ingest(events);
    if (roll(3) == 0) now_us_ += kDay * roll(4);
    const v1::ListInterventionsResponse open = List();
    if (open.interventions_size() > 0 && roll(2) == 0) {
      const auto& id = open.interventions(roll(open.interventions_size())).intervention_id();
      if (roll(2) == 0) {
        Do(&v1::InterventionService::Stub::AcknowledgeIntervention, Of(id.c_str()));
      } else {
        Do(&v1::InterventionService::Stub::ResolveIntervention, Of(id.c_str(), "author: 'A' note: 'x'"));
      }
    }
    std::string day;
    if (roll(2) == 0) day = absl::StrCat(" as_of { year: 2024 month: ", 3 + roll(3), " day: ", 1 + roll(28), " }");
    std::vector<std::string> afresh;
    for (const char* partner : {"Apex", "Birch", "Cedar"}) {
      for (std::string& text : texts(List(all + "partner_id: '" + partner + "'" + day)))
        afresh.push_back(std::move(text));
    }
    ASSERT_THAT(texts(List(all + day)), testing::UnorderedElementsAreArray(afresh)) << "step " << step << day;
  }
}

}  // namespace
}  // namespace partnermetrics
