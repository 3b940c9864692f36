#include "server/explain/explain_query.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/explain/explained_value.h"
#include "server/explain/fact_contributions.h"
#include "server/explain/fact_history.h"
#include "server/queries/answer_size.h"
#include "server/queries/dates.h"
#include "server/queries/engine_source.h"
#include "server/queries/page_token.h"
#include "server/scoring/evaluator.h"
#include "server/scoring/explain.h"
#include "server/scoring/score.h"
#include "server/scoring/tier.h"
#include "server/scoring/tier_outlook.h"
#include "server/sync/page_request.h"

namespace partnermetrics {
namespace {

void FillRead(const Explained& explained, const MeasureRead& read, v1::ExplainedTerm& term) {
  const CompiledMeasure& measure = explained.catalog().measures()[static_cast<size_t>(read.row.measure)];
  term.set_measure_id(measure.id);
  term.set_kind(measure.kind);
  *term.mutable_scope() = ScopeOf(explained, read.row.scope);
  *term.mutable_window()->mutable_start_on() = ToDate(read.period.first);
  *term.mutable_window()->mutable_end_on() = ToDate(read.period.last);
  if (measure.kind == v1::MEASURE_KIND_COHORT) *term.mutable_as_of() = ToDate(read.period.as_of);
  term.set_count(read.totals.count);
  *term.mutable_sum() = ToDecimal(read.totals.sum);
  term.set_parked_facts(
      measure.sum_is_money ? explained.source.ParkedFacts(read.row, read.period.first, read.period.last) : 0);
}

// The term with a page of what stands behind it, all of which is added up and compared with what is served. Pages over
// partners go on behind a partner's id.
absl::StatusOr<ContributionPage> ExplainTerm(const Engine::View& view, const Explained& explained, size_t index,
                                             absl::string_view after, size_t size, v1::ExplainedTerm& proto) {
  const Term& term = explained.terms[index];
  proto.set_number(static_cast<int32_t>(index) + 1);
  proto.set_role(term.role);
  proto.set_use(term.use);
  if (!term.read) {
    if (!PartnersAddUp(term)) return Differs(term.use, "the partners' values");
    *proto.mutable_scope() = explained.request.scope_proto;
    if (term.over_partners.has_value()) proto.set_value(term.over_partners.value);
    proto.set_count(static_cast<int64_t>(term.partners.size()));
    proto.set_contributions(proto.count());
    return ContributionPage();
  }
  FillRead(explained, *term.read, proto);
  if (!explained.source.IsWhole(term.read->row)) {
    return RetryLater(absl::StatusCode::kUnavailable, "REBUILDING",
                      absl::StrCat("a job is changing what stands behind ", term.use, ": partnerctl job list"), 1'000);
  }
  ASSIGN_OR_RETURN(ContributionPage page, ContributionsTo(view, explained, term, after, size));
  proto.set_contributions(page.rows);
  return page;
}

void FillContribution(const CompiledMeasure& measure, const FactContribution& row, v1::Contribution& proto) {
  *proto.mutable_fact() = ToName(row.fact);
  if (row.root) *proto.mutable_root() = ToName(*row.root);
  *proto.mutable_counts_on() = ToDate(row.day);
  if (row.until) *proto.mutable_until_on() = ToDate(*row.until);
  proto.set_count(row.count);
  *proto.mutable_sum() = ToDecimal(row.sum);
  if (measure.kind == v1::MEASURE_KIND_KEYED) {
    proto.set_key(row.key);
    proto.set_facts(row.facts);
  }
  for (const ResolvedPartner& partner : row.partners) proto.add_partner_ids(partner.partner_id);
  proto.set_role(static_cast<v1::AttributionRole>(row.role));
  if (row.share_nanos) {
    *proto.mutable_share() = ToDecimal(*row.share_nanos);
  }
  proto.set_revision(row.version.revision);
}

absl::Status FillRows(const Engine::View& view, const CompiledMeasure& measure, const ContributionPage& page,
                      v1::ListContributionsResponse& response) {
  for (const FactContribution& row : page.page) {
    v1::Contribution& proto = *response.add_contributions();
    FillContribution(measure, row, proto);
    ASSIGN_OR_RETURN(const std::vector<FactId> facts, FactsOf(view, row.fact));
    ASSIGN_OR_RETURN(const Positions positions, PositionsOf(view, facts));
    proto.mutable_revision_positions()->Add(positions.all.begin(), positions.all.end());
    // Of a partner that several sources state: the newest.
    if (!positions.standing.empty()) proto.set_position(positions.standing.back());
  }
  return absl::OkStatus();
}

void FillPartners(const Explained& explained, const Term& term, absl::string_view after, size_t size,
                  v1::ListContributionsResponse& response, std::string& last) {
  for (const auto& [partner, value] : term.partners) {
    const std::string& id = explained.partners[static_cast<size_t>(partner - kFirstPartnerScope)];
    if (id <= after) continue;
    if (static_cast<size_t>(response.contributions_size()) == size) {
      last = response.contributions().rbegin()->partner_ids(0);
      return;
    }
    v1::Contribution& proto = *response.add_contributions();
    proto.add_partner_ids(id);
    proto.set_count(1);
    proto.set_value(value.value);
  }
}

// What the log says of the rows' records.
absl::Status FillRecords(const storage::EventLog& log, bool with_events, v1::ListContributionsResponse& response) {
  size_t bytes = 0;
  for (v1::Contribution& row : *response.mutable_contributions()) {
    if (row.position() == 0) continue;
    ASSIGN_OR_RETURN(const storage::LogRecord record, log.Get(row.position()));
    v1::Event event;
    if (!event.ParseFromString(record.payload)) {
      return absl::DataLossError(absl::StrCat("record ", record.position, " of the log is damaged"));
    }
    *row.mutable_stored_at() = StoredAt(record);
    row.set_actor(record.actor);
    if (event.has_origin()) *row.mutable_origin() = event.origin();
    if (with_events) *row.mutable_event() = std::move(event);
    bytes += row.ByteSizeLong();
    if (bytes > kMaxAnswerBytes) {
      return InvalidField("page_size", "TOO_MANY", "the page has more than 3 MiB; ask for fewer rows at a time");
    }
  }
  return absl::OkStatus();
}

// What a score or a tier makes of its metrics.
void FillRules(const Explained& explained, v1::ExplainResponse& response) {
  const Catalog& catalog = explained.catalog();
  const MetricRequest& request = explained.request;
  const FormulaNode& root = request.metric->formula.nodes.back();
  if (!request.metric->HasLevel(request.scope_proto.kind())) return;
  const Evaluator evaluator(catalog, explained.source);
  if (root.op == FormulaOp::kScore) {
    *response.mutable_score() = ScoreOf(evaluator, catalog, catalog.scores()[static_cast<size_t>(root.index)],
                                        request.scope, request.scope_proto, request.period.last);
  } else if (root.op == FormulaOp::kTier) {
    const Tier tier(evaluator, catalog, explained.source, request.scope);
    *response.mutable_tier() = tier.StandingAt(request.period.last);
    response.mutable_tier()->set_partner_id(request.scope_proto.partner_id());
    AddOutlook(tier, catalog, explained.source, request.scope, request.period.last, *response.mutable_tier());
  }
}

// The value that a list of contributions is about.
v1::ExplainRequest ValueOf(const v1::ListContributionsRequest& request) {
  v1::ExplainRequest value;
  value.set_program(request.program());
  value.set_metric_id(request.metric_id());
  *value.mutable_scope() = request.scope();
  if (request.has_as_of()) *value.mutable_as_of() = request.as_of();
  if (request.has_known_on()) *value.mutable_known_on() = request.known_on();
  value.set_window(request.window());
  if (request.has_window_start_on()) *value.mutable_window_start_on() = request.window_start_on();
  if (request.has_split_value()) value.set_split_value(request.split_value());
  return value;
}

// Whatever must be the same on all pages.
std::string FingerprintOf(v1::ListContributionsRequest request) {
  request.clear_page_size();
  request.clear_page_token();
  request.clear_include_events();
  request.clear_min_position();
  return request.SerializeAsString();
}

}  // namespace

absl::Status Explain(const Programs& programs, Engine& engine, const v1::ExplainRequest& request,
                     v1::ExplainResponse& response) {
  const Engine::View view(engine);
  ASSIGN_OR_RETURN(const Explained explained, ExplainValue(programs, view, request));
  const Catalog& catalog = explained.catalog();
  *response.mutable_value() = Evaluator(catalog, explained.source, explained.split).Value(explained.request);
  if (explained.split) response.mutable_value()->set_split_value(*explained.split);
  response.set_formula(explained.request.metric->definition.formula());
  std::set<std::string> measures;
  for (size_t i = 0; i < explained.terms.size(); ++i) {
    v1::ExplainedTerm& term = *response.add_terms();
    RETURN_IF_ERROR(ExplainTerm(view, explained, i, "", 0, term).status());
    measures.insert(term.measure_id());
  }
  for (const v1::Measure& measure : catalog.definitions().measures()) {
    if (measures.count(measure.id()) > 0) *response.add_measures() = measure;
  }
  FillRules(explained, response);
  response.set_position(explained.source.header().position);
  return absl::OkStatus();
}

absl::Status ListContributions(const Programs& programs, const KnownProgram& known,
                               const v1::ListContributionsRequest& request, v1::ListContributionsResponse& response) {
  ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  const std::string fingerprint = FingerprintOf(request);
  ASSIGN_OR_RETURN(const std::string after, ReadPageToken(request.page_token(), fingerprint));
  {
    const Engine::View view(known.engine());
    ASSIGN_OR_RETURN(const Explained explained, ExplainValue(programs, view, ValueOf(request)));
    response.set_position(explained.source.header().position);
    const auto terms = static_cast<int32_t>(explained.terms.size());
    if (request.term() < 0 || request.term() > std::max(terms, 1)) {
      return InvalidField("term", "OUT_OF_RANGE", absl::StrCat("the value has terms 1 to ", terms));
    }
    if (terms == 0) return absl::OkStatus();
    const auto index = static_cast<size_t>(std::max(request.term(), 1) - 1);
    const Term& term = explained.terms[index];
    ASSIGN_OR_RETURN(ContributionPage page,
                     ExplainTerm(view, explained, index, after, static_cast<size_t>(size), *response.mutable_term()));
    if (term.read) {
      const CompiledMeasure& measure = explained.catalog().measures()[static_cast<size_t>(term.read->row.measure)];
      RETURN_IF_ERROR(FillRows(view, measure, page, response));
    } else {
      FillPartners(explained, term, after, static_cast<size_t>(size), response, page.last);
    }
    if (!page.last.empty()) response.set_next_page_token(MakePageToken(page.last, fingerprint));
  }
  return FillRecords(known.log(), request.include_events(), response);
}

}  // namespace partnermetrics
