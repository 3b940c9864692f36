// Child processes of tests: every wait has a deadline, and none outlives the test.
//
//   CommandResult result = RunCommand({PartnerctlPath(), "--server", address, "status"});
//
// A child ends with the thread that started it: start children from the test's main thread.
#ifndef PARTNERMETRICS_TESTS_SUPPORT_CHILD_H_
#define PARTNERMETRICS_TESTS_SUPPORT_CHILD_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace partnermetrics {

// Starts a program with stdout and stderr appended to files. Aborts when there is no process to be had.
pid_t StartChild(const std::vector<std::string>& command, const std::string& stdout_file,
                 const std::string& stderr_file);

// The wait status of a child once it has ended; nothing when it still runs after `limit`.
std::optional<int> WaitForChild(pid_t child, absl::Duration limit);

struct CommandResult {
  int exit_code = -1;  // -1: ended by a signal or at the deadline
  std::string out;
  std::string err;
};

// Runs a program to its end; kills it after `limit`.
CommandResult RunCommand(const std::vector<std::string>& command, absl::Duration limit = absl::Seconds(60));

std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, const std::string& content);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SUPPORT_CHILD_H_
