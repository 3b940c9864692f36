#include "connectors/kit/subject.h"

#include <cstddef>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"

namespace partnermetrics::kit {
namespace {

constexpr char kCanary = 0x5A;

// A setting of a newer host, with a member that this header does not know.
struct NewerSetting {
  pm_setting setting;
  const char* unknown = "of_a_newer_host";
};

const char* CodeName(std::int32_t code) {
  constexpr const char* kNames[] = {"PM_OK",     "PM_END",   "PM_CANCELLED", "PM_BAD_SETTING", "PM_BAD_STATE",
                                    "PM_SOURCE", "PM_RETRY", "PM_LIMIT",     "PM_UNSUPPORTED", "PM_INTERNAL"};
  return code >= 0 && code < 10 ? kNames[code] : "an unknown code";
}

// An error of an older host ends before `remedy`; the bytes behind it are not the plugin's.
class ErrorBuffer {
 public:
  explicit ErrorBuffer(bool older) : older_(older) {
    std::memset(&error_, 0, sizeof(error_));
    error_.struct_size = older ? offsetof(pm_error, remedy) : sizeof(error_);
    if (older) std::memset(error_.remedy, kCanary, sizeof(error_.remedy));
  }
  pm_error* get() { return &error_; }

  Outcome Take(std::int32_t code) const {
    Outcome outcome{code, error_.where, error_.message, "", false};
    if (!older_) outcome.remedy = error_.remedy;
    for (const char c : error_.remedy) outcome.error_overrun = outcome.error_overrun || (older_ && c != kCanary);
    return outcome;
  }

 private:
  pm_error error_;
  bool older_;
};

}  // namespace

std::string Outcome::Text() const {
  return absl::StrCat(where, where.empty() ? "" : ": ", message, " (", CodeName(code), ")");
}

Outcome RunPlugin(const pm_connector& plugin, KitHost* host, const Settings& settings, Step step,
                  const std::optional<std::string>& state, bool odd_sizes) {
  std::vector<pm_setting> plain;
  std::vector<NewerSetting> newer;
  for (const auto& [name, value] : settings) {
    plain.push_back({name.c_str(), value.c_str()});
    newer.push_back({{name.c_str(), value.c_str()}});
  }
  const pm_setting* list = odd_sizes && !newer.empty() ? &newer.front().setting : plain.data();
  ErrorBuffer error(odd_sizes);
  void* instance = nullptr;
  std::int32_t code = plugin.open(host->table(), list, settings.size(),
                                  odd_sizes ? sizeof(NewerSetting) : sizeof(pm_setting), &instance, error.get());
  if (code != PM_OK || step == Step::kOpen) {
    if (code == PM_OK) plugin.close(instance);
    return error.Take(code);
  }
  if (step == Step::kCheck) {
    code = plugin.check(instance, error.get());
  } else {
    pm_bytes bytes = {};
    if (state) bytes = {reinterpret_cast<const std::uint8_t*>(state->data()), state->size()};
    code = plugin.read(instance, state ? &bytes : nullptr, error.get());
  }
  plugin.close(instance);
  return error.Take(code);
}

absl::StatusOr<v1::ConnectorDescription> ParseDescription(const pm_connector& plugin) {
  const pm_bytes json = plugin.describe();
  v1::ConnectorDescription description;
  const std::string text(reinterpret_cast<const char*>(json.data), json.size);
  const auto status = google::protobuf::util::JsonStringToMessage(text, &description);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("describe gives no ConnectorDescription in JSON: ",
                     absl::string_view(status.message().data(), status.message().size())));
  }
  return description;
}

}  // namespace partnermetrics::kit
