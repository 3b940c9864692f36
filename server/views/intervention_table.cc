#include "server/views/intervention_table.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/strip.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/queries/partner_records.h"
#include "server/views/business_print.h"

namespace partnermetrics {
namespace {

// Partners whose rows are collected under one lock of the engine.
constexpr size_t kBlock = 500;
// While events pour in, this often; then the rest is done under one lock.
constexpr int kMostRounds = 4;

const FactSchema& ActionSchema() {
  static const FactSchema& schema = *FactSchemas::Get().FindByNumber(v1::Event::kInterventionActionFieldNumber);
  return schema;
}

std::shared_ptr<const v1::InterventionAction> ParseAction(const StoredFact& fact) {
  auto action = std::make_shared<v1::InterventionAction>();
  action->ParseFromString(fact.fact);
  return action;
}

bool Same(const InterventionActions& a, const InterventionActions& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& left, const auto& right) {
    return left->SerializeAsString() == right->SerializeAsString();
  });
}

// A number that changes with what a rule reads besides the partner's own facts: of the business but for its targets,
// and when the first facts of the programme are from.
absl::StatusOr<uint64_t> FingerprintOf(const Engine::View& view, const CompiledInterventionRule& rule) {
  const Catalog& catalog = *view.catalog();
  std::vector<const CompiledMetric*> metrics;
  for (const int metric : rule.metrics) metrics.push_back(&catalog.metrics()[static_cast<size_t>(metric)]);
  std::vector<RowKey> business;
  uint64_t firsts = 0;
  for (const RowKey& key : ReadsOf(catalog, metrics, {kFirstPartnerScope}).rows) {
    if (key.scope != kFirstPartnerScope) {
      business.push_back(key);
      continue;
    }
    ASSIGN_OR_RETURN(const CellRow row, view.Row(kProgramName, catalog.measures()[static_cast<size_t>(key.measure)]));
    firsts = absl::HashOf(firsts, row.FirstDay());
  }
  ASSIGN_OR_RETURN(const uint64_t rows, BusinessPrint(view, business));
  return absl::HashOf(firsts, rows);
}

}  // namespace

bool IsChanging(const InterventionBook& book, const CompiledInterventionRule& rule) {
  if (book.incomplete == nullptr) return false;
  return book.incomplete->all || std::any_of(rule.metrics.begin(), rule.metrics.end(), [&](int metric) {
           const std::vector<MeasureUse>& uses = book.catalog->metrics()[static_cast<size_t>(metric)].uses;
           return std::any_of(uses.begin(), uses.end(), [&](const MeasureUse& use) {
             return book.incomplete->HasMeasure(use.measure, /*in_business=*/false);
           });
         });
}

InterventionActions ActionsOf(const InterventionActions& all, const std::string& rule) {
  InterventionActions actions;
  for (const auto& action : all) {
    if (action->rule() == rule) actions.push_back(action);
  }
  SortActions(actions);
  return actions;
}

absl::StatusOr<InterventionActions> ReadInterventionActions(const Engine::View& view, const std::string& partner_id) {
  InterventionActions actions;
  ASSIGN_OR_RETURN(const std::set<FactId> facts, view.FactsOf(partner_id, ActionSchema()));
  for (const FactId& id : facts) {
    ASSIGN_OR_RETURN(const std::optional<StoredFact> fact, view.Fact(id));
    if (fact.has_value()) actions.push_back(ParseAction(*fact));
  }
  return actions;
}

absl::Status InterventionTable::Read(absl::FunctionRef<absl::Status(const InterventionBook&)> use) {
  MutexLock lock(&mutex_);
  absl::Status status = absl::AbortedError("");
  while (absl::IsAborted(status)) {
    status = Update();
    if (status.ok()) status = use({catalog_.get(), position_, day_, partners_, changes_, begun_, incomplete_.get()});
  }
  return status;
}

void InterventionTable::MoveTo(Day day) {
  MutexLock lock(&mutex_);
  fixed_day_ = day;
}

int64_t InterventionTable::work() {
  MutexLock lock(&mutex_);
  return work_;
}

// Zero of something that nobody reports is no data, until somebody does.
bool InterventionTable::IsOfOtherTimes(const Engine::View& view) const {
  return view.catalog() != catalog_ || view.header().fresh_at_us.size() != kinds_ ||
         (view.header().parked_facts > 0) != facts_wait_;
}

absl::Status InterventionTable::TakeChanges(const Engine::View& view) {
  const Day day = fixed_day_ ? *fixed_day_ : programs_.Today(*view.catalog());
  const bool is_same = view.header().position == position_;
  position_ = view.header().position;
  incomplete_ = view.incomplete();
  if (IsOfOtherTimes(view) || day < day_) {
    day_ = day;
    RETURN_IF_ERROR(Begin(view));
    return TakeActions(view);
  }
  day_ = day;
  if (is_same) return absl::OkStatus();
  RETURN_IF_ERROR(TakeScopes(view));
  return TakeActions(view);
}

absl::Status InterventionTable::Begin(const Engine::View& view) {
  catalog_ = view.catalog();
  kinds_ = view.header().fresh_at_us.size();
  facts_wait_ = view.header().parked_facts > 0;
  ++begun_;
  partners_.clear();
  by_id_.clear();
  moment_ = view.ChangedScopes(0, [](const std::string&) {});
  ASSIGN_OR_RETURN(const std::vector<PartnerRecord> records, ReadPartnerRecords(view));
  for (const PartnerRecord& record : records) NumberOf(record.partner_id);
  prints_.clear();
  prints_position_.reset();
  return TakeBusiness(view);
}

absl::Status InterventionTable::TakeScopes(const Engine::View& view) {
  std::vector<std::string> changed;
  moment_ = view.ChangedScopes(moment_, [&](const std::string& scope) {
    absl::string_view id = scope;
    if (absl::ConsumePrefix(&id, PartnerScope(""))) changed.emplace_back(id);
  });
  for (const std::string& id : changed) {
    ASSIGN_OR_RETURN(const auto known, view.IndexValue(Index::kPartner, id));
    if (!known && !by_id_.contains(id)) continue;
    BookedPartner& partner = partners_[NumberOf(id)];
    partner.is_gone = !known;
    Forget(partner);
  }
  return TakeBusiness(view);
}

absl::Status InterventionTable::TakeBusiness(const Engine::View& view) {
  const auto rules = catalog_->intervention_rules();
  const uint64_t position = view.header().position;
  if (prints_position_ == position) return absl::OkStatus();
  prints_.resize(rules.size());
  ASSIGN_OR_RETURN(const uint64_t targets, BusinessTargetsPrint(view));
  for (size_t rule = 0; rule < rules.size(); ++rule) {
    ASSIGN_OR_RETURN(const uint64_t reads, FingerprintOf(view, rules[rule]));
    const uint64_t print = absl::HashOf(reads, targets);
    if (print == prints_[rule]) continue;
    prints_[rule] = print;
    for (BookedPartner& partner : partners_) {
      if (!partner.is_gone) partner.watches[rule] = RuleWatch();
    }
  }
  prints_position_ = position;
  return absl::OkStatus();
}

// There are few of them, and they touch no cells by which one could tell whose are new.
absl::Status InterventionTable::TakeActions(const Engine::View& view) {
  std::map<std::string, InterventionActions> actions;  // by partner
  RETURN_IF_ERROR(view.ScanFacts(ActionSchema().kind(), [&](const FactId&, const StoredFact& fact) {
    if (fact.deleted) return true;
    for (const ResolvedPartner& partner : fact.resolution.partners) {
      actions[partner.partner_id].push_back(ParseAction(fact));
    }
    return true;
  }));
  for (size_t i = 0; i < partners_.size(); ++i) {
    const auto known = actions.find(partners_[i].id);
    InterventionActions now = known == actions.end() ? InterventionActions() : std::move(known->second);
    if (Same(partners_[i].actions, now)) continue;
    partners_[i].actions = std::move(now);
    Forget(partners_[i]);
  }
  return absl::OkStatus();
}

size_t InterventionTable::NumberOf(const std::string& partner_id) {
  const auto [it, is_new] = by_id_.emplace(partner_id, partners_.size());
  if (is_new) {
    partners_.emplace_back().id = partner_id;
    Forget(partners_.back());
  }
  return it->second;
}

void InterventionTable::Forget(BookedPartner& partner) {
  partner.changed_at = ++changes_;
  partner.watches.assign(partner.is_gone ? 0 : catalog_->intervention_rules().size(), RuleWatch());
}

absl::Status InterventionTable::Update() {
  for (int round = 0;; ++round) {
    std::vector<size_t> behind;
    EngineSource source;
    bool is_last = false;
    {
      Engine::View view(program_.engine());
      RETURN_IF_ERROR(TakeChanges(view));
      behind = Behind();
      is_last = behind.size() <= kBlock || round >= kMostRounds;
      if (is_last) {
        ASSIGN_OR_RETURN(source, Collect(view, behind));
      }
    }
    if (is_last) {
      Advance(source, behind);
      return absl::OkStatus();
    }
    // Each block at a position of its own: what changes meanwhile is found by the next round.
    for (size_t first = 0; first < behind.size(); first += kBlock) {
      const auto block = absl::MakeConstSpan(behind).subspan(first, kBlock);
      {
        Engine::View view(program_.engine());
        if (IsOfOtherTimes(view)) return absl::AbortedError("definitions or kinds of fact are others now");
        RETURN_IF_ERROR(TakeBusiness(view));
        ASSIGN_OR_RETURN(source, Collect(view, block));
      }
      Advance(source, block);
    }
  }
}

std::vector<size_t> InterventionTable::Behind() const {
  std::vector<size_t> behind;
  for (size_t i = 0; i < partners_.size(); ++i) {
    const std::vector<RuleWatch>& watches = partners_[i].watches;
    const auto is_due = [day = day_](const RuleWatch& watch) { return watch.next_work() <= day; };
    if (std::any_of(watches.begin(), watches.end(), is_due)) behind.push_back(i);
  }
  return behind;
}

// Only rules for which something is to be done.
absl::StatusOr<EngineSource> InterventionTable::Collect(const Engine::View& view,
                                                        absl::Span<const size_t> partners) const {
  std::vector<const CompiledInterventionRule*> rules;
  for (size_t rule = 0; rule < catalog_->intervention_rules().size(); ++rule) {
    bool is_due = false;
    for (const size_t partner : partners) is_due = is_due || partners_[partner].watches[rule].next_work() <= day_;
    if (is_due) rules.push_back(&catalog_->intervention_rules()[rule]);
  }
  std::vector<ScopeIndex> scopes;
  std::vector<std::string> ids;
  for (const size_t partner : partners) {
    scopes.push_back(kFirstPartnerScope + static_cast<ScopeIndex>(ids.size()));
    ids.push_back(partners_[partner].id);
  }
  return EngineSource::Collect(view, ReadsOfRules(*catalog_, rules, scopes), std::move(ids));
}

void InterventionTable::Advance(const EngineSource& source, absl::Span<const size_t> partners) {
  for (size_t i = 0; i < partners.size(); ++i) {
    BookedPartner& partner = partners_[partners[i]];
    partner.changed_at = ++changes_;
    for (size_t rule = 0; rule < partner.watches.size(); ++rule) {
      if (partner.watches[rule].next_work() > day_) continue;
      const CompiledInterventionRule& definition = catalog_->intervention_rules()[rule];
      partner.watches[rule].Advance(
          {catalog_.get(), &definition, &source, kFirstPartnerScope + static_cast<ScopeIndex>(i),
           ActionsOf(partner.actions, definition.definition->id()), facts_wait_},
          day_);
      ++work_;
    }
  }
}

}  // namespace partnermetrics
