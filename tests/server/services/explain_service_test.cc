// Explained values: what stands behind them adds up to them, and leads to the records of the sources.
#include "tests/server/services/explain_fixture.h"

namespace partnermetrics {
namespace {

TEST_F(ExplainServiceTest, FlowByItsFacts) {
  Ingest({PartnerEvent("P1", "Apex"), WonDeal("D1", "P1", 100, 5), WonDeal("D2", "P1", 50, 20),
          WonDeal("D3", "unknown", 7, 20)});
  const v1::ExplainResponse explained = Explain("partner_revenue");
  EXPECT_EQ(explained.value().SerializeAsString(),
            Query(Ask<v1::ExplainRequest>("partner_revenue")).SerializeAsString());
  EXPECT_EQ(explained.value().value(), 150);
  EXPECT_EQ(explained.formula(), "won.sum");
  EXPECT_THAT(explained.measures(), SizeIs(1));
  ASSERT_THAT(explained.terms(), SizeIs(1));
  const v1::ExplainedTerm& term = explained.terms(0);
  EXPECT_EQ(term.use(), "won.sum");
  EXPECT_EQ(term.count(), 2);
  EXPECT_EQ(term.sum().units(), 150);
  EXPECT_EQ(term.contributions(), 2);
  EXPECT_EQ(term.window().start_on().ShortDebugString(), MakeDate(2024, 1, 1).ShortDebugString());

  const auto facts = Facts("partner_revenue");
  EXPECT_THAT(Records(facts), ElementsAre("D1 1 100", "D2 1 50"));
  EXPECT_EQ(facts[0].fact().kind(), "deal");
  EXPECT_EQ(facts[0].fact().source(), "crm");
  EXPECT_EQ(facts[0].counts_on().day(), 5);
  EXPECT_EQ(facts[0].role(), v1::ATTRIBUTION_ROLE_SOURCED);
  EXPECT_THAT(facts[0].partner_ids(), ElementsAre("crm:P1"));
  EXPECT_THAT(facts[0].revision_positions(), ElementsAre(facts[0].position()));
  EXPECT_GT(facts[0].stored_at().seconds(), 0);
  EXPECT_FALSE(facts[0].has_event());

  auto request = Ask<v1::ListContributionsRequest>("partner_revenue", ScopeOf(v1::SCOPE_KIND_PARTNER, "Apex"));
  request.set_include_events(true);
  EXPECT_EQ(Facts(request)[1].event().deal().amount().units(), 50);
  EXPECT_EQ(ToDouble(Facts(request)[1].share()), 1);
}

TEST_F(ExplainServiceTest, PagesInAFixedOrder) {
  std::vector<v1::Event> events = {PartnerEvent("P1", "Apex")};
  for (int i = 0; i < 25; ++i) events.push_back(WonDeal(absl::StrCat("D", i), "P1", 1, 1 + i));
  Ingest(events);
  const auto all = Facts("partner_revenue");
  ASSERT_THAT(all, SizeIs(25));
  auto request = Ask<v1::ListContributionsRequest>("partner_revenue");
  request.set_page_size(7);
  EXPECT_EQ(Records(Facts(request)), Records(all));

  // A token belongs to its list.
  grpc::ClientContext first, second;
  v1::ListContributionsResponse response;
  ASSERT_TRUE(explain_->ListContributions(&first, request, &response).ok());
  EXPECT_THAT(response.contributions(), SizeIs(7));
  EXPECT_EQ(response.term().contributions(), 25);
  request.set_metric_id("deals_won");
  request.set_page_token(response.next_page_token());
  EXPECT_THAT(InfoOf(explain_->ListContributions(&second, request, &response)).fields,
              ElementsAre("page_token: is no token of this list; leave it empty to begin with its first page"));
}

TEST_F(ExplainServiceTest, StockByWhatHoldsOnTheDay) {
  v1::Event open = NewEvent("D1"), closed = NewEvent("D2");
  for (v1::Event* event : {&open, &closed}) {
    SetNoon(*event->mutable_deal()->mutable_created_at(), 10);
    event->mutable_deal()->mutable_amount()->set_units(40);
  }
  *closed.mutable_deal()->mutable_closed_on() = DayOf(30);
  Ingest({open, closed});
  auto request = Ask<v1::ListContributionsRequest>("pipeline_sum", ScopeOf(v1::SCOPE_KIND_DIRECT));
  EXPECT_THAT(Records(Facts(request)), ElementsAre("D1 1 40"));
  *request.mutable_as_of() = DayOf(30);
  EXPECT_THAT(Records(Facts(request)), ElementsAre("D1 1 40"));
  *request.mutable_as_of() = DayOf(29);
  const auto facts = Facts(request);
  EXPECT_THAT(Records(facts), ElementsAre("D1 1 40", "D2 1 40"));
  EXPECT_FALSE(facts[0].has_until_on());
  EXPECT_EQ(facts[1].until_on().ShortDebugString(), DayOf(30).ShortDebugString());
}

// A part counts for the partners of its root, by its root's role.
TEST_F(ExplainServiceTest, PartsByTheirRoots) {
  Ingest({PartnerEvent("P1", "Apex"), Stage("S1", "D1", 60, 0, 30), Stage("S2", "D1", 50, 60, 20),
          Stage("S3", "missing", 60, 0, 5)});
  EXPECT_THAT(Facts("stages_sum"), IsEmpty());
  Ingest({WonDeal("D1", "P1", 100, 5)});
  const auto facts = Facts("stages_sum");
  EXPECT_THAT(Records(facts), ElementsAre("S1 1 30"));
  EXPECT_EQ(facts[0].root().kind(), "deal");
  EXPECT_EQ(facts[0].root().record_id(), "D1");
  EXPECT_EQ(facts[0].role(), v1::ATTRIBUTION_ROLE_SOURCED);
  EXPECT_THAT(facts[0].partner_ids(), ElementsAre("crm:P1"));
}

TEST_F(ExplainServiceTest, RolesAndSharesAreThoseOfTheScope) {
  v1::Event deal = WonDeal("D1", "P1", 100, 5);
  v1::Attribution& second = *deal.mutable_deal()->add_attributions();
  second.set_role(v1::ATTRIBUTION_ROLE_INFLUENCED);
  SetReference(*second.add_partner_refs(), "P2");
  second.mutable_split()->set_nanos(300'000'000);
  Ingest({PartnerEvent("P1", "Apex"), PartnerEvent("P2", "Birch"), deal});
  const v1::Scope birch = ScopeOf(v1::SCOPE_KIND_PARTNER, "Birch");
  EXPECT_THAT(Facts("won_influenced_sum"), IsEmpty());
  EXPECT_THAT(Records(Facts("won_influenced_sum", 1, birch)), ElementsAre("D1 1 100"));
  const auto facts = Facts("credited_sum", 1, birch);
  EXPECT_THAT(Records(facts), ElementsAre("D1 1 30"));
  EXPECT_EQ(facts[0].role(), v1::ATTRIBUTION_ROLE_INFLUENCED);
  EXPECT_EQ(ToDouble(facts[0].share()), 0.3);
  EXPECT_THAT(facts[0].partner_ids(), ElementsAre("crm:P1", "crm:P2"));
  EXPECT_THAT(Records(Facts("credited_sum")), ElementsAre("D1 1 100"));
}

TEST_F(ExplainServiceTest, KeyedByTheFactThatCounts) {
  Ingest({PartnerEvent("P1", "Apex"), Invoice("I1", "ann", 10, 1), Invoice("I2", "ann", 20, 2),
          Invoice("I3", "ann", 20, 3), Invoice("I4", "bob", 5, 4), Invoice("I5", "", 6, 5)});
  const auto facts = Facts("last_bills_sum");
  EXPECT_THAT(Records(facts), ElementsAre("I3 1 3", "I4 1 4"));
  EXPECT_EQ(facts[0].key(), "ann");
  EXPECT_EQ(facts[0].facts(), 3);
  EXPECT_EQ(facts[1].facts(), 1);
  EXPECT_EQ(Explain("billed_customers_count").terms(0).count(), 2);
  auto request = Ask<v1::ListContributionsRequest>("last_bills_sum");
  request.set_page_size(1);
  EXPECT_EQ(Records(Facts(request)), Records(facts));
}

TEST_F(ExplainServiceTest, CohortByBothDays) {
  v1::Event early = WonDeal("D1", "P1", 10, 1), late = WonDeal("D2", "P1", 20, 31);
  for (v1::Event* event : {&early, &late}) SetNoon(*event->mutable_deal()->mutable_created_at(), 3);
  Ingest({PartnerEvent("P1", "Apex"), early, late});
  auto request = Ask<v1::ListContributionsRequest>("won_later_sum");
  EXPECT_THAT(Records(Facts(request)), ElementsAre("D1 1 10", "D2 1 20"));
  *request.mutable_as_of() = MakeDate(2024, 3, 30);
  const auto facts = Facts(request);
  EXPECT_THAT(Records(facts), ElementsAre("D1 1 10"));
  EXPECT_EQ(facts[0].counts_on().ShortDebugString(), DayOf(3).ShortDebugString());
  EXPECT_EQ(facts[0].until_on().ShortDebugString(), MakeDate(2024, 3, 1).ShortDebugString());
}

TEST_F(ExplainServiceTest, LatestByTheFactsOfTheLastDay) {
  std::vector<v1::Event> events;
  for (const int day : {80, 70, 80, 95}) {
    events.push_back(NewEvent(absl::StrCat("C", events.size())));
    *events.back().mutable_cost()->mutable_incurred_on() = DayOf(day);
    events.back().mutable_cost()->mutable_amount()->set_units(day);
  }
  Ingest(events);
  EXPECT_THAT(Records(Facts("latest_cost_sum")), ElementsAre("C0 1 80", "C2 1 80"));
}

TEST_F(ExplainServiceTest, QuotientByNumeratorAndDenominator) {
  v1::Event lost = WonDeal("D2", "P1", 9, 6), before = WonDeal("D3", "P1", 50, 6);
  lost.mutable_deal()->set_outcome(v1::DEAL_OUTCOME_LOST);
  *before.mutable_deal()->mutable_closed_on() = MakeDate(2023, 12, 30);
  Ingest({PartnerEvent("P1", "Apex"), WonDeal("D1", "P1", 100, 5), lost, before});
  v1::ExplainResponse explained = Explain("win_rate");
  ASSERT_THAT(explained.terms(), SizeIs(2));
  EXPECT_EQ(explained.terms(0).role(), v1::TERM_ROLE_NUMERATOR);
  EXPECT_EQ(explained.terms(1).role(), v1::TERM_ROLE_DENOMINATOR);
  EXPECT_THAT(Records(Facts("win_rate", 1)), ElementsAre("D1 1 100"));
  EXPECT_THAT(Records(Facts("win_rate", 2)), ElementsAre("D1 1 100", "D2 1 9"));

  explained = Explain("average_deal");
  EXPECT_EQ(explained.terms(0).role(), v1::TERM_ROLE_AVERAGE);
  EXPECT_EQ(explained.value().value(), 54.5);

  explained = Explain("growth");
  EXPECT_EQ(explained.terms(1).use(), "deals.sum");
  EXPECT_EQ(explained.terms(1).window().start_on().ShortDebugString(), MakeDate(2023, 10, 1).ShortDebugString());
  EXPECT_THAT(Records(Facts("growth", 2)), ElementsAre("D3 1 50"));

  // What was not needed is no term.
  explained = Explain("rest");
  ASSERT_THAT(explained.terms(), SizeIs(1));
  EXPECT_EQ(explained.terms(0).use(), "avg(won)");
  EXPECT_THAT(Explain("rest", ScopeOf(v1::SCOPE_KIND_DIRECT)).terms(), SizeIs(2));
}

TEST_F(ExplainServiceTest, MetricsWithinMetricsAndTheirWindows) {
  v1::Event cost = NewEvent("C1");
  *cost.mutable_cost()->mutable_incurred_on() = DayOf(40);
  cost.mutable_cost()->mutable_amount()->set_units(11);
  Ingest({PartnerEvent("P1", "Apex"), WonDeal("D1", "P1", 100, 5), WonDeal("D2", "P1", 10, 25), cost});
  const v1::ExplainResponse explained = Explain("total");
  ASSERT_THAT(explained.terms(), SizeIs(2));
  EXPECT_EQ(explained.terms(0).use(), "won.sum");
  EXPECT_EQ(explained.terms(1).use(), "costs.sum");
  EXPECT_EQ(explained.value().value(), 121);
  EXPECT_THAT(Explain("total", ScopeOf(v1::SCOPE_KIND_BUSINESS)).terms(), IsEmpty());

  auto request = Ask<v1::ExplainRequest>("of_year");
  request.set_window(v1::WINDOW_KIND_MONTH_TO_DATE);
  *request.mutable_as_of() = MakeDate(2024, 3, 10);
  const v1::ExplainResponse shorter = Explain(request);
  EXPECT_EQ(shorter.terms(0).window().start_on().month(), 3);
  EXPECT_EQ(shorter.terms(1).window().start_on().month(), 1);
  EXPECT_EQ(shorter.terms(1).role(), v1::TERM_ROLE_DENOMINATOR);

  const auto first = Explain("first").terms(0);
  EXPECT_EQ(first.use(), "first_day(won)");
  EXPECT_EQ(first.window().end_on().day(), 5);
  EXPECT_THAT(Records(Facts("first")), ElementsAre("D1 1 100"));
}

TEST_F(ExplainServiceTest, OverPartnersByPartner) {
  Ingest({PartnerEvent("P1", "Apex", "Gold"), PartnerEvent("P2", "Birch"), PartnerEvent("P3", "Cedar"),
          WonDeal("D1", "P1", 100, 5), WonDeal("D2", "P2", 50, 20)});
  const auto values = [](const std::vector<v1::Contribution>& rows) {
    std::vector<std::string> texts;
    for (const v1::Contribution& row : rows) texts.push_back(absl::StrCat(row.partner_ids(0), " ", row.value()));
    return texts;
  };
  EXPECT_THAT(values(Facts("active")), ElementsAre("crm:P1 1", "crm:P2 1"));
  EXPECT_THAT(values(Facts("average_revenue")), ElementsAre("crm:P1 100", "crm:P2 50"));
  EXPECT_EQ(Explain("average_revenue").terms(0).value(), 75);
  const v1::ExplainResponse share = Explain("gold_share");
  ASSERT_THAT(share.terms(), SizeIs(2));
  EXPECT_EQ(share.terms(0).use(), "sum_partners");
  EXPECT_THAT(values(Facts("gold_share", 1)), ElementsAre("crm:P1 100"));
  EXPECT_THAT(Records(Facts("gold_share", 2)), ElementsAre("D1 1 100", "D2 1 50"));
  // A year later.
  auto later = Ask<v1::ListContributionsRequest>("active_before");
  *later.mutable_as_of() = MakeDate(2025, 3, 10);
  EXPECT_THAT(values(Facts(later)), ElementsAre("crm:P1 1"));
  auto request = Ask<v1::ListContributionsRequest>("active");
  request.set_page_size(1);
  EXPECT_THAT(values(Facts(request)), ElementsAre("crm:P1 1", "crm:P2 1"));
}

TEST_F(ExplainServiceTest, SplitMeasuresByValue) {
  v1::Event lost = WonDeal("D2", "P1", 9, 6);
  lost.mutable_deal()->set_outcome(v1::DEAL_OUTCOME_LOST);
  Ingest({PartnerEvent("P1", "Apex"), WonDeal("D1", "P1", 100, 5), lost});
  EXPECT_THAT(Records(Facts("by_outcome_sum")), ElementsAre("D1 1 100", "D2 1 9"));
  auto request = Ask<v1::ListContributionsRequest>("by_outcome_sum");
  request.set_split_value("LOST");
  EXPECT_THAT(Records(Facts(request)), ElementsAre("D2 1 9"));
}

TEST_F(ExplainServiceTest, HistoryOfAFact) {
  v1::Event second = WonDeal("D1", "P1", 120, 6), stale = WonDeal("D1", "P1", 80, 4), deleted = NewEvent("D1", 4);
  second.set_revision(3);
  stale.set_revision(2);
  deleted.set_deleted(true);
  deleted.mutable_deal();
  Ingest({PartnerEvent("P1", "Apex")});
  Ingest({WonDeal("D1", "P1", 100, 5)});
  Ingest({second});
  Ingest({stale});
  v1::GetFactHistoryResponse history = History("deal", "crm", "D1");
  ASSERT_THAT(history.revisions(), SizeIs(3));
  EXPECT_EQ(history.revisions(0).revision(), 1);
  EXPECT_FALSE(history.revisions(0).stands());
  EXPECT_TRUE(history.revisions(1).stands());
  EXPECT_FALSE(history.revisions(2).stands());
  EXPECT_THAT(history.revisions(1).content(), testing::HasSubstr(R"("closed_on":{"year":2024,"month":3,"day":6})"));
  EXPECT_GT(history.revisions(0).stored_at().seconds(), 0);
  EXPECT_FALSE(history.revisions(0).actor().empty());
  const auto facts = Facts("partner_revenue");
  EXPECT_EQ(facts[0].position(), history.revisions(1).position());
  EXPECT_THAT(facts[0].revision_positions(), SizeIs(3));

  Ingest({deleted});
  history = History("deal", "crm", "D1");
  EXPECT_TRUE(history.revisions(3).stands());
  EXPECT_TRUE(history.revisions(3).deleted());
  EXPECT_EQ(history.revisions(3).content(), "");
  EXPECT_THAT(Facts("partner_revenue"), IsEmpty());
}

// A partner counts once; behind it stand the statements of all sources.
TEST_F(ExplainServiceTest, PartnersByTheirStatements) {
  v1::Event apex = PartnerEvent("P1", "Apex");
  *apex.mutable_partner()->mutable_signed_on() = DayOf(10);
  Ingest({apex});
  v1::UpdatePartnerRequest update;
  update.set_partner_id("crm:P1");
  update.mutable_partner()->set_tier("Silver");
  grpc::ClientContext context;
  v1::PartnerEntity entity;
  ASSERT_TRUE(partners_->UpdatePartner(&context, update, &entity).ok());
  const auto facts = Facts("signed_count");
  EXPECT_THAT(Records(facts), ElementsAre("crm:P1 1 0"));
  EXPECT_EQ(facts[0].fact().source(), "");
  EXPECT_THAT(facts[0].revision_positions(), SizeIs(2));
  const v1::GetFactHistoryResponse history = History("partner", "", "crm:P1");
  ASSERT_THAT(history.revisions(), SizeIs(2));
  EXPECT_EQ(history.revisions(0).fact().source(), "crm");
  EXPECT_EQ(history.revisions(1).fact().source(), "partnermetrics");
  EXPECT_TRUE(history.revisions(0).stands());
  EXPECT_TRUE(history.revisions(1).stands());
}

TEST_F(ExplainServiceTest, RefusesWhatItCannotExplain) {
  const auto refused = [&](const v1::ExplainRequest& request) {
    grpc::ClientContext context;
    v1::ExplainResponse response;
    return InfoOf(explain_->Explain(&context, request, &response)).fields;
  };
  EXPECT_THAT(refused(Ask<v1::ExplainRequest>("partner_revenu")),
              ElementsAre("metric_id: there is no metric 'partner_revenu' (did you mean \"partner_revenue\"?)"));
  grpc::ClientContext first, second;
  auto request = Ask<v1::ListContributionsRequest>("partner_revenue");
  request.set_term(2);
  v1::ListContributionsResponse response;
  EXPECT_THAT(InfoOf(explain_->ListContributions(&first, request, &response)).fields,
              ElementsAre("term: the value has terms 1 to 1"));
  v1::GetFactHistoryRequest unknown;
  unknown.set_kind("deal");
  unknown.set_source("crm");
  unknown.set_record_id("nothing");
  v1::GetFactHistoryResponse history;
  EXPECT_EQ(InfoOf(explain_->GetFactHistory(&second, unknown, &history)).reason, "UNKNOWN_FACT");
}

}  // namespace
}  // namespace partnermetrics
