// Runs that are given their pages directly.
#ifndef PARTNERMETRICS_TESTS_SERVER_SYNC_RUN_FIXTURE_H_
#define PARTNERMETRICS_TESTS_SERVER_SYNC_RUN_FIXTURE_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/sync/quarantine.h"
#include "server/sync/run.h"
#include "tests/server/sync/program_fixture.h"

namespace partnermetrics {

// A page whose views point into itself.
class TestPage {
 public:
  TestPage& Deal(const std::string& id, int64_t revision = 1, const std::string& name = "") {
    v1::EventBatch batch;
    AddDeal(batch, id, revision, name);
    return Events(batch.SerializeAsString());
  }
  TestPage& Events(const std::string& bytes) {
    Row& row = Add();
    row.events = bytes;
    return *this;
  }
  TestPage& Reject(const std::string& reason, const std::string& raw) {
    Row& row = Add();
    row.reject = reason;
    row.raw = raw;
    return *this;
  }
  TestPage& Skip(const std::string& rule) {
    Add().skip = rule;
    return *this;
  }
  TestPage& State(const std::string& state) {
    state_ = state;
    return *this;
  }

  static void AddDeal(v1::EventBatch& batch, const std::string& id, int64_t revision, const std::string& name = "") {
    v1::Event& event = *batch.add_events();
    event.set_record_id(id);
    event.set_revision(revision);
    event.mutable_deal()->set_name(name);
  }

  absl::Status GiveTo(SyncRun& run) const {
    connectors::Page page;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const Row& row = *rows_[i];
      connectors::RecordView& record = page.records.emplace_back();
      record.events = row.events;
      record.raw = row.raw;
      record.file = "deals.csv";
      record.row = i + 1;
      record.reject = row.reject;
      record.skip = row.skip;
      record.field = row.reject.empty() ? "" : "Amount";
      record.message = row.reject.empty() ? "" : "the amount is no number";
    }
    if (state_.has_value()) page.state = *state_;
    return run.OnPage(page);
  }

 private:
  struct Row {
    std::string events, raw = "raw", reject, skip;
  };
  Row& Add() { return *rows_.emplace_back(std::make_unique<Row>()); }

  std::vector<std::unique_ptr<Row>> rows_;
  std::optional<std::string> state_;
};

class RunTest : public ProgramFixture {
 protected:
  RunTest() {
    config_.name = "crm";
    config_.source = "crm-prod";
  }

  std::unique_ptr<SyncRun> Begin(bool full = false, RunObserver observer = nullptr) {
    options_.full = full;
    absl::StatusOr<std::unique_ptr<SyncRun>> run =
        SyncRun::Begin(config_, options_, *programs_, program(), std::move(observer));
    EXPECT_TRUE(run.ok()) << run.status();
    return *std::move(run);
  }

  static v1::ConnectorRun End(SyncRun& run, connectors::ConnectorEnd end = {}) {
    run.Finish(end, /*stopping=*/false);
    return run.Snapshot();
  }

  std::vector<v1::QuarantinedRecord> Quarantine() {
    absl::StatusOr<v1::ListQuarantineResponse> list = ListQuarantine(*programs_, {});
    EXPECT_TRUE(list.ok()) << list.status();
    return {list->records().begin(), list->records().end()};
  }

  ConnectorConfig config_;
  RunOptions options_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SERVER_SYNC_RUN_FIXTURE_H_
