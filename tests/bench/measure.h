// What benchmarks have in common: errors end them, and processes are looked at from outside.
//
//   Check(server.Start());
//   results.Add("memory", MemoryMb(server.pid(), "VmHWM"), "MiB");
#ifndef PARTNERMETRICS_TESTS_BENCH_MEASURE_H_
#define PARTNERMETRICS_TESTS_BENCH_MEASURE_H_

#include <sys/types.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
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

// CPU seconds that a process has used.
inline double CpuSeconds(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// CPU seconds that the machine has spent on anything.
inline double MachineCpuSeconds() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  double user = 0, nice = 0, system = 0, idle = 0, waiting = 0, interrupts = 0, soft_interrupts = 0;
  file >> cpu >> user >> nice >> system >> idle >> waiting >> interrupts >> soft_interrupts;
  return (user + nice + system + interrupts + soft_interrupts) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

}  // namespace partnermetrics::bench

#endif  // PARTNERMETRICS_TESTS_BENCH_MEASURE_H_
