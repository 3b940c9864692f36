#include "server/engine/state_overlay.h"

#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "tests/support/memory_storage.h"

namespace partnermetrics {
namespace {

class StateOverlayTest : public ::testing::Test {
 protected:
  void PutInStore(const std::string& key, const std::string& value) {
    ASSERT_TRUE(store_.WriteCheckpoint({{StateTable::kIndexes, key, value}}).ok());
  }
  std::string Scanned(const std::string& prefix) {
    std::vector<std::string> seen;
    EXPECT_TRUE(overlay_
                    .Scan(StateTable::kIndexes, prefix, prefix,
                          [&](absl::string_view key, absl::string_view value) {
                            seen.push_back(absl::StrCat(key, "=", value));
                            return true;
                          })
                    .ok());
    return absl::StrJoin(seen, " ");
  }
  std::string Published(const std::string& prefix, const std::string& from) {
    std::vector<std::string> seen;
    EXPECT_TRUE(overlay_
                    .ReadScan(StateTable::kIndexes, prefix, from,
                              [&](absl::string_view key, absl::string_view value) {
                                seen.push_back(absl::StrCat(key, "=", value));
                                return true;
                              })
                    .ok());
    return absl::StrJoin(seen, " ");
  }
  void Publish() {
    overlay_.Seal();
    overlay_.Publish();
  }
  MemoryState store_;
  StateOverlay overlay_{store_};
};

TEST_F(StateOverlayTest, ALaterLayerHidesAnEarlierOne) {
  PutInStore("a", "store");
  overlay_.Put(StateTable::kIndexes, "a", "dirty");
  Publish();
  overlay_.Put(StateTable::kIndexes, "a", "batch");
  EXPECT_EQ(**overlay_.Get(StateTable::kIndexes, "a"), "batch");
  EXPECT_EQ(**overlay_.Read(StateTable::kIndexes, "a"), "dirty");
  overlay_.Delete(StateTable::kIndexes, "a");
  EXPECT_FALSE(overlay_.Get(StateTable::kIndexes, "a")->has_value());
}

TEST_F(StateOverlayTest, AScanMergesAllLayersInKeyOrder) {
  PutInStore("x1", "s");
  PutInStore("x3", "s");
  PutInStore("x5", "s");
  PutInStore("y", "s");
  overlay_.Put(StateTable::kIndexes, "x2", "d");
  overlay_.Delete(StateTable::kIndexes, "x3");
  Publish();
  overlay_.Put(StateTable::kIndexes, "x6", "b");
  overlay_.Delete(StateTable::kIndexes, "x1");
  EXPECT_EQ(Scanned("x"), "x2=d x5=s x6=b");
  EXPECT_EQ(Published("x", ""), "x1=s x2=d x5=s");
  EXPECT_EQ(Published("x", "x2"), "x2=d x5=s");
}

TEST_F(StateOverlayTest, ACheckpointHoldsWhatIsPublishedAndNothingElse) {
  overlay_.Put(StateTable::kFacts, "published", "1");
  Publish();
  overlay_.Put(StateTable::kFacts, "in the batch", "2");
  overlay_.Freeze();
  Publish();
  std::vector<storage::StateChange> changes;
  overlay_.CollectFrozen(StateTable::kFacts, changes);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].key, "published");
}

TEST_F(StateOverlayTest, ReadersSeeWhatACheckpointIsAboutToWriteUnderWhatCameSince) {
  for (const StateTable table : {StateTable::kFacts, StateTable::kIndexes}) {
    overlay_.Put(table, "a", "frozen");
    overlay_.Put(table, "b", "frozen");
  }
  Publish();
  overlay_.Freeze();
  for (const StateTable table : {StateTable::kFacts, StateTable::kIndexes}) {
    overlay_.Put(table, "b", "dirty");
  }
  Publish();
  EXPECT_EQ(**overlay_.Read(StateTable::kFacts, "a"), "frozen");
  EXPECT_EQ(**overlay_.Read(StateTable::kFacts, "b"), "dirty");
  EXPECT_EQ(Published("", ""), "a=frozen b=dirty");
  overlay_.DropFrozen();
  EXPECT_EQ(Published("", ""), "b=dirty");
}

TEST_F(StateOverlayTest, WhatACheckpointCouldNotWriteGoesIntoTheNext) {
  overlay_.Put(StateTable::kFacts, "a", "1");
  overlay_.Put(StateTable::kIndexes, "b", "1");
  Publish();
  overlay_.Freeze();
  overlay_.Put(StateTable::kIndexes, "b", "2");
  Publish();
  overlay_.Freeze();
  std::vector<storage::StateChange> changes;
  overlay_.CollectFrozen(StateTable::kFacts, changes);
  overlay_.CollectFrozen(StateTable::kIndexes, changes);
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].key, "a");
  EXPECT_EQ(changes[1].value, "2");
}

TEST_F(StateOverlayTest, TheApplierSeesASealedBatchAndReadersDoNot) {
  for (const StateTable table : {StateTable::kFacts, StateTable::kIndexes}) {
    overlay_.Put(table, "a", "sealed");
    overlay_.Put(table, "b", "sealed");
  }
  overlay_.Seal();
  for (const StateTable table : {StateTable::kFacts, StateTable::kIndexes}) {
    overlay_.Put(table, "b", "batch");
    EXPECT_EQ(**overlay_.Get(table, "a"), "sealed");
    EXPECT_EQ(**overlay_.Get(table, "b"), "batch");
    EXPECT_EQ(*overlay_.Read(table, "a"), std::nullopt);
  }
  EXPECT_EQ(Scanned(""), "a=sealed b=batch");
  overlay_.Publish();
  EXPECT_EQ(Published("", ""), "a=sealed b=sealed");
  EXPECT_EQ(**overlay_.Get(StateTable::kFacts, "b"), "batch");
}

TEST_F(StateOverlayTest, ADiscardedBatchLeavesNothing) {
  overlay_.Put(StateTable::kFacts, "a", "1");
  Publish();
  overlay_.Put(StateTable::kFacts, "a", "3");
  overlay_.Seal();
  overlay_.Put(StateTable::kFacts, "a", "2");
  overlay_.Delete(StateTable::kIndexes, "b");
  overlay_.Discard();
  EXPECT_EQ(**overlay_.Get(StateTable::kFacts, "a"), "1");
}

TEST_F(StateOverlayTest, FactsAreScannedInKeyOrderToo) {
  ASSERT_TRUE(store_.WriteCheckpoint({{StateTable::kFacts, "b", "store"}}).ok());
  overlay_.Put(StateTable::kFacts, "c", "dirty");
  overlay_.Put(StateTable::kFacts, "a", "dirty");
  Publish();
  std::string keys;
  ASSERT_TRUE(overlay_
                  .ReadScan(StateTable::kFacts, "", "",
                            [&](absl::string_view key, absl::string_view) {
                              absl::StrAppend(&keys, key);
                              return true;
                            })
                  .ok());
  EXPECT_EQ(keys, "abc");
}

}  // namespace
}  // namespace partnermetrics
