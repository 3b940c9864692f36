// Pages of a run that are under way at the same time, over a log in memory whose disk is full for a moment.
#include "server/sync/page_writer.h"

#include <gmock/gmock.h>

#include <future>
#include <thread>

#include "partnermetrics/v1/event.pb.h"
#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;

class FullLog : public MemoryLog {
 public:
  absl::StatusOr<uint64_t> Append(storage::LogBatch& batch) override {
    if (std::exchange(full_once, false)) return absl::ResourceExhaustedError("disk full");
    return MemoryLog::Append(batch);
  }
  bool full_once = false;
};

class PageWriterTest : public ::testing::Test {
 protected:
  PageWriterTest() {
    engine_ = *Engine::Open({"test", size_t{1} << 20, size_t{1} << 30}, state_, log_);
    Writer::Options options;
    options.program = "test";
    options.clock = [] { return absl::UnixEpoch(); };
    options.group_bytes = 1;  // each page is appended by itself
    writer_ = std::make_unique<Writer>(options, *engine_, log_);
    pages_ = std::make_unique<PageWriter>("run", RunTally(), *writer_, [this](const RunTally& tally) {
      told_.push_back(tally.counts().events_applied());
    });
  }

  // A page of one deal, with its name as the state.
  absl::Status Write(const std::string& deal) {
    v1::Event event;
    event.set_program("test");
    event.set_source("crm");
    event.set_record_id(deal);
    event.set_revision(1);
    event.mutable_deal();
    WriteRequest request;
    PreparedEvent& prepared = request.events.emplace_back();
    prepared.id = {21, "crm", deal};
    prepared.revision = 1;
    prepared.payload = event.SerializeAsString();
    prepared_.PageOf(1);
    prepared_.Emitted(1);
    return pages_->Write(std::move(request), deal, prepared_);
  }

  // Keeps the writer's thread, so that pages pile up, while `work` is done.
  void WhileTheWriterIsHeld(const std::function<void()>& work) {
    std::promise<void> held, release;
    std::thread holder([&] {
      EXPECT_TRUE(writer_
                      ->Run([&] {
                        held.set_value();
                        release.get_future().wait();
                        return absl::OkStatus();
                      })
                      .ok());
    });
    held.get_future().wait();
    work();
    release.set_value();
    holder.join();
  }

  // State and applied events of each page in the log.
  std::vector<std::pair<std::string, int64_t>> Pages() {
    std::vector<std::pair<std::string, int64_t>> pages;
    EXPECT_TRUE(log_.Read(0,
                          [&](const storage::LogRecord& record) {
                            if (record.type != storage::RecordType::kRunPage) return true;
                            log::v1::RunPage page;
                            EXPECT_TRUE(page.ParseFromString(record.payload));
                            EXPECT_EQ(page.counts().records_read(), page.counts().events_applied());
                            pages.emplace_back(page.state(), page.counts().events_applied());
                            return true;
                          })
                    .ok());
    return pages;
  }

  MemoryState state_;
  FullLog log_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Writer> writer_;
  RunTally prepared_;
  std::vector<int64_t> told_;
  std::unique_ptr<PageWriter> pages_;
};

TEST_F(PageWriterTest, EachPageCountsWhatBecameOfAllEventsUpToIt) {
  WhileTheWriterIsHeld([&] {
    for (const char* deal : {"a", "b", "c"}) ASSERT_TRUE(Write(deal).ok()) << "without waiting for the one before";
    EXPECT_THAT(told_, ElementsAre());
  });
  ASSERT_TRUE(Write("d").ok());
  ASSERT_TRUE(pages_->Drain().ok());
  EXPECT_THAT(told_, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Pages(), ElementsAre(std::pair("a", 1), std::pair("b", 2), std::pair("c", 3), std::pair("d", 4)));
}

TEST_F(PageWriterTest, NoPageIsWrittenBehindOneThatWasNot) {
  ASSERT_TRUE(Write("a").ok());
  ASSERT_TRUE(pages_->Drain().ok());
  log_.full_once = true;
  WhileTheWriterIsHeld([&] {
    for (const char* deal : {"b", "c", "d"}) ASSERT_TRUE(Write(deal).ok());
  });
  EXPECT_EQ(pages_->Drain().code(), absl::StatusCode::kResourceExhausted) << "the first error is the one that counts";
  EXPECT_EQ(Write("e").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(Pages(), ElementsAre(std::pair("a", 1)));
  EXPECT_THAT(told_, ElementsAre(1));
  EXPECT_EQ(log_.last_position(), 2U);
}

TEST_F(PageWriterTest, WhatIsGivenUpIsNotBegunAnyMore) {
  WhileTheWriterIsHeld([&] {
    for (const char* deal : {"a", "b"}) ASSERT_TRUE(Write(deal).ok());
    pages_->Refuse();
  });
  EXPECT_EQ(pages_->Drain().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(log_.last_position(), 0U);
  WriteRequest other;
  EXPECT_TRUE(writer_->Write(std::move(other)).status.ok()) << "others are not concerned";
}

TEST_F(PageWriterTest, ItsEndWaitsForThePages) {
  ASSERT_TRUE(Write("a").ok());
  pages_.reset();
  EXPECT_THAT(told_, ElementsAre(1));
  EXPECT_THAT(Pages(), ElementsAre(std::pair("a", 1)));
}

}  // namespace
}  // namespace partnermetrics
