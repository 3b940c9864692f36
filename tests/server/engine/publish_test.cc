// A batch that is published while the next one is applied on top of it.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

class PublishTest : public EngineFixture {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    Define(R"pb(
      measures { id: "deals" fact: "deal" kind: MEASURE_KIND_FLOW sum: "amount" at: "closed_on" }
    )pb");
  }

  // Applies a deal of 10 and publishes nothing.
  void Apply(const std::string& id) {
    v1::Event event;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
        "program: 'test' source: 'crm' record_id: '" + id +
            "' deal { closed_on { year: 2026 month: 3 day: 31 } amount { units: 10 currency_code: 'USD' } }",
        &event));
    storage::LogRecord record;
    record.type = storage::RecordType::kEvent;
    record.payload = event.SerializeAsString();
    record.position = ++position_;
    ASSERT_TRUE(engine_->Apply(record).ok());
  }
  void PublishBeside() {
    ASSERT_TRUE(engine_->PublishBeside([this] { ++shown_; }).ok());
  }

  uint64_t position_ = 1;  // that of the definitions
  int shown_ = 0;
};

TEST_F(PublishTest, EachBatchIsShownWholeAndTold) {
  Apply("a");
  PublishBeside();
  Apply("b");  // for the same scope, which nobody had in memory
  EXPECT_EQ(Total("business", "deals"), "1/10") << "what is not published is not seen";
  ASSERT_TRUE(engine_->Seal().ok());
  PublishBeside();
  Apply("c");
  EXPECT_EQ(Total("business", "deals"), "2/20");
  ASSERT_TRUE(engine_->Publish().ok());
  EXPECT_EQ(Total("business", "deals"), "3/30");
  EXPECT_EQ(shown_, 2);
  ExpectVerified();
}

TEST_F(PublishTest, WhatIsForgottenLeavesTheBatchBeforeWhole) {
  Apply("a");
  PublishBeside();
  Apply("b");
  ASSERT_TRUE(engine_->Discard().ok());
  EXPECT_EQ(Total("business", "deals"), "1/10");
  --position_;
  Apply("b");
  ASSERT_TRUE(engine_->Publish().ok());
  EXPECT_EQ(Total("business", "deals"), "2/20");
  ExpectVerified();
}

TEST_F(PublishTest, ACheckpointWaitsForTheBatch) {
  Apply("a");
  PublishBeside();
  ASSERT_TRUE(engine_->Checkpoint().ok());
  EXPECT_EQ(Engine::View(*engine_).checkpoint_position(), position_);
  EXPECT_EQ(shown_, 1);
}

}  // namespace
}  // namespace partnermetrics
