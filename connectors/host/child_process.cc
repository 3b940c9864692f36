#include "connectors/host/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace partnermetrics::connectors {
namespace {

constexpr int kChildChannel = 3;

// The server's environment holds secrets; a plugin gets what loading a library needs.
std::vector<std::string> ChildEnvironment() {
  std::vector<std::string> environment = {"LANG=C.UTF-8", "PATH=/usr/bin:/bin"};
  for (const char* name : {"LD_LIBRARY_PATH", "TZDIR", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"}) {
    if (const char* value = std::getenv(name)) environment.push_back(absl::StrCat(name, "=", value));
  }
  return environment;
}

// Moves a descriptor out of the range that the child's own ones take.
Descriptor MoveUp(int fd) {
  const Descriptor low(fd);
  constexpr int kAboveStandard = 10;
  return Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, kAboveStandard));
}

struct SpawnPlan {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;

  SpawnPlan(int channel, int err) {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
    ::posix_spawn_file_actions_adddup2(&files, channel, kChildChannel);
    ::posix_spawn_file_actions_addclosefrom_np(&files, kChildChannel + 1);
    ::posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setpgroup(&attributes, 0);  // a Ctrl-C at the server's terminal is the server's to handle
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&attributes);
  }
};

}  // namespace

absl::StatusOr<ChildProcess> ChildProcess::Spawn(const std::string& binary, const std::string& plugin) {
  std::array<int, 2> sockets = {}, pipe = {};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets.data()) != 0) {
    return absl::ErrnoToStatus(errno, "making a socket pair");
  }
  Descriptor channel(sockets[0]);
  const Descriptor child_channel = MoveUp(sockets[1]);
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "making a pipe");
  Descriptor err(pipe[0]);
  const Descriptor child_err = MoveUp(pipe[1]);
  if (!child_channel.valid() || !child_err.valid()) return absl::ErrnoToStatus(errno, "moving a descriptor");

  SpawnPlan plan(child_channel.get(), child_err.get());
  std::vector<std::string> arguments = {binary, plugin};
  std::vector<std::string> environment = ChildEnvironment();
  std::vector<char*> argv, envp;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  for (std::string& variable : environment) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, binary.c_str(), &plan.files, &plan.attributes, argv.data(), envp.data());
  if (error != 0) return absl::ErrnoToStatus(error, absl::StrCat("starting ", binary));
  ChildProcess child(pid, std::move(channel), std::move(err), Descriptor());
  child.pidfd_ = Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!child.pidfd_.valid()) return absl::ErrnoToStatus(errno, "watching the plugin's process");
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      channel_(std::move(other.channel_)),
      stderr_(std::move(other.stderr_)),
      pidfd_(std::move(other.pidfd_)) {}

ChildProcess::~ChildProcess() {
  Kill();
  Wait();
}

ProcessUse ChildProcess::Use() const {
  ProcessUse use;
  if (pid_ == 0) return use;
  const std::string folder = absl::StrCat("/proc/", pid_);
  // Behind the name, which is in parentheses and may hold anything: state, ten numbers, and user and system time.
  std::string stat;
  std::getline(std::ifstream(folder + "/stat"), stat);
  std::istringstream fields(stat.substr(std::min(stat.size(), stat.rfind(')') + 1)));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  std::int64_t user = 0, system = 0;
  if (fields >> user >> system) use.cpu_time = absl::Seconds(user + system) / ::sysconf(_SC_CLK_TCK);
  std::ifstream status(folder + "/status");
  for (std::string word; status >> word;) {
    std::uint64_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) use.peak_memory_bytes = kilobytes << 10U;
  }
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder + "/fd", error), end; !error && file != end;
       file.increment(error)) {
    ++use.open_files;
  }
  return use;
}

void ChildProcess::Kill() {
  if (pid_ != 0) ::kill(-pid_, SIGKILL);  // the group: what it may have started too
}

ChildProcess::Ended ChildProcess::Wait() {
  Ended ended;
  if (pid_ == 0) return ended;
  rusage usage = {};
  while (::wait4(pid_, &ended.status, 0, &usage) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  ended.cpu_time = absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
  return ended;
}

}  // namespace partnermetrics::connectors
