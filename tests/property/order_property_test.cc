// The order in which records arrive decides nothing: the same events in any order and in any batches give the same
// facts and the same cells, positions in the log aside. Each event has a revision of its own, as no source states two
// contents at one revision; and no segment is declared, as membership without a date counts from the day it was stated
// on.
#include <algorithm>
#include <map>
#include <random>

#include "server/engine/engine.h"
#include "tests/property/operations.h"
#include "tests/support/memory_storage.h"

namespace partnermetrics {
namespace {

constexpr int kEvents = 60;
constexpr int kOrders = 3;
constexpr int kWithoutSegments = 5;  // the variant of the definitions

using Random = std::mt19937;

void Check(const absl::Status& status) {
  if (!status.ok()) RC_FAIL(status.ToString());
}

struct Outcome {
  std::map<std::string, std::string> facts;  // without the positions of what states them
  std::map<std::string, std::string> cells;  // as they are stored
};

class Log {
 public:
  explicit Log(Random& random) : random_(random) { Open(); }

  Outcome Take(const std::vector<v1::Event>& events) {
    Append(storage::RecordType::kDefinitions, TestDefinitions(kWithoutSegments).SerializeAsString());
    for (const v1::Event& event : events) {
      Append(storage::RecordType::kEvent, event.SerializeAsString());
      if (random_() % 3 == 0) Check(engine_->Publish());
      if (random_() % 20 == 0) Open();
    }
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
  }

  Random& random_;
  MemoryLog log_;
  MemoryState state_;
  std::unique_ptr<Engine> engine_;
};

TEST(OrderProperty, TheOrderOfEventsDecidesNothing) {
  EXPECT_TRUE(rc::check("any order gives the same facts and cells", [] {
    const auto operations = *rc::gen::container<std::vector<Operation>>(kEvents, AnyOperation());
    Random random(*rc::gen::arbitrary<uint32_t>());
    std::vector<v1::Event> events;
    for (const Operation& op : operations) {
      if (op.what >= kAlias) continue;
      events.push_back(MakeEvent(op));
      events.back().set_revision(static_cast<int64_t>(events.size()));
    }
    const Outcome in_order = Log(random).Take(events);
    for (int i = 0; i < kOrders; ++i) {
      std::shuffle(events.begin(), events.end(), random);
      const Outcome shuffled = Log(random).Take(events);
      RC_ASSERT(shuffled.facts == in_order.facts);
      RC_ASSERT(shuffled.cells == in_order.cells);
    }
  }));
}

}  // namespace
}  // namespace partnermetrics
