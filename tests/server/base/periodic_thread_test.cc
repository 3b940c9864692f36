#include "server/base/periodic_thread.h"

#include <gtest/gtest.h>

#include <optional>

#include "absl/synchronization/notification.h"

namespace partnermetrics {
namespace {

TEST(PeriodicThread, WorksAtOnceAndAgainAfterARest) {
  absl::Notification again;
  int times = 0;
  const PeriodicThread thread(std::chrono::milliseconds(1), [&](const std::atomic<bool>&) {
    if (++times == 3) again.Notify();
  });
  again.WaitForNotification();
}

TEST(PeriodicThread, ItsEndIsNotHeldUpByARest) {
  absl::Notification worked;
  std::optional<PeriodicThread> thread;
  thread.emplace(std::chrono::hours(1), [&](const std::atomic<bool>&) { worked.Notify(); });
  worked.WaitForNotification();
  thread.reset();
}

TEST(PeriodicThread, WhatWasBegunIsToldOfTheEndAndWaitedFor) {
  absl::Notification begun;
  bool ended = false;
  std::optional<PeriodicThread> thread;
  thread.emplace(std::chrono::hours(1), [&](const std::atomic<bool>& stopping) {
    begun.Notify();
    while (!stopping) std::this_thread::yield();
    ended = true;
  });
  begun.WaitForNotification();
  thread.reset();
  EXPECT_TRUE(ended);
}

}  // namespace
}  // namespace partnermetrics
