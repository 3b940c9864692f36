#include "server/engine/fact_scan.h"

#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "tests/support/memory_storage.h"

namespace partnermetrics {
namespace {

class FactScanTest : public ::testing::Test {
 protected:
  void PutInStore(const std::string& key, const std::string& value) {
    ASSERT_TRUE(store_.WriteCheckpoint({{StateTable::kFacts, key, value}}).ok());
  }
  void Put(const std::string& key, const std::string& value) {
    scan_.Stored(key);
    overlay_.Put(StateTable::kFacts, key, value);
  }
  void Publish() {
    overlay_.Seal();
    overlay_.Publish();
  }
  void Read(const std::string& from, size_t most) { ASSERT_TRUE(scan_.Read(from, most).ok()); }
  // The next fact of those that were read; empty behind the last one.
  std::string Next() {
    const absl::StatusOr<bool> is_there = scan_.Next();
    EXPECT_TRUE(is_there.ok()) << is_there.status();
    return is_there.ok() && *is_there ? absl::StrCat(scan_.key(), "=", scan_.value()) : "";
  }
  std::string Rest() {
    std::vector<std::string> facts;
    for (std::string fact = Next(); !fact.empty(); fact = Next()) facts.push_back(fact);
    return absl::StrJoin(facts, " ");
  }

  MemoryState store_;
  StateOverlay overlay_{store_};
  FactScan scan_{overlay_, "p"};
};

TEST_F(FactScanTest, FactsComeInOrderFromAllLayersSomeAtATime) {
  PutInStore("o9", "other programme");
  for (const char* key : {"p1", "p3", "p5", "p7"}) PutInStore(key, "stored");
  PutInStore("q1", "other programme");
  Put("p3", "dirty");
  Publish();
  Put("p4", "sealed");
  overlay_.Seal();
  Put("p8", "batch");
  overlay_.Delete(StateTable::kFacts, "p5");
  Read("p", 2);
  EXPECT_EQ(Rest(), "p1=stored p3=dirty");
  Read("p31", 2);
  EXPECT_EQ(Rest(), "p4=sealed p7=stored");
  Read("p71", 2);
  EXPECT_EQ(Rest(), "p8=batch") << "fewer than asked for: there are no more";
}

TEST_F(FactScanTest, WhatIsStoredAheadIsMetOnceAsItIsThen) {
  for (const char* key : {"p1", "p2", "p3"}) PutInStore(key, "stored");
  Read("p", 1);
  EXPECT_EQ(Rest(), "p1=stored");
  Put("p1", "behind");
  Put("p3", "first");
  Put("p3", "second");
  Put("p25", "new");
  Publish();
  Put("p9", "new");
  Read(std::string("p1") + '\0', 10);
  EXPECT_EQ(Rest(), "p2=stored p25=new p3=second p9=new");
}

TEST_F(FactScanTest, AFactThatIsStoredBeforeItsTurnIsMetAsItIsThen) {
  for (const char* key : {"p1", "p2", "p3"}) PutInStore(key, "stored");
  Read("p", 3);
  EXPECT_EQ(Next(), "p1=stored");
  Put("p1", "own");
  Put("p3", "changed");
  EXPECT_EQ(Rest(), "p2=stored p3=changed");
}

TEST_F(FactScanTest, WhatACheckpointWroteMeanwhileIsReadFromTheStore) {
  Read("p", 1);
  Put("p5", "put");
  Publish();
  overlay_.Freeze();
  PutInStore("p5", "put");
  overlay_.DropFrozen();
  Read("p", 10);
  EXPECT_EQ(Rest(), "p5=put");
}

TEST_F(FactScanTest, AfterADiscardItMayBeginAtAnEarlierPlace) {
  PutInStore("p1", "stored");
  Put("p2", "dirty");
  Publish();
  Read("p", 2);
  EXPECT_EQ(Rest(), "p1=stored p2=dirty");
  Put("p3", "discarded");
  overlay_.Discard();
  Read("p", 5);
  EXPECT_EQ(Rest(), "p1=stored p2=dirty");
}

}  // namespace
}  // namespace partnermetrics
