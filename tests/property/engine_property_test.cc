// Incremental equals batch: whatever comes in whatever order (duplicates, stale revisions, corrections, deletes, parts
// before their roots, partners, aliases and exchange rates that come late, customers whose deals are won late, partners
// that move between segments, other definitions and segments, restarts), and wherever the jobs stand that some of it
// opens, the cells that the engine serves are those that a brute-force evaluator gets from the final facts alone, and
// the log replayed from nothing gives the same bytes. What was known of a partner at any position is the same whether
// it is read from the whole log or from the part that makes its numbers. Several programmes that share a state, with
// the same ids and definitions of their own, are each what they would be alone.
//
// PM_PROPERTY_CASES sets the number of cases (2,000 without it), PM_SEED the seed of a failing run.
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/engine/brute_force.h"
#include "server/engine/engine.h"
#include "server/engine/money.h"
#include "server/engine/partners.h"
#include "server/ingest/partner_history.h"
#include "server/ingest/scratch.h"
#include "tests/property/operations.h"
#include "tests/property/row_reads.h"
#include "tests/support/memory_storage.h"

namespace partnermetrics {
namespace {

constexpr int kOperations = 200;
constexpr int kVariants = 9;  // of the definitions

void Check(const absl::Status& status) {
  if (!status.ok()) RC_FAIL(status.ToString());
}

constexpr StateTable kTables[] = {StateTable::kMeta, StateTable::kFacts, StateTable::kCells, StateTable::kIndexes};

// A programme under test, with a model beside it that knows only which record of each fact wins in the end.
class Programme {
 public:
  // Programmes of one case differ in `number`. How much is done at one go decides how many jobs there are; the log is
  // replayed by the same number.
  Programme(MemoryState& state, int number, int facts_at_once) : number_(number), state_(state) {
    // One id begins with another one.
    options_.program = absl::StrCat("test", std::string(static_cast<size_t>(number), '2'));
    options_.cache_bytes = size_t{1} << 20;
    options_.checkpoint_bytes = size_t{1} << 30;
    options_.facts_at_once = facts_at_once;
    Reopen();
    Define(0);
  }

  void Do(const Operation& op) {
    if (op.what == kRestart) {
      if (op.variant % 2 == 0) Check(engine_->Checkpoint());
      Reopen();
      return;
    }
    if (op.what == kDefine) {
      // Rarely: all is counted anew.
      if (op.length < 60) Define((op.variant + op.amount) % kVariants);
      return;
    }
    if (op.what == kStep) {
      if (engine_->HasJobs()) StepJobs(1 + op.amount * op.amount);
      return;
    }
    storage::LogRecord record;
    record.sequence = static_cast<uint64_t>(op.sequence);
    // Clocks go backwards, too.
    record.appended_at_us = (int64_t{1'704'067'200} + int64_t{op.day} * 86'400 + op.length * 900) * 1'000'000;
    if (op.what == kAlias || op.what == kDropAlias) {
      log::v1::AliasChange change;
      change.set_partner_id(absl::StrCat("crm:p", op.id));
      if (!SetReference(change.mutable_alias(), op.partner)) return;
      change.set_removed(op.what == kDropAlias);
      record.type = storage::RecordType::kAlias;
      record.payload = change.SerializeAsString();
      const auto alias = std::pair(ReadReference(change.alias().SerializeAsString()), change.partner_id());
      if (change.removed()) {
        aliases_.erase(alias);
      } else {
        aliases_.insert(alias);
      }
    } else {
      v1::Event event = MakeEvent(op);
      event.set_program(options_.program);
      record.payload = event.SerializeAsString();
      Remember(event, record.sequence, record.appended_at_us);
    }
    Append(std::move(record));
    if (op.variant % 3 != 0) Check(Publish());  // batches of different sizes
  }

  void FinishJobs() {
    while (engine_->HasJobs()) StepJobs(7);
  }

  void Verify() {
    Check(engine_->Publish());
    std::vector<FinalFact> facts;
    for (const auto& [id, winner] : winners_) {
      if (!winner.deleted) facts.push_back({id, winner.fact});
    }
    std::vector<AdminAlias> aliases;
    for (const auto& [reference, partner] : aliases_) aliases.push_back({reference, partner});
    Engine::View view(*engine_);
    const CellMap expected = BruteForceCells(*view.catalog(), facts, aliases, attributes_);
    RC_ASSERT(view.header().facts == static_cast<int64_t>(facts.size()));
    int64_t parked = 0;
    Check(view.ScanFacts(0, [&](const FactId&, const StoredFact& fact) {
      parked += fact.resolution.parked && !fact.resolution.waiting ? 1 : 0;
      return true;
    }));
    RC_ASSERT(view.header().parked_facts == parked);
    VerifyMoneyIndex(view, facts);
    VerifyFactsOfPartners(view);

    std::set<std::string> scopes = {kBusinessName, kProgramName, kDirectName};
    for (int i = 0; i < 8; ++i) {
      scopes.insert(PartnerScope(absl::StrCat("crm:p", i)));
      scopes.insert(PartnerScope(absl::StrCat("p", i)));
    }
    for (const char* attribute : {"tier", "region", "label.size"}) {
      for (const char* value : {"", "Gold", "Silver"}) scopes.insert(SegmentScope(attribute, value));
    }
    for (const auto& [key, cell] : expected) RC_ASSERT(scopes.count(std::get<0>(key)) == 1);
    for (const std::string& scope : scopes) VerifyScope(view, scope, expected);
  }

  // What was known of each partner at a position is read from a part of the log: it gives what the whole log gives.
  void VerifyPast() {
    Check(engine_->Publish());
    const auto position = *rc::gen::inRange<uint64_t>(1, log_.last_position() + 1);
    const auto whole = Scratch::Past(options_.program, log_, position);
    if (absl::IsFailedPrecondition(whole.status())) return;  // before the first definitions
    Check(whole.status());
    Engine::View then((*whole)->engine());
    const absl::StatusOr<std::vector<std::string>> partners = PartnerIds(then);
    Check(partners.status());
    for (const std::string& partner : *partners) {
      const auto history = ReadPartnerHistory(*engine_, log_, position, partner);
      Check(history.status());
      RC_ASSERT(history->partner_id == partner);
      const auto own = Scratch::Of(options_.program, log_, history->records, partner);
      Check(own.status());
      Engine::View view((*own)->engine());
      const CellMap read = CellsOf(view, PartnerScope(partner)), wanted = CellsOf(then, PartnerScope(partner));
      if (read == wanted) continue;
      Log("whole log   ", wanted);
      Log("part of it  ", read);
      RC_FAIL(absl::StrCat("cells of ", partner, " at ", position, " differ"));
    }
  }

  // Writes its state, and gives what the same log makes of an empty one when it is applied in one go.
  MemoryState Replayed() {
    Check(engine_->Publish());
    Check(engine_->Checkpoint());
    MemoryState fresh;
    auto replayed = Engine::Open(options_, fresh, log_);
    Check(replayed.status());
    Check((*replayed)->Replay([](uint64_t, uint64_t) {}));
    Check((*replayed)->Checkpoint());
    return fresh;
  }

 private:
  struct Winner {
    FactVersion version;
    bool deleted = false;
    std::string fact;
  };

  // Some batches while the next one begins; a thread for each would take most of the test's time.
  absl::Status Publish() {
    return log_.last_position() % 32 == 0 ? engine_->PublishBeside([] {}) : engine_->Publish();
  }

  void StepJobs(int facts) {
    log::v1::JobStep step;
    step.set_facts(facts);
    storage::LogRecord record;
    record.type = storage::RecordType::kJobStep;
    record.payload = step.SerializeAsString();
    Append(std::move(record));
  }

  void Define(int variant) {
    storage::LogRecord record;
    record.type = storage::RecordType::kDefinitions;
    log::v1::Definitions definitions = TestDefinitions((variant + 4 * number_) % kVariants);
    definitions.mutable_program()->set_id(options_.program);
    record.payload = definitions.SerializeAsString();
    Append(std::move(record));
  }

  void Reopen() {
    engine_.reset();
    auto engine = Engine::Open(options_, state_, log_);
    Check(engine.status());
    engine_ = *std::move(engine);
    Check(engine_->Replay([](uint64_t, uint64_t) {}));
  }

  // As a writer does it: applied, then appended unless it says nothing. Now and then the append fails at first, and
  // what was applied is forgotten.
  void Append(storage::LogRecord record) {
    record.position = log_.last_position() + 1;
    if (record.position % 5 == 0) {
      Check(Publish());
      Check(engine_->Apply(record).status());
      Check(engine_->Discard());
    }
    const absl::StatusOr<Applied> applied = engine_->Apply(record);
    Check(applied.status());
    if (applied->effect == Effect::kUnchanged) return;
    storage::LogBatch batch;
    batch.records.push_back(std::move(record));
    Check(log_.Append(batch).status());
  }

  // Written without the engine's own rule: a later record wins unless its version is smaller; one that states the same
  // at the same revision says nothing new.
  void Remember(const v1::Event& event, uint64_t sequence, int64_t stored_at_us) {
    EventView view;
    const std::string bytes = event.SerializeAsString();
    view.Parse(bytes);
    const FactId id{view.schema->kind(), std::string(view.source), std::string(view.record_id)};
    const Winner now{{event.revision(), sequence}, event.deleted(), event.deleted() ? "" : std::string(view.fact)};
    const auto it = winners_.find(id);
    if (it == winners_.end()) {
      winners_[id] = now;
      if (event.has_partner()) RememberAttributes(id, now, stored_at_us);
      return;
    }
    Winner& standing = it->second;
    const bool says_nothing = standing.fact == now.fact && standing.deleted == now.deleted &&
                              standing.version.revision == now.version.revision;
    const bool is_older = std::pair(now.version.revision, now.version.sequence) <
                          std::pair(standing.version.revision, standing.version.sequence);
    if (says_nothing || is_older) return;
    standing = now;
    if (event.has_partner()) RememberAttributes(id, now, stored_at_us);
  }

  // What is said again is nothing new.
  void RememberAttributes(const FactId& id, const Winner& now, int64_t stored_at_us) {
    v1::Partner partner;
    partner.ParseFromString(now.fact);
    AttributeStatement statement{stored_at_us, std::nullopt, AttributesOf(now.fact)};
    if (partner.has_attributes_since_on()) {
      const v1::Date& date = partner.attributes_since_on();
      statement.since = ToDay(absl::CivilDay(date.year(), date.month(), date.day()));
    }
    std::vector<AttributeStatement>& stated = attributes_[id];
    const auto text = [](const AttributeStatement& s) {
      return absl::StrCat(s.attributes.SerializeAsString(), "/", s.since.value_or(0));
    };
    if (stated.empty() || text(stated.back()) != text(statement)) stated.push_back(std::move(statement));
  }

  // The facts of each partner are found without reading all.
  static void VerifyFactsOfPartners(const Engine::View& view) {
    std::map<std::pair<std::string, int>, std::set<FactId>> expected;
    Check(view.ScanFacts(0, [&](const FactId& id, const StoredFact& fact) {
      if (fact.deleted || fact.resolution.waiting || FactSchemas::Get().FindByNumber(id.kind)->name() == "partner") {
        return true;
      }
      for (const ResolvedPartner& partner : fact.resolution.partners) {
        expected[{partner.partner_id, id.kind}].insert(id);
      }
      return true;
    }));
    for (const auto& [key, ids] : expected) {
      const auto found = view.FactsOf(key.first, *FactSchemas::Get().FindByNumber(key.second));
      Check(found.status());
      RC_ASSERT(*found == ids);
    }
  }

  // Nothing is missing in the index by which rates find their money, and nothing is left over.
  static void VerifyMoneyIndex(const Engine::View& view, const std::vector<FinalFact>& facts) {
    std::set<std::string> expected, stored;
    for (const FinalFact& fact : facts) {
      FactRow row(*FactSchemas::Get().FindByNumber(fact.id.kind));
      FieldError error;
      RC_ASSERT(row.Decode(fact.fact, view.catalog()->program().currency_code(), &error));
      const std::optional<Day> day = MoneyDay(row, view.catalog()->zone());
      if (!day.has_value()) continue;
      for (const ForeignMoney& money : row.waiting_money()) {
        std::string key = view.keys().Money(money.currency, *day);
        Keys::AppendFact(key, fact.id);
        expected.insert(key.substr(view.keys().Of(Index::kMoney).size()));
      }
    }
    Check(view.ScanIndex(Index::kMoney, "", [&](absl::string_view key, absl::string_view) {
      stored.emplace(key);
      return true;
    }));
    RC_ASSERT(stored == expected);
  }

  static CellMap CellsOf(const Engine::View& view, const std::string& scope) {
    const auto rows = view.AllRows(scope);
    Check(rows.status());
    CellMap cells;
    for (const auto& [name, row] : *rows) {
      row.ForEachCell([&, &name = name](absl::string_view key, const DayCell& cell) {
        cells[{scope, name, cell.day, std::string(key)}] = cell;
      });
    }
    return cells;
  }

  static void VerifyScope(const Engine::View& view, const std::string& scope, const CellMap& expected) {
    const auto rows = view.AllRows(scope);
    Check(rows.status());
    const CellMap served = CellsOf(view, scope);
    std::map<std::string, std::vector<Entry>> by_row;
    CellMap wanted;
    for (auto it = expected.lower_bound({scope, "", -1'000'000, ""});
         it != expected.end() && std::get<0>(it->first) == scope; ++it) {
      wanted.insert(*it);
      by_row[std::get<1>(it->first)].push_back({std::get<3>(it->first), it->second});
    }
    if (served != wanted) {
      Log("expected", wanted);
      Log("served  ", served);
      RC_FAIL("cells differ");
    }
    for (const auto& [name, entries] : by_row) VerifyReads(rows->at(name), entries);
  }

  static void Log(const std::string& title, const CellMap& cells) {
    for (const auto& [key, cell] : cells) {
      RC_LOG() << title << " " << std::get<0>(key) << " " << std::get<1>(key) << " " << DayText(cell.day) << " '"
               << absl::CHexEscape(std::get<3>(key)) << "' n " << cell.contributions << " count " << cell.count
               << " sum " << NanosText(cell.sum) << "\n";
    }
  }

  const int number_;
  EngineOptions options_;
  MemoryLog log_;
  MemoryState& state_;
  std::unique_ptr<Engine> engine_;
  std::map<FactId, Winner> winners_;
  std::set<std::pair<ReferenceKey, std::string>> aliases_;
  AttributeHistory attributes_;
};

// The state that the programmes share is byte by byte what their logs give, each applied alone.
void VerifyReplay(const MemoryState& shared, std::vector<std::unique_ptr<Programme>>& programmes) {
  std::map<StateTable, MemoryState::Table> alone;
  for (const auto& programme : programmes) {
    const MemoryState replayed = programme->Replayed();
    for (const StateTable table : kTables) {
      for (const auto& row : replayed.table(table)) RC_ASSERT(alone[table].insert(row).second);
    }
  }
  for (const StateTable table : kTables) RC_ASSERT(alone[table] == shared.table(table));
}

// RapidCheck reads its settings from the environment, once.
void ConfigureRapidCheck() {
  const char* cases = std::getenv("PM_PROPERTY_CASES");
  const char* seed = std::getenv("PM_SEED");
  std::string params = absl::StrCat("max_success=", cases != nullptr ? cases : "2000", " max_size=100");
  if (seed != nullptr) absl::StrAppend(&params, " seed=", seed);
  setenv("RC_PARAMS", params.c_str(), 0);
}
const bool kConfigured = (ConfigureRapidCheck(), true);

TEST(EngineProperty, IncrementalEqualsBatchAndReplayGivesTheSameBytes) {
  ASSERT_TRUE(kConfigured);
  EXPECT_TRUE(rc::check("incremental = batch, replay = state", [] {
    const auto operations = *rc::gen::container<std::vector<Operation>>(kOperations, AnyOperation());
    // Mostly one alone: that much more happens to it.
    const int count = *rc::gen::element(1, 1, 2, kMostProgrammes);
    MemoryState state;
    std::vector<std::unique_ptr<Programme>> programmes;
    for (int i = 0; i < count; ++i) {
      programmes.push_back(std::make_unique<Programme>(state, i, *rc::gen::element(0, 1, 3, 10'000)));
    }
    for (const Operation& op : operations) programmes[static_cast<size_t>(op.programme % count)]->Do(op);
    VerifyReplay(state, programmes);
    if (*rc::gen::inRange(0, 10) == 0) programmes.front()->VerifyPast();
    for (const auto& programme : programmes) {
      programme->FinishJobs();
      programme->Verify();
    }
    VerifyReplay(state, programmes);
  }));
}

}  // namespace
}  // namespace partnermetrics
