// Decides which connectors are due to run by themselves: by their schedules, by new files in their folders, after the
// server's start to go on with a run, and after a failure, later each time, until they are suspended.
//
//   Scheduler scheduler;
//   scheduler.Add("crm", {schedule, zone, /*watch=*/true}, past, now);
//   for (const Scheduler::Due& due : scheduler.TakeDue(now, look)) …   // start it
//   scheduler.Ended("crm", outcome);
//
// Knows no clock and no thread: the caller tells the time and what happened. Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_SYNC_SCHEDULER_H_
#define PARTNERMETRICS_SERVER_SYNC_SCHEDULER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/sync/schedule.h"

namespace partnermetrics {

class Scheduler {
 public:
  struct Plan {
    Schedule schedule;
    absl::TimeZone zone;
    bool watch = false;
    int max_failures = 5;  // in a row; then it is suspended
  };

  // How a connector stands after its last runs.
  struct Past {
    bool interrupted = false;                    // its last run can be gone on with
    absl::Time last_end = absl::InfinitePast();  // InfinitePast: it never ran
    int failures = 0;                            // in a row
    std::string failed_build = {};               // SHA-256 of the plugin that failed last
  };

  struct Due {
    std::string connector;
    v1::RunTrigger trigger;
  };

  struct Status {
    std::string schedule;                      // "every 6h, watch"
    absl::Time next = absl::InfiniteFuture();  // as far as it is known
    int failures = 0;
    bool suspended = false;
  };

  // What the scheduler has to be told about a connector's surroundings.
  struct Surroundings {
    std::function<uint64_t(const std::string& connector)> folder;    // a hash of what is in the folder; 0: not readable
    std::function<std::string(const std::string& connector)> build;  // SHA-256 of the plugin; "": none
  };

  void Add(const std::string& connector, Plan plan, Past past, absl::Time now);

  // Those that are due, once each: until they have ended, or were refused, they are not due again.
  std::vector<Due> TakeDue(absl::Time now, const Surroundings& surroundings);

  // A run began, whoever asked for it.
  void Began(const std::string& connector);
  // A run ended. FAILED counts, CANCELLED and INTERRUPTED do not, everything else ends the row of failures.
  void Ended(const std::string& connector, v1::RunState state, absl::Time at, const std::string& build);
  // It could not be started just now; the next try is in a minute.
  void Refused(const std::string& connector, absl::Time now);
  // An admin lets it run by itself again.
  void Resume(const std::string& connector, absl::Time now);

  Status StatusOf(const std::string& connector) const;

 private:
  struct Entry {
    Plan plan;
    Past past;
    absl::Time added;
    absl::Time not_before = absl::InfinitePast();
    bool active = false;   // it runs, or was taken
    uint64_t handled = 0;  // what the folder held when it was last due for it
    uint64_t seen = 0;     // what it held at the last look
    absl::Time seen_at;    // since when
    absl::Time next_look = absl::InfinitePast();
  };

  bool Suspended(const Entry& entry) const;
  absl::Time NextOf(const Entry& entry) const;
  // Whether the folder holds something new that keeps still.
  bool FolderIsDue(Entry& entry, const std::string& connector, absl::Time now, const Surroundings& surroundings) const;

  std::map<std::string, Entry> entries_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_SCHEDULER_H_
