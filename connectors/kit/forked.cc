#include "connectors/kit/forked.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace partnermetrics::kit {
namespace {

struct Pipe {
  int read_end = -1, write_end = -1;
};

Pipe MakePipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) ::abort();  // no descriptor is left: nothing of the kit can work
  return {ends[0], ends[1]};
}

void WriteAll(int descriptor, const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t done = ::write(descriptor, text.data() + at, text.size() - at);
    if (done <= 0 && errno != EINTR) return;
    if (done > 0) at += static_cast<std::size_t>(done);
  }
}

[[noreturn]] void RunChild(const std::function<std::string()>& function, const Pipe& answer, const Pipe& output) {
  ::dup2(output.write_end, STDOUT_FILENO);
  ::dup2(output.write_end, STDERR_FILENO);
  WriteAll(answer.write_end, function());
  ::_exit(0);  // no destructors: they belong to the parent
}

// Reads both pipes until the child is gone; false when the time is over before.
bool Collect(const Pipe& answer, const Pipe& output, absl::Time deadline, ForkedResult* result) {
  std::array<pollfd, 2> polls = {{{answer.read_end, POLLIN, 0}, {output.read_end, POLLIN, 0}}};
  const std::array<std::string*, 2> texts = {&result->answer, &result->output};
  while (polls[0].fd >= 0 || polls[1].fd >= 0) {
    const std::int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left <= 0) return false;
    if (::poll(polls.data(), polls.size(), static_cast<int>(std::min<std::int64_t>(left, 1000))) < 0) continue;
    for (std::size_t i = 0; i < polls.size(); ++i) {
      if (polls[i].fd < 0 || polls[i].revents == 0) continue;
      std::array<char, 65536> bytes;
      const ssize_t got = ::read(polls[i].fd, bytes.data(), bytes.size());
      if (got > 0) texts[i]->append(bytes.data(), static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EINTR)) polls[i].fd = -1;
    }
  }
  return true;
}

}  // namespace

ForkedResult RunForked(absl::Duration limit, const std::function<std::string()>& function) {
  const Pipe answer = MakePipe(), output = MakePipe();
  ForkedResult result;
  const pid_t child = ::fork();
  if (child == 0) RunChild(function, answer, output);
  ::close(answer.write_end);
  ::close(output.write_end);
  const bool ended = child > 0 && Collect(answer, output, absl::Now() + limit, &result);
  int status = 0;
  if (child > 0 && !ended) ::kill(child, SIGKILL);
  if (child > 0) ::waitpid(child, &status, 0);
  ::close(answer.read_end);
  ::close(output.read_end);
  if (child < 0) {
    result.error = absl::StrCat("no process could be started: ", ::strerror(errno));
  } else if (!ended) {
    result.error = absl::StrCat("the plugin did not return within ", absl::FormatDuration(limit));
  } else if (WIFSIGNALED(status)) {
    result.error =
        absl::StrCat("the plugin crashed: ", ::strsignal(WTERMSIG(status)), " (signal ", WTERMSIG(status), ")");
  } else if (WEXITSTATUS(status) != 0 || result.answer.empty()) {
    result.error = absl::StrCat("the plugin ended its process with exit code ", WEXITSTATUS(status));
  }
  return result;
}

}  // namespace partnermetrics::kit
