// How far a run is, and up to which change earlier runs read each object.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_STATE_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_STATE_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "partnermetrics/status.h"

namespace partnermetrics::salesforce {

struct State {
  std::string fingerprint;  // of the settings
  // Newest change (microseconds since 1970) by object: known before this run, and seen in it.
  std::map<std::string, int64_t> since;
  std::map<std::string, int64_t> seen;
  std::set<std::string> incomplete;  // objects with rejected rows in this run
  std::string finished;              // fingerprint of the export that was read to its end

  // Where a run that was interrupted goes on; no object: at the start.
  std::string object;
  std::string files;  // fingerprint of the export
  uint64_t done = 0;  // rows, or groups of rows, of the object

  // True when an earlier run was interrupted in this very export; else what it had done of its files is forgotten.
  bool Resumes(const std::string& export_files);
  // Moves to an object; at its beginning unless the state stands in it.
  void MoveTo(const std::string& new_object);
  // The run has ended: what it saw is known to the next.
  void Finish();

  std::string Serialize() const;
  static sdk::Result<State> Parse(std::string_view text);
};

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_STATE_H_
