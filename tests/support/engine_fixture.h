// An engine over memory, fed with events written as text.
#ifndef PARTNERMETRICS_TESTS_SUPPORT_ENGINE_FIXTURE_H_
#define PARTNERMETRICS_TESTS_SUPPORT_ENGINE_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/engine/brute_force.h"
#include "server/engine/engine.h"
#include "tests/support/memory_storage.h"

namespace partnermetrics {

class EngineFixture : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }

  void Open() {
    engine_.reset();
    auto engine = Engine::Open({"test", size_t{1} << 20, size_t{1} << 30, facts_at_once_}, state_, log_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    engine_ = *std::move(engine);
    ASSERT_TRUE(engine_->Replay([](uint64_t, uint64_t) {}).ok());
  }

  // Puts measures into force, in text format.
  void Define(const std::string& catalog, const std::string& zone = "UTC", const std::string& shared_domain = "",
              const std::string& currency = "USD") {
    log::v1::Definitions definitions;
    definitions.mutable_program()->set_id("test");
    definitions.mutable_program()->set_display_name("Test");
    definitions.mutable_program()->set_currency_code(currency);
    if (!shared_domain.empty()) definitions.mutable_program()->add_shared_domains(shared_domain);
    definitions.mutable_program()->set_time_zone(zone);
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(catalog, definitions.mutable_catalog()));
    Append(storage::RecordType::kDefinitions, definitions.SerializeAsString());
  }

  // Applies an event in text format; program and source are filled in.
  Applied Ingest(const std::string& text, uint64_t sequence = 0) {
    v1::Event event;
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
    event.set_program("test");
    if (event.source().empty()) event.set_source("crm");
    return Append(storage::RecordType::kEvent, event.SerializeAsString(), sequence);
  }

  Applied Alias(const std::string& partner, const std::string& reference, bool removed = false) {
    log::v1::AliasChange change;
    change.set_partner_id(partner);
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(reference, change.mutable_alias()));
    change.set_removed(removed);
    return Append(storage::RecordType::kAlias, change.SerializeAsString());
  }

  Applied Append(storage::RecordType type, std::string payload, uint64_t sequence = 0) {
    storage::LogBatch batch;
    storage::LogRecord record;
    record.type = type;
    record.sequence = sequence;
    record.appended_at_us = now_us_;
    record.payload = std::move(payload);
    record.position = log_.last_position() + 1;
    auto applied = engine_->Apply(record);
    EXPECT_TRUE(applied.ok()) << applied.status();
    if (applied.ok() && applied->effect != Effect::kUnchanged) {
      batch.records.push_back(std::move(record));
      EXPECT_TRUE(log_.Append(batch).ok());
    }
    EXPECT_TRUE(engine_->Publish().ok());
    return applied.ok() ? *applied : Applied();
  }

  // Works on the open jobs.
  void Step(int64_t facts) {
    log::v1::JobStep step;
    step.set_facts(facts);
    Append(storage::RecordType::kJobStep, step.SerializeAsString());
  }

  // "count/sum" of a measure in a scope over all time.
  // What is stored, byte by byte, equals what the log gives from nothing.
  void ExpectReplayed() {
    ASSERT_TRUE(engine_->Checkpoint().ok());
    MemoryState fresh;
    auto replayed = Engine::Open({"test", size_t{1} << 20, size_t{1} << 30, facts_at_once_}, fresh, log_);
    ASSERT_TRUE(replayed.ok()) << replayed.status();
    ASSERT_TRUE((*replayed)->Replay([](uint64_t, uint64_t) {}).ok());
    using storage::StateTable;
    for (const auto table : {StateTable::kMeta, StateTable::kFacts, StateTable::kCells, StateTable::kIndexes}) {
      EXPECT_EQ(fresh.table(table), state_.table(table));
    }
  }
  std::string Total(const std::string& scope, const std::string& measure) { return UpTo(scope, measure, 100'000); }
  std::string UpTo(const std::string& scope, const std::string& measure, Day last) {
    Engine::View view(*engine_);
    auto row = view.Row(scope, *view.catalog()->FindMeasure(measure));
    EXPECT_TRUE(row.ok()) << row.status();
    const CellRow::Totals totals = row->UpTo(last);
    return absl::StrCat(totals.count, "/", NanosText(totals.sum));
  }

  // Incremental equals batch.
  void ExpectVerified() {
    Engine::View view(*engine_);
    auto verification = VerifyCells(view, "", 10);
    ASSERT_TRUE(verification.ok()) << verification.status();
    EXPECT_TRUE(verification->differences.empty());
  }

  MemoryLog log_;
  MemoryState state_;
  std::unique_ptr<Engine> engine_;
  int64_t now_us_ = 1'000'000;      // when records are stored
  int64_t facts_at_once_ = 10'000;  // what concerns more opens a job
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SUPPORT_ENGINE_FIXTURE_H_
