// Bad plugins: each ends in an error that says what happened, and this process lives on.
#include <sys/stat.h>

#include <cstdlib>
#include <thread>

#include "tests/connectors/host/process_fixture.h"

namespace partnermetrics::connectors {
namespace {

using ::testing::HasSubstr;
using Outcome = ConnectorEnd::Outcome;

class MisbehaveTest : public ProcessTest {
 protected:
  ConnectorProcessOptions Mode(const std::string& mode, const std::string& text = "") const {
    ConnectorProcessOptions options = Options("misbehave");
    options.settings = {{"mode", mode}, {"text", text}};
    options.stall_timeout = absl::Seconds(20);
    return options;
  }

  ConnectorEnd Run(const std::string& mode, const std::string& text = "") {
    return ConnectorProcess(Mode(mode, text)).Read(std::nullopt, &recorder_);
  }

  Recorder recorder_;
};

TEST_F(MisbehaveTest, Exceptions) {
  ConnectorEnd end = Run("throw");
  EXPECT_EQ(end.outcome, Outcome::kFailed);
  EXPECT_EQ(end.Text(), "the plugin threw an exception: something odd");
  EXPECT_EQ(Run("throw_int").Text(), "the plugin threw an exception of an unknown type");
  EXPECT_EQ(Run("throw_in_open").Text(), "the plugin threw an exception: no way to open");
}

TEST_F(MisbehaveTest, Crashes) {
  ConnectorEnd end = Run("segfault");
  EXPECT_EQ(end.outcome, Outcome::kCrashed);
  EXPECT_THAT(end.Text(), HasSubstr("the plugin crashed: Segmentation fault (signal 11)"));
  end = Run("abort");
  EXPECT_EQ(end.outcome, Outcome::kCrashed);
  EXPECT_THAT(end.Text(), HasSubstr("Aborted (signal 6)"));
  end = Run("exit");
  EXPECT_EQ(end.outcome, Outcome::kCrashed);
  EXPECT_THAT(end.Text(), HasSubstr("ended its process with exit code 3"));
}

TEST_F(MisbehaveTest, WhatCameBeforeACrashIsKept) {
  const ConnectorEnd end = Run("crash_after_page");
  EXPECT_EQ(end.outcome, Outcome::kCrashed);
  EXPECT_EQ(recorder_.pages, 1);
  EXPECT_EQ(recorder_.states[0], "one");
  EXPECT_EQ(end.last_output, "about to crash\n");
}

TEST_F(MisbehaveTest, EndlessLoopsStall) {
  ConnectorProcessOptions options = Mode("loop");
  options.stall_timeout = absl::Milliseconds(300);
  const ConnectorEnd end = ConnectorProcess(options).Read(std::nullopt, &recorder_);
  EXPECT_EQ(end.outcome, Outcome::kStalled);
  EXPECT_THAT(end.Text(), HasSubstr("gave no sign of life for 300ms"));
}

TEST_F(MisbehaveTest, LifeWithoutRecordsIsNotEnough) {
  ConnectorProcessOptions options = Mode("poll_cancel");
  options.idle_timeout = absl::Milliseconds(300);
  const ConnectorEnd end = ConnectorProcess(options).Read(std::nullopt, &recorder_);
  EXPECT_EQ(end.outcome, Outcome::kStalled);
  EXPECT_THAT(end.Text(), HasSubstr("read no records for 300ms, although it lives"));
}

TEST_F(MisbehaveTest, WhatAProcessUsedIsTold) {
  ConnectorProcessOptions options = Mode("loop");
  options.limits.cpu_seconds = 1;
  EXPECT_GE(ConnectorProcess(options).Read(std::nullopt, &recorder_).cpu_time, absl::Milliseconds(900));
  options = Options("lines");
  options.settings = {{"prefix", "x"}};
  const ConnectorEnd good = ConnectorProcess(options).Read(std::nullopt, &recorder_);
  ASSERT_TRUE(good.ok()) << good.Text();
  EXPECT_GT(good.peak_memory_bytes, 1U << 20U);
  EXPECT_LT(good.peak_memory_bytes, 512U << 20U);
}

TEST_F(MisbehaveTest, CpuTimeIsLimited) {
  ConnectorProcessOptions options = Mode("loop");
  options.limits.cpu_seconds = 1;
  const ConnectorEnd end = ConnectorProcess(options).Read(std::nullopt, &recorder_);
  EXPECT_EQ(end.outcome, Outcome::kCrashed);
  EXPECT_EQ(end.code, PM_LIMIT);
  EXPECT_THAT(end.Text(), HasSubstr("used more than 1 seconds of CPU time"));
}

TEST_F(MisbehaveTest, APollingPluginIsAliveAndCanBeCancelled) {
  ConnectorProcessOptions options = Mode("poll_cancel");
  options.stall_timeout = absl::Milliseconds(1500);  // signs of life come every second
  ConnectorProcess process(options);
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    process.Cancel();
  });
  const ConnectorEnd end = process.Read(std::nullopt, &recorder_);
  canceller.join();
  EXPECT_EQ(end.outcome, Outcome::kCancelled) << end.Text();
}

TEST_F(MisbehaveTest, APluginThatIgnoresCancellationIsEnded) {
  ConnectorProcessOptions options = Mode("loop");
  options.cancel_grace = absl::Milliseconds(200);
  ConnectorProcess process(options);
  process.Cancel();
  const ConnectorEnd end = process.Read(std::nullopt, &recorder_);
  EXPECT_EQ(end.outcome, Outcome::kCancelled);
  EXPECT_THAT(end.Text(), HasSubstr("did not stop, was ended"));
}

TEST_F(MisbehaveTest, MemoryIsLimited) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers reserve more address space than any limit";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "sanitizers reserve more address space than any limit";
#endif
#endif
  ConnectorProcessOptions options = Mode("memory");
  options.limits.memory_bytes = 256U << 20U;
  const ConnectorEnd end = ConnectorProcess(options).Read(std::nullopt, &recorder_);
  EXPECT_EQ(end.outcome, Outcome::kFailed);
  EXPECT_EQ(end.Text(),
            "the plugin threw an exception: std::bad_alloc; it may use 256 MiB of memory (plugin_limits.memory_mb)");
}

TEST_F(MisbehaveTest, NonsenseOnTheChannel) {
  ConnectorEnd end = Run("garbage");
  EXPECT_EQ(end.outcome, Outcome::kCrashed);
  EXPECT_THAT(end.Text(), HasSubstr("sent nonsense: a frame claims 4294967295 bytes"));
  end = Run("lying_length");
  EXPECT_EQ(end.outcome, Outcome::kCrashed);
  EXPECT_THAT(end.Text(), HasSubstr("a page frame is truncated or malformed"));
}

TEST_F(MisbehaveTest, AClosedChannelEndsTheRun) {
  ConnectorProcessOptions options = Mode("close_channel");
  options.stall_timeout = absl::Milliseconds(500);
  const ConnectorEnd end = ConnectorProcess(options).Read(std::nullopt, &recorder_);
  EXPECT_FALSE(end.ok());
}

TEST_F(MisbehaveTest, APageThatIsTooLargeIsRefused) {
  const ConnectorEnd end = ConnectorProcess(Options("big_page")).Read(std::nullopt, &recorder_);
  EXPECT_EQ(end.code, PM_LIMIT);
  EXPECT_EQ(end.Text(), "commit: a page has more than 4194304 bytes or 65536 records; commit smaller pages");
}

TEST_F(MisbehaveTest, OnlyRegularFilesInsideTheFolder) {
  Write("a.txt", "x");
  std::filesystem::create_symlink("a.txt", folder_ + "/link.txt");
  EXPECT_TRUE(Run("open", "a.txt").ok());
  EXPECT_THAT(Run("open", "missing.txt").Text(), HasSubstr("missing.txt: missing.txt does not exist"));
  EXPECT_THAT(Run("open", "../x").Text(), HasSubstr("leads out of the connector's folder"));
  EXPECT_THAT(Run("open", "/etc/passwd").Text(), HasSubstr("leads out of the connector's folder"));
  EXPECT_THAT(Run("open", "link.txt").Text(), HasSubstr("symbolic link"));
}

TEST_F(MisbehaveTest, OpenFilesAreLimited) {
  Write("a.txt", "x");
  const ConnectorEnd end = Run("many_files", "a.txt");
  EXPECT_THAT(end.Text(), HasSubstr("too many files open")) << end.last_output;
}

TEST_F(MisbehaveTest, AFileThatChangesWhileItIsReadFailsTheRun) {
  Write("a.txt", "one\n");
  recorder_.on_page = [this] {
    std::ofstream(folder_ + "/a.txt", std::ios::app) << "two\n";
    return absl::OkStatus();
  };
  const ConnectorEnd end = Run("grow", "a.txt");
  EXPECT_EQ(end.code, PM_SOURCE);
  EXPECT_EQ(end.Text(), "a.txt: the file changed while it was read; run again once the export is written");
}

TEST_F(MisbehaveTest, SecretsAreBlankedEverywhere) {
  const std::string secret = "hunter2-hunter2";
  ConnectorProcessOptions options = Mode("secret", secret);
  options.secrets = {secret};
  const ConnectorEnd end = ConnectorProcess(options).Read(std::nullopt, &recorder_);
  EXPECT_EQ(end.Text(), "[secret]: error [secret]; [secret]");
  EXPECT_THAT(recorder_.log, HasSubstr("stderr [secret]\n"));
  EXPECT_THAT(recorder_.log, HasSubstr("log [secret]\n"));
  EXPECT_EQ(recorder_.problems[0].message, "[secret]");
  EXPECT_EQ(end.last_output.find(secret), std::string::npos);
}

TEST_F(MisbehaveTest, NothingOfTheServersIsInherited) {
  ASSERT_EQ(::setenv("PM_TEST_SECRET", "value", 1), 0);
  EXPECT_TRUE(Run("environment", "PM_TEST_SECRET").ok());
  EXPECT_EQ(recorder_.log, "not set\n");
  const int leaked = ::dup(0);  // without close-on-exec
  recorder_.log.clear();
  EXPECT_TRUE(Run("descriptors").ok());
  EXPECT_EQ(recorder_.log, "0 1 2 3 \n");
  ::close(leaked);
}

TEST_F(MisbehaveTest, WhatReadingFilesDoesNotNeedIsTakenAway) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "sanitizers need what the filter takes away";
#endif
#endif
  for (const char* mode : {"socket", "fork", "kill"}) EXPECT_EQ(Run(mode).Text(), "") << mode;
  EXPECT_EQ(Run("write_file", folder_ + "/new.txt").Text(), "");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/new.txt"));
  EXPECT_TRUE(Run("thread").ok());
}

}  // namespace
}  // namespace partnermetrics::connectors
