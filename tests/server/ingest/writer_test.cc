#include "server/ingest/writer.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <thread>

#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

// A log whose appends fail, or are held up, when told to.
class FailingLog : public MemoryLog {
 public:
  absl::StatusOr<uint64_t> Append(storage::LogBatch& batch) override {
    if (before_append) before_append();
    if (!fail.ok()) return fail;
    return MemoryLog::Append(batch);
  }
  std::function<void()> before_append;
  absl::Status fail;
};

class WriterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    engine_ = *Engine::Open({"test", size_t{1} << 20, size_t{1} << 30}, state_, log_);
    Start({});
  }
  void Start(Writer::Options options) {
    options.program = "test";
    options.clock = [] { return absl::UnixEpoch(); };
    options.queue_bytes = 10'000;
    writer_.reset();
    writer_ = std::make_unique<Writer>(options, *engine_, log_);
  }
  // Keeps the writer's thread until `release` is set, so that requests pile up.
  std::thread Hold(std::promise<void>& release) {
    std::promise<void> held;
    std::thread holder([this, &held, &release] {
      const auto wait = [&] {
        held.set_value();
        release.get_future().wait();
        return absl::OkStatus();
      };
      EXPECT_TRUE(writer_->Run(wait).ok());
    });
    held.get_future().wait();
    return holder;
  }

  static PreparedEvent Deal(const std::string& id, int revision, int amount) {
    v1::Event event;
    event.set_program("test");
    event.set_source("crm");
    event.set_record_id(id);
    event.set_revision(revision);
    event.mutable_deal()->mutable_amount()->set_units(amount);
    event.mutable_deal()->mutable_closed_on()->set_year(2026);
    event.mutable_deal()->mutable_closed_on()->set_month(3);
    event.mutable_deal()->mutable_closed_on()->set_day(1);
    PreparedEvent prepared;
    prepared.id = {21, "crm", id};
    prepared.revision = revision;
    prepared.payload = event.SerializeAsString();
    return prepared;
  }
  static log::v1::Definitions Definitions() {
    log::v1::Definitions definitions;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        R"pb(
          program { id: "test" display_name: "Test" currency_code: "USD" time_zone: "UTC" }
          catalog { measures { id: "deals" fact: "deal" kind: MEASURE_KIND_FLOW at: "closed_on" } }
        )pb",
        &definitions));
    return definitions;
  }
  static WriteRequest Request(std::vector<PreparedEvent> events) {
    WriteRequest request;
    request.events = std::move(events);
    return request;
  }
  std::vector<Effect> Effects(const WriteResult& result) {
    std::vector<Effect> effects;
    for (const EventResult& event : result.events) effects.push_back(event.effect);
    return effects;
  }

  MemoryState state_;
  FailingLog log_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Writer> writer_;
};

TEST_F(WriterTest, AWriterReadsItsOwnWrites) {
  const WriteResult result = writer_->Write(Request({Deal("d1", 1, 100)}));
  ASSERT_TRUE(result.status.ok());
  EXPECT_EQ(result.position, 1u);
  Engine::View view(*engine_);
  EXPECT_EQ(view.header().position, 1u);
  EXPECT_TRUE(view.Fact({21, "crm", "d1"})->has_value());
}

TEST_F(WriterTest, WhatIsThereAlreadyIsNotAppendedAgain) {
  writer_->Write(Request({Deal("d1", 1, 100), Deal("d2", 1, 100)}));
  const WriteResult again = writer_->Write(Request({Deal("d1", 1, 100), Deal("d2", 1, 100)}));
  EXPECT_THAT(Effects(again), ::testing::Each(Effect::kUnchanged));
  EXPECT_EQ(again.position, 2u);
  EXPECT_EQ(log_.last_position(), 2u);
}

TEST_F(WriterTest, EventsOfOneBatchAreJudgedOneAfterTheOther) {
  const WriteResult result =
      writer_->Write(Request({Deal("d1", 2, 100), Deal("d1", 2, 100), Deal("d1", 1, 50), Deal("d1", 3, 70)}));
  EXPECT_THAT(Effects(result),
              ::testing::ElementsAre(Effect::kApplied, Effect::kUnchanged, Effect::kSuperseded, Effect::kApplied));
  EXPECT_EQ(log_.last_position(), 3u);  // the duplicate adds nothing, the late one is history
}

TEST_F(WriterTest, RecordsStandBehindTheEventsTheyCount) {
  WriteRequest request = Request({Deal("d1", 1, 100), Deal("d1", 1, 100)});
  request.records = [](const std::vector<EventResult>& judged) {
    log::v1::RunPage page;
    page.set_run_id("run");
    for (const EventResult& event : judged) {
      if (event.effect == Effect::kUnchanged) page.mutable_counts()->set_events_unchanged(1);
    }
    storage::LogRecord record;
    record.type = storage::RecordType::kRunPage;
    record.payload = page.SerializeAsString();
    return std::vector<storage::LogRecord>{record};
  };
  EXPECT_EQ(writer_->Write(std::move(request)).position, 2u);
  log::v1::RunPage stored;
  ASSERT_TRUE(stored.ParseFromString(log_.Get(2)->payload));
  EXPECT_EQ(stored.counts().events_unchanged(), 1);
}

TEST_F(WriterTest, AFullDiskRefusesAndHeals) {
  log_.fail = absl::ResourceExhaustedError("disk full");
  EXPECT_EQ(writer_->Write(Request({Deal("d1", 1, 100)})).status.code(), absl::StatusCode::kResourceExhausted);
  {
    Engine::View view(*engine_);
    EXPECT_FALSE(view.Fact({21, "crm", "d1"})->has_value()) << "what was not appended must not be seen";
    EXPECT_EQ(view.header().facts, 0);
  }
  log_.fail = absl::OkStatus();
  const WriteResult again = writer_->Write(Request({Deal("d1", 1, 100)}));
  EXPECT_THAT(Effects(again), ::testing::ElementsAre(Effect::kApplied));
  EXPECT_EQ(again.position, 1u);
}

TEST_F(WriterTest, AnUnknownOutcomeStopsWritingAndReadsGoOn) {
  writer_->Write(Request({Deal("d1", 1, 100)}));
  log_.fail = absl::UnavailableError("fsync failed");
  const WriteResult failed = writer_->Write(Request({Deal("d2", 1, 100)}));
  EXPECT_EQ(failed.status.code(), absl::StatusCode::kUnavailable);
  log_.fail = absl::OkStatus();
  EXPECT_EQ(writer_->Write(Request({Deal("d3", 1, 100)})).status.code(), absl::StatusCode::kUnavailable);
  Engine::View view(*engine_);
  EXPECT_TRUE(view.Fact({21, "crm", "d1"})->has_value());
}

TEST_F(WriterTest, AFullQueueIsRefusedAtOnceOrWaitedFor) {
  std::promise<void> hold;
  std::thread holder = Hold(hold);
  absl::Status status;
  int queued = 0;
  while ((status = writer_->Submit(Request({Deal(absl::StrCat("d", queued), 1, 1)}), false)).ok()) ++queued;
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_GT(queued, 1);
  std::thread waiter([&] { EXPECT_TRUE(writer_->Write(Request({Deal("last", 1, 1)}), true).status.ok()); });
  hold.set_value();
  waiter.join();
  holder.join();
  EXPECT_EQ(log_.last_position(), static_cast<uint64_t>(queued) + 1);
}

// Two groups of one deal each, of which the second is applied while the first is being appended, and the append ends
// with `outcome` only then. Gives the results.
class TwoGroupsTest : public WriterTest {
 protected:
  std::vector<WriteResult> Write(PreparedEvent first, PreparedEvent second, const absl::Status& outcome) {
    Writer::Options options;
    options.group_bytes = 1;
    Start(options);
    std::promise<void> second_is_applied, hold;
    log_.before_append = [&, first_append = true]() mutable {
      if (!std::exchange(first_append, false)) return;
      second_is_applied.get_future().wait();
      Engine::View view(*engine_);
      EXPECT_EQ(view.header().facts, 0) << "seen before it was durable";
      log_.fail = outcome;
    };
    std::vector<std::promise<WriteResult>> done(2);
    WriteRequest requests[] = {Request({std::move(first)}), Request({std::move(second)})};
    requests[1].records = [&](const std::vector<EventResult>&) {
      second_is_applied.set_value();
      return std::vector<storage::LogRecord>();
    };
    std::thread holder = Hold(hold);
    for (size_t i = 0; i < 2; ++i) {
      requests[i].done = [&done, i](WriteResult result) { done[i].set_value(std::move(result)); };
      EXPECT_TRUE(writer_->Submit(std::move(requests[i]), false).ok());
    }
    hold.set_value();
    holder.join();
    std::vector<WriteResult> results;
    for (std::promise<WriteResult>& promise : done) results.push_back(promise.get_future().get());
    log_.fail = absl::OkStatus();
    return results;
  }
};

TEST_F(TwoGroupsTest, AGroupIsAppliedOnTopOfTheOneThatIsBeingAppended) {
  const std::vector<WriteResult> results = Write(Deal("d1", 1, 100), Deal("d1", 1, 100), absl::OkStatus());
  EXPECT_THAT(Effects(results[0]), ::testing::ElementsAre(Effect::kApplied));
  EXPECT_THAT(Effects(results[1]), ::testing::ElementsAre(Effect::kUnchanged));
  EXPECT_EQ(results[0].position, 1u);
  EXPECT_EQ(results[1].position, 1u);
  EXPECT_EQ(log_.last_position(), 1u);
}

TEST_F(TwoGroupsTest, AGroupThatStoodOnARefusedOneIsRefusedToo) {
  const std::vector<WriteResult> results =
      Write(Deal("d1", 1, 100), Deal("d1", 1, 100), absl::ResourceExhaustedError("disk full"));
  for (const WriteResult& result : results) EXPECT_EQ(result.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(log_.last_position(), 0u);
  const WriteResult again = writer_->Write(Request({Deal("d1", 1, 100)}));
  EXPECT_THAT(Effects(again), ::testing::ElementsAre(Effect::kApplied));
  EXPECT_EQ(again.position, 1u);
}

TEST_F(TwoGroupsTest, NothingIsWrittenAfterAnUnknownOutcome) {
  const std::vector<WriteResult> results =
      Write(Deal("d1", 1, 100), Deal("d2", 1, 100), absl::UnavailableError("fsync failed"));
  for (const WriteResult& result : results) EXPECT_EQ(result.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(writer_->Write(Request({Deal("d3", 1, 100)})).status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(log_.last_position(), 0u);
}

TEST_F(WriterTest, WaitsForAPositionOnlySoLong) {
  writer_->Write(Request({Deal("d1", 1, 100)}));
  EXPECT_TRUE(writer_->WaitFor(1, absl::Seconds(5)).ok());
  EXPECT_EQ(writer_->WaitFor(2, absl::Milliseconds(1)).code(), absl::StatusCode::kDeadlineExceeded);
}

// Also what ThreadSanitizer looks at: readers, the writer and checkpoints beside it, with hardly any cache.
TEST_F(WriterTest, ReadersSeeWholeBatchesWhileItWritesAndCheckpoints) {
  writer_.reset();
  engine_.reset();
  engine_ = *Engine::Open({"test", 0, 1'000}, state_, log_);
  Writer::Options options;
  options.program = "test";
  options.clock = [] { return absl::UnixEpoch(); };
  writer_ = std::make_unique<Writer>(options, *engine_, log_);
  WriteRequest definitions;
  definitions.records = [](const std::vector<EventResult>&) {
    storage::LogRecord record;
    record.type = storage::RecordType::kDefinitions;
    record.payload = Definitions().SerializeAsString();
    return std::vector<storage::LogRecord>{std::move(record)};
  };
  ASSERT_TRUE(writer_->Write(std::move(definitions)).status.ok());

  std::atomic<bool> done = false;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      for (bool last = false; !last;) {
        last = done.load();
        CellRow business, direct;
        int64_t facts = 0;
        {
          Engine::View view(*engine_);
          const CompiledMeasure& deals = *view.catalog()->FindMeasure("deals");
          business = *view.Row("business", deals);
          direct = *view.Row("direct", deals);
          facts = view.header().facts;
        }
        const int64_t count = business.UpTo(100'000).count;
        EXPECT_EQ(count % 2, 0) << "a batch holds two deals";
        EXPECT_EQ(count, direct.UpTo(100'000).count);
        EXPECT_EQ(count, facts);
      }
    });
  }
  for (int i = 0; i < 300; ++i) {
    WriteRequest request = Request({Deal(absl::StrCat("a", i), 1, 100), Deal(absl::StrCat("b", i), 1, 100)});
    ASSERT_TRUE(writer_->Write(std::move(request), /*wait_for_room=*/true).status.ok());
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_TRUE(writer_->Stop().ok());
  Engine::View view(*engine_);
  EXPECT_EQ(view.checkpoint_position(), view.header().position);
}

TEST_F(WriterTest, StoppingWritesACheckpointAndRefusesWhatComesLater) {
  writer_->Write(Request({Deal("d1", 1, 100)}));
  ASSERT_TRUE(writer_->Stop().ok());
  EXPECT_EQ(writer_->Write(Request({Deal("d2", 1, 100)})).status.code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(state_.table(storage::StateTable::kFacts).empty());
}

}  // namespace
}  // namespace partnermetrics
