// What happens to interventions, in streams of changes.
#include <gmock/gmock.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "partnermetrics/v1/intervention_service.grpc.pb.h"
#include "tests/server/services/watch_fixture.h"

namespace partnermetrics {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Stub = v1::InterventionService::Stub;

// Less than 100 of revenue in 30 days for a week opens one, 200 closes it. A lost deal that is open opens another kind.
constexpr char kProgram[] = R"pb(
  id: "acme"
  display_name: "Acme partners"
  currency_code: "USD"
  time_zone: "UTC"
  interventions {
    rules {
      id: "low_revenue"
      display_name: "Low revenue"
      severity: INTERVENTION_SEVERITY_HIGH
      watches: "partner_revenue"
      opens_when { metric: "partner_revenue" max: 100 exclusive: true }
      opens_when { metric: "partner_revenue" max: 20 exclusive: true }
      open_after_days: 7
      closes_when { metric: "partner_revenue" min: 200 }
    }
    rules {
      id: "losses"
      display_name: "Losses"
      watches: "deals_lost"
      opens_when { metric: "deals_lost" min: 1 }
      closes_when { metric: "deals_lost" max: 0 }
    }
    starts_on { year: 2024 month: 3 day: 1 }
  }
)pb";

constexpr char kCatalog[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "outcome == WON" }
  measures { id: "lost" fact: "deal" kind: MEASURE_KIND_FLOW at: "closed_on" where: "outcome == LOST" }
  metrics {
    id: "partner_revenue"
    display_name: "Revenue"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_MONEY
    direction: METRIC_DIRECTION_UP
    formula: "won.sum"
    window: WINDOW_KIND_TRAILING_30_DAYS
  }
  metrics {
    id: "deals_lost"
    display_name: "Deals Lost"
    category: METRIC_CATEGORY_PIPELINE
    unit: METRIC_UNIT_COUNT
    formula: "lost.count"
    window: WINDOW_KIND_TRAILING_30_DAYS
  }
)pb";

std::string DateText(const v1::Date& date) {
  return absl::StrCat(date.month(), "/", date.day());
}

std::string KindText(v1::InterventionEventKind kind) {
  return absl::AsciiStrToLower(v1::InterventionEventKind_Name(kind).substr(24));
}

// "3/31 low_revenue/crm:P2/2024-03-08 open: 3/8 opened Revenue $0 (< $100)".
std::string Text(const v1::WatchChangesResponse& answer) {
  if (!answer.has_change()) return absl::StrCat(DateText(answer.as_of()), " -");
  const v1::InterventionChange& change = answer.change().intervention();
  const v1::InterventionEvent& event = change.event();
  std::string text = absl::StrCat(DateText(answer.as_of()), " ", change.intervention_id(), " ",
                                  absl::AsciiStrToLower(v1::InterventionStatus_Name(change.status()).substr(20)), ": ",
                                  change.taken_back() ? "not " : "");
  if (event.has_on()) absl::StrAppend(&text, DateText(event.on()), " ");
  absl::StrAppend(&text, KindText(event.kind()));
  for (const std::string& more : {event.cause(), event.author(), event.assignee(), change.was_id()}) {
    if (!more.empty()) absl::StrAppend(&text, " ", more);
  }
  return text;
}

std::vector<std::string> Texts(const std::vector<v1::WatchChangesResponse>& answers) {
  std::vector<std::string> texts;
  for (const auto& answer : answers) texts.push_back(Text(answer));
  return texts;
}

constexpr char kBirch[] = "low_revenue/crm:P2/2024-03-08";
constexpr char kCedar[] = "low_revenue/crm:P3/2024-03-19";

class WatchInterventionsTest : public WatchTest {
 protected:
  void SetUp() override {
    Write("acme.textproto", kProgram);
    Write("catalog.textproto", kCatalog);
    Begin();
    // Apex does well. Birch has sold nothing since February, Cedar since 11 February.
    Ingest({Signed("P1", "Apex"), Signed("P2", "Birch"), Signed("P3", "Cedar"), Won("D0", "P1", 500, March(1)),
            Won("D1", "P1", 500, March(25)), Won("D2", "P3", 150, MakeDate(2024, 2, 11))});
    token_ = Once({}).back().resume_token();
  }
  void Begin() {
    Start();
    stub_ = v1::InterventionService::NewStub(Connect());
  }
  void Restart() override {
    Stop();
    Begin();
  }

  static v1::Date March(int day) { return MakeDate(2024, 3, day); }
  static v1::Event Lost(const std::string& id, const std::string& partner, const v1::Date& day) {
    v1::Event event = Won(id, partner, 10, day);
    event.mutable_deal()->set_outcome(v1::DEAL_OUTCOME_LOST);
    return event;
  }

  template <typename Request>
  bool Do(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, v1::Intervention*), const std::string& id,
          const std::string& more = "") {
    Request request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        absl::StrCat("intervention_id: '", id, "' author: 'Ada' ", more), &request));
    grpc::ClientContext context;
    v1::Intervention response;
    return (stub_.get()->*method)(&context, request, &response).ok();
  }
  v1::ListInterventionsResponse UnderWay() {
    v1::ListInterventionsRequest request;
    request.set_page_size(1000);
    grpc::ClientContext context;
    v1::ListInterventionsResponse list;
    EXPECT_TRUE(stub_->ListInterventions(&context, request, &list).ok());
    return list;
  }
  v1::Intervention Get(const std::string& id) {
    v1::GetInterventionRequest request;
    request.set_intervention_id(id);
    grpc::ClientContext context;
    v1::Intervention intervention;
    EXPECT_TRUE(stub_->GetIntervention(&context, request, &intervention).ok()) << id;
    return intervention;
  }
  std::vector<std::string> News() { return Texts(Follow(token_)); }

  std::unique_ptr<Stub> stub_;
  std::string token_;
};

TEST_F(WatchInterventionsTest, WhatPeopleDoIsTold) {
  EXPECT_THAT(News(), IsEmpty());
  Do(&Stub::AcknowledgeIntervention, kBirch, "note: 'I call them'");
  EXPECT_THAT(News(), ElementsAre(absl::StrCat("3/31 ", kBirch, " acknowledged: 3/31 acknowledged I call them Ada")));
  Do(&Stub::AssignIntervention, kBirch, "assignee: 'Bob'");
  Do(&Stub::SnoozeIntervention, kCedar,
     "until { year: 2024 month: 4 day: 2 } acted_on { year: 2024 month: 3 day: 20 }");
  EXPECT_THAT(News(), ElementsAre(absl::StrCat("3/31 ", kBirch, " acknowledged: 3/31 assigned Ada Bob"),
                                  absl::StrCat("3/31 ", kCedar, " snoozed: 3/20 snoozed Ada")));
  PassDays(1);
  EXPECT_THAT(News(), IsEmpty());
  PassDays(1);
  EXPECT_THAT(News(), ElementsAre(absl::StrCat("4/2 ", kCedar, " open: 4/2 resumed")));
  Do(&Stub::ResolveIntervention, kBirch, "note: 'they sell again'");
  EXPECT_THAT(News(), ElementsAre(absl::StrCat("4/2 ", kBirch, " resolved: 4/2 resolved they sell again Ada")));
}

TEST_F(WatchInterventionsTest, WhatOpensAndClosesByItselfIsTold) {
  Ingest({Won("D3", "P3", 300, March(31))});
  EXPECT_THAT(News(), ElementsAre(absl::StrCat("3/31 ", kCedar, " closed: 3/31 closed Revenue $300 (≥ $200)")));
  v1::Event left = Revised(Signed("P2", "Birch"), 2);
  *left.mutable_partner()->mutable_terminated_on() = MakeDate(2024, 4, 10);
  Ingest({left});
  EXPECT_THAT(News(), IsEmpty());
  // Each of the days that pass is told by itself.
  PassDays(31);
  EXPECT_THAT(News(), ElementsAre(absl::StrCat("4/10 ", kBirch, " closed: 4/10 partner_left"),
                                  "5/1 low_revenue/crm:P1/2024-05-01 open: 5/1 opened Revenue $0 (< $100)",
                                  "5/1 low_revenue/crm:P1/2024-05-01 open: 5/1 evidence Revenue $0 (< $20)"));
}

// Nobody acted on it: an intervention list forgets it, who was told of it hears of it.
TEST_F(WatchInterventionsTest, WhatIsCorrectedAwayIsWithdrawn) {
  Ingest({Won("D6", "P2", 300, March(2))});
  EXPECT_THAT(News(), ElementsAre(absl::StrCat("3/31 ", kBirch,
                                               " withdrawn: withdrawn by what is known now there was no cause")));
  // And when the correction turns out to be wrong, it is there again.
  Do(&Stub::AcknowledgeIntervention, kCedar);
  Ingest({Revised(Won("D6", "P2", 30, March(2)), 2)});
  EXPECT_THAT(News(), ElementsAre(absl::StrCat("3/31 ", kBirch, " open: 3/8 opened Revenue $30 (< $100)"),
                                  absl::StrCat("3/31 ", kCedar, " acknowledged: 3/31 acknowledged Ada")));
}

TEST_F(WatchInterventionsTest, OneThatACorrectionMovesIsTheSame) {
  Do(&Stub::AcknowledgeIntervention, kCedar);
  News();
  Ingest({Revised(Won("D2", "P3", 150, MakeDate(2024, 2, 14)), 2)});  // it was won three days later
  const std::string moved = "low_revenue/crm:P3/2024-03-22";
  EXPECT_THAT(News(),
              ElementsAre(absl::StrCat("3/31 ", moved, " acknowledged: 3/22 opened Revenue $0 (< $100) ", kCedar),
                          absl::StrCat("3/31 ", moved, " acknowledged: not 3/19 evidence Revenue $0 (< $20)"),
                          absl::StrCat("3/31 ", moved, " acknowledged: 3/22 evidence Revenue $0 (< $20)")));
  // It goes on under its new id, after a restart too.
  Restart();
  Do(&Stub::AssignIntervention, moved, "assignee: 'Bob'");
  EXPECT_THAT(News(), ElementsAre(absl::StrCat("3/31 ", moved, " acknowledged: 3/31 assigned Ada Bob")));
}

TEST_F(WatchInterventionsTest, OfAPartnerThatNobodyStatesAnyMoreAllAreWithdrawn) {
  v1::Event gone;
  gone.set_record_id("P2");
  gone.set_revision(2);
  gone.set_deleted(true);
  gone.mutable_partner();
  Restart();
  Ingest({gone});
  EXPECT_THAT(News(), ElementsAre(HasSubstr(absl::StrCat(kBirch, " withdrawn: withdrawn"))));
}

TEST_F(WatchInterventionsTest, ARuleThatIsGoneHasNone) {
  Stop();
  std::string program = kProgram;
  program.replace(program.find("low_revenue"), 11, "few_revenue");
  Write("acme.textproto", program);
  Begin();
  EXPECT_THAT(News(), testing::IsSupersetOf({
                          HasSubstr(absl::StrCat(kBirch, " withdrawn: withdrawn")),
                          HasSubstr(absl::StrCat(kCedar, " withdrawn: withdrawn")),
                          HasSubstr("few_revenue/crm:P2/2024-03-08 open: 3/8 opened"),
                      }));
}

// More deals than a job takes over at once: while it changes what a rule reads, the rule tells nothing.
TEST_F(WatchInterventionsTest, WhileDefinitionsAreWorkedOffNothingIsWithdrawn) {
  std::vector<v1::Event> deals;
  for (int i = 0; i < 24'000; ++i) {
    deals.push_back(Won(absl::StrCat("M", i), "P1", 10, March(1 + i % 28)));
    if (deals.size() < 1'000) continue;
    Ingest(deals, v1::RESULT_DETAIL_UNSPECIFIED);
    deals.clear();
  }
  News();
  Stop();
  std::string catalog = kCatalog;
  catalog.replace(catalog.find("outcome == WON"), 14, "outcome in [WON]");
  Write("catalog.textproto", catalog);
  Begin();
  const auto has_jobs = [&] {
    grpc::ClientContext context;
    v1::ListJobsRequest request;
    request.set_only_open(true);
    v1::ListJobsResponse list;
    EXPECT_TRUE(admin_->ListJobs(&context, request, &list).ok());
    return list.jobs_size() > 0;
  };
  do EXPECT_THAT(News(), IsEmpty());
  while (has_jobs());
  Do(&Stub::AcknowledgeIntervention, kBirch);
  EXPECT_THAT(News(), ElementsAre(absl::StrCat("3/31 ", kBirch, " acknowledged: 3/31 acknowledged Ada")));
}

TEST_F(WatchInterventionsTest, AStateIsWhatWasToldOfThoseUnderWay) {
  Do(&Stub::AcknowledgeIntervention, kBirch);
  Do(&Stub::ResolveIntervention, kCedar, "note: 'done'");
  News();
  const Answers state = Once(WithState());
  EXPECT_THAT(Texts(state), ElementsAre(absl::StrCat("3/31 ", kBirch, " open: 3/8 opened Revenue $0 (< $100)"),
                                        absl::StrCat("3/31 ", kBirch, " open: 3/8 evidence Revenue $0 (< $20)"),
                                        absl::StrCat("3/31 ", kCedar, " open: 3/19 opened Revenue $0 (< $100)"),
                                        absl::StrCat("3/31 ", kCedar, " open: 3/19 evidence Revenue $0 (< $20)"),
                                        "3/31 -", absl::StrCat("3/31 ", kBirch, " acknowledged: 3/31 acknowledged Ada"),
                                        absl::StrCat("3/31 ", kCedar, " resolved: 3/31 resolved done Ada"), "3/31 -"));
  const v1::PartnerChange& first = state.front().change();
  EXPECT_THAT(state.front().resume_token(), IsEmpty());
  EXPECT_EQ(first.partner_name(), "Birch");
  EXPECT_EQ(first.model_id(), "low_revenue");
  EXPECT_EQ(first.model_name(), "Low revenue");
  EXPECT_EQ(first.intervention().severity(), v1::INTERVENTION_SEVERITY_HIGH);
}

TEST_F(WatchInterventionsTest, OnlyWhatIsAskedFor) {
  const std::string begin = token_;
  Do(&Stub::AcknowledgeIntervention, kBirch);
  Do(&Stub::AcknowledgeIntervention, kCedar);
  Ingest({Lost("L1", "P2", March(30)), Lost("L2", "P1", March(30))});
  const auto asked = [&](const std::string& text) {
    v1::WatchChangesRequest request;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &request));
    request.set_resume_token(begin);
    std::vector<std::string> ids;
    for (const auto& answer : Once(request)) {
      if (answer.has_change()) ids.push_back(answer.change().intervention().intervention_id());
    }
    return ids;
  };
  const std::string apex = "losses/crm:P1/2024-03-30", birch = "losses/crm:P2/2024-03-30";
  EXPECT_THAT(asked(""), ElementsAre(apex, kBirch, birch, kCedar));
  EXPECT_THAT(asked("kinds: CHANGE_KIND_INTERVENTION partner_ids: 'Birch'"), ElementsAre(kBirch, birch));
  EXPECT_THAT(asked("model_ids: 'losses'"), ElementsAre(apex, birch));
  EXPECT_THAT(asked("kinds: CHANGE_KIND_TIER"), IsEmpty());
  v1::WatchChangesRequest request;
  request.add_model_ids("loses");
  EXPECT_THAT(InfoOf(RefusalOf(request)).fields, ElementsAre(HasSubstr("losses")));
}

// Whatever comes in, is corrected or done, however days pass, and whether the server was there meanwhile: what was told
// of those under way, without what was taken back, are their histories. And from every place the rest is the same.
TEST_F(WatchInterventionsTest, WhatWasToldIsTheHistory) {
  std::mt19937 random(12);
  const auto roll = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  std::map<std::string, std::vector<std::string>> told;  // by id
  const auto text_of = [](v1::InterventionEvent event) {
    if (event.author().empty()) event.clear_cause();
    return absl::StrCat(DateText(event.on()), " ", KindText(event.kind()), " ", event.author(), event.cause(),
                        event.assignee());
  };
  const auto take = [&](const v1::InterventionChange& change) {
    std::vector<std::string>& events = told[change.intervention_id()];
    if (!change.was_id().empty()) {
      events = std::move(told[change.was_id()]);
      told.erase(change.was_id());
      events.erase(std::find_if(events.begin(), events.end(),
                                [](const std::string& e) { return absl::StrContains(e, " opened"); }));
    }
    const std::string text = text_of(change.event());
    if (change.taken_back()) {
      const auto known = std::find(events.begin(), events.end(), text);
      ASSERT_NE(known, events.end()) << text;
      events.erase(known);
    } else {
      events.push_back(text);
    }
    const bool is_over = change.status() == v1::INTERVENTION_STATUS_CLOSED ||
                         change.status() == v1::INTERVENTION_STATUS_RESOLVED ||
                         change.status() == v1::INTERVENTION_STATUS_WITHDRAWN;
    const auto kind = change.event().kind();
    const bool is_end = kind == v1::INTERVENTION_EVENT_KIND_RESOLVED || kind == v1::INTERVENTION_EVENT_KIND_CLOSED ||
                        kind == v1::INTERVENTION_EVENT_KIND_PARTNER_LEFT ||
                        kind == v1::INTERVENTION_EVENT_KIND_WITHDRAWN;
    EXPECT_TRUE(is_over || !is_end);
    if (is_end) told.erase(change.intervention_id());
  };
  for (const auto& answer : Once(WithState())) {
    if (answer.has_change()) take(answer.change().intervention());
  }
  Answers all;
  const std::string begin = token_;
  std::map<v1::InterventionEventKind, int> kinds;
  int moved = 0, taken_back = 0;
  for (int step = 0; step < 120; ++step) {
    std::vector<v1::Event> events;
    for (int i = roll(4); i > 0; --i) {
      const std::string partner = absl::StrCat("P", 1 + roll(3)), id = absl::StrCat("R", roll(20));
      // One after the other: compilers differ in which argument they work out first.
      const int month = 2 + roll(5);
      const v1::Date day = MakeDate(2024, month, 1 + roll(28));
      v1::Event event = roll(4) == 0 ? Lost(id, partner, day) : Won(id, partner, 10 * roll(30), day);
      event.set_deleted(roll(6) == 0);
      events.push_back(Revised(std::move(event), step + 2));
    }
    if (!events.empty()) Ingest(events);
    const v1::ListInterventionsResponse open = UnderWay();
    if (open.interventions_size() > 0) {
      const v1::Intervention& one = open.interventions(roll(open.interventions_size()));
      const std::string& id = one.intervention_id();
      const int what = roll(8);
      if (what == 0) Do(&Stub::AcknowledgeIntervention, id, absl::StrCat("note: '", step, "'"));
      if (what == 1) Do(&Stub::AssignIntervention, id, absl::StrCat("note: '", step, "' assignee: 'Bob'"));
      if (what == 2) Do(&Stub::ResolveIntervention, id, absl::StrCat("note: '", step, "'"));
      if (what == 3) {
        const absl::CivilDay until = absl::CivilDay(1970, 1, 1) + now_us_ / 86'400'000'000 + 1 + roll(4);
        Do(&Stub::SnoozeIntervention, id,
           absl::StrCat("note: '", step, "' until { year: ", until.year(), " month: ", until.month(),
                        " day: ", until.day(), " }"));
      }
    }
    if (roll(2) == 0) PassDays(roll(4));
    if (roll(15) == 0) Restart();
    UnderWay();  // the server takes note of what a list shows
    for (v1::WatchChangesResponse& answer : Follow(token_)) {
      ++kinds[answer.change().intervention().event().kind()];
      moved += answer.change().intervention().was_id().empty() ? 0 : 1;
      taken_back += answer.change().intervention().taken_back() ? 1 : 0;
      ASSERT_NO_FATAL_FAILURE(take(answer.change().intervention()));
      all.push_back(std::move(answer));
    }
    std::map<std::string, std::vector<std::string>> histories;
    const v1::ListInterventionsResponse under_way = UnderWay();
    for (const v1::Intervention& intervention : under_way.interventions()) {
      const v1::Intervention shown = Get(intervention.intervention_id());
      for (const auto& event : shown.history()) histories[shown.intervention_id()].push_back(text_of(event));
    }
    for (auto* lists : {&histories, &told}) {
      for (auto& [id, texts] : *lists) std::sort(texts.begin(), texts.end());
    }
    ASSERT_EQ(told, histories) << "step " << step;
  }
  // Everything happened.
  EXPECT_GT(moved, 0);
  EXPECT_GT(taken_back, 0);
  EXPECT_EQ(kinds.size(), 10u);  // all but those of who leaves
  for (size_t i = 0; i < all.size(); i += 7) {
    Answers rest = Once(From(all[i].resume_token()));
    rest.pop_back();
    ASSERT_EQ(Texts(rest), Texts(Answers(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end())));
  }
}

}  // namespace
}  // namespace partnermetrics
