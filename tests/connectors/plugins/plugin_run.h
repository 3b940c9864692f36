// Loads a built plugin into the test and runs it over files in memory, through the table that the host uses.
//
//   PluginRun run("salesforce_export");
//   run.AddFolder("salesforce/dataloader");       // of tests/data/samples
//   run.AddFile("Lead.csv", "\"Id\",…");
//   ASSERT_EQ(run.Read({{"file_map", "{…}"}}), PM_OK) << run.error();
//   for (const v1::Deal* deal : run.Facts(&v1::Event::has_deal, &v1::Event::deal)) …
#ifndef PARTNERMETRICS_TESTS_CONNECTORS_PLUGINS_PLUGIN_RUN_H_
#define PARTNERMETRICS_TESTS_CONNECTORS_PLUGINS_PLUGIN_RUN_H_

#include <dlfcn.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "partnermetrics/v1/event.pb.h"
#include "tests/connectors/sdk/fake_host.h"

namespace partnermetrics {

using SettingMap = std::map<std::string, std::string>;

class PluginRun {
 public:
  using Record = sdk::FakeHost::Record;

  explicit PluginRun(const std::string& plugin) {
    std::string path = std::string(PM_BINARY_DIR) + "/lib/partnermetrics/connectors/" + plugin + ".so";
    // Stays in memory until the end, so that a leak report can name its functions and see what its globals hold.
    library_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library_ == nullptr) throw std::runtime_error(dlerror());
    table_ = static_cast<const pm_connector*>(dlsym(library_, "partnermetrics_connector"));
  }
  ~PluginRun() { dlclose(library_); }
  PluginRun(const PluginRun&) = delete;
  PluginRun& operator=(const PluginRun&) = delete;

  void AddFile(const std::string& name, const std::string& content) { host_.files[name] = content; }
  void AddSample(const std::string& path, const std::string& name = "") {
    std::filesystem::path file = std::filesystem::path(PM_TEST_DATA) / "samples" / path;
    AddFile(name.empty() ? file.filename().string() : name, Content(file));
  }
  void AddFolder(const std::filesystem::path& folder) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.is_regular_file()) AddFile(entry.path().filename().string(), Content(entry.path()));
    }
  }
  static std::string Content(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path.string());
    std::stringstream content;
    content << in.rdbuf();
    return content.str();
  }

  int32_t Check(const SettingMap& settings = {}) {
    return Call(settings, [this](void* instance) { return table_->check(instance, &error_); });
  }
  // Reads from a state; empty: from the start. Records of earlier calls are forgotten.
  int32_t Read(const SettingMap& settings = {}, const std::string& state = "") {
    host_.pages.clear();
    host_.problems.clear();
    host_.complete.clear();
    host_.columns.clear();
    pm_bytes bytes = {reinterpret_cast<const uint8_t*>(state.data()), state.size()};
    int32_t code = Call(
        settings, [&](void* instance) { return table_->read(instance, state.empty() ? nullptr : &bytes, &error_); });
    Collect();
    return code;
  }

  std::string error() const { return std::string(error_.where) + ": " + error_.message; }
  std::string Description() const {
    pm_bytes text = table_->describe();
    return {reinterpret_cast<const char*>(text.data), text.size};
  }
  sdk::FakeHost& host() { return host_; }
  const std::vector<Record>& records() const { return records_; }
  const std::vector<v1::Event>& events() const { return events_; }
  std::string last_state() const {
    for (auto page = host_.pages.rbegin(); page != host_.pages.rend(); ++page) {
      if (page->state) return *page->state;
    }
    return "";
  }

  // The facts of one kind in the order they were stated, without deleted ones.
  template <typename Has, typename Get>
  auto Facts(Has has, Get get) const {
    std::vector<decltype(&(events_.front().*get)())> facts;
    for (const v1::Event& event : events_) {
      if ((event.*has)() && !event.deleted()) facts.push_back(&(event.*get)());
    }
    return facts;
  }
  // "file:row:field:reason" of every rejection.
  std::vector<std::string> Rejections() const {
    std::vector<std::string> texts;
    for (const Record& record : records_) {
      if (!record.reject) continue;
      texts.push_back(record.file + ":" + std::to_string(record.row) + ":" + record.field.value_or("") + ":" +
                      *record.reject);
    }
    return texts;
  }
  std::map<std::string, int> Skips() const {
    std::map<std::string, int> skips;
    for (const Record& record : records_) {
      if (record.skip) ++skips[*record.skip];
    }
    return skips;
  }
  bool HasProblem(const std::string& where, const std::string& text) const {
    for (const auto& problem : host_.problems) {
      if (problem.where == where && problem.message.find(text) != std::string::npos) return true;
    }
    return false;
  }

 private:
  template <typename Function>
  int32_t Call(const SettingMap& settings, Function function) {
    std::vector<pm_setting> list;
    for (const auto& [name, value] : settings) list.push_back({name.c_str(), value.c_str()});
    error_ = {};
    error_.struct_size = sizeof(error_);
    void* instance = nullptr;
    int32_t code = table_->open(host_.table(), list.data(), list.size(), sizeof(pm_setting), &instance, &error_);
    if (code != PM_OK) return code;
    code = function(instance);
    table_->close(instance);
    return code;
  }
  void Collect() {
    records_.clear();
    events_.clear();
    for (const auto& page : host_.pages) {
      for (const Record& record : page.records) {
        v1::EventBatch batch;
        if (!batch.ParseFromString(record.events)) throw std::runtime_error("a record's events cannot be parsed");
        for (v1::Event& event : *batch.mutable_events()) events_.push_back(std::move(event));
        records_.push_back(record);
      }
    }
  }

  void* library_ = nullptr;
  const pm_connector* table_ = nullptr;
  sdk::FakeHost host_;
  pm_error error_ = {};
  std::vector<Record> records_;
  std::vector<v1::Event> events_;
};

// Hundredths of a unit.
template <typename Value>
int64_t Cents(const Value& value) {
  return value.units() * 100 + value.nanos() / 10'000'000;
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_CONNECTORS_PLUGINS_PLUGIN_RUN_H_
