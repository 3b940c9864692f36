// A configured connector instance, ready to run: defaults filled in, secrets resolved.
#ifndef PARTNERMETRICS_SERVER_SYNC_CONNECTOR_CONFIG_H_
#define PARTNERMETRICS_SERVER_SYNC_CONNECTOR_CONFIG_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace partnermetrics {

struct ConnectorConfig {
  std::string name;       // of the instance: "salesforce"
  std::string plugin;     // "salesforce_export"
  std::string program;    // empty: the only one
  std::string source;     // that its events carry; empty: the name
  std::string directory;  // that it reads
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<std::string> secrets;  // values among the settings that no message may show
  int64_t max_rejected = 0;          // more rejected records fail a run; 0: no limit
  double max_rejected_share = 0;     // a greater share, after 1,000 records, fails a run; 0: no limit
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_CONNECTOR_CONFIG_H_
