// partnerctl: the command line of partnermetrics.
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "clients/cli/command_table.h"
#include "clients/cli/run.h"

namespace {

using partnermetrics::cli::Environment;

int TerminalWidth() {
  winsize size = {};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

Environment MakeEnvironment() {
  const bool on_terminal = isatty(STDOUT_FILENO) != 0;
  Environment environment;
  environment.in = &std::cin;
  environment.screen.out = &std::cout;
  environment.screen.err = &std::cerr;
  environment.screen.err_is_terminal = isatty(STDERR_FILENO) != 0;
  environment.screen.color = on_terminal && std::getenv("NO_COLOR") == nullptr;
  environment.screen.width = on_terminal ? TerminalWidth() : 0;
  environment.time.now = absl::Now();
  environment.time.today = absl::ToCivilDay(environment.time.now, absl::LocalTimeZone());
  return environment;
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return partnermetrics::cli::RunPartnerctl(partnermetrics::cli::Commands(),
                                            std::vector<std::string>(argv + 1, argv + argc), MakeEnvironment());
}
