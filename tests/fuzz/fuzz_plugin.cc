// A plugin's whole reading of a folder: it ends, every record is emitted, rejected or skipped, events can be parsed, a
// second reading states the same, and one from the last state reads nothing twice.
//
// The input is a folder as text: a line "=== NAME" begins each file, "=== settings" and "=== state" those two. Lines
// before the first name are settings too: "nps_column=Q1".
#include <map>
#include <string>

#include "partnermetrics/connector_abi.h"
#include "partnermetrics/v1/event.pb.h"
#include "tests/connectors/sdk/fake_host.h"
#include "tests/fuzz/require.h"

extern "C" const pm_connector partnermetrics_connector;

namespace partnermetrics {
namespace {

using sdk::FakeHost;

constexpr std::size_t kMostFiles = 8;

std::map<std::string, std::string> Unpack(const std::string& text) {
  std::map<std::string, std::string> files;
  std::string name = "settings";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    const std::string line = text.substr(at, end - at);
    at = end;
    if (line.rfind("=== ", 0) != 0) {
      files[name] += line;
    } else if (files.size() < kMostFiles) {
      name = line.substr(4, std::min<std::size_t>(line.find_last_not_of("\r\n") - 3, 200));
      name.erase(std::remove(name.begin(), name.end(), '\0'), name.end());
      if (name.empty()) name = "unnamed.csv";
      files[name];
    }
  }
  return files;
}

class Reading {
 public:
  Reading(const std::map<std::string, std::string>& files, const std::string& settings) : settings_(settings) {
    host_.files = files;
  }

  void AddFile(const std::string& name) { host_.files[name]; }

  // True when the whole folder could be read.
  bool Read(const std::string& state) {
    host_.pages.clear();
    std::map<std::string, std::string> values;
    for (std::size_t at = 0; at < settings_.size();) {
      const std::size_t end = std::min(settings_.find('\n', at), settings_.size());
      const std::string line = settings_.substr(at, end - at);
      at = end + 1;
      if (const std::size_t equals = line.find('='); equals != std::string::npos && line.find('\0') == line.npos) {
        values[line.substr(0, equals)] = line.substr(equals + 1);
      }
    }
    std::vector<pm_setting> list;
    for (const auto& [name, value] : values) list.push_back({name.c_str(), value.c_str()});
    pm_error error = {};
    error.struct_size = sizeof(error);
    void* instance = nullptr;
    std::int32_t code =
        partnermetrics_connector.open(host_.table(), list.data(), list.size(), sizeof(pm_setting), &instance, &error);
    if (code == PM_OK) {
      partnermetrics_connector.check(instance, &error);
      const pm_bytes bytes = {reinterpret_cast<const std::uint8_t*>(state.data()), state.size()};
      code = partnermetrics_connector.read(instance, state.empty() ? nullptr : &bytes, &error);
      partnermetrics_connector.close(instance);
    }
    REQUIRE(code != PM_INTERNAL);  // an exception of the plugin
    if (code != PM_OK) REQUIRE(error.message[0] != '\0');
    return code == PM_OK;
  }

  // What was stated and rejected, in a form that can be compared; a record that is passed over may be for another
  // reason the next time.
  std::string Records() const {
    std::string text;
    for (const FakeHost::Page& page : host_.pages) {
      for (const FakeHost::Record& record : page.records) {
        v1::EventBatch events;
        REQUIRE(events.ParseFromString(record.events));
        REQUIRE(record.reject.has_value() + record.skip.has_value() <= 1);
        REQUIRE((record.reject || record.skip) ? events.events_size() == 0 : events.events_size() > 0);
        for (const v1::Event& event : events.events()) {
          REQUIRE(event.fact_case() != v1::Event::FACT_NOT_SET);
          REQUIRE(event.revision() >= 0);
        }
        if (record.skip) continue;
        text.append(record.file).append(":").append(std::to_string(record.row)).append(record.events);
        text.append(record.reject.value_or("")).append("\n");
      }
    }
    return text;
  }
  std::string LastState() const { return host_.pages.empty() ? "" : host_.pages.back().state.value_or(""); }

 private:
  FakeHost host_;
  const std::string settings_;
};

}  // namespace
}  // namespace partnermetrics

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace partnermetrics;  // NOLINT: a function of C
  auto files = Unpack(std::string(reinterpret_cast<const char*>(data), size));
  const std::string settings = files["settings"], state = files["state"];
  files.erase("settings");
  files.erase("state");
  Reading first(files, settings), second(files, settings);
  const bool whole = first.Read("");
  REQUIRE(second.Read("") == whole);
  const std::string records = first.Records();
  REQUIRE(second.Records() == records);
  if (!state.empty()) second.Read(state);  // damaged states are refused
  if (!whole) return 0;
  REQUIRE(second.Read(first.LastState()) && second.Records().size() <= records.size());
  second.AddFile("later.bin");  // another export, of which most is known
  REQUIRE(second.Read(first.LastState()) && second.Records().size() <= records.size());
  return 0;
}
