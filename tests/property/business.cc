#include "tests/property/business.h"

#include <optional>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace partnermetrics {
namespace {

class Maker {
 public:
  Maker(uint64_t seed, absl::CivilDay known_on) : random_(seed), known_(known_on - kBusinessStart) {}

  std::vector<v1::Event> Make() {
    // Records name those that are there from the first day, so that whom they name is always known.
    for (int i = 0; i < kBusinessPartners; ++i) Partner(i, 0);
    for (int i = 0; i < 3; ++i) Partner(kBusinessPartners + i, AnyDay());
    for (int i = 0; i < 60; ++i) Deal(i);
    for (int i = 0; i < 40; ++i) Registration(i);
    for (int i = 0; i < 40; ++i) Lead(i);
    for (int i = 0; i < 40; ++i) Invoice(i);
    for (int i = 0; i < 30; ++i) Subscription(i);
    for (int i = 0; i < 60; ++i) Ticket(i);
    for (int i = 0; i < 25; ++i) MdfRequest(i);
    for (int i = 0; i < 20; ++i) Payout(i);
    for (int i = 0; i < 15; ++i) Onboarding(i);
    for (int i = 0; i < 30; ++i) Training(i);
    for (int i = 0; i < 30; ++i) Certification(i);
    for (int i = 0; i < 60; ++i) Session(i);
    for (int i = 0; i < 40; ++i) Message(i);
    for (int i = 0; i < 50; ++i) Survey(i);
    for (int i = 0; i < 30; ++i) Project(i);
    return std::move(events_);
  }

 private:
  int Below(int limit) { return static_cast<int>(random_() % static_cast<uint64_t>(limit)); }
  int AnyDay() { return Below(kBusinessDays); }
  // Up to `most` days after `day`; now and then never.
  std::optional<int> After(int day, int most) {
    const int later = day + Below(most);
    return Below(5) == 0 ? std::nullopt : std::optional<int>(later);
  }
  bool Known(std::optional<int> day) const { return day.has_value() && *day <= known_; }

  static void Set(int offset, v1::Date* date) {
    const absl::CivilDay day = kBusinessStart + offset;
    date->set_year(static_cast<int>(day.year()));
    date->set_month(day.month());
    date->set_day(day.day());
  }
  static void Set(int offset, int minute, google::protobuf::Timestamp* at) {
    at->set_seconds(absl::ToUnixSeconds(absl::FromCivil(kBusinessStart + offset, absl::UTCTimeZone())) + minute * 60);
  }
  static void SetMoney(int units, v1::Money* money) {
    money->set_currency_code("USD");
    money->set_units(units);
    money->set_nanos(250'000'000);
  }

  // A record that came to be on `day`; nothing when nobody knew of it yet.
  v1::Event* NewRecord(const std::string& kind, int number, int day) {
    if (!Known(day)) return nullptr;
    v1::Event& event = events_.emplace_back();
    event.set_program("test");
    event.set_source("crm");
    event.set_record_id(absl::StrCat(kind, number));
    event.set_revision(1);
    return &event;
  }
  // A partner, or none.
  template <typename Fact>
  void Refer(int partner, Fact& fact) {
    if (partner >= kBusinessPartners) return;
    v1::ExternalId& id = *fact.add_partner_refs()->mutable_external();
    id.set_source("crm");
    id.set_id(absl::StrCat("p", partner));
  }
  int AnyPartner() { return Below(kBusinessPartners + 1); }

  void Partner(int number, int signed_on) {
    const int activated_on = signed_on + Below(60);
    const std::optional<int> terminated_on =
        Below(3) == 0 ? std::optional<int>(signed_on + 300 + Below(400)) : std::nullopt;
    v1::Event* event = NewRecord("p", number, signed_on);
    if (event == nullptr) return;
    v1::Partner& partner = *event->mutable_partner();
    partner.set_name(absl::StrCat("Partner ", number));
    Set(signed_on, partner.mutable_signed_on());
    if (Known(activated_on)) Set(activated_on, partner.mutable_activated_on());
    if (Known(terminated_on)) Set(*terminated_on, partner.mutable_terminated_on());
  }

  void Deal(int number) {
    const int created = AnyDay(), amount = 1'000 + Below(90'000), partner = AnyPartner(), role = 1 + Below(4);
    const std::optional<int> registered = After(created, 20), closed = After(registered.value_or(created), 150);
    const bool won = Below(3) != 0;
    v1::Event* event = NewRecord("deal", number, created);
    if (event == nullptr) return;
    v1::Deal& deal = *event->mutable_deal();
    if (partner < kBusinessPartners) {
      v1::Attribution& attribution = *deal.add_attributions();
      attribution.set_role(static_cast<v1::AttributionRole>(role));
      Refer(partner, attribution);
    }
    SetMoney(amount, deal.mutable_amount());
    Set(created, 600, deal.mutable_created_at());
    if (Known(registered)) Set(*registered, deal.mutable_registered_on());
    deal.set_outcome(v1::DEAL_OUTCOME_OPEN);
    if (!Known(closed)) return;
    deal.set_outcome(won ? v1::DEAL_OUTCOME_WON : v1::DEAL_OUTCOME_LOST);
    Set(*closed, deal.mutable_closed_on());
  }

  void Registration(int number) {
    const int submitted = AnyDay(), hours = Below(70), partner = AnyPartner();
    const std::optional<int> won = After(submitted, 120);
    v1::Event* event = NewRecord("registration", number, submitted);
    if (event == nullptr) return;
    v1::DealRegistration& registration = *event->mutable_deal_registration();
    Refer(partner, registration);
    Set(submitted, 540, registration.mutable_submitted_at());
    registration.set_decision(v1::REGISTRATION_DECISION_PENDING);
    if (Known(submitted + (540 + hours * 60) / 1440)) {
      Set(submitted, 540 + hours * 60, registration.mutable_decided_at());
      registration.set_decision(v1::REGISTRATION_DECISION_APPROVED);
    }
    if (Known(won)) Set(*won, registration.mutable_won_on());
  }

  void Lead(int number) {
    const int created = AnyDay(), partner = AnyPartner(), source = 1 + Below(4);
    const std::optional<int> qualified = After(created, 30), converted = After(created, 60);
    v1::Event* event = NewRecord("lead", number, created);
    if (event == nullptr) return;
    v1::Lead& lead = *event->mutable_lead();
    Refer(partner, lead);
    lead.set_source(static_cast<v1::LeadSource>(source));
    Set(created, 30, lead.mutable_created_at());
    if (Known(qualified)) Set(*qualified, 700, lead.mutable_qualified_at());
    if (Known(converted)) Set(*converted, lead.mutable_converted_on());
  }

  void Invoice(int number) {
    const int issued = AnyDay(), amount = 100 + Below(5'000), partner = AnyPartner(), refund = 1 + Below(90);
    const std::optional<int> paid = After(issued, 40), refunded = Below(3) == 0 ? After(issued, 90) : std::nullopt;
    v1::Event* event = NewRecord("invoice", number, issued);
    if (event == nullptr) return;
    v1::Invoice& invoice = *event->mutable_invoice();
    Refer(partner, invoice);
    SetMoney(amount, invoice.mutable_amount());
    Set(issued, 1'000, invoice.mutable_issued_at());
    invoice.set_status(v1::INVOICE_STATUS_OPEN);
    if (Known(paid)) {
      invoice.set_status(v1::INVOICE_STATUS_PAID);
      Set(*paid, 10, invoice.mutable_paid_at());
    }
    if (!Known(refunded)) return;
    v1::Refund& part = *NewRecord("refund", number, *refunded)->mutable_refund();
    part.set_root_id(absl::StrCat("invoice", number));
    SetMoney(refund, part.mutable_amount());
    Set(*refunded, 20, part.mutable_refunded_at());
    part.set_status(v1::REFUND_STATUS_SUCCEEDED);
  }

  void Subscription(int number) {
    const int starts = AnyDay(), mrr = 10 + Below(900), partner = AnyPartner();
    const std::optional<int> ends = Below(2) == 0 ? After(starts, 400) : std::nullopt;
    v1::Event* event = NewRecord("subscription", number, starts);
    if (event == nullptr) return;
    v1::Subscription& subscription = *event->mutable_subscription();
    Refer(partner, subscription);
    SetMoney(mrr, subscription.mutable_mrr());
    Set(starts, 5, subscription.mutable_starts_at());
    subscription.set_status(v1::SUBSCRIPTION_STATUS_ACTIVE);
    if (!Known(ends)) return;
    subscription.set_status(v1::SUBSCRIPTION_STATUS_CANCELLED);
    Set(*ends, 1'439, subscription.mutable_ends_at());
  }

  void Ticket(int number) {
    const int opened = AnyDay(), answer = Below(600), resolution = answer + Below(6'000), partner = AnyPartner();
    v1::Event* event = NewRecord("ticket", number, opened);
    if (event == nullptr) return;
    v1::SupportTicket& ticket = *event->mutable_support_ticket();
    Refer(partner, ticket);
    Set(opened, 800, ticket.mutable_opened_at());
    ticket.set_status(v1::TICKET_STATUS_OPEN);
    if (Known(opened + (800 + answer) / 1440)) Set(opened, 800 + answer, ticket.mutable_first_response_at());
    if (!Known(opened + (800 + resolution) / 1440)) return;
    Set(opened, 800 + resolution, ticket.mutable_resolved_at());
    ticket.set_status(v1::TICKET_STATUS_RESOLVED);
  }

  void MdfRequest(int number) {
    const int requested = AnyDay(), partner = AnyPartner();
    const std::optional<int> decided = After(requested, 12);
    v1::Event* event = NewRecord("mdf", number, requested);
    if (event == nullptr) return;
    v1::MdfRequest& request = *event->mutable_mdf_request();
    Refer(partner, request);
    Set(requested, 90, request.mutable_requested_at());
    request.set_decision(v1::MDF_DECISION_PENDING);
    if (!Known(decided)) return;
    Set(*decided, 450, request.mutable_decided_at());
    request.set_decision(v1::MDF_DECISION_APPROVED);
  }

  void Payout(int number) {
    const int requested = AnyDay(), amount = 50 + Below(1'000), partner = AnyPartner();
    const std::optional<int> paid = After(requested, 50);
    v1::Event* event = NewRecord("payout", number, requested);
    if (event == nullptr) return;
    v1::IncentivePayout& payout = *event->mutable_incentive_payout();
    Refer(partner, payout);
    SetMoney(amount, payout.mutable_amount());
    Set(requested, 60, payout.mutable_requested_at());
    if (Known(paid)) Set(*paid, 120, payout.mutable_paid_at());
  }

  void Onboarding(int number) {
    const int started = AnyDay(), partner = AnyPartner();
    const std::optional<int> completed = After(started, 40);
    v1::Event* event = NewRecord("onboarding", number, started);
    if (event == nullptr) return;
    v1::Onboarding& onboarding = *event->mutable_onboarding();
    Refer(partner, onboarding);
    Set(started, onboarding.mutable_started_on());
    if (Known(completed)) Set(*completed, onboarding.mutable_completed_on());
  }

  void Training(int number) {
    const int assigned = AnyDay(), partner = AnyPartner();
    const std::optional<int> completed = After(assigned, 60);
    v1::Event* event = NewRecord("training", number, assigned);
    if (event == nullptr) return;
    v1::TrainingAssignment& training = *event->mutable_training_assignment();
    Refer(partner, training);
    training.set_module(absl::StrCat("module ", number % 5));
    Set(assigned, training.mutable_assigned_on());
    if (Known(completed)) Set(*completed, training.mutable_completed_on());
  }

  // The day on which it expires is known from the first.
  void Certification(int number) {
    const int certified = AnyDay(), holds = 30 + Below(400), partner = AnyPartner();
    v1::Event* event = NewRecord("certification", number, certified);
    if (event == nullptr) return;
    v1::Certification& certification = *event->mutable_certification();
    Refer(partner, certification);
    certification.set_track(number % 2 == 0 ? "Sales" : "Technical");
    Set(certified, certification.mutable_certified_on());
    Set(certified + holds, certification.mutable_expires_on());
  }

  void Session(int number) {
    const int day = AnyDay(), partner = AnyPartner();
    v1::Event* event = NewRecord("session", number, day);
    if (event == nullptr) return;
    Refer(partner, *event->mutable_portal_session());
    Set(day, 300, event->mutable_portal_session()->mutable_started_at());
  }

  void Message(int number) {
    const int sent = AnyDay(), partner = AnyPartner();
    const std::optional<int> answered = After(sent, 10);
    v1::Event* event = NewRecord("message", number, sent);
    if (event == nullptr) return;
    v1::Communication& message = *event->mutable_communication();
    Refer(partner, message);
    message.set_direction(number % 3 == 0 ? v1::COMMUNICATION_DIRECTION_INBOUND : v1::COMMUNICATION_DIRECTION_OUTBOUND);
    Set(sent, 100, message.mutable_sent_at());
    if (Known(answered)) Set(*answered, 200, message.mutable_responded_at());
  }

  void Survey(int number) {
    const int day = AnyDay(), score = Below(11), partner = AnyPartner(), respondent = Below(12);
    v1::Event* event = NewRecord("survey", number, day);
    if (event == nullptr) return;
    v1::SurveyResponse& response = *event->mutable_survey_response();
    Refer(partner, response);
    Set(day, response.mutable_responded_on());
    if (number % 2 == 0) {
      response.set_survey(v1::SURVEY_KIND_PARTNER_NPS);
      response.set_respondent(absl::StrCat("person", respondent));
      response.set_score(score);
    } else {
      response.set_survey(v1::SURVEY_KIND_PARTNER_CSAT);
      response.set_score(1 + score % 5);
    }
  }

  void Project(int number) {
    const int ntp = AnyDay(), m1 = ntp + Below(40), m2 = m1 + Below(60), partner = AnyPartner();
    const std::optional<int> pto = After(m2, 90), cancelled = Below(6) == 0 ? After(ntp, 100) : std::nullopt;
    v1::Event* event = NewRecord("project", number, ntp);
    if (event == nullptr) return;
    v1::Project& project = *event->mutable_project();
    Refer(partner, project);
    Set(ntp, project.mutable_ntp_approved_on());
    if (Known(m1)) Set(m1, project.mutable_m1_approved_on());
    if (Known(m2)) Set(m2, project.mutable_m2_approved_on());
    if (Known(pto)) Set(*pto, project.mutable_pto_on());
    if (Known(cancelled)) Set(*cancelled, project.mutable_cancelled_on());
  }

  std::mt19937_64 random_;
  const int64_t known_;
  std::vector<v1::Event> events_;
};

}  // namespace

std::vector<v1::Event> MakeBusiness(uint64_t seed, absl::CivilDay known_on) {
  return Maker(seed, known_on).Make();
}

}  // namespace partnermetrics
