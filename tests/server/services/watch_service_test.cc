// Streams of changes, as callers meet them.
#include <gmock/gmock.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/services/watch_fixture.h"

namespace partnermetrics {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

// Gold asks for 200 of revenue in three months, Silver for 100. Health is the share of the target of 400 that is
// reached; the standing is the revenue against the average.
constexpr char kProgram[] = R"pb(
  id: "acme"
  display_name: "Acme partners"
  currency_code: "USD"
  time_zone: "America/New_York"
  scorecard { title: "Revenue" metrics: "partner_revenue" metrics: "revenue_rank" }
  scores {
    id: "health"
    display_name: "Health"
    category: METRIC_CATEGORY_REVENUE
    components {
      title: "Revenue"
      weight: 1
      parts {
        metric: "partner_revenue"
        points { value: 0 points: 0 }
        points { value: 400 points: 100 }
      }
    }
    bands { id: "fine" display_name: "Fine" from: 50 }
    bands { id: "poor" display_name: "Poor" from: 0 }
  }
  scores {
    id: "standing"
    display_name: "Standing"
    category: METRIC_CATEGORY_REVENUE
    components {
      title: "Among the others"
      weight: 1
      parts {
        metric: "revenue_rank"
        points { value: 0 points: 0 }
        points { value: 2 points: 100 }
      }
    }
  }
  tiers {
    id: "partner_tier"
    display_name: "Tier"
    category: METRIC_CATEGORY_REVENUE
    levels {
      id: "gold"
      display_name: "Gold"
      requirements { metric: "partner_revenue" window: WINDOW_KIND_TRAILING_3_MONTHS min: 200 }
    }
    levels {
      id: "silver"
      display_name: "Silver"
      requirements { metric: "partner_revenue" window: WINDOW_KIND_TRAILING_3_MONTHS min: 100 }
    }
    levels { id: "bronze" display_name: "Bronze" }
    entry_level: "bronze"
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
    id: "revenue_rank"
    display_name: "Revenue against the Average"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_RATIO
    levels: SCOPE_KIND_PARTNER
    formula: "partner_revenue / at_level(PROGRAM, average_partners(partner_revenue))"
    window: WINDOW_KIND_TRAILING_30_DAYS
  }
)pb";

// "2024-03-31 crm:P1 BAND health Poor>Fine"; without a change "2024-03-31 -".
std::string Text(const v1::WatchChangesResponse& answer) {
  const std::string on = absl::StrCat(answer.as_of().year(), "-", answer.as_of().month(), "-", answer.as_of().day());
  if (!answer.has_change()) return absl::StrCat(on, " -");
  const v1::PartnerChange& change = answer.change();
  const auto side = [](bool is_set, const v1::ChangeSide& s) { return is_set ? s.display() : "none"; };
  return absl::StrCat(on, " ", change.partner_id(), " ", v1::ChangeKind_Name(change.kind()).substr(12), " ",
                      change.model_id(), " ", side(change.has_from(), change.from()), ">",
                      side(change.has_to(), change.to()));
}

std::vector<std::string> Texts(const std::vector<v1::WatchChangesResponse>& answers) {
  std::vector<std::string> texts;
  for (const auto& answer : answers) texts.push_back(Text(answer));
  return texts;
}

class WatchServiceTest : public WatchTest {
 protected:
  void SetUp() override {
    Write("acme.textproto", kProgram);
    Write("catalog.textproto", kCatalog);
    Start();
  }

  // What happens, step by step.
  std::vector<std::function<void()>> Scenario() {
    return {
        [this] {
          Ingest({Signed("P1", "Apex"), Signed("P2", "Birch"), Signed("P3", "Cedar"),
                  Won("D0", "P1", 10, MakeDate(2023, 12, 20))});
        },
        [this] { Ingest({WonDeal("D1", "P1", 250, 20)}); },
        [this] { Ingest({WonDeal("D2", "P2", 120, 25)}); },
        [this] { PassDays(1); },
        [this] {
          Ingest({Revised(WonDeal("D1", "P1", 60, 20), 2), Won("D3", "P3", 30, MakeDate(2024, 4, 1))});
        },
        [this] { PassDays(25); },
        [this] {
          PassDays(1);
          Ingest({Won("D4", "P3", 390, MakeDate(2024, 4, 20))});
        },
        [this] {
          v1::Event gone = Revised(Signed("P2", "Birch"), 2);
          *gone.mutable_partner()->mutable_terminated_on() = MakeDate(2024, 4, 28);
          Ingest({gone});
        },
        [this] { PassDays(40); },
    };
  }
};

TEST_F(WatchServiceTest, TellsChangesOfTiersBandsAndScores) {
  const auto steps = Scenario();
  steps[0]();
  std::string token = Once({}).back().resume_token();
  steps[1]();
  // The rank against the average of all moves for everybody who has a value.
  EXPECT_THAT(Texts(Follow(token)),
              ElementsAre("2024-3-31 crm:P1 BAND health Poor>Fine", "2024-3-31 crm:P1 SCORE health 0>62.5",
                          "2024-3-31 crm:P1 SCORE standing none>100", "2024-3-31 crm:P2 SCORE standing none>0",
                          "2024-3-31 crm:P3 SCORE standing none>0"));
}

TEST_F(WatchServiceTest, ADayTurnsWithoutEvents) {
  const auto steps = Scenario();
  for (int i = 0; i < 3; ++i) steps[static_cast<size_t>(i)]();
  std::string token = Once({}).back().resume_token();
  const Answers quiet = Once(From(token));
  EXPECT_THAT(Texts(quiet), ElementsAre("2024-3-31 -"));
  steps[3]();
  const Answers turned = Once(From(token));
  EXPECT_THAT(Texts(turned), ElementsAre("2024-4-1 crm:P1 TIER partner_tier Bronze>Gold",
                                         "2024-4-1 crm:P2 TIER partner_tier Bronze>Silver", "2024-4-1 -"));
  EXPECT_EQ(turned.front().position(), quiet.front().position());
}

TEST_F(WatchServiceTest, EachOfTheDaysThatPassedIsToldByItself) {
  const auto steps = Scenario();
  for (int i = 0; i < 5; ++i) steps[static_cast<size_t>(i)]();
  std::string token = Once({}).back().resume_token();
  steps[5]();
  // The deals leave the window of 30 days one after the other.
  EXPECT_THAT(Texts(Follow(token)),
              AllOf(Contains(StartsWith("2024-4-19 crm:P1 SCORE health")),
                    Contains(StartsWith("2024-4-24 crm:P2 SCORE health")), Not(Contains(StartsWith("2024-4-26")))));
}

// What a caller gets does not depend on when it is there: from every place the rest is the same.
TEST_F(WatchServiceTest, GoesOnFromEveryPlaceWithoutGapOrRepeat) {
  Answers all;
  std::string token = Once({}).back().resume_token();
  const std::string begin = token;
  int step = 0;
  for (const auto& happen : Scenario()) {
    happen();
    if (++step == 5) Restart();
    for (v1::WatchChangesResponse& answer : Follow(token)) all.push_back(std::move(answer));
  }
  ASSERT_GT(all.size(), 20u);
  for (int restarts = 0; restarts < 2; ++restarts) {
    EXPECT_THAT(Texts([&] {
                  Answers rest = Once(From(begin));
                  rest.pop_back();
                  return rest;
                }()),
                testing::ElementsAreArray(Texts(all)));
    for (size_t i = 0; i < all.size(); ++i) {
      Answers rest = Once(From(all[i].resume_token()));
      ASSERT_FALSE(rest.empty());
      EXPECT_FALSE(rest.back().has_change());
      rest.pop_back();
      const Answers expected(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end());
      ASSERT_EQ(Texts(rest), Texts(expected)) << "after " << Text(all[i]);
    }
    Restart();
  }
}

// Each value is the one of the day and the position that its change names, and follows the one told before.
TEST_F(WatchServiceTest, ChangesAreDifferencesOfValuesAtTheirPoints) {
  std::string token = Once({}).back().resume_token();
  std::map<std::string, std::string> told;
  for (const auto& happen : Scenario()) {
    happen();
    for (const v1::WatchChangesResponse& answer : Follow(token)) {
      const v1::PartnerChange& change = answer.change();
      std::string& before = told[absl::StrCat(change.partner_id(), " ", change.kind(), " ", change.model_id())];
      EXPECT_EQ(change.from().SerializeAsString(), before) << Text(answer);
      before = change.to().SerializeAsString();
      if (change.kind() != v1::CHANGE_KIND_SCORE || !change.has_to()) continue;
      v1::GetScoresRequest request;
      request.set_partner_id(change.partner_id());
      request.add_model_ids(change.model_id());
      *request.mutable_as_of() = answer.as_of();
      v1::GetScoresResponse scores;
      grpc::ClientContext context;
      ASSERT_TRUE(scores_->GetScores(&context, request, &scores).ok());
      // Steps of jobs, which change no value here, may have come meanwhile.
      EXPECT_GE(scores.position(), answer.position());
      EXPECT_EQ(scores.scores(0).score(), change.to().value()) << Text(answer);
    }
  }
}

// Deleted while nobody looked: the partners that are left do not tell of it.
TEST_F(WatchServiceTest, APartnerThatIsGoneHasNoValuesAnyMore) {
  const auto steps = Scenario();
  steps[0]();
  v1::Event later = Signed("P4", "Dogwood");
  *later.mutable_partner()->mutable_signed_on() = MakeDate(2024, 8, 1);
  Ingest({later});
  std::string token = Once({}).back().resume_token();
  Restart();
  v1::Event gone;
  gone.set_record_id("P3");
  gone.set_revision(2);
  gone.set_deleted(true);
  gone.mutable_partner();
  Ingest({gone});
  EXPECT_THAT(Texts(Follow(token)),
              ElementsAre("2024-3-31 crm:P3 TIER partner_tier Bronze>none", "2024-3-31 crm:P3 BAND health Poor>none",
                          "2024-3-31 crm:P3 SCORE health 0>none"));
}

TEST_F(WatchServiceTest, AStateIsWhatChangesLeadOnFrom) {
  const auto steps = Scenario();
  for (int i = 0; i < 4; ++i) steps[static_cast<size_t>(i)]();
  const Answers state = Once(WithState());
  EXPECT_THAT(Texts(state),
              ElementsAre("2024-4-1 crm:P1 TIER partner_tier none>Gold", "2024-4-1 crm:P1 BAND health none>Fine",
                          "2024-4-1 crm:P1 SCORE health none>62.5", "2024-4-1 crm:P1 SCORE standing none>100",
                          "2024-4-1 crm:P2 TIER partner_tier none>Silver", "2024-4-1 crm:P2 BAND health none>Poor",
                          "2024-4-1 crm:P2 SCORE health none>30", "2024-4-1 crm:P2 SCORE standing none>48.6",
                          "2024-4-1 crm:P3 TIER partner_tier none>Bronze", "2024-4-1 crm:P3 BAND health none>Poor",
                          "2024-4-1 crm:P3 SCORE health none>0", "2024-4-1 crm:P3 SCORE standing none>0", "2024-4-1 -",
                          "2024-4-1 -"));
  for (size_t i = 0; i + 2 < state.size(); ++i) EXPECT_THAT(state[i].resume_token(), IsEmpty());
  // Later callers get the same state, and what changed since.
  std::string token = state.back().resume_token();
  steps[4]();
  const std::vector<std::string> since = Texts(Follow(token));
  EXPECT_THAT(since, Not(IsEmpty()));
  std::vector<std::string> expected = Texts(state);
  expected.pop_back();
  expected.insert(expected.end(), since.begin(), since.end());
  std::vector<std::string> later = Texts(Once(WithState()));
  later.pop_back();
  EXPECT_EQ(later, expected);
}

TEST_F(WatchServiceTest, OnlyWhatIsAskedFor) {
  const std::string begin = Once({}).back().resume_token();
  std::string token = begin;
  Answers all;
  for (const auto& happen : Scenario()) {
    happen();
    for (v1::WatchChangesResponse& answer : Follow(token)) all.push_back(std::move(answer));
  }
  const auto filtered = [&](const std::function<bool(const v1::PartnerChange&)>& passes) {
    std::vector<std::string> texts;
    for (const auto& answer : all) {
      if (passes(answer.change())) texts.push_back(Text(answer));
    }
    return texts;
  };
  const auto asked = [&](v1::WatchChangesRequest request) {
    request.set_resume_token(begin);
    std::vector<std::string> texts = Texts(Once(request));
    texts.pop_back();
    return texts;
  };
  v1::WatchChangesRequest request;
  request.add_partner_ids("Birch");
  EXPECT_EQ(asked(request), filtered([](const auto& c) { return c.partner_id() == "crm:P2"; }));
  request.add_kinds(v1::CHANGE_KIND_TIER);
  EXPECT_EQ(asked(request),
            filtered([](const auto& c) { return c.partner_id() == "crm:P2" && c.kind() == v1::CHANGE_KIND_TIER; }));
  request.Clear();
  request.add_model_ids("health");
  EXPECT_EQ(asked(request), filtered([](const auto& c) { return c.model_id() == "health"; }));

  request.Clear();
  request.add_kinds(v1::CHANGE_KIND_SCORE);
  request.set_score_step(50);
  const auto large = asked(request);
  request.set_score_step(1);
  const auto small = asked(request);
  EXPECT_LT(large.size(), small.size());
  EXPECT_THAT(large, Contains(HasSubstr("crm:P1 SCORE health 0>62.5")));
  EXPECT_THAT(large, Not(Contains(HasSubstr("crm:P2 SCORE health 0>30"))));
  EXPECT_THAT(small, testing::IsSupersetOf(large));
}

TEST_F(WatchServiceTest, AnOpenStreamTellsWhatHappensAndGoesOnAfterACut) {
  const auto steps = Scenario();
  steps[0]();
  const auto stub = v1::WatchService::NewStub(Connect());
  std::string token;
  v1::WatchChangesResponse answer;
  {
    grpc::ClientContext context;
    v1::WatchChangesRequest request;
    request.set_heartbeat_seconds(1);
    const auto reader = stub->WatchChanges(&context, request);
    // Nothing happens; it says so.
    ASSERT_TRUE(reader->Read(&answer));
    EXPECT_EQ(Text(answer), "2024-3-31 -");
    steps[1]();
    ASSERT_TRUE(reader->Read(&answer));
    EXPECT_EQ(Text(answer), "2024-3-31 crm:P1 BAND health Poor>Fine");
    token = answer.resume_token();
    context.TryCancel();
    while (reader->Read(&answer)) continue;
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  grpc::ClientContext context;
  const auto reader = stub->WatchChanges(&context, From(token));
  ASSERT_TRUE(reader->Read(&answer));
  EXPECT_EQ(Text(answer), "2024-3-31 crm:P1 SCORE health 0>62.5");
  // A stop ends the stream at once and says what to do.
  Stop();
  while (reader->Read(&answer)) continue;
  const grpc::Status ended = reader->Finish();
  EXPECT_EQ(ended.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(InfoOf(ended).retry);
}

TEST_F(WatchServiceTest, AReaderThatDoesNotReadHoldsUpNobody) {
  Scenario()[0]();
  const auto stub = v1::WatchService::NewStub(Connect());
  grpc::ClientContext context;
  std::string token = Once({}).back().resume_token();
  v1::WatchChangesRequest request = From(token);
  request.set_score_step(1);
  const auto slow = stub->WatchChanges(&context, request);
  for (int i = 1; i <= 100; ++i) {
    Ingest({WonDeal(absl::StrCat("D", i), "P1", 4, 20)});
    if (i % 20 != 0) continue;
    EXPECT_THAT(Follow(token), Not(IsEmpty()));
  }
  // What it reads at last is in order, each value following the one before.
  v1::WatchChangesResponse answer;
  double last = 0;
  while (last < 100 && slow->Read(&answer)) {
    if (answer.change().kind() != v1::CHANGE_KIND_SCORE || answer.change().model_id() != "health") continue;
    EXPECT_EQ(answer.change().from().value(), last);
    last = answer.change().to().value();
  }
  EXPECT_EQ(last, 100);
  context.TryCancel();
}

TEST_F(WatchServiceTest, ACallerThatLeavesMakesRoom) {
  constexpr int kMost = 256;
  const auto stub = v1::WatchService::NewStub(Connect());
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReader<v1::WatchChangesResponse>>> readers;
  v1::WatchChangesRequest request;
  request.set_heartbeat_seconds(1);
  v1::WatchChangesResponse answer;
  for (int i = 0; i < kMost; ++i) {
    readers.push_back(
        stub->WatchChanges(contexts.emplace_back(std::make_unique<grpc::ClientContext>()).get(), request));
  }
  for (const auto& reader : readers) ASSERT_TRUE(reader->Read(&answer));
  const grpc::Status refused = RefusalOf({});
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(InfoOf(refused).retry);

  contexts[17]->TryCancel();
  grpc::Status again = refused;
  for (int i = 0; i < 100 && !again.ok(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    again = RefusalOf({});
  }
  EXPECT_TRUE(again.ok()) << again.error_message();
  for (const auto& context : contexts) context->TryCancel();
}

TEST_F(WatchServiceTest, ATokenThatIsNotKeptSaysWhatToDo) {
  const auto steps = Scenario();
  steps[0]();
  const std::string token = Once({}).back().resume_token();
  Stop();
  std::filesystem::remove_all(Path("data/changes"));
  ++now_us_;
  Start();
  const grpc::Status status = RefusalOf(From(token));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(InfoOf(status).reason, "CHANGES_NOT_KEPT");
  EXPECT_THAT(InfoOf(status).remedy, HasSubstr("begin anew"));
  EXPECT_THAT(Once(WithState()), Not(IsEmpty()));
}

TEST_F(WatchServiceTest, AJournalOfAnotherLogBeginsAnew) {
  for (const auto& happen : Scenario()) happen();
  const std::string token = Once({}).back().resume_token();
  Stop();
  for (const char* folder : {"data/log", "data/state"}) std::filesystem::remove_all(Path(folder));
  ++now_us_;
  Start();
  EXPECT_EQ(RefusalOf(From(token)).error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_THAT(Texts(Once(WithState())), Each(HasSubstr(" -")));
}

TEST_F(WatchServiceTest, RequestsThatMakeNoSense) {
  Scenario()[0]();
  v1::WatchChangesRequest request = From("nonsense");
  EXPECT_THAT(InfoOf(RefusalOf(request)).fields, ElementsAre(HasSubstr("resume_token")));
  request.Clear();
  request.set_score_step(51);
  EXPECT_THAT(InfoOf(RefusalOf(request)).fields, ElementsAre(HasSubstr("score_step")));
  request.Clear();
  request.add_model_ids("helth");
  EXPECT_THAT(InfoOf(RefusalOf(request)).fields, ElementsAre(HasSubstr("health")));
  request.Clear();
  request.add_partner_ids("nobody");
  EXPECT_EQ(RefusalOf(request).error_code(), grpc::StatusCode::NOT_FOUND);
  request = From(Once({}).back().resume_token());
  request.set_with_state(true);
  EXPECT_THAT(InfoOf(RefusalOf(request)).fields, ElementsAre(HasSubstr("with_state")));
}

}  // namespace
}  // namespace partnermetrics
