// A configured connector instance, ready to run: defaults filled in, secrets resolved.
#ifndef PARTNERMETRICS_SERVER_SYNC_CONNECTOR_CONFIG_H_
#define PARTNERMETRICS_SERVER_SYNC_CONNECTOR_CONFIG_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/sync/schedule.h"

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
  Schedule schedule;                 // of its own runs
  bool watch = false;                // it runs when files were added or changed
  int max_failures = 5;              // in a row, until it no longer runs by itself
  bool delete_missing = false;       // full runs delete the facts of complete kinds that they did not state …
  double max_vanished_share = 0.1;   // … unless these are a greater share
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_CONNECTOR_CONFIG_H_
