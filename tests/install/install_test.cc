// `make install` into an empty folder: everything is there and works from there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/storage/temp_dir.h"
#include "tests/support/child.h"

namespace partnermetrics {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Installed once for all tests of this program.
class InstallTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new storage::TempDir();
    prefix_ = folder_->path() + "/usr";
    const CommandResult install = RunCommand({PM_CMAKE, "--install", PM_BINARY_DIR, "--prefix", prefix_});
    ASSERT_EQ(install.exit_code, 0) << install.out << install.err;
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string Installed(const std::string& path) { return prefix_ + "/" + path; }

  // Runs the command; its output.
  static std::string Run(const std::vector<std::string>& command) {
    const CommandResult result = RunCommand(command, absl::Minutes(4));
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return result.out;
  }

  static inline storage::TempDir* folder_ = nullptr;
  static inline std::string prefix_;
};

TEST_F(InstallTest, HasAllParts) {
  for (const char* path :
       {"bin/partnerd", "bin/partnerctl", "bin/partner-connector-host", "bin/partner-connector-test",
        "bin/partner-connector-new", "lib/partnermetrics/connectors/salesforce_export.so",
        "lib/partnermetrics/connectors/stripe_billing.so", "lib/partnermetrics/connectors/nps_survey.so",
        "lib/partnermetrics/connectors/table.so", "share/partnermetrics/definitions/programs/partneros.textproto",
        "share/partnermetrics/proto/partnermetrics/v1/connector_service.proto",
        "share/partnermetrics/proto/google/rpc/status.proto", "share/partnermetrics/examples/partnerd.textproto",
        "etc/partnermetrics/partnerd.textproto", "lib/systemd/system/partnerd.service",
        "share/bash-completion/completions/partnerctl", "share/zsh/site-functions/_partnerctl",
        "share/doc/partnermetrics/operating.md", "lib/cmake/partnermetrics/partnermetricsConfig.cmake"}) {
    EXPECT_TRUE(fs::exists(Installed(path))) << path;
  }
}

TEST_F(InstallTest, TheUnitStartsTheInstalledServerWithTheInstalledConfiguration) {
  const std::string unit = ReadFile(Installed("lib/systemd/system/partnerd.service"));
  EXPECT_THAT(unit, HasSubstr(absl::StrCat("ExecStart=", prefix_, "/bin/partnerd --config ", prefix_,
                                           "/etc/partnermetrics/partnerd.textproto\n")));
  Run({Installed("bin/partnerd"), "--config", Installed("etc/partnermetrics/partnerd.textproto"), "--check-config"});
}

TEST_F(InstallTest, AConfigurationThatIsThereStays) {
  const std::string config = Installed("etc/partnermetrics/partnerd.textproto"), before = ReadFile(config);
  WriteFile(config, "mine");
  Run({PM_CMAKE, "--install", PM_BINARY_DIR, "--prefix", prefix_});
  EXPECT_EQ(ReadFile(config), "mine");
  EXPECT_EQ(ReadFile(Installed("share/partnermetrics/examples/partnerd.textproto")), before);
  WriteFile(config, before);
}

TEST_F(InstallTest, AnotherProjectFindsThePackageAndCallsTheInstalledServer) {
  const std::string build = folder_->path() + "/client", port_file = folder_->path() + "/port";
  Run({PM_CMAKE, "-S", PM_SOURCE_DIR "/tests/install/client", "-B", build, "-G", PM_GENERATOR,
       "-DCMAKE_PREFIX_PATH=" + prefix_, "-DCMAKE_CXX_COMPILER=" PM_CXX});
  Run({PM_CMAKE, "--build", build});

  const std::string log = folder_->path() + "/log";
  const pid_t server =
      StartChild({Installed("bin/partnerd"), "--config", Installed("etc/partnermetrics/partnerd.textproto"), "--listen",
                  "127.0.0.1:0", "--data-dir", folder_->path() + "/data", "--port-file", port_file},
                 log, log);
  std::string port;
  while ((port = ReadFile(port_file)).empty()) {
    ASSERT_FALSE(WaitForChild(server, absl::Milliseconds(5)).has_value()) << ReadFile(log);
  }
  const std::string address = absl::StrCat("127.0.0.1:", absl::StripSuffix(port, "\n"));
  EXPECT_EQ(Run({build + "/client", address}), PM_VERSION " partneros\n");
  EXPECT_THAT(Run({Installed("bin/partnerctl"), "--server", address, "connector", "describe", "stripe"}),
              HasSubstr("stripe_billing"));
  kill(server, SIGTERM);
  EXPECT_EQ(WaitForChild(server, absl::Seconds(30)), 0);
}

}  // namespace
}  // namespace partnermetrics
