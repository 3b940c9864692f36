// Laws that hold whatever happens.
//
// The order in which records arrive decides nothing: the same events in any order and in any batches give the same
// facts and the same cells, positions in the log aside. A merge of partners, or an alias, that is undone leaves nothing
// behind.
//
// Each event has a revision of its own, as no source states two contents at one revision; and no segment is declared,
// as membership without a date counts from the day it was stated on.
#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "server/engine/engine.h"
#include "tests/property/operations.h"
#include "tests/support/environment.h"
#include "tests/support/memory_storage.h"

namespace partnermetrics {
namespace {

constexpr int kEvents = 60;
constexpr int kOrders = 3;
// Of the one large set.
constexpr int kManyEvents = 500, kManyOrders = 100;
constexpr int kWithoutSegments = 5;  // the variant of the definitions

using Random = std::mt19937;

void Check(const absl::Status& status) {
  if (!status.ok()) RC_FAIL(status.ToString());
}

struct Outcome {
  std::map<std::string, std::string> facts;  // without the positions of what states them
  std::map<std::string, std::string> cells;  // as they are stored
};

// A programme that takes events in batches of random size and is opened anew now and then.
class Programme {
 public:
  explicit Programme(Random& random) : random_(random) {
    Open();
    Append(storage::RecordType::kDefinitions, TestDefinitions(kWithoutSegments).SerializeAsString());
  }

  void Take(const v1::Event& event) { Append(storage::RecordType::kEvent, event.SerializeAsString()); }
  void Take(const log::v1::AliasChange& change) { Append(storage::RecordType::kAlias, change.SerializeAsString()); }

  Outcome Look() {
    Check(engine_->Publish());
    Check(engine_->Checkpoint());
    Outcome outcome;
    Engine::View view(*engine_);
    Check(view.ScanFacts(0, [&](const FactId& id, const StoredFact& fact) {
      StoredFact stored = fact;
      stored.position = 0;
      outcome.facts[view.keys().Fact(id)] = EncodeFact(stored);
      return true;
    }));
    const auto& cells = state_.table(storage::StateTable::kCells);
    outcome.cells = {cells.begin(), cells.end()};
    return outcome;
  }

 private:
  void Open() {
    engine_.reset();
    auto engine = Engine::Open({"test", size_t{1} << 20, size_t{1} << 30}, state_, log_);
    Check(engine.status());
    engine_ = *std::move(engine);
    Check(engine_->Replay([](uint64_t, uint64_t) {}));
  }
  void Append(storage::RecordType type, std::string payload) {
    storage::LogBatch batch;
    storage::LogRecord record;
    record.type = type;
    record.appended_at_us = 1'000'000;
    record.payload = std::move(payload);
    record.position = log_.last_position() + 1;
    const absl::StatusOr<Applied> applied = engine_->Apply(record);
    Check(applied.status());
    if (applied->effect == Effect::kUnchanged) return;
    batch.records.push_back(std::move(record));
    Check(log_.Append(batch).status());
    if (random_() % 3 == 0) Check(engine_->Publish());
    if (random_() % 20 == 0) Open();
  }

  Random& random_;
  MemoryLog log_;
  MemoryState state_;
  std::unique_ptr<Engine> engine_;
};

std::vector<v1::Event> EventsOf(const std::vector<Operation>& operations) {
  std::vector<v1::Event> events;
  for (const Operation& op : operations) {
    if (op.what >= kAlias) continue;
    events.push_back(MakeEvent(op));
    events.back().set_revision(static_cast<int64_t>(events.size()));
  }
  return events;
}

std::vector<v1::Event> AnyEvents() {
  return EventsOf(*rc::gen::container<std::vector<Operation>>(kEvents, AnyOperation()));
}

Outcome AfterAll(const std::vector<v1::Event>& events, Random& random) {
  Programme programme(random);
  for (const v1::Event& event : events) programme.Take(event);
  return programme.Look();
}

TEST(LawsProperty, TheOrderOfEventsDecidesNothing) {
  EXPECT_TRUE(rc::check("any order gives the same facts and cells", [] {
    std::vector<v1::Event> events = AnyEvents();
    Random random(*rc::gen::arbitrary<uint32_t>());
    const Outcome in_order = AfterAll(events, random);
    for (int i = 0; i < kOrders; ++i) {
      std::shuffle(events.begin(), events.end(), random);
      const Outcome shuffled = AfterAll(events, random);
      RC_ASSERT(shuffled.facts == in_order.facts);
      RC_ASSERT(shuffled.cells == in_order.cells);
    }
  }));
}

TEST(LawsProperty, AHundredOrdersOfTheSameEventsGiveTheSameBytes) {
  const uint64_t seed = NumberFromEnvironment("PM_SEED", std::random_device()());
  std::cout << "PM_SEED=" << seed << std::endl;
  Random random(static_cast<uint32_t>(seed));
  constexpr int kMostSize = 100;  // of what RapidCheck draws
  std::vector<v1::Event> events = EventsOf(
      rc::gen::container<std::vector<Operation>>(kManyEvents, AnyOperation())(rc::Random(seed), kMostSize).value());
  const Outcome in_order = AfterAll(events, random);
  ASSERT_FALSE(in_order.cells.empty());
  for (int order = 0; order < kManyOrders; ++order) {
    std::shuffle(events.begin(), events.end(), random);
    const Outcome shuffled = AfterAll(events, random);
    ASSERT_TRUE(shuffled.facts == in_order.facts) << "order " << order;
    ASSERT_TRUE(shuffled.cells == in_order.cells) << "order " << order;
  }
}

TEST(LawsProperty, AMergeThatIsUndoneLeavesNothing) {
  EXPECT_TRUE(rc::check("merged and un-merged is as never merged", [] {
    const std::vector<v1::Event> events = AnyEvents();
    Random random(*rc::gen::arbitrary<uint32_t>());
    Programme programme(random);
    std::map<std::string, v1::Event> partners;  // as they stand
    for (const v1::Event& event : events) {
      programme.Take(event);
      if (event.has_partner()) partners[event.source() + "/" + event.record_id()] = event;
    }
    const Outcome before = programme.Look();
    for (const auto& [id, partner] : partners) {
      v1::Event merged = partner;
      merged.set_deleted(false);
      merged.set_revision(1'000);
      merged.mutable_partner()->set_merged_into_id(*rc::gen::element<std::string>("p0", "p1", "p2", "p9"));
      programme.Take(merged);
    }
    RC_CLASSIFY(programme.Look().cells != before.cells, "moves numbers");
    for (auto& [id, partner] : partners) {
      partner.set_revision(2'000);
      programme.Take(partner);
    }
    RC_ASSERT(programme.Look().cells == before.cells);
  }));
}

TEST(LawsProperty, AnAliasThatIsTakenBackLeavesNothing) {
  EXPECT_TRUE(rc::check("an alias added and removed is as never added", [] {
    const std::vector<v1::Event> events = AnyEvents();
    Random random(*rc::gen::arbitrary<uint32_t>());
    Programme programme(random);
    for (const v1::Event& event : events) programme.Take(event);
    const Outcome before = programme.Look();
    log::v1::AliasChange change;
    change.set_partner_id(*rc::gen::element<std::string>("crm:p0", "crm:p1", "crm:p2"));
    SetReference(change.mutable_alias(), *rc::gen::inRange(0, 7));
    programme.Take(change);
    RC_CLASSIFY(programme.Look().cells != before.cells, "moves numbers");
    change.set_removed(true);
    programme.Take(change);
    const Outcome after = programme.Look();
    RC_ASSERT(after.facts == before.facts);
    RC_ASSERT(after.cells == before.cells);
  }));
}

}  // namespace
}  // namespace partnermetrics
