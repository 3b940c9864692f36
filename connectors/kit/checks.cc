#include "connectors/kit/checks.h"

namespace partnermetrics::kit {

const std::vector<Check>& Checks() {
  static const std::vector<Check> checks = {
      {"describe", "describes itself: name, version, summary, settings, facts", &CheckDescription},
      {"settings", "names settings that are unknown, missing or wrong", &CheckSettings},
      {"check", "finds no fault in the recorded files", &CheckFolder},
      {"events", "states valid events of the kinds that it describes, each with its place", &CheckEvents},
      {"columns", "tells the columns of its source under names that stay", &CheckColumns},
      {"repeatable", "reads the same twice", &CheckRepeatable},
      {"resume", "goes on from every committed state with exactly the rest", &CheckResume},
      {"grown", "loses nothing when a file has grown since the last run", &CheckGrown},
      {"short_reads", "takes reads of a few bytes for what they are", &CheckShortReads},
      {"read_errors", "fails when a file cannot be read", &CheckReadErrors},
      {"truncation", "fails when a file is cut off", &CheckTruncation},
      {"bad_rows", "rejects malformed rows with place and reason, and goes on", &CheckBadRows},
      {"cancel", "stops at once when it is told to", &CheckCancel},
      {"sizes", "works with hosts that have other struct sizes", &CheckSizes},
      {"secrets", "shows no secret setting anywhere", &CheckSecrets},
      {"memory", "needs no more memory for a file that is 100 times longer", &CheckMemory},
  };
  return checks;
}

}  // namespace partnermetrics::kit
