// Interventions are what their definition says (docs/interventions.md): whatever facts and actions come, are corrected
// or deleted, however days pass, and however often the server begins anew or replays its log. The definition is written
// down here once more, in the plainest way, over a list of the facts that are left.
//
// PM_PROPERTY_CASES sets the number of cases, PM_SEED the seed of a failing run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/text_format.h"
#include "server/ingest/programs.h"
#include "server/scoring/proto_values.h"
#include "server/views/intervention_query.h"
#include "tests/storage/temp_dir.h"

namespace partnermetrics {
namespace {

constexpr int kCases = 30;
constexpr int kSteps = 30;
constexpr int kPartners = 3;
constexpr Day kNever = std::numeric_limits<Day>::max();

constexpr char kProgram[] = R"pb(
  id: "test"
  display_name: "Test"
  currency_code: "USD"
  time_zone: "UTC"
  interventions {
    rules {
      id: "weak"
      display_name: "Weak"
      watches: "revenue"
      opens_when { metric: "revenue" max: 100 exclusive: true }
      opens_when { metric: "average" max: 30 }
      open_after_days: 5
      closes_when { metric: "revenue" min: 200 }
      closes_when { metric: "average" min: 50 exclusive: true }
      close_after_days: 3
    }
    rules {
      id: "busy"
      display_name: "Busy"
      watches: "projects"
      opens_when { metric: "projects" min: 3 }
      closes_when { metric: "projects" max: 1 }
      close_after_days: 7
      check: INTERVENTION_CHECK_WEEK
    }
    rules {
      id: "stuck"
      display_name: "Stuck"
      watches: "revenue"
      opens_when { metric: "projects" min: 2 }
      open_after_days: 20
      closes_when { metric: "projects" max: 0 }
      check: INTERVENTION_CHECK_MONTH
    }
  }
)pb";

constexpr char kCatalog[] = R"pb(
  measures { id: "won" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" where: "outcome == WON" }
  measures { id: "open" fact: "project" kind: MEASURE_KIND_STOCK from: "m1_approved_on" until: "pto_on" }
  metrics {
    id: "revenue"
    display_name: "Revenue"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_MONEY
    formula: "won.sum"
    window: WINDOW_KIND_TRAILING_30_DAYS
  }
  metrics {
    id: "average"
    display_name: "Average"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_MONEY
    formula: "won.sum / won.count"
    window: WINDOW_KIND_TRAILING_30_DAYS
  }
  metrics {
    id: "projects"
    display_name: "Projects"
    category: METRIC_CATEGORY_QUALITY
    unit: METRIC_UNIT_COUNT
    formula: "open.count"
    window: WINDOW_KIND_MONTH_TO_DATE
  }
)pb";

// What the source knows. Of a project `day` is its approval and `until` its end.
struct Deal {
  int partner = 0;
  Day day = 0;
  int amount = 0;
};
struct Project {
  int partner = 0;
  Day day = 0, until = kNever;
};
struct Partner {
  std::optional<Day> signed_on, left_on;
};
struct Action {
  int partner = 0;
  v1::InterventionAction said;
};
struct Facts {
  std::map<std::string, Deal> deals;
  std::map<std::string, Project> projects;
  std::map<int, Partner> partners;
  std::map<std::string, Action> actions;
};

// An intervention by the plain reading.
struct Plain {
  struct Evidence {
    int condition = 0;
    Day on = 0, since = 0;
  };
  Day opened_on = 0;
  std::optional<Day> ended_on;
  std::string end;
  std::vector<Evidence> evidence;  // none: withdrawn
  std::vector<const v1::InterventionAction*> actions;
};

// The definition of a rule for a partner as of a day.
class Definition {
 public:
  Definition(const Facts& facts, const v1::InterventionPolicy& policy, const v1::InterventionRule& rule, int partner,
             Day as_of)
      : facts_(facts), policy_(policy), rule_(rule), partner_(partner), as_of_(as_of) {}

  std::vector<std::string> Texts(bool with_history) {
    Read();
    std::vector<std::string> texts;
    for (const Plain& plain : all_) texts.push_back(Text(plain, with_history));
    return texts;
  }

  std::optional<double> Value(const std::string& metric, Day day) const {
    double sum = 0, count = 0;
    if (metric == "projects") {
      for (const auto& [id, p] : facts_.projects) {
        if (p.partner == partner_ && p.day <= day && day < p.until) ++count;
      }
      return count;
    }
    for (const auto& [id, d] : facts_.deals) {
      if (d.partner != partner_ || d.day > day || d.day <= day - 30) continue;
      sum += d.amount;
      ++count;
    }
    if (metric == "revenue") return sum;
    return count == 0 ? std::nullopt : std::make_optional(sum / count);
  }

 private:
  static bool Meets(const v1::TierRequirement& bound, double value) {
    if (bound.has_min()) return bound.exclusive() ? value > bound.min() : value >= bound.min();
    return bound.exclusive() ? value < bound.max() : value <= bound.max();
  }
  bool OpensOn(int condition, Day day) const {
    const auto value = Value(rule_.opens_when(condition).metric(), day);
    return value && Meets(rule_.opens_when(condition), *value);
  }
  bool IsWellOn(Day day) const {
    bool any = false;
    for (const auto& condition : rule_.closes_when()) {
      const auto value = Value(condition.metric(), day);
      if (value && !Meets(condition, *value)) return false;
      any = any || value;
    }
    return any;
  }

  // The days of the facts that the rule reads, of one partner or of all.
  std::optional<Day> FirstFact(std::optional<int> partner) const {
    std::optional<Day> first;
    const auto note = [&](int of, Day day) {
      if (partner.value_or(of) == of) first = std::min(first.value_or(day), day);
    };
    if (rule_.id() != "busy") {
      for (const auto& [id, deal] : facts_.deals) note(deal.partner, deal.day);
    }
    if (rule_.id() != "weak") {
      for (const auto& [id, project] : facts_.projects) note(project.partner, project.day);
    }
    return first;
  }
  bool IsCheckDay(Day day) const {
    const absl::CivilDay civil = ToCivil(day);
    if (rule_.check() == v1::INTERVENTION_CHECK_WEEK) return absl::GetWeekday(civil) == absl::Weekday::monday;
    return rule_.check() != v1::INTERVENTION_CHECK_MONTH || civil.day() == 1;
  }

  void Read() {
    const Partner& partner = facts_.partners.at(partner_);
    std::optional<Day> first = partner.signed_on ? partner.signed_on : FirstFact(partner_);
    if (first) first = std::max(*first, FirstFact(std::nullopt).value_or(*first));
    if (first && policy_.has_starts_on()) first = std::max(*first, ToDay(policy_.starts_on()));
    const Day left = partner.left_on.value_or(kNever);
    std::vector<const v1::InterventionAction*> actions = Actions();
    Day day = first.value_or(kNever);
    if (!actions.empty()) day = std::min(day, ToDay(actions.front()->acted_on()));
    size_t next = 0;
    for (; day <= as_of_; ++day) {
      if (day == left && Active() != nullptr) End(day, "partner_left");
      if (first && day >= *first && day < left && IsCheckDay(day)) {
        days_.push_back(day);
        Check();
      }
      for (; next < actions.size() && ToDay(actions[next]->acted_on()) == day; ++next) Act(*actions[next]);
    }
    for (auto& [opened_on, plain] : withdrawn_) all_.push_back(std::move(plain));
  }

  std::vector<const v1::InterventionAction*> Actions() const {
    std::vector<const v1::InterventionAction*> actions;
    for (const auto& [id, action] : facts_.actions) {
      if (action.partner == partner_ && action.said.rule() == rule_.id()) actions.push_back(&action.said);
    }
    std::sort(actions.begin(), actions.end(), [](const auto* a, const auto* b) {
      return std::make_pair(ToDay(a->acted_on()), a->sequence()) < std::make_pair(ToDay(b->acted_on()), b->sequence());
    });
    return actions;
  }

  Plain* Active() { return all_.empty() || all_.back().ended_on ? nullptr : &all_.back(); }
  void End(Day day, const std::string& why) {
    all_.back().ended_on = day;
    all_.back().end = why;
  }
  // The first check day since which the condition is met on every one up to that of the number.
  Day Since(int condition, size_t number) const {
    while (number > 0 && OpensOn(condition, days_[number - 1])) --number;
    return days_[number];
  }
  bool IsLongEnough(int condition, size_t number) const {
    return OpensOn(condition, days_[number]) && days_[number] - Since(condition, number) >= rule_.open_after_days();
  }

  // On the last one of the check days.
  void Check() {
    const size_t today = days_.size() - 1;
    bool has_news = false;
    for (int i = 0; i < rule_.opens_when_size(); ++i) {
      if (!IsLongEnough(i, today) || (today > 0 && IsLongEnough(i, today - 1))) continue;
      if (Active() == nullptr) all_.push_back({days_[today], std::nullopt, "", {}, {}});
      all_.back().evidence.push_back({i, days_[today], Since(i, today)});
      has_news = true;
    }
    if (Active() == nullptr || has_news || !IsWellOn(days_[today])) return;
    size_t since = today;
    while (since > 0 && days_[since - 1] > Active()->evidence.back().on && IsWellOn(days_[since - 1])) --since;
    if (days_[today] - days_[since] >= rule_.close_after_days()) End(days_[today], "closed");
  }

  // It is about the one under way, else about the last one if that was under way since the opening it names, else about
  // one that there was no cause for.
  void Act(const v1::InterventionAction& action) {
    if (Active() != nullptr) {
      Active()->actions.push_back(&action);
      if (action.verb() == v1::INTERVENTION_VERB_RESOLVE) End(ToDay(action.acted_on()), "resolved");
    } else if (!all_.empty() && *all_.back().ended_on >= ToDay(action.opened_on())) {
      all_.back().actions.push_back(&action);
    } else {
      Plain& withdrawn = withdrawn_[ToDay(action.opened_on())];
      withdrawn.opened_on = ToDay(action.opened_on());
      withdrawn.actions.push_back(&action);
    }
  }

  // Until when it was put aside by what was said up to the day.
  static std::optional<Day> AsideUntil(const Plain& plain, Day day) {
    std::optional<Day> until;
    for (const auto* action : plain.actions) {
      if (action->verb() == v1::INTERVENTION_VERB_SNOOZE && ToDay(action->acted_on()) <= day) {
        until = ToDay(action->snoozed_until());
      }
    }
    return until && *until > day ? until : std::nullopt;
  }
  static std::string Assignee(const Plain& plain) {
    std::string assignee;
    for (const auto* action : plain.actions) {
      if (action->verb() == v1::INTERVENTION_VERB_ASSIGN) assignee = action->assignee();
    }
    return assignee;
  }
  std::string Status(const Plain& plain) const {
    if (plain.evidence.empty()) return "withdrawn";
    if (plain.ended_on) return plain.end == "resolved" ? "resolved" : "closed";
    if (AsideUntil(plain, as_of_)) return "snoozed";
    const bool is_known = std::any_of(plain.actions.begin(), plain.actions.end(), [](const auto* action) {
      return action->verb() == v1::INTERVENTION_VERB_ACKNOWLEDGE;
    });
    return is_known || !Assignee(plain).empty() ? "acknowledged" : "open";
  }

  std::string Kpi(std::optional<Day> day) const {
    if (!day) return "-";
    const auto value = Value(rule_.watches(), *day);
    return value ? absl::StrCat(*value) : "no data";
  }
  std::string Recovery() const {
    for (const auto& condition : rule_.closes_when()) {
      if (Value(condition.metric(), as_of_)) return IsWellOn(as_of_) ? "recovered" : "not_recovered";
    }
    return "unspecified";
  }

  std::vector<std::string> History(const Plain& plain) const {
    std::vector<std::string> lines;
    for (const Plain::Evidence& evidence : plain.evidence) {
      lines.push_back(absl::StrCat(DayText(evidence.on), lines.empty() ? " opened" : " evidence"));
    }
    static constexpr const char* kVerbs[] = {"", "recorded", "acknowledged", "assigned", "snoozed", "resolved"};
    for (const auto* action : plain.actions) {
      lines.push_back(
          absl::StrCat(DayText(ToDay(action->acted_on())), " ", kVerbs[action->verb()], " ", action->note()));
    }
    if (plain.evidence.empty()) lines.push_back("withdrawn");
    const Day last = plain.ended_on ? *plain.ended_on - 1 : as_of_;
    for (Day day = plain.opened_on + 1; day <= last && !plain.evidence.empty(); ++day) {
      if (AsideUntil(plain, day - 1) && !AsideUntil(plain, day)) lines.push_back(DayText(day) + " resumed");
    }
    if (plain.ended_on && plain.end != "resolved") {
      lines.push_back(absl::StrCat(DayText(*plain.ended_on), " ", plain.end));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  std::string Text(const Plain& plain, bool with_history) const {
    const std::string status = Status(plain);
    std::string text = absl::StrCat(rule_.id(), "/crm:P", partner_, "/", DayText(plain.opened_on), " ", status);
    if (plain.ended_on) absl::StrAppend(&text, " ended ", DayText(*plain.ended_on));
    if (status == "snoozed") absl::StrAppend(&text, " until ", DayText(*AsideUntil(plain, as_of_)));
    absl::StrAppend(&text, " who ", Assignee(plain));
    for (const Plain::Evidence& evidence : plain.evidence) {
      const std::string& metric = rule_.opens_when(evidence.condition).metric();
      absl::StrAppend(&text, "\n  ", DayText(evidence.on), " since ", DayText(evidence.since), " ", metric, " ",
                      *Value(metric, evidence.on));
    }
    absl::StrAppend(&text, "\n  ", Kpi(plain.evidence.empty() ? std::nullopt : std::make_optional(plain.opened_on)),
                    " → ", Kpi(plain.ended_on), " → ", Kpi(as_of_), " ", Recovery());
    return with_history ? absl::StrCat(text, "\n  ", absl::StrJoin(History(plain), "\n  ")) : text;
  }

  const Facts& facts_;
  const v1::InterventionPolicy& policy_;
  const v1::InterventionRule& rule_;
  const int partner_;
  const Day as_of_;
  std::vector<Day> days_;  // check days so far
  std::vector<Plain> all_;
  std::map<Day, Plain> withdrawn_;  // by the day on which they were said to have opened
};

// The same text of what the server answers.
std::string Text(const v1::Intervention& shown, bool with_history) {
  const auto lower = [](const std::string& name, size_t prefix) { return absl::AsciiStrToLower(name.substr(prefix)); };
  const auto value = [](bool is_set, const v1::InterventionKpiValue& kpi) {
    if (!is_set) return std::string("-");
    return kpi.has_value() ? absl::StrCat(kpi.value()) : std::string("no data");
  };
  std::string text = absl::StrCat(shown.intervention_id(), " ", lower(v1::InterventionStatus_Name(shown.status()), 20));
  if (shown.has_ended_on()) absl::StrAppend(&text, " ended ", DayText(ToDay(shown.ended_on())));
  if (shown.has_snoozed_until()) absl::StrAppend(&text, " until ", DayText(ToDay(shown.snoozed_until())));
  absl::StrAppend(&text, " who ", shown.assignee());
  for (const auto& evidence : shown.evidence()) {
    absl::StrAppend(&text, "\n  ", DayText(ToDay(evidence.on())), " since ", DayText(ToDay(evidence.since())), " ",
                    evidence.check().metric_id(), " ", evidence.check().value());
  }
  const v1::InterventionKpi& kpi = shown.kpi();
  absl::StrAppend(&text, "\n  ", value(kpi.has_at_open(), kpi.at_open()), " → ", value(kpi.has_at_end(), kpi.at_end()),
                  " → ", value(kpi.has_now(), kpi.now()), " ",
                  lower(v1::InterventionRecovery_Name(kpi.recovery()), 22));
  if (!with_history) return text;
  std::vector<std::string> lines;
  for (const auto& event : shown.history()) {
    std::string line = lower(v1::InterventionEventKind_Name(event.kind()), 24);
    if (event.has_on()) line = absl::StrCat(DayText(ToDay(event.on())), " ", line);
    if (!event.author().empty()) absl::StrAppend(&line, " ", event.cause());
    lines.push_back(std::move(line));
  }
  std::sort(lines.begin(), lines.end());
  return absl::StrCat(text, "\n  ", absl::StrJoin(lines, "\n  "));
}

class InterventionsPropertyTest : public testing::Test {
 protected:
  void Run(uint64_t seed) {
    SCOPED_TRACE(absl::StrCat("PM_SEED=", seed));
    ASSERT_NO_FATAL_FAILURE(Begin(seed));
    for (int step = 0; step < kSteps && !HasFatalFailure(); ++step) {
      for (int i = Below(4); i > 0; --i) Happen();
      if (Below(3) == 0) now_ += absl::Hours(24 * Below(20));
      if (Below(8) == 0) Restart(/*with_replay=*/Below(2) == 0);
      Compare(Today() - (Below(2) == 0 ? 0 : Below(150)) + (Below(4) == 0 ? Below(40) : 0));
      CompareList();
    }
  }

  void Begin(uint64_t seed) {
    random_.seed(seed);
    table_.reset();
    programs_.reset();
    folder_.emplace();
    facts_ = {};
    now_ = absl::FromCivil(absl::CivilHour(2024, 3, 1, 12), absl::UTCTimeZone());
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(kProgram, &program_));
    if (Below(2) == 0)
      SetDate(ToDay(absl::CivilDay(2024, 1, 1)) + Below(60), program_.mutable_interventions()->mutable_starts_on());
    Open();
    for (int partner = 0; partner < kPartners; ++partner) StatePartner(partner);
    // Without any fact of a kind its zeros would be no data.
    StateDeal("R0");
    StateProject("R1");
  }

  std::map<std::string, int> seen_;  // events, by their kind

  int Below(size_t n) { return static_cast<int>(random_() % n); }
  ProgramRuntime& runtime() { return *programs_->all().front(); }
  Day Today() const { return ToDay(absl::ToCivilDay(now_, absl::UTCTimeZone())); }
  Day AnyDay() { return Today() - Below(120) + Below(30); }

  void Open() {
    Programs::Options options;
    options.database.data_dir = folder_->path();
    options.database.memory_mb = 32;
    options.database.min_free_bytes = 0;
    options.database.sync = false;
    options.clock = [this] { return now_; };
    *options.definitions.emplace_back().mutable_program() = program_;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(kCatalog, options.definitions.back().mutable_catalog()));
    auto programs = Programs::Open(std::move(options));
    ASSERT_TRUE(programs.ok()) << programs.status();
    programs_ = *std::move(programs);
    table_ = std::make_unique<InterventionTable>(runtime(), *programs_);
  }
  void Restart(bool with_replay) {
    table_.reset();
    programs_.reset();
    if (with_replay) std::filesystem::remove_all(folder_->path() + "/state");
    Open();
  }

  void State(const std::string& id, v1::Event event) {
    event.set_record_id(id);
    event.set_revision(++revision_);
    PrepareContext context;
    context.program = "test";
    context.source = "crm";
    context.currency = "USD";
    context.today = Today();
    context.pseudonymiser = &programs_->pseudonymiser();
    auto prepared = Prepare(std::move(event), context);
    ASSERT_TRUE(std::holds_alternative<PreparedEvent>(prepared)) << std::get<FieldError>(prepared).description;
    WriteRequest request;
    request.events.push_back(std::get<PreparedEvent>(std::move(prepared)));
    const WriteResult result = runtime().writer().Write(std::move(request));
    ASSERT_TRUE(result.status.ok()) << result.status;
  }
  static v1::PartnerReference Reference(int partner) {
    v1::PartnerReference reference;
    reference.set_partner_id(absl::StrCat("crm:P", partner));
    return reference;
  }

  void StatePartner(int number) {
    Partner& partner = facts_.partners[number] = {};
    v1::Event event;
    event.mutable_partner()->set_name("P");
    if (Below(3) != 0) partner.signed_on = AnyDay() - 30;
    if (Below(5) == 0) partner.left_on = std::max(AnyDay(), partner.signed_on.value_or(0) + 1);
    if (partner.signed_on) SetDate(*partner.signed_on, event.mutable_partner()->mutable_signed_on());
    if (partner.left_on) SetDate(*partner.left_on, event.mutable_partner()->mutable_terminated_on());
    State(absl::StrCat("P", number), std::move(event));
  }
  void StateDeal(const std::string& id) {
    const Deal deal{Below(kPartners), AnyDay(), 10 * Below(25)};
    facts_.deals[id] = deal;
    v1::Event event;
    v1::Deal& stated = *event.mutable_deal();
    stated.set_outcome(v1::DEAL_OUTCOME_WON);
    stated.mutable_amount()->set_units(deal.amount);
    SetDate(deal.day, stated.mutable_closed_on());
    *stated.add_attributions()->add_partner_refs() = Reference(deal.partner);
    State(id, std::move(event));
  }
  void StateProject(const std::string& id) {
    Project project{Below(kPartners), AnyDay()};
    v1::Event event;
    if (Below(3) != 0) {
      project.until = project.day + 1 + Below(60);
      SetDate(project.until, event.mutable_project()->mutable_pto_on());
    }
    facts_.projects[id] = project;
    SetDate(project.day, event.mutable_project()->mutable_m1_approved_on());
    *event.mutable_project()->add_partner_refs() = Reference(project.partner);
    State(id, std::move(event));
  }
  // About an intervention that there is, or was before some correction.
  void StateAction(const std::string& id) {
    const int partner = Below(kPartners);
    const auto& rules = program_.interventions().rules();
    const v1::InterventionRule& rule = rules[Below(static_cast<size_t>(rules.size()))];
    Action action{partner, {}};
    v1::InterventionAction& said = action.said;
    said.set_rule(rule.id());
    said.set_verb(static_cast<v1::InterventionVerb>(1 + Below(5)));
    said.set_author("Ada");
    said.set_note(absl::StrCat("n", revision_));
    said.set_sequence(revision_ + 1);
    Day opened_on = AnyDay();
    for (const std::string& text :
         Definition(facts_, program_.interventions(), rule, partner, Today()).Texts(/*with_history=*/false)) {
      const std::string day = text.substr(text.find(' ') - 10, 10);
      absl::CivilDay civil;
      if (Below(4) != 0 && absl::ParseCivilTime(day, &civil)) opened_on = ToDay(civil);
    }
    const Day acted_on = opened_on + Below(15);
    SetDate(opened_on, said.mutable_opened_on());
    SetDate(acted_on, said.mutable_acted_on());
    if (said.verb() == v1::INTERVENTION_VERB_ASSIGN && Below(3) != 0) said.set_assignee("Bob");
    if (said.verb() == v1::INTERVENTION_VERB_SNOOZE) SetDate(acted_on + 1 + Below(10), said.mutable_snoozed_until());
    v1::Event event;
    *event.mutable_intervention_action() = said;
    *event.mutable_intervention_action()->add_partner_refs() = Reference(partner);
    facts_.actions[id] = std::move(action);
    State(id, std::move(event));
  }
  template <typename Map>
  void Delete(Map& facts, const std::string& id, v1::Event event) {
    if (facts.erase(id) == 0) return;
    event.set_deleted(true);
    State(id, std::move(event));
  }

  void Happen() {
    const std::string id = absl::StrCat("R", 2 + Below(12));
    v1::Event gone;
    switch (Below(12)) {
      case 0:
        return StatePartner(Below(kPartners));
      case 1:
        gone.mutable_deal();
        return Delete(facts_.deals, id, gone);
      case 2:
        gone.mutable_project();
        return Delete(facts_.projects, id, gone);
      case 3:
        gone.mutable_intervention_action();
        return Delete(facts_.actions, id, gone);
      case 4:
      case 5:
      case 6:
        return StateAction(id);
      case 7:
      case 8:
        return StateProject(id);
      default:
        return StateDeal(id);
    }
  }

  std::vector<std::string> Expected(int partner, Day as_of, bool with_history) const {
    std::vector<std::string> texts;
    for (const v1::InterventionRule& rule : program_.interventions().rules()) {
      for (std::string& text : Definition(facts_, program_.interventions(), rule, partner, as_of).Texts(with_history)) {
        texts.push_back(std::move(text));
      }
    }
    std::sort(texts.begin(), texts.end());
    return texts;
  }

  // Each partner's days replayed.
  void Compare(Day as_of) {
    for (int partner = 0; partner < kPartners; ++partner) {
      Engine::View view(runtime().engine());
      const auto all = ReadPartnerInterventions(view, absl::StrCat("crm:P", partner), as_of);
      ASSERT_TRUE(all.ok()) << all.status();
      std::vector<std::string> texts;
      for (size_t rule = 0; rule < all->partner.watches.size(); ++rule) {
        const RuleWatch& watch = all->partner.watches[rule];
        for (const auto* interventions : {&watch.interventions(), &watch.withdrawn()}) {
          for (const WatchedIntervention& intervention : *interventions) {
            const v1::Intervention shown = ToProto(*all, {rule, &intervention});
            for (const auto& event : shown.history()) ++seen_[v1::InterventionEventKind_Name(event.kind())];
            texts.push_back(Text(shown, /*with_history=*/true));
          }
        }
      }
      std::sort(texts.begin(), texts.end());
      ASSERT_EQ(texts, Expected(partner, as_of, /*with_history=*/true)) << "as of " << DayText(as_of);
    }
  }

  // The table of all partners, which goes on from day to day and from fact to fact; also as of days before.
  void CompareList() {
    const Day as_of = Today() - (Below(2) == 0 ? 0 : Below(60));
    v1::ListInterventionsRequest request;
    request.set_page_size(1000);
    SetDate(as_of, request.mutable_as_of());
    for (int status = v1::INTERVENTION_STATUS_OPEN; status <= v1::INTERVENTION_STATUS_WITHDRAWN; ++status) {
      request.add_statuses(static_cast<v1::InterventionStatus>(status));
    }
    v1::ListInterventionsResponse list;
    const absl::Status listed = ListInterventions(*programs_, runtime(), *table_, request, list);
    ASSERT_TRUE(listed.ok()) << listed;
    std::vector<std::string> texts, expected;
    for (const v1::Intervention& shown : list.interventions()) texts.push_back(Text(shown, /*with_history=*/false));
    for (int partner = 0; partner < kPartners; ++partner) {
      const auto own = Expected(partner, as_of, /*with_history=*/false);
      expected.insert(expected.end(), own.begin(), own.end());
    }
    std::sort(texts.begin(), texts.end());
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(texts, expected) << "list as of " << DayText(as_of) << ", today " << DayText(Today());
  }

  std::mt19937_64 random_;
  absl::Time now_;
  std::optional<storage::TempDir> folder_;
  v1::Program program_;
  std::unique_ptr<Programs> programs_;
  std::unique_ptr<InterventionTable> table_;
  Facts facts_;
  int64_t revision_ = 0;
};

TEST_F(InterventionsPropertyTest, AreWhatTheirDefinitionSays) {
  const char* seed = std::getenv("PM_SEED");
  if (seed != nullptr) return Run(std::strtoull(seed, nullptr, 10));
  const char* cases = std::getenv("PM_PROPERTY_CASES");
  const int count = cases == nullptr ? kCases : std::max(1, std::atoi(cases) / 30);
  for (int i = 0; i < count && !HasFatalFailure(); ++i) Run(static_cast<uint64_t>(i) + 1);
  // The seeds are always the same ones, and so is what these cases meet.
  if (count < kCases) return;
  for (int kind = v1::INTERVENTION_EVENT_KIND_OPENED; kind <= v1::INTERVENTION_EVENT_KIND_RESUMED; ++kind) {
    EXPECT_GT(seen_[v1::InterventionEventKind_Name(static_cast<v1::InterventionEventKind>(kind))], 20) << kind;
  }
}

// The table replays the partner that something happened to, and goes on where a day may have changed something.
TEST_F(InterventionsPropertyTest, OnePartnersChangeReplaysOnePartner) {
  Begin(1);
  const auto rules = program_.interventions().rules_size();
  StateAction("A");
  CompareList();
  int64_t before = table_->work();
  CompareList();
  EXPECT_EQ(table_->work(), before);
  for (int i = 0; i < 20; ++i) {
    StateAction("A");
    before = table_->work();
    CompareList();
    EXPECT_LE(table_->work() - before, rules * 2);  // of whom it was about before, too
  }
}

}  // namespace
}  // namespace partnermetrics
