// The configuration of a server: read, checked as a whole, and completed with its defaults.
//
//   ASSIGN_OR_RETURN(LoadedConfig loaded, LoadConfig("partnerd.textproto", {.listen = "127.0.0.1:0"}));
//
// INVALID_ARGUMENT lists every mistake on a line of its own: "partnerd.textproto:12:3: what is wrong; what to do".
// Nothing is opened or made. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_CONFIG_CONFIG_H_
#define PARTNERMETRICS_SERVER_CONFIG_CONFIG_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "partnermetrics/config/v1/server_config.pb.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/sync/connector_config.h"

namespace partnermetrics {

// What flags say; it goes before the file. Paths are relative to the working directory.
struct ConfigOverrides {
  std::optional<std::string> listen = {};
  std::optional<std::string> data_dir = {};
  std::optional<std::string> port_file = {};
  std::optional<std::string> log_level = {};
};

struct LoadedConfig {
  config::v1::ServerConfig server;                // defaults filled in, paths absolute
  std::vector<log::v1::Definitions> definitions;  // of each programme; they compile
  std::vector<ConnectorConfig> connectors;        // settings resolved
  std::string host_binary;                        // partner-connector-host
  std::string pseudonym_key;                      // empty: of the data folder
  std::string path;                               // of the file, to read it again
  ConfigOverrides overrides;                      // likewise
};

absl::StatusOr<LoadedConfig> LoadConfig(const std::string& path, const ConfigOverrides& overrides = {});

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_CONFIG_CONFIG_H_
