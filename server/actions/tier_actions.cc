#include "server/actions/tier_actions.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/actions/own_facts.h"
#include "server/base/errors.h"
#include "server/engine/partner_entity.h"
#include "server/engine/partners.h"
#include "server/expr/diagnostics.h"
#include "server/queries/dates.h"
#include "server/queries/score_query.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/tier.h"

namespace partnermetrics {
namespace {

constexpr char kActor[] = "service:score";
constexpr int kMostDecisions = 1'000;

v1::Event EventAbout(const std::string& partner, Day day) {
  v1::Event event;
  event.set_source(kOwnSource);
  event.set_record_id(absl::StrCat(partner, "/", DayText(day)));
  return event;
}

absl::StatusOr<Day> ReadReviewDay(const Catalog& catalog, const CompiledTiers& tiers,
                                  const v1::ReviewTiersRequest& request, Day today) {
  const int months = tiers.promotion_months, fiscal = catalog.fiscal_start_month();
  if (!request.has_reviewed_on()) return ReviewPeriodOf(today, months, fiscal).first - 1;
  ASSIGN_OR_RETURN(const Day day, ReadDate(request.reviewed_on(), "reviewed_on"));
  const ReviewDays period = ReviewPeriodOf(day, months, fiscal);
  if (period.last != day) {
    return InvalidField("reviewed_on", "NO_REVIEW",
                        absl::StrCat("reviews look back from the last day of a period, such as ",
                                     DayText(period.first - 1), " or ", DayText(period.last)));
  }
  if (request.apply() && day >= today) {
    return InvalidField("reviewed_on", "NOT_OVER", "a review can be applied once its period is over");
  }
  return day;
}

// Everything that reviews of partners read, with the partners.
struct PartnersReading {
  EngineSource source;
  std::vector<std::string> ids;  // by scope, from kFirstPartnerScope
};

absl::StatusOr<PartnersReading> ReadPartners(const Engine::View& view, const v1::ReviewTiersRequest& request) {
  PartnersReading reading;
  if (request.partner_ids().empty()) {
    ASSIGN_OR_RETURN(reading.ids, PartnerIds(view));
  }
  for (const std::string& name : request.partner_ids()) {
    ASSIGN_OR_RETURN(std::string id, FindPartner(view, name));
    reading.ids.push_back(std::move(id));
  }
  ASSIGN_OR_RETURN(const auto metrics, TierMetric(*view.catalog(), v1::SCOPE_KIND_PARTNER));
  std::vector<ScopeIndex> scopes;
  for (size_t i = 0; i < reading.ids.size(); ++i) scopes.push_back(kFirstPartnerScope + static_cast<ScopeIndex>(i));
  ASSIGN_OR_RETURN(reading.source, EngineSource::Collect(view, ReadsOf(*view.catalog(), metrics, scopes), reading.ids));
  return reading;
}

bool IsNews(const v1::TierReview& decision) {
  return decision.tier() != decision.previous_tier() || decision.cause() != v1::TIER_CAUSE_KEPT ||
         decision.violations() > 0;
}

absl::Status CheckTier(const CompiledTiers& tiers, const std::string& id) {
  if (id.empty() || tiers.RankOf(id) > 0) return absl::OkStatus();
  std::vector<std::string> names;
  for (const v1::TierLevel& level : tiers.definition->levels()) names.push_back(level.id());
  return InvalidField("tier", "UNKNOWN_TIER",
                      absl::StrCat("there is no tier '", id, "'", SuggestNames(id, std::move(names))));
}

bool HoldsAfter(const v1::TierOverride& stated, Day day) {
  return !stated.has_expires_on() || ToDay(stated.expires_on()) > day;
}

// Events that let the partner's overrides that hold on the day end with it, but for one that is stated anew. One that
// began on this very day has then never held.
absl::StatusOr<std::vector<v1::Event>> EndsOn(const Engine::View& view, const std::string& partner, Day day,
                                              absl::string_view anew = "") {
  std::vector<v1::Event> events;
  const FactSchema& schema = *FactSchemas::Get().FindByNumber(v1::Event::kTierOverrideFieldNumber);
  ASSIGN_OR_RETURN(const std::set<FactId> facts, view.FactsOf(partner, schema));
  for (const FactId& id : facts) {
    ASSIGN_OR_RETURN(const auto fact, view.Fact(id));
    v1::TierOverride stated;
    if (!fact.has_value() || !stated.ParseFromString(fact->fact)) continue;
    if (ToDay(stated.starts_on()) > day || !HoldsAfter(stated, day)) continue;
    if (id.source == kOwnSource && id.record_id == anew) continue;
    v1::Event& event = events.emplace_back();
    event.set_source(id.source);
    event.set_record_id(id.record_id);
    *stated.mutable_expires_on() = ToDate(day);
    *event.mutable_tier_override() = std::move(stated);
  }
  return events;
}

// The tier on the day on which a change takes effect, or today when it already has.
absl::Status Show(const Programs& programs, ProgramRuntime& program, const std::string& partner, Day changes_on,
                  v1::GetTierResponse& response) {
  v1::GetTierRequest request;
  request.set_partner_id(partner);
  {
    Engine::View view(program.engine());
    *request.mutable_as_of() = ToDate(std::max(changes_on, programs.Today(*view.catalog())));
  }
  return GetTier(programs, program.engine(), request, response);
}

}  // namespace

absl::Status ReviewTiers(const Programs& programs, ProgramRuntime& program, const v1::ReviewTiersRequest& request,
                         v1::ReviewTiersResponse& response) {
  if (request.apply() && request.author().empty()) {
    return InvalidField("author", "REQUIRED", "must say who applies the review");
  }
  PartnersReading reading;
  Day reviewed_on = 0;
  {
    Engine::View view(program.engine());
    const Catalog& catalog = *view.catalog();
    ASSIGN_OR_RETURN(const CompiledTiers* tiers, TiersOf(catalog));
    ASSIGN_OR_RETURN(reviewed_on, ReadReviewDay(catalog, *tiers, request, programs.Today(catalog)));
    ASSIGN_OR_RETURN(reading, ReadPartners(view, request));
  }
  const EngineSource& source = reading.source;
  const Catalog& catalog = *source.catalog();
  const Evaluator evaluator(catalog, source);
  std::vector<v1::Event> events;
  for (size_t i = 0; i < reading.ids.size(); ++i) {
    const ScopeIndex scope = kFirstPartnerScope + static_cast<ScopeIndex>(i);
    std::optional<v1::TierReview> decision = Tier(evaluator, catalog, source, scope).ReviewAt(reviewed_on);
    if (!decision) continue;
    response.set_reviewed(response.reviewed() + 1);
    if (decision->cause() == v1::TIER_CAUSE_PROMOTION) response.set_promoted(response.promoted() + 1);
    if (decision->cause() == v1::TIER_CAUSE_RELEGATION) response.set_relegated(response.relegated() + 1);
    if (decision->violations() > 0 && decision->clean_reviews() == 0) response.set_violating(response.violating() + 1);
    decision->set_author(request.author());
    if ((request.include_unchanged() || IsNews(*decision)) && response.decisions_size() < kMostDecisions) {
      v1::TierDecision& shown = *response.add_decisions();
      shown.set_partner_id(reading.ids[i]);
      static const int name = FactSchemas::Get().Find("partner")->Find("name")->slot;
      if (const FactRow* partner = source.Partner(scope); partner != nullptr && !(*partner)[name].is_null()) {
        shown.set_partner_name(std::string((*partner)[name].text));
      }
      *shown.mutable_decision() = *decision;
    }
    if (!request.apply()) continue;
    v1::Event& event = events.emplace_back(EventAbout(reading.ids[i], reviewed_on));
    decision->add_partner_refs()->set_partner_id(reading.ids[i]);
    *event.mutable_tier_review() = *std::move(decision);
  }
  *response.mutable_reviewed_on() = ToDate(reviewed_on);
  response.set_position(source.header().position);
  if (!request.apply()) return absl::OkStatus();
  if (!events.empty()) {
    ASSIGN_OR_RETURN(const uint64_t position, StateOwnFacts(programs, program, kActor, std::move(events)));
    response.set_position(position);
  }
  response.set_applied(true);
  return absl::OkStatus();
}

absl::Status SetTierOverride(const Programs& programs, ProgramRuntime& program,
                             const v1::SetTierOverrideRequest& request, v1::GetTierResponse& response) {
  if (request.partner_id().empty()) return InvalidField("partner_id", "REQUIRED", "must name a partner");
  if (request.author().empty()) return InvalidField("author", "REQUIRED", "must say who decides");
  if (request.reason().empty()) return InvalidField("reason", "REQUIRED", "must say why");
  std::string partner;
  std::vector<v1::Event> events;
  Day starts_on = 0;
  {
    Engine::View view(program.engine());
    const Catalog& catalog = *view.catalog();
    ASSIGN_OR_RETURN(const CompiledTiers* tiers, TiersOf(catalog));
    RETURN_IF_ERROR(CheckTier(*tiers, request.tier()));
    ASSIGN_OR_RETURN(partner, FindPartner(view, request.partner_id()));
    starts_on = programs.Today(catalog);
    if (request.has_starts_on()) {
      ASSIGN_OR_RETURN(starts_on, ReadDate(request.starts_on(), "starts_on"));
    }
    v1::Event event = EventAbout(partner, starts_on);
    ASSIGN_OR_RETURN(events, EndsOn(view, partner, starts_on, event.record_id()));
    v1::TierOverride& stated = *event.mutable_tier_override();
    stated.add_partner_refs()->set_partner_id(partner);
    stated.set_tier(request.tier());
    stated.set_author(request.author());
    stated.set_reason(request.reason());
    *stated.mutable_starts_on() = ToDate(starts_on);
    if (request.has_expires_on()) {
      ASSIGN_OR_RETURN(const Day expires_on, ReadDate(request.expires_on(), "expires_on"));
      if (expires_on <= starts_on) return InvalidField("expires_on", "OUT_OF_RANGE", "must lie after starts_on");
      *stated.mutable_expires_on() = ToDate(expires_on);
    }
    events.push_back(std::move(event));
  }
  RETURN_IF_ERROR(StateOwnFacts(programs, program, kActor, std::move(events)).status());
  return Show(programs, program, partner, starts_on, response);
}

absl::Status EndTierOverride(const Programs& programs, ProgramRuntime& program,
                             const v1::EndTierOverrideRequest& request, v1::GetTierResponse& response) {
  if (request.partner_id().empty()) return InvalidField("partner_id", "REQUIRED", "must name a partner");
  std::string partner;
  std::vector<v1::Event> events;
  Day ends_on = 0;
  {
    Engine::View view(program.engine());
    const Catalog& catalog = *view.catalog();
    RETURN_IF_ERROR(TiersOf(catalog).status());
    ASSIGN_OR_RETURN(partner, FindPartner(view, request.partner_id()));
    ends_on = programs.Today(catalog);
    if (request.has_expires_on()) {
      ASSIGN_OR_RETURN(ends_on, ReadDate(request.expires_on(), "expires_on"));
    }
    ASSIGN_OR_RETURN(events, EndsOn(view, partner, ends_on));
  }
  if (events.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_OVERRIDE",
                     absl::StrCat("no override of the tier of '", partner, "' holds on that day"),
                     "look at its history: partnerctl tier show");
  }
  RETURN_IF_ERROR(StateOwnFacts(programs, program, kActor, std::move(events)).status());
  return Show(programs, program, partner, ends_on, response);
}

}  // namespace partnermetrics
