// Two times: what is said of a period once it is over, what became of it, and what was known on a day.
#include <atomic>
#include <thread>

#include "absl/time/clock.h"
#include "partnermetrics/v1/admin_service.grpc.pb.h"
#include "partnermetrics/v1/period_service.grpc.pb.h"
#include "tests/server/services/explain_fixture.h"

namespace partnermetrics {
namespace {

using testing::UnorderedElementsAre;

class TwoTimesTest : public ExplainServiceTest {
 protected:
  void SetUp() override {
    ExplainServiceTest::SetUp();
    Ingest({PartnerEvent("P1", "Apex", "Gold"), PartnerEvent("P2", "Birch", "Silver"), WonDeal("d1", "P1", 100, 5),
            WonDeal("d2", "P2", 200, 20)});
    OnAprilDay(2);
  }

  // What the server stores from now on is stored on that day of April 2024.
  void OnAprilDay(int day) {
    now_us_ = absl::ToUnixMicros(absl::FromCivil(absl::CivilHour(2024, 4, day, 12), absl::UTCTimeZone()));
  }
  // The first deal is corrected, the second one deleted, and a third found.
  void Correct() {
    v1::Event corrected = WonDeal("d1", "P1", 150, 5), deleted = WonDeal("d2", "P2", 200, 20);
    corrected.set_revision(2);
    deleted.set_revision(2);
    deleted.set_deleted(true);
    Ingest({corrected, deleted, WonDeal("d3", "P1", 30, 6)});
  }
};

class PeriodServiceTest : public TwoTimesTest {
 protected:
  void SetUp() override {
    TwoTimesTest::SetUp();
    periods_ = v1::PeriodService::NewStub(Connect());
  }

  static v1::ClosePeriodRequest Quarter() {
    v1::ClosePeriodRequest request;
    request.set_kind(v1::PERIOD_KIND_QUARTER);
    *request.mutable_day() = MakeDate(2024, 2, 29);
    request.set_author("ann");
    return request;
  }
  grpc::Status TryClose(const v1::ClosePeriodRequest& request, v1::ClosedPeriod* period = nullptr) {
    grpc::ClientContext context;
    v1::ClosePeriodResponse response;
    const grpc::Status status = periods_->ClosePeriod(&context, request, &response);
    if (period != nullptr) *period = response.period();
    return status;
  }
  v1::ClosedPeriod Close() {
    v1::ClosedPeriod period;
    const grpc::Status status = TryClose(Quarter(), &period);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return period;
  }
  static v1::RestatePeriodRequest Restatement(const std::string& reason) {
    v1::RestatePeriodRequest request;
    request.set_period_id("quarter-2024-03-31");
    request.set_author("bob");
    request.set_reason(reason);
    request.set_apply(true);
    return request;
  }
  grpc::Status TryRestate(const v1::RestatePeriodRequest& request, v1::RestatePeriodResponse& response) {
    grpc::ClientContext context;
    return periods_->RestatePeriod(&context, request, &response);
  }
  v1::RestatePeriodResponse Restate(const v1::RestatePeriodRequest& request) {
    v1::RestatePeriodResponse response;
    const grpc::Status status = TryRestate(request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  grpc::Status TryGet(const v1::GetPeriodRequest& request, v1::GetPeriodResponse& response) {
    grpc::ClientContext context;
    return periods_->GetPeriod(&context, request, &response);
  }
  v1::GetPeriodResponse Get(const std::string& partner = "", bool only_changed = false) {
    v1::GetPeriodRequest request;
    request.set_period_id("quarter-2024-03-31");
    request.set_partner_id(partner);
    request.set_only_changed(only_changed);
    v1::GetPeriodResponse response;
    const grpc::Status status = TryGet(request, response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  // "300 | 330 #1 | 330": as closed, as restated, as it is now.
  static std::string Shown(const v1::GetPeriodResponse& response, const std::string& metric) {
    for (const v1::PeriodValue& value : response.values()) {
      if (value.metric_id() != metric) continue;
      std::string text = value.has_closed() ? value.closed().display() : "not stated";
      absl::StrAppend(&text, " | ", value.stated().display());
      if (value.stated().restatement() > 0) absl::StrAppend(&text, " #", value.stated().restatement());
      return absl::StrCat(text, " | ", value.now().display(), value.differs() ? " differs" : "");
    }
    return "none";
  }
  grpc::Status TryExplain(int restatement, v1::ExplainChangeResponse& response, const std::string& partner = "") {
    v1::ExplainRestatementRequest request;
    request.set_period_id("quarter-2024-03-31");
    request.set_metric_id("credited_sum");
    request.set_restatement(restatement);
    if (!partner.empty()) *request.mutable_scope() = ScopeOf(v1::SCOPE_KIND_PARTNER, partner);
    grpc::ClientContext context;
    return periods_->ExplainRestatement(&context, request, &response);
  }
  // "CORRECTED 50: d1", one for each reason.
  std::vector<std::string> Explained(int restatement, const std::string& partner = "") {
    v1::ExplainChangeResponse response;
    const grpc::Status status = TryExplain(restatement, response, partner);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::vector<std::string> reasons;
    for (const v1::TermChange& change : response.changes()) {
      std::string& text =
          reasons.emplace_back(absl::StrCat(v1::ChangeReason_Name(change.reason()).substr(sizeof("CHANGE_REASON_") - 1),
                                            " ", ToDouble(change.sum()), ":"));
      for (const v1::FactChange& fact : change.examples()) absl::StrAppend(&text, " ", fact.fact().record_id());
    }
    return reasons;
  }

  std::unique_ptr<v1::PeriodService::Stub> periods_;
};

TEST_F(PeriodServiceTest, ACloseStatesTheNumbersOfTheWholePeriod) {
  v1::Event early = WonDeal("d0", "P1", 7, 1);
  *early.mutable_deal()->mutable_closed_on() = MakeDate(2023, 12, 31);
  Ingest({early, WonDeal("d4", "P1", 40, 1)});
  const v1::ClosedPeriod period = Close();
  EXPECT_EQ(period.period_id(), "quarter-2024-03-31");
  EXPECT_EQ(period.days().start_on().ShortDebugString(), MakeDate(2024, 1, 1).ShortDebugString());
  EXPECT_EQ(period.days().end_on().ShortDebugString(), MakeDate(2024, 3, 31).ShortDebugString());
  EXPECT_EQ(period.closed_by(), "ann");
  ASSERT_THAT(period.statements(), SizeIs(1));
  EXPECT_GE(period.statements(0).scopes(), 5) << "business, direct, programme and two partners";
  EXPECT_EQ(Shown(Get(), "credited_sum"), "340 | 340 | 340");
  EXPECT_EQ(Shown(Get("crm:P1"), "credited_sum"), "140 | 140 | 140");
  EXPECT_EQ(Shown(Get("Birch"), "credited_sum"), "200 | 200 | 200");
  EXPECT_EQ(Shown(Get("crm:P1"), "refunded_count"), "no data | no data | no data") << "no data is stated, too";
  EXPECT_EQ(Shown(Get("crm:P1"), "year"), "140 | 140 | 140") << "a window of its own";
  EXPECT_EQ(Shown(Get("crm:P1"), "active"), "none") << "not defined for partners";
  EXPECT_THAT(Get("", /*only_changed=*/true).values(), IsEmpty());
}

TEST_F(PeriodServiceTest, HowFarACloseIsCanBeReadMeanwhile) {
  std::vector<v1::Event> partners;
  for (int i = 0; i < 400; ++i) {
    partners.push_back(PartnerEvent(absl::StrCat("Q", i), absl::StrCat("Quince ", i)));
  }
  Ingest(partners);
  const auto admin = v1::AdminService::NewStub(Connect());
  const auto under_way = [&] {
    grpc::ClientContext context;
    v1::ListPeriodWorkResponse response;
    EXPECT_TRUE(periods_->ListPeriodWork(&context, {}, &response).ok());
    return response;
  };
  std::vector<v1::PeriodWork> seen;
  std::vector<std::string> status;
  // A look may come too late: as many periods as it takes.
  for (int month = 1; month <= 12 && (seen.empty() || seen.back().done() == 0 || status.empty()); ++month) {
    v1::ClosePeriodRequest request = Quarter();
    request.set_kind(v1::PERIOD_KIND_MONTH);
    *request.mutable_day() = MakeDate(2023, month, 1);
    std::atomic<bool> closed = false;
    std::thread close([&] {
      EXPECT_TRUE(TryClose(request).ok());
      closed = true;
    });
    while (!closed) {
      const v1::ListPeriodWorkResponse now = under_way();
      seen.insert(seen.end(), now.work().begin(), now.work().end());
      grpc::ClientContext context;
      v1::ServerStatus server;
      EXPECT_TRUE(admin->GetStatus(&context, {}, &server).ok());
      status.insert(status.end(), server.open_jobs().begin(), server.open_jobs().end());
      absl::SleepFor(absl::Milliseconds(1));
    }
    close.join();
  }
  ASSERT_FALSE(seen.empty());
  EXPECT_THAT(seen.back().period_id(), testing::StartsWith("month-2023-"));
  EXPECT_EQ(seen.back().author(), "ann");
  EXPECT_FALSE(seen.back().restates());
  EXPECT_EQ(seen.back().scopes(), 408) << "business, direct, programme, three segments and all partners";
  EXPECT_GT(seen.back().done(), 0);
  EXPECT_LE(seen.back().done(), seen.back().scopes());
  EXPECT_LT(seen.back().percent(), 100);
  EXPECT_THAT(status, testing::Contains(testing::StartsWith("close of month-2023-")));
  EXPECT_THAT(under_way().work(), IsEmpty()) << "what is done is listed as a closed period";
}

TEST_F(PeriodServiceTest, ARefusedCloseIsNotUnderWay) {
  Close();
  EXPECT_EQ(InfoOf(TryClose(Quarter())).reason, "CLOSED");
  grpc::ClientContext context;
  v1::ListPeriodWorkResponse response;
  ASSERT_TRUE(periods_->ListPeriodWork(&context, {}, &response).ok());
  EXPECT_THAT(response.work(), IsEmpty());
}

TEST_F(PeriodServiceTest, WhatIsCorrectedLaterShowsBesideTheClose) {
  Close();
  Correct();
  EXPECT_EQ(Shown(Get(), "credited_sum"), "300 | 300 | 180 differs");
  v1::RestatePeriodRequest look = Restatement("");
  look.set_apply(false);
  const v1::RestatePeriodResponse would = Restate(look);
  EXPECT_FALSE(would.stated());
  EXPECT_EQ(would.period().restatements(), 0);
  EXPECT_GT(would.values(), would.scopes());
  EXPECT_EQ(Shown(Get(), "credited_sum"), "300 | 300 | 180 differs") << "only looked at";

  const v1::RestatePeriodResponse restated = Restate(Restatement("a deal was found"));
  EXPECT_TRUE(restated.stated());
  EXPECT_EQ(restated.values(), would.values());
  EXPECT_EQ(restated.period().restatements(), 1);
  EXPECT_EQ(restated.period().statements(1).reason(), "a deal was found");
  EXPECT_EQ(restated.period().statements(1).stated_by(), "bob");
  EXPECT_EQ(Shown(Get(), "credited_sum"), "300 | 180 #1 | 180");
  EXPECT_EQ(Shown(Get("crm:P2"), "credited_sum"), "200 | 0 #1 | 0");

  v1::Event again = WonDeal("d1", "P1", 151, 5);
  again.set_revision(3);
  Ingest({again});
  EXPECT_EQ(Shown(Get(), "credited_sum"), "300 | 180 #1 | 181 differs");
  EXPECT_EQ(Restate(Restatement("once more")).period().restatements(), 2);
  EXPECT_EQ(Shown(Get(), "credited_sum"), "300 | 181 #2 | 181");
  EXPECT_EQ(Shown(Get("crm:P2"), "credited_sum"), "200 | 0 #1 | 0") << "of what was stated last";
}

TEST_F(PeriodServiceTest, RestatementsNameTheirChanges) {
  Close();
  Ingest({WonDeal("d3", "P1", 30, 6)});
  v1::RestatePeriodRequest request = Restatement("found");
  request.set_examples(1'000);
  bool found = false;
  const v1::RestatePeriodResponse restated = Restate(request);
  for (const v1::PeriodChange& change : restated.changes()) {
    if (change.scope().partner_id() != "crm:P1" || change.metric_id() != "credited_sum") continue;
    found = true;
    EXPECT_EQ(change.before().display(), "100");
    EXPECT_EQ(change.after().display(), "130");
  }
  EXPECT_TRUE(found);
  request.set_examples(1);
  request.set_apply(false);
  Ingest({WonDeal("d4", "P2", 30, 6)});
  const v1::RestatePeriodResponse few = Restate(request);
  EXPECT_THAT(few.changes(), SizeIs(1));
  EXPECT_GT(few.values(), 1);
}

TEST_F(PeriodServiceTest, PartnersComeAndGo) {
  Close();
  v1::Event gone = PartnerEvent("P2", "Birch");
  gone.set_revision(2);
  gone.set_deleted(true);
  Ingest({gone, PartnerEvent("P0", "Alder"), WonDeal("d0", "P0", 50, 1)});
  Restate(Restatement("partners"));
  EXPECT_EQ(Shown(Get("crm:P2"), "credited_sum"), "200 | gone #1 | gone");
  EXPECT_EQ(Shown(Get("crm:P0"), "credited_sum"), "not stated | 50 #1 | 50");
  v1::RestatePeriodResponse response;
  EXPECT_EQ(InfoOf(TryRestate(Restatement("again"), response)).reason, "UNCHANGED") << "who is gone is gone once";
}

TEST_F(PeriodServiceTest, TheFactsBehindARestatementAreNamed) {
  Close();
  Correct();
  EXPECT_THAT(Explained(0), UnorderedElementsAre("ADDED 30: d3", "REMOVED -200: d2", "CORRECTED 50: d1"));
  Restate(Restatement("corrected"));
  EXPECT_THAT(Explained(0), IsEmpty()) << "nothing since";
  v1::Event again = WonDeal("d1", "P1", 151, 5);
  again.set_revision(3);
  Ingest({again});
  EXPECT_THAT(Explained(1), UnorderedElementsAre("ADDED 30: d3", "REMOVED -200: d2", "CORRECTED 50: d1"));
  EXPECT_THAT(Explained(1, "crm:P1"), UnorderedElementsAre("ADDED 30: d3", "CORRECTED 50: d1"));
  EXPECT_THAT(Explained(0), ElementsAre("CORRECTED 1: d1"));
  v1::ExplainChangeResponse response;
  EXPECT_THAT(InfoOf(TryExplain(2, response)).fields, SizeIs(1));
}

TEST_F(PeriodServiceTest, MonthsAndYearsAreClosedBesideQuarters) {
  v1::ClosePeriodRequest month = Quarter();
  month.set_kind(v1::PERIOD_KIND_MONTH);
  v1::ClosedPeriod period;
  ASSERT_TRUE(TryClose(month, &period).ok());
  EXPECT_EQ(period.period_id(), "month-2024-02-29");
  Close();
  v1::ClosePeriodRequest year = Quarter();
  year.set_kind(v1::PERIOD_KIND_YEAR);
  EXPECT_EQ(InfoOf(TryClose(year)).reason, "NOT_OVER");
  *year.mutable_day() = MakeDate(2023, 5, 5);
  ASSERT_TRUE(TryClose(year).ok());

  grpc::ClientContext context;
  v1::ListPeriodsResponse list;
  ASSERT_TRUE(periods_->ListPeriods(&context, {}, &list).ok());
  std::vector<std::string> ids;
  for (const v1::ClosedPeriod& listed : list.periods()) ids.push_back(listed.period_id());
  EXPECT_THAT(ids, ElementsAre("quarter-2024-03-31", "month-2024-02-29", "year-2023-12-31")) << "the latest first";
}

TEST_F(PeriodServiceTest, WhatCannotBeStatedIsRefused) {
  OnAprilDay(0);  // the period's last day
  EXPECT_EQ(InfoOf(TryClose(Quarter())).reason, "NOT_OVER");
  OnAprilDay(1);
  v1::ClosePeriodRequest nobody = Quarter();
  nobody.clear_author();
  EXPECT_THAT(InfoOf(TryClose(nobody)).fields, ElementsAre("author: must say who states the numbers"));
  v1::ClosePeriodRequest no_kind = Quarter();
  no_kind.clear_kind();
  EXPECT_THAT(InfoOf(TryClose(no_kind)).fields, SizeIs(1));
  v1::RestatePeriodResponse response;
  EXPECT_EQ(InfoOf(TryRestate(Restatement("early"), response)).reason, "UNKNOWN_PERIOD");
  Close();
  const grpc::Status twice = TryClose(Quarter());
  EXPECT_EQ(twice.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(InfoOf(twice).reason, "CLOSED");
  EXPECT_EQ(InfoOf(TryRestate(Restatement("nothing"), response)).reason, "UNCHANGED");
  EXPECT_THAT(InfoOf(TryRestate(Restatement(""), response)).fields, ElementsAre("reason: must say why"));
  v1::GetPeriodRequest unknown;
  unknown.set_period_id("quarter-2024-03-31");
  unknown.set_partner_id("nobody");
  v1::GetPeriodResponse values;
  EXPECT_EQ(InfoOf(TryGet(unknown, values)).reason, "UNKNOWN_PARTNER");
  unknown.clear_partner_id();
  unknown.add_metric_ids("credited_sun");
  EXPECT_THAT(InfoOf(TryGet(unknown, values)).fields, SizeIs(1));
}

TEST_F(PeriodServiceTest, StatementsOutliveTheServer) {
  Close();
  Correct();
  Restate(Restatement("corrected"));
  Stop();
  Start();
  periods_ = v1::PeriodService::NewStub(Connect());
  EXPECT_EQ(Shown(Get(), "credited_sum"), "300 | 180 #1 | 180");
}

// More than one block of partners, and more than one record of the log.
TEST_F(PeriodServiceTest, ManyPartnersAreStatedInParts) {
  std::vector<v1::Event> events;
  for (int i = 1'000; i < 2'500; ++i) {
    events.push_back(PartnerEvent(absl::StrCat("M", i), absl::StrCat("Many ", i)));
    events.push_back(WonDeal(absl::StrCat("m", i), absl::StrCat("M", i), i % 900, 7));
  }
  Ingest(events, v1::RESULT_DETAIL_NONE);
  const v1::ClosedPeriod period = Close();
  EXPECT_GE(period.statements(0).scopes(), 1'505);
  for (const int i : {1'000, 1'499, 1'500, 1'777, 2'499}) {
    EXPECT_EQ(Shown(Get(absl::StrCat("crm:M", i)), "credited_sum"),
              absl::StrCat(i % 900, " | ", i % 900, " | ", i % 900));
  }
  Ingest({WonDeal("m", "M1777", 1, 7)});
  const v1::RestatePeriodResponse restated = Restate(Restatement("one deal"));
  EXPECT_LT(restated.values(), period.statements(0).values() / 5) << "only what differs";
  EXPECT_EQ(Shown(Get("crm:M1777"), "credited_sum"), "877 | 878 #1 | 878");
  EXPECT_EQ(Shown(Get("crm:M2499"), "credited_sum"), "699 | 699 | 699");
}

class KnownOnTest : public TwoTimesTest {
 protected:
  template <typename Request>
  static Request OnMarchEnd(Request request) {
    *request.mutable_known_on() = MakeDate(2024, 3, 31);
    return request;
  }
  v1::QueryMetricsResponse QueryOn(const v1::QueryMetricsRequest& request) {
    grpc::ClientContext context;
    v1::QueryMetricsResponse response;
    const grpc::Status status = metrics_->QueryMetrics(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  static v1::QueryMetricsRequest Credited(const std::string& partner = "") {
    v1::QueryMetricsRequest request;
    request.add_metric_ids("credited_sum");
    if (!partner.empty()) request.add_partner_ids(partner);
    return request;
  }
};

TEST_F(KnownOnTest, ValuesAreThoseThatWereKnownThen) {
  Correct();
  v1::QueryMetricsRequest now = Credited();
  *now.mutable_as_of() = MakeDate(2024, 3, 31);
  EXPECT_EQ(QueryOn(now).values(0).value(), 180);
  const v1::QueryMetricsResponse then = QueryOn(OnMarchEnd(Credited()));
  EXPECT_EQ(then.values(0).value(), 300);
  EXPECT_EQ(then.as_of().day(), 31) << "as of that day, when no other is asked for";
  EXPECT_EQ(then.as_of().month(), 3);
  EXPECT_EQ(QueryOn(OnMarchEnd(Credited("Apex"))).values(0).value(), 100);
  EXPECT_EQ(QueryOn(OnMarchEnd(Credited("Birch"))).values(0).value(), 200);
  EXPECT_LT(then.position(), QueryOn(now).position());
}

TEST_F(KnownOnTest, WhatIsKnownTodayIsKnownNow) {
  Correct();
  v1::QueryMetricsRequest today = Credited();
  *today.mutable_as_of() = MakeDate(2024, 3, 31);
  *today.mutable_known_on() = MakeDate(2024, 4, 2);
  EXPECT_EQ(QueryOn(today).values(0).value(), 180);
  // A later correction belongs to its own day.
  OnAprilDay(3);
  Ingest({WonDeal("d9", "P1", 9, 9)});
  EXPECT_EQ(QueryOn(today).values(0).value(), 180);
  *today.mutable_known_on() = MakeDate(2024, 4, 3);
  EXPECT_EQ(QueryOn(today).values(0).value(), 189);
}

TEST_F(KnownOnTest, PartnersAreThoseThatWereKnownThen) {
  v1::Event renamed = PartnerEvent("P1", "Apex Group", "Platinum");
  renamed.set_revision(2);
  Ingest({renamed, PartnerEvent("P3", "Cedar")});
  grpc::ClientContext context;
  v1::Scorecard card;
  v1::GetScorecardRequest request;
  request.set_partner_id("crm:P1");
  ASSERT_TRUE(scores_->GetScorecard(&context, OnMarchEnd(request), &card).ok());
  EXPECT_EQ(card.partner().name(), "Apex");
  request.set_partner_id("Cedar");
  grpc::ClientContext unknown;
  EXPECT_EQ(InfoOf(scores_->GetScorecard(&unknown, OnMarchEnd(request), &card)).reason, "UNKNOWN_PARTNER");
}

TEST_F(KnownOnTest, ExplanationsAddUpToWhatWasKnownThen) {
  Correct();
  const auto scope = ScopeOf(v1::SCOPE_KIND_PROGRAM);
  const v1::ExplainResponse explained = Explain(OnMarchEnd(Ask<v1::ExplainRequest>("credited_sum", scope)));
  EXPECT_EQ(explained.value().value(), 300);
  EXPECT_EQ(explained.terms(0).count(), 2);
  auto facts = OnMarchEnd(Ask<v1::ListContributionsRequest>("credited_sum", scope));
  facts.set_include_events(true);
  const std::vector<v1::Contribution> listed = Facts(facts);
  EXPECT_THAT(Records(listed), ElementsAre("d1 1 100", "d2 1 200"));
  EXPECT_EQ(listed[0].event().deal().amount().units(), 100) << "the event of then";
  facts.set_page_size(1);
  EXPECT_THAT(Records(Facts(facts)), ElementsAre("d1 1 100", "d2 1 200")) << "page by page";
}

TEST_F(KnownOnTest, ADayBeforeTheProgrammeIsRefused) {
  v1::QueryMetricsRequest request = Credited();
  *request.mutable_known_on() = MakeDate(2024, 3, 1);
  grpc::ClientContext context;
  v1::QueryMetricsResponse response;
  EXPECT_EQ(InfoOf(metrics_->QueryMetrics(&context, request, &response)).reason, "NOT_AVAILABLE");
}

// Of a log that is too long to be replayed, what one partner's numbers need is read.
class LongLogTest : public KnownOnTest {
 protected:
  void SetUp() override {
    extra_config_ = "known_on_records: 1";
    KnownOnTest::SetUp();
  }
  ErrorInfo Refusal(const v1::QueryMetricsRequest& request) {
    grpc::ClientContext context;
    v1::QueryMetricsResponse response;
    return InfoOf(metrics_->QueryMetrics(&context, request, &response));
  }
};

TEST_F(LongLogTest, APartnersNumbersAreKnown) {
  Correct();
  EXPECT_EQ(QueryOn(OnMarchEnd(Credited("Apex"))).values(0).value(), 100);
  EXPECT_EQ(QueryOn(OnMarchEnd(Credited("crm:P2"))).values(0).value(), 200);
  const v1::ExplainResponse explained =
      Explain(OnMarchEnd(Ask<v1::ExplainRequest>("credited_sum", ScopeOf(v1::SCOPE_KIND_PARTNER, "Apex"))));
  EXPECT_EQ(explained.value().value(), 100);
}

TEST_F(LongLogTest, FactsThatLeftThePartnerSinceCountAsTheyDid) {
  v1::Event moved = WonDeal("d1", "P2", 100, 5);
  moved.set_revision(2);
  Ingest({moved});
  EXPECT_EQ(QueryOn(OnMarchEnd(Credited("Apex"))).values(0).value(), 100);
  EXPECT_EQ(QueryOn(OnMarchEnd(Credited("Birch"))).values(0).value(), 200);
}

TEST_F(LongLogTest, OtherScopesAreNotAvailable) {
  Correct();
  EXPECT_EQ(Refusal(OnMarchEnd(Credited())).reason, "NOT_AVAILABLE");
  v1::QueryMetricsRequest two = Credited("Apex");
  two.add_partner_ids("Birch");
  EXPECT_EQ(Refusal(OnMarchEnd(two)).reason, "NOT_AVAILABLE");
  v1::QueryMetricsRequest share = OnMarchEnd(Credited("Apex"));
  share.set_metric_ids(0, "share");
  const v1::MetricValue compared = QueryOn(share).values(0);
  EXPECT_FALSE(compared.has_value());
  EXPECT_EQ(compared.no_data(), v1::NO_DATA_REASON_NOT_AVAILABLE);
  grpc::ClientContext context;
  v1::ExplainResponse response;
  const auto explain = OnMarchEnd(Ask<v1::ExplainRequest>("share", ScopeOf(v1::SCOPE_KIND_PARTNER, "Apex")));
  EXPECT_EQ(InfoOf(explain_->Explain(&context, explain, &response)).reason, "NOT_AVAILABLE");
}

}  // namespace
}  // namespace partnermetrics
