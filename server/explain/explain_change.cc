#include "server/explain/explain_change.h"

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/engine/resolution.h"
#include "server/engine/segments.h"
#include "server/explain/explained_value.h"
#include "server/explain/fact_contributions.h"
#include "server/explain/fact_history.h"
#include "server/queries/answer_size.h"
#include "server/queries/dates.h"
#include "server/queries/page_token.h"
#include "server/scoring/evaluator.h"
#include "server/sync/page_request.h"

namespace partnermetrics {
namespace {

constexpr int kMostExamples = 1'000;

// One of the two values, with where it was read.
struct Side {
  const Engine::View& view;
  const Explained& explained;
};

// What a term counts of one fact or key.
struct Counted {
  FactId fact;
  std::optional<FactId> root;
  std::string key;
  Day day = 0;  // on which it counts, or begins to
  int64_t count = 0;
  Nanos sum = 0;
  std::vector<ResolvedPartner> partners;
};
using CountedById = std::map<std::string, Counted>;

// All that a read counts: by key, or by fact.
absl::StatusOr<CountedById> CountedBy(const Side& side, const Term* term) {
  CountedById counted;
  if (term == nullptr) return counted;
  const CompiledMeasure& measure = side.explained.catalog().measures()[static_cast<size_t>(term->read->row.measure)];
  ASSIGN_OR_RETURN(ContributionPage page,
                   ContributionsTo(side.view, side.explained, *term, "", std::numeric_limits<size_t>::max()));
  for (FactContribution& row : page.page) {
    const bool keyed = measure.kind == v1::MEASURE_KIND_KEYED;
    Counted& one = counted[keyed ? row.key : FactBytes(row.fact)];
    one.fact = std::move(row.fact);
    one.root = std::move(row.root);
    one.key = std::move(row.key);
    one.day = row.day;
    one.count += row.count;
    one.sum += row.sum;
    one.partners = std::move(row.partners);
  }
  return counted;
}

// A fact as one side knows it; a partner as one.
struct Known {
  std::string content;
  Resolution resolution;
};

absl::StatusOr<std::optional<Known>> KnownFact(const Engine::View& view, const FactId& id) {
  if (id.kind == v1::Event::kPartnerFieldNumber && id.source.empty()) {
    ASSIGN_OR_RETURN(const std::optional<PartnerState> partner, ReadPartner(view, id.record_id));
    if (!partner.has_value()) return std::optional<Known>();
    return std::optional<Known>({partner->fields.SerializeAsString(), {}});
  }
  ASSIGN_OR_RETURN(std::optional<StoredFact> fact, view.Fact(id));
  if (!fact.has_value() || fact->deleted) return std::optional<Known>();
  return std::optional<Known>({std::move(fact->fact), std::move(fact->resolution)});
}

// Says why a term counts something otherwise.
class Judge {
 public:
  Judge(const Side& before, const Side& after, const Term* term_before, const Term* term_after)
      : before_(before), after_(after), term_before_(term_before), term_after_(term_after) {}

  absl::StatusOr<v1::ChangeReason> Of(const Counted* was, const Counted* is) const {
    std::set<FactId> facts;
    for (const Counted* counted : {is, was}) {
      if (counted != nullptr) facts.insert(counted->fact);
    }
    // Of a key another fact may count now: whatever happened to one of both.
    v1::ChangeReason reason = v1::CHANGE_REASON_AGED;
    for (const FactId& fact : facts) {
      const Counted& counted = is != nullptr && is->fact == fact ? *is : *was;
      ASSIGN_OR_RETURN(reason, OfFact(fact, counted));
      if (reason != v1::CHANGE_REASON_AGED) break;
    }
    return reason;
  }

 private:
  absl::StatusOr<v1::ChangeReason> OfFact(const FactId& id, const Counted& counted) const {
    ASSIGN_OR_RETURN(const std::optional<Known> was, KnownFact(before_.view, id));
    ASSIGN_OR_RETURN(const std::optional<Known> is, KnownFact(after_.view, id));
    if (!was.has_value() && is.has_value()) return v1::CHANGE_REASON_ADDED;
    if (was.has_value() && !is.has_value()) return v1::CHANGE_REASON_REMOVED;
    if (!was.has_value()) return v1::CHANGE_REASON_AGED;
    if (was->content != is->content) return v1::CHANGE_REASON_CORRECTED;
    if (counted.root.has_value()) {
      ASSIGN_OR_RETURN(const std::optional<Known> root_was, KnownFact(before_.view, *counted.root));
      ASSIGN_OR_RETURN(const std::optional<Known> root_is, KnownFact(after_.view, *counted.root));
      if (root_was.has_value() != root_is.has_value()) {
        return root_is.has_value() ? v1::CHANGE_REASON_ADDED : v1::CHANGE_REASON_REMOVED;
      }
      if (root_was.has_value() && root_was->content != root_is->content) return v1::CHANGE_REASON_CORRECTED;
    }
    if (!(was->resolution.partners == is->resolution.partners)) return v1::CHANGE_REASON_MOVED;
    ASSIGN_OR_RETURN(const bool moved, MovedSegment(counted, is->resolution));
    if (moved) return v1::CHANGE_REASON_MOVED;
    if (!(was->resolution.rates == is->resolution.rates) || was->resolution.parked != is->resolution.parked) {
      return v1::CHANGE_REASON_RERATED;
    }
    return SameDefinition() ? v1::CHANGE_REASON_AGED : v1::CHANGE_REASON_REDEFINED;
  }

  // Whether a partner of the fact is, or was, in another segment: on the fact's day by what is known of it, or, for
  // what holds for some time, because it moved between the two dates.
  absl::StatusOr<bool> MovedSegment(const Counted& counted, const Resolution& resolution) const {
    const Side& side = term_after_ != nullptr ? after_ : before_;
    const Term& term = term_after_ != nullptr ? *term_after_ : *term_before_;
    if (!IsSegment(term.read->row.scope)) return false;
    const v1::Segment& segment = side.explained.request.scope_proto.segment();
    const CompiledMeasure& measure = side.explained.catalog().measures()[static_cast<size_t>(term.read->row.measure)];
    std::vector<std::string> partners;
    for (const ResolvedPartner& partner : resolution.partners) partners.push_back(partner.partner_id);
    if (counted.fact.kind == v1::Event::kPartnerFieldNumber) partners = {counted.fact.record_id};
    for (const std::string& partner : partners) {
      ASSIGN_OR_RETURN(const std::vector<DayRange> was, DaysIn(before_.view, segment, partner));
      ASSIGN_OR_RETURN(const std::vector<DayRange> is, DaysIn(after_.view, segment, partner));
      const Day first = measure.is_flow() ? counted.day : before_.explained.request.period.last;
      const Day last = measure.is_flow() ? counted.day : after_.explained.request.period.last;
      if (Contains(was, first) != Contains(is, last)) return true;
    }
    return false;
  }

  static bool Contains(const std::vector<DayRange>& ranges, Day day) {
    return std::any_of(ranges.begin(), ranges.end(), [day](const DayRange& range) { return range.Contains(day); });
  }

  static absl::StatusOr<std::vector<DayRange>> DaysIn(const Engine::View& view, const v1::Segment& segment,
                                                      const std::string& partner) {
    const std::optional<size_t> attribute = SegmentIndex(view.catalog()->program(), segment.attribute());
    if (!attribute.has_value()) return std::vector<DayRange>();
    ASSIGN_OR_RETURN(const SegmentSpans spans, view.SegmentsOf(partner));
    return DaysWith(spans[*attribute], segment.value());
  }

  bool SameDefinition() const {
    const Catalog &was = before_.explained.catalog(), &is = after_.explained.catalog();
    if (&was == &is) return true;
    const auto definition = [](const Catalog& catalog, const std::string& id) {
      const auto& measures = catalog.definitions().measures();
      const auto it = std::find_if(measures.begin(), measures.end(), [&](const auto& m) { return m.id() == id; });
      return it == measures.end() ? "" : it->SerializeAsString();
    };
    const Side& side = term_after_ != nullptr ? after_ : before_;
    const Term& term = term_after_ != nullptr ? *term_after_ : *term_before_;
    const std::string& measure = side.explained.catalog().measures()[static_cast<size_t>(term.read->row.measure)].id;
    return term_before_ != nullptr && term_after_ != nullptr && definition(was, measure) == definition(is, measure) &&
           was.program().currency_code() == is.program().currency_code() &&
           was.program().time_zone() == is.program().time_zone();
  }

  const Side& before_;
  const Side& after_;
  const Term* const term_before_;
  const Term* const term_after_;
};

// Which facts an answer names: some of each change, or a page of those of all.
class Naming {
 public:
  explicit Naming(int of_each) : of_each_(of_each) {}
  Naming(int page_size, std::string after) : page_size_(page_size), after_(std::move(after)) {}

  bool Names(const v1::TermChange& change, size_t term, const std::string& id) {
    if (page_size_ == 0) return change.examples_size() < of_each_;
    std::string place = absl::StrCat(absl::Dec(term, absl::kZeroPad6), id);
    if (place <= after_) return false;
    has_more_ = named_ == page_size_;
    if (has_more_) return false;
    ++named_;
    last_ = std::move(place);
    return true;
  }
  bool is_page() const { return page_size_ > 0; }
  // The last one that is named, if others follow.
  std::optional<std::string> next() const { return has_more_ ? std::optional<std::string>(last_) : std::nullopt; }

 private:
  const int of_each_ = 0, page_size_ = 0;
  const std::string after_;
  int named_ = 0;
  bool has_more_ = false;
  std::string last_;
};

// The changes of one term, by reason.
class TermChanges {
 public:
  TermChanges(size_t term, std::string use, v1::Scope scope, Naming& naming)
      : term_(term), use_(std::move(use)), scope_(std::move(scope)), naming_(naming) {}

  // Gives the change, and the fact's place in it if it is to be named.
  v1::FactChange* Add(v1::ChangeReason reason, const std::string& id, v1::TermChange*& change) {
    v1::TermChange& of_reason = changes_[reason];
    of_reason.set_use(use_);
    *of_reason.mutable_scope() = scope_;
    of_reason.set_reason(reason);
    of_reason.set_facts(of_reason.facts() + 1);
    change = &of_reason;
    return naming_.Names(of_reason, term_, id) ? of_reason.add_examples() : nullptr;
  }

  void MoveTo(v1::ExplainChangeResponse& response) {
    for (auto& [reason, change] : changes_) *response.add_changes() = std::move(change);
  }

 private:
  const size_t term_;
  const std::string use_;
  const v1::Scope scope_;
  Naming& naming_;
  std::map<v1::ChangeReason, v1::TermChange> changes_;
};

v1::Scope ScopeOfTerm(const Explained& explained, const Term& term) {
  return term.read ? ScopeOf(explained, term.read->row.scope) : explained.request.scope_proto;
}

absl::Status CompareReads(const Side& before, const Side& after, const Term* was, const Term* is,
                          TermChanges& changes) {
  ASSIGN_OR_RETURN(const CountedById counted_before, CountedBy(before, was));
  ASSIGN_OR_RETURN(const CountedById counted_after, CountedBy(after, is));
  const Judge judge(before, after, was, is);
  std::set<std::string> ids;
  for (const auto& [id, counted] : counted_before) ids.insert(id);
  for (const auto& [id, counted] : counted_after) ids.insert(id);
  CellTotals changed;
  std::map<v1::ChangeReason, CellTotals> totals;
  std::map<v1::ChangeReason, v1::TermChange*> by_reason;
  for (const std::string& id : ids) {
    const auto find = [&id](const CountedById& all) {
      const auto it = all.find(id);
      return it == all.end() ? nullptr : &it->second;
    };
    const Counted *earlier = find(counted_before), *later = find(counted_after);
    const int64_t count = (later != nullptr ? later->count : 0) - (earlier != nullptr ? earlier->count : 0);
    const Nanos sum = (later != nullptr ? later->sum : Nanos(0)) - (earlier != nullptr ? earlier->sum : Nanos(0));
    if (count == 0 && sum == 0) continue;
    ASSIGN_OR_RETURN(const v1::ChangeReason reason, judge.Of(earlier, later));
    v1::FactChange* const example = changes.Add(reason, id, by_reason[reason]);
    totals[reason].count += count;
    totals[reason].sum += sum;
    changed.count += count;
    changed.sum += sum;
    if (example == nullptr) continue;
    const Counted& shown = later != nullptr ? *later : *earlier;
    *example->mutable_fact() = ToName(shown.fact);
    example->set_key(shown.key);
    example->set_count(count);
    *example->mutable_sum() = ToDecimal(sum);
    for (const ResolvedPartner& partner : shown.partners) example->add_partner_ids(partner.partner_id);
  }
  for (const auto& [reason, total] : totals) {
    by_reason[reason]->set_count(total.count);
    *by_reason[reason]->mutable_sum() = ToDecimal(total.sum);
  }
  const CellTotals none;
  const CellTotals &from = was != nullptr ? was->read->totals : none, &to = is != nullptr ? is->read->totals : none;
  if (to.count - from.count == changed.count && to.sum - from.sum == changed.sum) return absl::OkStatus();
  return Differs((is != nullptr ? is : was)->use, "the changes of its facts");
}

absl::Status ComparePartners(const Side& before, const Side& after, const Term* was, const Term* is,
                             TermChanges& changes) {
  const auto values_of = [](const Side& side, const Term* term) {
    std::map<std::string, double> values;
    for (size_t i = 0; term != nullptr && i < term->partners.size(); ++i) {
      const auto& [partner, value] = term->partners[i];
      values[side.explained.partners[static_cast<size_t>(partner - kFirstPartnerScope)]] = value.value;
    }
    return values;
  };
  for (const Term* term : {was, is}) {
    if (term != nullptr && !PartnersAddUp(*term)) return Differs(term->use, "the partners' values");
  }
  const std::map<std::string, double> earlier = values_of(before, was), later = values_of(after, is);
  std::map<std::string, double> deltas = later;
  for (const auto& [partner, value] : earlier) deltas[partner] -= value;
  for (const auto& [partner, delta] : deltas) {
    if (delta == 0 && earlier.count(partner) == later.count(partner)) continue;
    const FactId id{v1::Event::kPartnerFieldNumber, "", partner};
    ASSIGN_OR_RETURN(const std::optional<Known> known_before, KnownFact(before.view, id));
    ASSIGN_OR_RETURN(const std::optional<Known> known_after, KnownFact(after.view, id));
    v1::ChangeReason reason = v1::CHANGE_REASON_UNSPECIFIED;
    if (!known_before.has_value()) {
      reason = v1::CHANGE_REASON_ADDED;
    } else if (!known_after.has_value()) {
      reason = v1::CHANGE_REASON_REMOVED;
    } else if (&before.view == &after.view) {
      reason = v1::CHANGE_REASON_AGED;
    }
    v1::TermChange* change = nullptr;
    v1::FactChange* const example = changes.Add(reason, partner, change);
    change->set_value(change->value() + delta);
    change->set_count(change->count() + static_cast<int64_t>(later.count(partner)) -
                      static_cast<int64_t>(earlier.count(partner)));
    if (example == nullptr) continue;
    example->add_partner_ids(partner);
    example->set_value(delta);
  }
  return absl::OkStatus();
}

// The terms of both values that are the same part of the formula, in the order of the later one's.
std::vector<std::pair<const Term*, const Term*>> PairsOf(const Explained& before, const Explained& after) {
  using Name = std::tuple<std::string, std::string, std::string, int>;
  const auto named = [](const Explained& explained) {
    std::map<Name, int> seen;
    std::vector<std::pair<Name, const Term*>> terms;
    for (const Term& term : explained.terms) {
      const std::string measure =
          term.read ? explained.catalog().measures()[static_cast<size_t>(term.read->row.measure)].id : "";
      Name name{term.use, measure, ScopeOfTerm(explained, term).SerializeAsString(), 0};
      std::get<3>(name) = seen[name]++;
      terms.emplace_back(std::move(name), &term);
    }
    return terms;
  };
  const auto earlier = named(before);
  std::map<Name, const Term*> open(earlier.begin(), earlier.end());
  std::vector<std::pair<const Term*, const Term*>> pairs;
  for (const auto& [name, term] : named(after)) {
    const auto it = open.find(name);
    pairs.emplace_back(it == open.end() ? nullptr : it->second, term);
    if (it != open.end()) open.erase(it);
  }
  for (const auto& [name, term] : earlier) {
    if (open.count(name) > 0) pairs.emplace_back(term, nullptr);
  }
  return pairs;
}

absl::Status Compare(const Side& before, const Side& after, Naming& naming, v1::ExplainChangeResponse& response) {
  const auto value_of = [](const Side& side) {
    v1::MetricValue value =
        Evaluator(side.explained.catalog(), side.explained.source, side.explained.split).Value(side.explained.request);
    if (side.explained.split) value.set_split_value(*side.explained.split);
    return value;
  };
  *response.mutable_before() = value_of(before);
  *response.mutable_after() = value_of(after);
  for (const v1::MetricValue* value : {&response.before(), &response.after()}) {
    if (value->no_data() != v1::NO_DATA_REASON_REBUILDING) continue;
    return RetryLater(absl::StatusCode::kFailedPrecondition, "REBUILDING",
                      "a job is changing what the metric counts: partnerctl job list", 1'000);
  }
  response.set_position_before(before.explained.source.header().position);
  response.set_position(after.explained.source.header().position);
  size_t number = 0;
  for (const auto& [was, is] : PairsOf(before.explained, after.explained)) {
    const Term& term = is != nullptr ? *is : *was;
    TermChanges changes(number++, term.use, ScopeOfTerm((is != nullptr ? after : before).explained, term), naming);
    RETURN_IF_ERROR(term.read ? CompareReads(before, after, was, is, changes)
                              : ComparePartners(before, after, was, is, changes));
    changes.MoveTo(response);
  }
  const auto add = [&](v1::ChangeReason reason) {
    v1::TermChange& change = *response.add_changes();
    change.set_reason(reason);
    *change.mutable_scope() = after.explained.request.scope_proto;
  };
  const v1::MetricValue &was = response.before(), &is = response.after();
  if (was.target().SerializeAsString() != is.target().SerializeAsString()) add(v1::CHANGE_REASON_RETARGETED);
  const bool redefined = before.explained.request.metric->definition.SerializeAsString() !=
                         after.explained.request.metric->definition.SerializeAsString();
  if (redefined) add(v1::CHANGE_REASON_REDEFINED);
  if (response.ByteSizeLong() <= kMaxAnswerBytes) return absl::OkStatus();
  return InvalidField(naming.is_page() ? "page_size" : "examples", "TOO_MANY",
                      "the answer has more than 3 MiB; ask for fewer facts at a time");
}

v1::ExplainRequest ValueAt(const v1::ExplainChangeRequest& request, const v1::Date* as_of) {
  v1::ExplainRequest value;
  value.set_metric_id(request.metric_id());
  *value.mutable_scope() = request.scope();
  value.set_window(request.window());
  if (request.has_split_value()) value.set_split_value(request.split_value());
  if (as_of != nullptr) *value.mutable_as_of() = *as_of;
  return value;
}

std::string FingerprintOf(v1::ExplainChangeRequest request) {
  request.clear_page_size();
  request.clear_page_token();
  request.clear_min_position();
  return request.SerializeAsString();
}

absl::Status CompareKnown(const Programs& programs, const KnownProgram& then, const v1::ExplainRequest& earlier,
                          const KnownProgram& now, const v1::ExplainRequest& later, Naming& naming,
                          v1::ExplainChangeResponse& response) {
  const Engine::View view(now.engine()), view_then(then.engine());
  ASSIGN_OR_RETURN(const Explained after, ExplainValue(programs, view, later));
  v1::ExplainRequest known_then = earlier;
  *known_then.mutable_scope() = after.request.scope_proto;
  ASSIGN_OR_RETURN(const Explained before, ExplainValue(programs, view_then, known_then, /*found=*/true));
  return Compare({view_then, before}, {view, after}, naming, response);
}

}  // namespace

absl::StatusOr<int> ReadExamples(int examples, int fallback) {
  if (examples < 0 || examples > kMostExamples) {
    return InvalidField("examples", "OUT_OF_RANGE", absl::StrCat("must lie between 0 and ", kMostExamples));
  }
  return examples == 0 ? fallback : examples;
}

absl::Status ExplainChange(const Programs& programs, PastStates& states, ProgramRuntime& program,
                           const v1::ExplainChangeRequest& request, v1::ExplainChangeResponse& response) {
  if (!request.has_since()) return InvalidField("since", "REQUIRED", "must be the date of the earlier value");
  const bool paged = request.page_size() != 0 || !request.page_token().empty();
  if (paged && request.examples() != 0) {
    return InvalidField("examples", "NOT_TOGETHER", "pages name all facts; leave it out");
  }
  ASSIGN_OR_RETURN(const int examples, ReadExamples(request.examples()));
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  const std::string fingerprint = FingerprintOf(request);
  ASSIGN_OR_RETURN(std::string after_page, ReadPageToken(request.page_token(), fingerprint));
  Naming naming = paged ? Naming(page_size, std::move(after_page)) : Naming(examples);
  const v1::ExplainRequest earlier = ValueAt(request, &request.since());
  const v1::ExplainRequest later = ValueAt(request, request.has_as_of() ? &request.as_of() : nullptr);
  const KnownProgram now(program);
  std::shared_ptr<Scratch> past;
  if (request.has_known_on()) {
    ASSIGN_OR_RETURN(past, states.KnownOn(program, request.known_on(), OnlyPartnerOf(request)));
  }
  // A second view of one engine would wait for a writer that waits for the first.
  if (past != nullptr) {
    RETURN_IF_ERROR(
        CompareKnown(programs, KnownProgram(program, std::move(past)), earlier, now, later, naming, response));
  } else {
    const Engine::View view(now.engine());
    ASSIGN_OR_RETURN(const Explained after, ExplainValue(programs, view, later));
    ASSIGN_OR_RETURN(const Explained before, ExplainValue(programs, view, earlier));
    RETURN_IF_ERROR(Compare({view, before}, {view, after}, naming, response));
  }
  if (const auto next = naming.next(); next) response.set_next_page_token(MakePageToken(*next, fingerprint));
  return absl::OkStatus();
}

absl::Status ExplainChangeBetween(const Programs& programs, const KnownProgram& then, const v1::ExplainRequest& earlier,
                                  const KnownProgram& now, const v1::ExplainRequest& later, int examples,
                                  v1::ExplainChangeResponse& response) {
  Naming naming(examples);
  return CompareKnown(programs, then, earlier, now, later, naming, response);
}

}  // namespace partnermetrics
