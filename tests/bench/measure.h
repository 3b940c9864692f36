// What benchmarks have in common: errors end them, and processes are looked at from outside.
//
//   Check(server.Start());
//   results.Add("memory", MemoryMb(server.pid(), "VmHWM"), "MiB");
#ifndef PARTNERMETRICS_TESTS_BENCH_MEASURE_H_
#define PARTNERMETRICS_TESTS_BENCH_MEASURE_H_

#include <sys/types.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "absl/status/status.h"

namespace partnermetrics::bench {

inline void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << status << std::endl;
  std::exit(1);
}

// Megabytes from a line of /proc/PID/status.
inline double MemoryMb(pid_t pid, const std::string& field) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(field + ":", 0) == 0) return std::stod(line.substr(field.size() + 1)) / 1024;
  }
  return 0;
}

}  // namespace partnermetrics::bench

#endif  // PARTNERMETRICS_TESTS_BENCH_MEASURE_H_
