// The acceptance checks. Each runs in a process of its own (forked.h), loads the plugin there and says what is wrong.
#ifndef PARTNERMETRICS_CONNECTORS_KIT_CHECKS_H_
#define PARTNERMETRICS_CONNECTORS_KIT_CHECKS_H_

#include <string>
#include <vector>

#include "connectors/kit/subject.h"

namespace partnermetrics::kit {

struct Verdict {
  enum class Kind { kPassed, kFailed, kNotApplicable };
  Kind kind = Kind::kPassed;
  std::string text;  // what is wrong and what to do; why it does not apply
};

inline Verdict Failed(std::string text) {
  return {Verdict::Kind::kFailed, std::move(text)};
}
inline Verdict NotApplicable(std::string text) {
  return {Verdict::Kind::kNotApplicable, std::move(text)};
}

struct Check {
  const char* name;
  const char* promise;  // what a plugin that passes does
  Verdict (*run)(const Subject& subject, const pm_connector& plugin);
};

// All checks that work on a loaded plugin, in the order in which to fix things.
const std::vector<Check>& Checks();

// checks_form.cc: what a plugin says about itself and its settings.
Verdict CheckDescription(const Subject& subject, const pm_connector& plugin);
Verdict CheckSettings(const Subject& subject, const pm_connector& plugin);
Verdict CheckFolder(const Subject& subject, const pm_connector& plugin);
Verdict CheckEvents(const Subject& subject, const pm_connector& plugin);
Verdict CheckSizes(const Subject& subject, const pm_connector& plugin);
Verdict CheckColumns(const Subject& subject, const pm_connector& plugin);
Verdict CheckSecrets(const Subject& subject, const pm_connector& plugin);
// checks_reading.cc: what reading gives whatever happens.
Verdict CheckRepeatable(const Subject& subject, const pm_connector& plugin);
Verdict CheckResume(const Subject& subject, const pm_connector& plugin);
Verdict CheckGrown(const Subject& subject, const pm_connector& plugin);
Verdict CheckShortReads(const Subject& subject, const pm_connector& plugin);
Verdict CheckReadErrors(const Subject& subject, const pm_connector& plugin);
Verdict CheckTruncation(const Subject& subject, const pm_connector& plugin);
Verdict CheckBadRows(const Subject& subject, const pm_connector& plugin);
Verdict CheckCancel(const Subject& subject, const pm_connector& plugin);
Verdict CheckMemory(const Subject& subject, const pm_connector& plugin);

// Loads, reads and unloads twice; loads the plugin itself.
Verdict CheckUnload(const Subject& subject);

}  // namespace partnermetrics::kit

#endif  // PARTNERMETRICS_CONNECTORS_KIT_CHECKS_H_
