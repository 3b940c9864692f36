// The table that PARTNERMETRICS_CONNECTOR exports, called as a host calls it.
#include <new>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "partnermetrics/connector.h"
#include "tests/connectors/sdk/fake_host.h"

namespace {

namespace sdk = partnermetrics::sdk;

class Sample : public sdk::Connector {
 public:
  static constexpr char kName[] = "sample";
  static constexpr char kVersion[] = "0.1.0";
  static Description Describe() {
    return {.summary = "Says \"hello\"\n.",
            .settings = {{.name = "file", .description = "A file.", .required = true},
                         {.name = "flag", .description = "A flag.", .secret = true, .default_value = "false"}},
            .fact_kinds = {"deal", "lead"}};
  }

  Status Open(const Settings& settings) override {
    file_ = settings.Get("file");
    PM_ASSIGN_OR_RETURN(flag_, settings.GetBool("flag", true));
    return {};
  }
  Status Check(Reader& reader, Reporter& reporter) override { throw std::bad_alloc(); }
  Status Read(std::string_view state, Reader& reader, Sink& sink) override {
    PM_ASSIGN_OR_RETURN(const std::unique_ptr<sdk::ByteSource> file, reader.Open(file_));
    std::string text(file->size(), '\0');
    PM_ASSIGN_OR_RETURN(const std::size_t got, file->ReadAt(0, text.data(), text.size()));
    return sink.Reject({file_, 1, 0}, text.substr(0, got), flag_ ? "flag" : "", "reason", std::string(state));
  }

 private:
  std::string file_;
  bool flag_ = false;
};

}  // namespace

PARTNERMETRICS_CONNECTOR(Sample)

namespace {

class WrapperTest : public testing::Test {
 protected:
  void SetUp() override { error_.struct_size = sizeof(error_); }
  void TearDown() override {
    if (instance_ != nullptr) partnermetrics_connector.close(instance_);
  }
  std::int32_t Open(std::vector<pm_setting> settings) {
    return partnermetrics_connector.open(host_.table(), settings.data(), settings.size(), sizeof(pm_setting),
                                         &instance_, &error_);
  }

  sdk::FakeHost host_;
  void* instance_ = nullptr;
  pm_error error_ = {};
};

TEST_F(WrapperTest, TheTableIsComplete) {
  EXPECT_EQ(partnermetrics_connector.magic, PM_MAGIC);
  EXPECT_EQ(partnermetrics_connector.abi_version, PM_ABI_VERSION);
  EXPECT_EQ(partnermetrics_connector.struct_size, sizeof(pm_connector));
  EXPECT_STREQ(partnermetrics_connector.name, "sample");
}

TEST_F(WrapperTest, DescribesItselfInJson) {
  const pm_bytes json = partnermetrics_connector.describe();
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(json.data), json.size),
            R"({"name":"sample","version":"0.1.0","summary":"Says \"hello\"\u000a.","settings":[)"
            R"({"name":"file","description":"A file.","required":true},)"
            R"({"name":"flag","description":"A flag.","secret":true,"defaultValue":"false"}],)"
            R"("factKinds":["deal","lead"],"deleteModel":"DELETE_MODEL_NONE"})");
}

TEST_F(WrapperTest, ReadsAFileWithDefaultsAndState) {
  host_.files["a.txt"] = "content";
  ASSERT_EQ(Open({{"file", "a.txt"}}), PM_OK);
  const pm_bytes state = {reinterpret_cast<const std::uint8_t*>("from"), 4};
  ASSERT_EQ(partnermetrics_connector.read(instance_, &state, &error_), PM_OK) << error_.message;
  ASSERT_EQ(host_.pages.size(), 1U);
  EXPECT_EQ(host_.pages[0].records[0].raw, "content");
  EXPECT_EQ(host_.pages[0].records[0].message, "from");
  EXPECT_EQ(host_.pages[0].records[0].field, std::nullopt);
}

TEST_F(WrapperTest, ErrorsOfTheHostReachTheHost) {
  ASSERT_EQ(Open({{"file", "missing.txt"}}), PM_OK);
  EXPECT_EQ(partnermetrics_connector.read(instance_, nullptr, &error_), PM_SOURCE);
  EXPECT_STREQ(error_.where, "missing.txt");
  EXPECT_STREQ(error_.message, "does not exist");
}

TEST_F(WrapperTest, WrongSettingsLeaveNoInstance) {
  EXPECT_EQ(Open({}), PM_BAD_SETTING);
  EXPECT_STREQ(error_.where, "file");
  EXPECT_EQ(Open({{"file", "a"}, {"flag", "maybe"}}), PM_BAD_SETTING);
  EXPECT_STREQ(error_.where, "flag");
  EXPECT_EQ(instance_, nullptr);
}

TEST_F(WrapperTest, ExceptionsBecomeErrors) {
  ASSERT_EQ(Open({{"file", "a"}}), PM_OK);
  EXPECT_EQ(partnermetrics_connector.check(instance_, &error_), PM_INTERNAL);
  EXPECT_STREQ(error_.message, "the plugin threw an exception: std::bad_alloc");
}

// A host that is older than this SDK knows fewer members of pm_error.
TEST_F(WrapperTest, OnlyMembersThatTheHostHasAreWritten) {
  error_.struct_size = offsetof(pm_error, message);
  EXPECT_EQ(Open({}), PM_BAD_SETTING);
  EXPECT_STREQ(error_.where, "file");
  EXPECT_STREQ(error_.message, "");
}

// Settings of a newer host have more members.
TEST_F(WrapperTest, SettingsMayBeLargerThanKnown) {
  struct Larger {
    pm_setting known;
    std::uint64_t later;
  };
  host_.files["a.txt"] = "content";
  const Larger settings[] = {{{"flag", "true"}, 1}, {{"file", "a.txt"}, 2}};
  ASSERT_EQ(partnermetrics_connector.open(host_.table(), &settings[0].known, 2, sizeof(Larger), &instance_, &error_),
            PM_OK);
}

}  // namespace
