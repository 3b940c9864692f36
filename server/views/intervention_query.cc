#include "server/views/intervention_query.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/expr/diagnostics.h"
#include "server/queries/answer_size.h"
#include "server/queries/dates.h"
#include "server/queries/page_token.h"
#include "server/queries/score_query.h"
#include "server/sync/page_request.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

// An intervention that a list may show, with what it is ordered by.
struct Entry {
  int64_t number = 0;  // by severity or day
  std::string text;    // or by partner
  Day opened_on = 0;
  std::string id;
  size_t partner = 0, rule = 0;
  const WatchedIntervention* intervention = nullptr;
};

struct Order {
  std::string field = "severity";
  bool descending = true;
};

absl::StatusOr<Order> ReadOrder(const std::string& text) {
  if (text.empty()) return Order();
  absl::string_view field = absl::StripAsciiWhitespace(text);
  const bool descending = absl::ConsumeSuffix(&field, " desc");
  Order order{std::string(absl::StripAsciiWhitespace(field)), descending};
  if (order.field == "severity" || order.field == "opened_on" || order.field == "partner_id") return order;
  return InvalidField(
      "order_by", "UNKNOWN_FIELD",
      absl::StrCat("cannot order by '", text, "'", SuggestNames(order.field, {"severity", "opened_on", "partner_id"})));
}

bool Before(const Order& order, const Entry& a, const Entry& b) {
  const auto key = [](const Entry& entry) { return std::tie(entry.number, entry.text); };
  if (key(a) != key(b)) return order.descending ? key(b) < key(a) : key(a) < key(b);
  return std::tie(a.opened_on, a.id) < std::tie(b.opened_on, b.id);
}

std::string TokenOf(const Entry& entry) {
  std::string key;
  storage::ByteWriter(&key).Zigzag(entry.number).KeyString(entry.text).Zigzag(entry.opened_on).KeyString(entry.id);
  return key;
}

absl::StatusOr<Entry> ReadToken(const std::string& token) {
  storage::ByteReader reader(token);
  Entry entry;
  entry.number = reader.Zigzag();
  entry.text = reader.KeyString();
  entry.opened_on = static_cast<Day>(reader.Zigzag());
  entry.id = reader.KeyString();
  if (!reader.Finish("page token").ok()) return BadPageToken();
  return entry;
}

template <typename List, typename T>
bool IsOneOf(const List& list, const T& value) {
  return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

class InterventionLister {
 public:
  InterventionLister(const v1::ListInterventionsRequest& request, Order order, Day as_of)
      : request_(request), order_(std::move(order)), as_of_(as_of) {}

  absl::Status CheckRules(const Catalog& catalog) const {
    RETURN_IF_ERROR(CheckHasRules(catalog));
    std::vector<std::string> names;
    for (const CompiledInterventionRule& rule : catalog.intervention_rules()) names.push_back(rule.definition->id());
    for (const std::string& rule : request_.rules()) {
      if (std::find(names.begin(), names.end(), rule) == names.end()) {
        return InvalidField("rules", "UNKNOWN_RULE",
                            absl::StrCat("there is no rule '", rule, "'", SuggestNames(rule, names)));
      }
    }
    return absl::OkStatus();
  }

  std::vector<Entry> Entries(const InterventionBook& book) const {
    std::vector<Entry> entries;
    for (size_t i = 0; i < book.partners.size(); ++i) {
      for (size_t rule = 0; rule < book.partners[i].watches.size(); ++rule) {
        const v1::InterventionRule& definition = *book.catalog->intervention_rules()[rule].definition;
        if (!IsOneOf(request_.rules(), definition.id())) continue;
        if (!IsOneOf(request_.severities(), static_cast<int>(SeverityOf(definition)))) continue;
        const RuleWatch& watch = book.partners[i].watches[rule];
        for (const auto* interventions : {&watch.interventions(), &watch.withdrawn()}) {
          for (const WatchedIntervention& intervention : *interventions) {
            if (IsWanted(intervention))
              entries.push_back(EntryOf(book.partners[i].id, i, rule, definition, intervention));
          }
        }
      }
    }
    std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) { return Before(order_, a, b); });
    return entries;
  }

 private:
  bool IsWanted(const WatchedIntervention& intervention) const {
    const std::optional<v1::InterventionStatus> status = StatusAt(intervention, as_of_);
    if (!status) return false;
    if (request_.statuses().empty() ? !IsUnderWay(*status) : !IsOneOf(request_.statuses(), static_cast<int>(*status))) {
      return false;
    }
    return request_.assignee().empty() || AssigneeAt(intervention, as_of_) == request_.assignee();
  }

  Entry EntryOf(const std::string& partner_id, size_t partner, size_t rule, const v1::InterventionRule& definition,
                const WatchedIntervention& intervention) const {
    Entry entry;
    if (order_.field == "severity") entry.number = SeverityOf(definition);
    if (order_.field == "opened_on") entry.number = intervention.opened_on;
    if (order_.field == "partner_id") entry.text = partner_id;
    entry.opened_on = intervention.opened_on;
    entry.id = InterventionId{definition.id(), partner_id, intervention.opened_on}.Text();
    entry.partner = partner;
    entry.rule = rule;
    entry.intervention = &intervention;
    return entry;
  }

  const v1::ListInterventionsRequest& request_;
  const Order order_;
  const Day as_of_;
};

// The interventions of a page, or as many as an answer holds, with the values of their KPIs as of the day.
absl::Status FillPage(const Engine::View& view, const InterventionBook& book, absl::Span<const Entry> page, Day as_of,
                      v1::ListInterventionsResponse& response, std::vector<int>& unnoted) {
  if (view.catalog().get() != book.catalog) return absl::AbortedError("definitions are others now");
  std::set<size_t> numbers;
  for (const Entry& entry : page) numbers.insert(entry.rule);
  std::vector<const CompiledInterventionRule*> rules;
  for (const size_t number : numbers) rules.push_back(&book.catalog->intervention_rules()[number]);
  std::vector<ScopeIndex> scopes;
  std::vector<std::string> ids;
  absl::flat_hash_map<size_t, ScopeIndex> scope_of;
  for (const Entry& entry : page) {
    const auto scope = kFirstPartnerScope + static_cast<ScopeIndex>(ids.size());
    if (!scope_of.emplace(entry.partner, scope).second) continue;
    scopes.push_back(scope);
    ids.push_back(book.partners[entry.partner].id);
  }
  ASSIGN_OR_RETURN(const EngineSource source,
                   EngineSource::Collect(view, ReadsOfRules(*book.catalog, rules, scopes), std::move(ids)));
  size_t bytes = 0;
  for (const Entry& entry : page) {
    const WatchInput input{book.catalog, &book.catalog->intervention_rules()[entry.rule], &source,
                           scope_of.at(entry.partner)};
    const InterventionView shown(input, book.partners[entry.partner].id);
    v1::Intervention intervention = shown.ToProto(*entry.intervention, as_of, /*with_history=*/false);
    bytes += intervention.ByteSizeLong();
    if (response.interventions_size() > 0 && bytes > kMaxAnswerBytes) break;
    if (IsUnderWay(intervention.status()) && entry.intervention->actions.empty()) {
      unnoted.push_back(response.interventions_size());
    }
    *response.add_interventions() = std::move(intervention);
  }
  return absl::OkStatus();
}

absl::Status CheckFilters(const v1::ListInterventionsRequest& request) {
  for (const int status : request.statuses()) {
    if (!v1::InterventionStatus_IsValid(status) || status == v1::INTERVENTION_STATUS_UNSPECIFIED) {
      return InvalidField("statuses", "UNKNOWN", "is no status");
    }
  }
  for (const int severity : request.severities()) {
    if (!v1::InterventionSeverity_IsValid(severity) || severity == v1::INTERVENTION_SEVERITY_UNSPECIFIED) {
      return InvalidField("severities", "UNKNOWN", "is no severity");
    }
  }
  return absl::OkStatus();
}

// What must be the same on all pages of a list.
std::string FingerprintOf(v1::ListInterventionsRequest request, Day as_of) {
  request.clear_page_size();
  request.clear_page_token();
  request.clear_min_position();
  SetDate(as_of, request.mutable_as_of());
  return absl::StrCat("interventions\n", request.SerializeAsString());
}

absl::Status UnknownIntervention(const InterventionId& id) {
  return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_INTERVENTION",
                   absl::StrCat("there is no intervention '", id.Text(), "'"),
                   "list them: partnerctl intervention list");
}

}  // namespace

absl::Status CheckHasRules(const Catalog& catalog) {
  if (!catalog.intervention_rules().empty()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_RULES",
                   absl::StrCat("programme '", catalog.program().id(), "' has no rules of intervention"),
                   "define interventions in the programme's .textproto file");
}

WatchInput PartnerInterventions::InputOf(size_t rule) const {
  const CompiledInterventionRule& definition = catalog().intervention_rules()[rule];
  return {&catalog(),
          &definition,
          &source,
          kFirstPartnerScope,
          ActionsOf(partner.actions, definition.definition->id()),
          source.header().parked_facts > 0};
}

absl::StatusOr<PartnerInterventions> ReadPartnerInterventions(const Engine::View& view, const std::string& partner_id,
                                                              Day until) {
  const Catalog& catalog = *view.catalog();
  RETURN_IF_ERROR(CheckHasRules(catalog));
  PartnerInterventions all;
  all.until = until;
  all.partner.id = partner_id;
  ASSIGN_OR_RETURN(all.partner.actions, ReadInterventionActions(view, partner_id));
  std::vector<const CompiledInterventionRule*> rules;
  for (const CompiledInterventionRule& rule : catalog.intervention_rules()) rules.push_back(&rule);
  ASSIGN_OR_RETURN(all.source,
                   EngineSource::Collect(view, ReadsOfRules(catalog, rules, {kFirstPartnerScope}), {partner_id}));
  all.partner.watches.resize(rules.size());
  for (size_t rule = 0; rule < rules.size(); ++rule) all.partner.watches[rule].Advance(all.InputOf(rule), until);
  return all;
}

absl::StatusOr<FoundIntervention> FindIntervention(const PartnerInterventions& all, const InterventionId& id) {
  const auto rules = all.catalog().intervention_rules();
  const auto rule = std::find_if(rules.begin(), rules.end(), [&](const CompiledInterventionRule& known) {
    return known.definition->id() == id.rule;
  });
  if (rule == rules.end()) return UnknownIntervention(id);
  FoundIntervention found;
  found.rule = static_cast<size_t>(rule - rules.begin());
  const RuleWatch& watch = all.partner.watches[found.rule];
  const v1::Date opened_on = ToDate(id.opened_on);
  const auto was_acted_on = [&](const WatchedIntervention& intervention) {
    return std::any_of(intervention.actions.begin(), intervention.actions.end(), [&](const auto& action) {
      return ToDay(action->opened_on()) == id.opened_on && ToDay(action->acted_on()) <= all.until;
    });
  };
  for (const auto* interventions : {&watch.interventions(), &watch.withdrawn()}) {
    for (const WatchedIntervention& intervention : *interventions) {
      if (!StatusAt(intervention, all.until)) continue;
      if (intervention.opened_on == id.opened_on || (found.intervention == nullptr && was_acted_on(intervention))) {
        found.intervention = &intervention;
      }
    }
  }
  if (found.intervention == nullptr) return UnknownIntervention(id);
  return found;
}

v1::Intervention ToProto(const PartnerInterventions& all, const FoundIntervention& found) {
  const WatchInput input = all.InputOf(found.rule);
  v1::Intervention proto =
      InterventionView(input, all.partner.id).ToProto(*found.intervention, all.until, /*with_history=*/true);
  SetDate(all.until, proto.mutable_as_of());
  proto.set_position(all.source.header().position);
  return proto;
}

absl::Status ListInterventions(const Programs& programs, ProgramRuntime& program, InterventionTable& table,
                               const v1::ListInterventionsRequest& request, v1::ListInterventionsResponse& response,
                               std::vector<int>* unnoted) {
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  ASSIGN_OR_RETURN(const Order order, ReadOrder(request.order_by()));
  RETURN_IF_ERROR(CheckFilters(request));
  Day as_of = 0;
  std::optional<PartnerInterventions> only;
  {
    Engine::View view(program.engine());
    ASSIGN_OR_RETURN(as_of, ReadAsOf(programs, *view.catalog(), request));
    if (!request.partner_id().empty()) {
      ASSIGN_OR_RETURN(const std::string partner, FindPartner(view, request.partner_id()));
      ASSIGN_OR_RETURN(only, ReadPartnerInterventions(view, partner, as_of));
    }
  }
  const std::string fingerprint = FingerprintOf(request, as_of);
  ASSIGN_OR_RETURN(const std::string token, ReadPageToken(request.page_token(), fingerprint));
  const InterventionLister lister(request, order, as_of);
  const auto fill = [&](const InterventionBook& book) -> absl::Status {
    RETURN_IF_ERROR(lister.CheckRules(*book.catalog));
    const std::vector<Entry> entries = lister.Entries(book);
    auto begin = entries.begin();
    if (!token.empty()) {
      ASSIGN_OR_RETURN(const Entry last, ReadToken(token));
      begin = std::upper_bound(entries.begin(), entries.end(), last,
                               [&](const Entry& a, const Entry& b) { return Before(order, a, b); });
    }
    const auto rest = static_cast<size_t>(entries.end() - begin);
    const auto page = absl::MakeConstSpan(entries).subspan(static_cast<size_t>(begin - entries.begin()),
                                                           std::min(rest, static_cast<size_t>(page_size)));
    response.Clear();
    std::vector<int> without_actions;
    {
      Engine::View view(program.engine());
      RETURN_IF_ERROR(FillPage(view, book, page, as_of, response, without_actions));
    }
    if (unnoted != nullptr) *unnoted = std::move(without_actions);
    response.set_total_size(static_cast<int32_t>(entries.size()));
    response.set_position(book.position);
    SetDate(as_of, response.mutable_as_of());
    const auto shown = static_cast<size_t>(response.interventions_size());
    if (rest > shown) response.set_next_page_token(MakePageToken(TokenOf(page[shown - 1]), fingerprint));
    return absl::OkStatus();
  };
  if (only) {
    return fill({&only->catalog(), only->source.header().position, as_of, absl::MakeConstSpan(&only->partner, 1)});
  }
  // What is known of a day follows from days up to it: the table of today tells of all before.
  absl::Status status = table.Read([&](const InterventionBook& book) {
    return as_of > book.day ? absl::OutOfRangeError("lies behind the table's day") : fill(book);
  });
  if (!absl::IsOutOfRange(status)) return status;
  InterventionTable to_come(program, programs, as_of);
  return to_come.Read(fill);
}

absl::Status GetIntervention(const Programs& programs, ProgramRuntime& program,
                             const v1::GetInterventionRequest& request, v1::Intervention& response) {
  ASSIGN_OR_RETURN(const InterventionId id, ReadInterventionId(request.intervention_id()));
  PartnerInterventions all;
  {
    Engine::View view(program.engine());
    ASSIGN_OR_RETURN(const Day as_of, ReadAsOf(programs, *view.catalog(), request));
    ASSIGN_OR_RETURN(const std::string partner, FindPartner(view, id.partner_id));
    ASSIGN_OR_RETURN(all, ReadPartnerInterventions(view, partner, as_of));
  }
  ASSIGN_OR_RETURN(const FoundIntervention found, FindIntervention(all, id));
  response = ToProto(all, found);
  return absl::OkStatus();
}

}  // namespace partnermetrics
