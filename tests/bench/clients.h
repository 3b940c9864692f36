// The clients that load the server: streams of events, and threads that read scorecards.
#ifndef PARTNERMETRICS_TESTS_BENCH_CLIENTS_H_
#define PARTNERMETRICS_TESTS_BENCH_CLIENTS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/load.h"

namespace partnermetrics::bench {

// Durations of calls, in microseconds.
class Latencies {
 public:
  void Add(absl::Duration duration) { micros_.push_back(absl::ToDoubleMicroseconds(duration)); }
  void Add(const Latencies& other) { micros_.insert(micros_.end(), other.micros_.begin(), other.micros_.end()); }
  // The value that a share of the calls (0.5: half) does not exceed.
  double Percentile(double share) const;
  size_t size() const { return micros_.size(); }

 private:
  std::vector<double> micros_;
};

struct SendResult {
  absl::Duration elapsed;   // from the first request to the last acknowledgement
  int64_t applied = 0;      // events
  int64_t not_applied = 0;  // events of other outcomes
  Latencies batches;        // from a request's writing to its acknowledgement
};

// Sends a load, each stream on a connection of its own, and waits until all of it is acknowledged. Ends the program on
// an error.
SendResult Send(const std::string& address, const Load& load);

struct ReadResult {
  absl::Duration elapsed;
  Latencies calls;
  double cpu_seconds = 0;  // of this process
};

struct ReadLoad {
  int clients = 1;
  int partners = 1;
  int year = 2025;              // as of 30 June; the load's deals end in 2025
  double calls_per_second = 0;  // of all clients together; 0: each asks as soon as it is answered
};

// Reads scorecards, each client in a thread and on a connection of its own, until `stop` says so; asked between calls.
// Every one is a first look: of a partner, or when all have been looked at, of the day before. Answers are taken as
// they come over the wire, and few are decoded: it is the server that is measured. Calls that are to begin at a time
// count from then, whatever keeps the client from it.
ReadResult ReadScorecards(const std::string& address, const ReadLoad& load, const std::function<bool()>& stop);

}  // namespace partnermetrics::bench

#endif  // PARTNERMETRICS_TESTS_BENCH_CLIENTS_H_
