#include "tests/support/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "absl/time/clock.h"

namespace partnermetrics {
namespace {

// Between fork and exec of a program with threads only system calls are allowed.
[[noreturn]] void BecomeChild(pid_t parent, char* const* arguments, const char* stdout_file, const char* stderr_file) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND;
  const int in = open("/dev/null", O_RDONLY);
  const int out = open(stdout_file, kFlags, 0600);
  const int err = open(stderr_file, kFlags, 0600);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  for (const int file : {in, out, err}) {
    if (file > STDERR_FILENO) close(file);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() == parent) execv(arguments[0], arguments);
  _exit(127);
}

}  // namespace

pid_t StartChild(const std::vector<std::string>& command, const std::string& stdout_file,
                 const std::string& stderr_file) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) abort();
  if (child == 0) BecomeChild(parent, arguments.data(), stdout_file.c_str(), stderr_file.c_str());
  return child;
}

std::optional<int> WaitForChild(pid_t child, absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    if (absl::Now() >= deadline) return std::nullopt;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return status;
}

CommandResult RunCommand(const std::vector<std::string>& command, absl::Duration limit) {
  std::string folder = "/tmp/pm_command_XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) abort();
  const std::string out = folder + "/out", err = folder + "/err";
  const pid_t child = StartChild(command, out, err);
  std::optional<int> status = WaitForChild(child, limit);
  if (!status.has_value()) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  CommandResult result{status.has_value() && WIFEXITED(*status) ? WEXITSTATUS(*status) : -1, ReadFile(out),
                       ReadFile(err)};
  unlink(out.c_str());
  unlink(err.c_str());
  rmdir(folder.c_str());
  return result;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

void WriteFile(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << content;
  if (!file.flush()) abort();
}

}  // namespace partnermetrics
