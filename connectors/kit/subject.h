// The plugin under test with its settings and files, and how the checks run it.
#ifndef PARTNERMETRICS_CONNECTORS_KIT_SUBJECT_H_
#define PARTNERMETRICS_CONNECTORS_KIT_SUBJECT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "connectors/host/loader.h"
#include "connectors/kit/feed.h"
#include "connectors/kit/kit_host.h"
#include "partnermetrics/v1/connector.pb.h"

namespace partnermetrics::kit {

using Settings = std::map<std::string, std::string>;

struct Subject {
  std::string plugin;  // file of the library
  Settings settings;
  Feed feed;
};

// How a call of the plugin ended.
struct Outcome {
  std::int32_t code = PM_OK;
  std::string where, message, remedy;
  bool error_overrun = false;  // it wrote behind the error's struct_size

  // "Account.csv:17: the date is empty (PM_SOURCE)".
  std::string Text() const;
};

enum class Step { kOpen, kCheck, kRead };

// Opens an instance, checks or reads, and closes it.
Outcome RunPlugin(const pm_connector& plugin, KitHost* host, const Settings& settings, Step step,
                  const std::optional<std::string>& state = std::nullopt, bool odd_sizes = false);

// The plugin's description; the error says why it is none.
absl::StatusOr<v1::ConnectorDescription> ParseDescription(const pm_connector& plugin);

}  // namespace partnermetrics::kit

#endif  // PARTNERMETRICS_CONNECTORS_KIT_SUBJECT_H_
