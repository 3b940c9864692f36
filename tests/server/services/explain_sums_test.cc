// Whatever the facts: explained contributions add up to what is served.
#include "tests/server/services/explain_fixture.h"

namespace partnermetrics {
namespace {

// Facts of all kinds by chance: corrected, deleted, stale, with parts before and without their roots, in foreign
// currencies.
class RandomFacts {
 public:
  explicit RandomFacts(unsigned seed) : random_(seed) {}

  std::vector<v1::Event> Make(int number) {
    std::vector<v1::Event> events;
    for (int i = 0; i < number; ++i) events.push_back(One());
    return events;
  }

 private:
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  std::string Partner() { return absl::StrCat("P", Below(5)); }  // P4 is not known
  void SetMoney(v1::Money& money) {
    money.set_units(Below(1'000));
    money.set_nanos(Below(1'000'000'000));
    if (Below(6) == 0) money.set_currency_code("EUR");
  }
  template <typename Fact>
  void AddPartners(Fact& fact) {
    for (int i = Below(3); i > 0; --i) SetReference(*fact.add_partner_refs(), Partner());
  }

  v1::Event One() {
    v1::Event event = NewEvent(absl::StrCat(Below(40)), Below(6));
    event.set_deleted(Below(8) == 0);
    switch (Below(8)) {
      case 0:
      case 1: {
        v1::Deal& deal = *event.mutable_deal();
        for (int i = Below(3); i > 0; --i) {
          v1::Attribution& attribution = *deal.add_attributions();
          SetReference(*attribution.add_partner_refs(), Partner());
          attribution.set_role(static_cast<v1::AttributionRole>(1 + Below(4)));
          if (Below(3) == 0) attribution.mutable_split()->set_nanos(100'000'000 * (1 + Below(5)));
        }
        deal.set_outcome(static_cast<v1::DealOutcome>(1 + Below(3)));
        if (Below(5) > 0) SetMoney(*deal.mutable_amount());
        SetNoon(*deal.mutable_created_at(), Below(120));
        if (Below(4) > 0) *deal.mutable_closed_on() = DayOf(Below(150));
        break;
      }
      case 2: {
        v1::Event stage = Stage(event.record_id(), absl::StrCat(Below(45)), Below(100), Below(120), Below(50));
        *event.mutable_deal_stage() = stage.deal_stage();
        break;
      }
      case 3: {
        v1::Invoice& invoice = *event.mutable_invoice();
        AddPartners(invoice);
        if (Below(5) > 0) invoice.set_customer_id(absl::StrCat("c", Below(4)));
        invoice.set_number(absl::StrCat("n", Below(3)));
        SetNoon(*invoice.mutable_issued_at(), Below(100));
        SetMoney(*invoice.mutable_amount());
        break;
      }
      case 4: {
        v1::Refund& refund = *event.mutable_refund();
        refund.set_root_id(absl::StrCat(Below(45)));
        SetNoon(*refund.mutable_refunded_at(), Below(100));
        SetMoney(*refund.mutable_amount());
        break;
      }
      case 5: {
        v1::Cost& cost = *event.mutable_cost();
        AddPartners(cost);
        *cost.mutable_incurred_on() = DayOf(Below(100));
        SetMoney(*cost.mutable_amount());
        break;
      }
      case 6: {
        v1::FxRate& rate = *event.mutable_fx_rate();
        rate.set_from_currency("EUR");
        rate.set_to_currency("USD");
        rate.mutable_rate()->set_units(1);
        rate.mutable_rate()->set_nanos(Below(1'000'000'000));
        *rate.mutable_effective_on() = DayOf(30 + Below(60));
        break;
      }
      default: {
        event.set_record_id(absl::StrCat("P", Below(4)));
        event.mutable_partner()->set_name(absl::StrCat("Partner ", event.record_id()));
        *event.mutable_partner()->mutable_signed_on() = DayOf(Below(60));
        if (Below(3) == 0) *event.mutable_partner()->mutable_terminated_on() = DayOf(60 + Below(60));
        event.mutable_partner()->set_tier(Below(2) == 0 ? "Gold" : "Silver");
        event.mutable_partner()->set_region(event.record_id() == "P0" || Below(2) == 0 ? "EMEA" : "");
        if (Below(2) == 0) *event.mutable_partner()->mutable_attributes_since_on() = DayOf(Below(90));
        event.set_deleted(false);
      }
    }
    return event;
  }

  std::mt19937 random_;
};

// Whatever the facts: the contributions of every measure in every scope add up to the value that queries give. The
// server refuses to answer when they do not, and the test adds them up again.
TEST_F(ExplainServiceTest, EverythingAddsUp) {
  int rows = 0;
  for (const unsigned seed : {1u, 2u, 3u}) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    RandomFacts facts(seed);
    for (int i = 0; i < 4; ++i) Ingest(facts.Make(150), v1::RESULT_DETAIL_NONE);
    std::vector<v1::Scope> scopes = {ScopeOf(v1::SCOPE_KIND_BUSINESS), ScopeOf(v1::SCOPE_KIND_DIRECT),
                                     ScopeOf(v1::SCOPE_KIND_PROGRAM)};
    for (int i = 0; i < 4; ++i) scopes.push_back(ScopeOf(v1::SCOPE_KIND_PARTNER, absl::StrCat("crm:P", i)));
    for (const char* tier : {"Gold", "Silver", ""}) scopes.push_back(SegmentOf("tier", tier));
    for (const char* region : {"EMEA", ""}) scopes.push_back(SegmentOf("region", region));
    for (const v1::Scope& scope : scopes) {
      for (const std::string& measure : MeasureIds()) {
        for (const int day : {50, 90}) {
          auto request = Ask<v1::ExplainRequest>(measure + "_count", scope);
          request.set_window(day == 50 ? v1::WINDOW_KIND_TRAILING_30_DAYS : v1::WINDOW_KIND_UNSPECIFIED);
          *request.mutable_as_of() = DayOf(day);
          const v1::ExplainResponse explained = Explain(request);
          EXPECT_EQ(explained.value().SerializeAsString(), Query(request).SerializeAsString());
          ASSERT_THAT(explained.terms(), SizeIs(1)) << request.ShortDebugString();
          v1::ListContributionsRequest list;
          ASSERT_TRUE(list.ParseFromString(request.SerializeAsString()));
          list.set_page_size(3);
          int64_t count = 0;
          absl::int128 sum = 0;
          const auto contributions = Facts(list);
          for (const v1::Contribution& row : contributions) {
            count += row.count();
            sum += absl::int128{row.sum().units()} * 1'000'000'000 + row.sum().nanos();
          }
          rows += static_cast<int>(contributions.size());
          const v1::ExplainedTerm& term = explained.terms(0);
          EXPECT_EQ(term.contributions(), static_cast<int64_t>(contributions.size()));
          EXPECT_EQ(term.count(), count) << request.ShortDebugString();
          EXPECT_TRUE(sum == absl::int128{term.sum().units()} * 1'000'000'000 + term.sum().nanos());
          EXPECT_EQ(explained.value().value(), explained.value().has_value() ? static_cast<double>(count) : 0);
        }
      }
    }
  }
  EXPECT_GT(rows, 1'000);
}

// The server adds the changes of facts up and refuses to answer when they do not give those of the terms; the test adds
// the terms' up again.
TEST_F(ExplainServiceTest, EveryChangeAddsUp) {
  RandomFacts facts(4);
  for (int i = 0; i < 2; ++i) Ingest(facts.Make(150), v1::RESULT_DETAIL_NONE);
  now_us_ = now_us_ + int64_t{86'400'000'000};
  for (int i = 0; i < 2; ++i) Ingest(facts.Make(150), v1::RESULT_DETAIL_NONE);
  std::map<v1::ChangeReason, int> reasons;
  for (const v1::Scope& scope : {ScopeOf(v1::SCOPE_KIND_PROGRAM), ScopeOf(v1::SCOPE_KIND_PARTNER, "crm:P1"),
                                 SegmentOf("tier", "Gold"), SegmentOf("region", "EMEA")}) {
    for (const std::string& measure : MeasureIds()) {
      for (const bool known : {false, true}) {
        v1::ExplainChangeRequest request;
        request.set_metric_id(measure + "_count");
        *request.mutable_scope() = scope;
        *request.mutable_since() = DayOf(known ? 90 : 50);
        *request.mutable_as_of() = DayOf(90);
        if (known) *request.mutable_known_on() = MakeDate(2024, 3, 31);
        grpc::ClientContext context;
        v1::ExplainChangeResponse response;
        const grpc::Status status = explain_->ExplainChange(&context, request, &response);
        ASSERT_TRUE(status.ok()) << request.ShortDebugString() << ": " << status.error_message();
        int64_t count = 0;
        for (const v1::TermChange& change : response.changes()) {
          count += change.count();
          ++reasons[change.reason()];
          EXPECT_TRUE(known || change.reason() == v1::CHANGE_REASON_AGED || change.reason() == v1::CHANGE_REASON_MOVED)
              << response.ShortDebugString();
        }
        EXPECT_EQ(static_cast<double>(count), response.after().value() - response.before().value())
            << request.ShortDebugString();
      }
    }
  }
  for (const auto reason : {v1::CHANGE_REASON_ADDED, v1::CHANGE_REASON_REMOVED, v1::CHANGE_REASON_CORRECTED,
                            v1::CHANGE_REASON_MOVED, v1::CHANGE_REASON_AGED}) {
    EXPECT_GT(reasons[reason], 0) << v1::ChangeReason_Name(reason);
  }
}

}  // namespace
}  // namespace partnermetrics
