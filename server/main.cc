// partnerd: reads its configuration, starts the server and stops it on SIGTERM or Ctrl-C.
#include <pthread.h>
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdlib>
#include <future>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/errors.h"
#include "server/config/config.h"
#include "server/services/server.h"
#include "storage/backup_folder.h"

// Read by jemalloc when the process starts: much of the state lies in memory, and huge pages save a tenth of the CPU.
// What is freed under load is soon needed again: it stays for half a minute before the kernel gets it back, who clears
// each page before it gives it out anew. Few arenas, however many processors: threads come and go, and what one left
// free in its arena another cannot use (a third more memory with eight).
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf = "narenas:4,thp:always,oversize_threshold:0,dirty_decay_ms:30000,background_thread:true";
}

namespace partnermetrics {
namespace {

enum ExitCode { kDone = 0, kFailed = 1, kBadUsage = 2 };

struct Flags {
  std::string config;
  ConfigOverrides overrides;
  bool check_config = false;
  std::string restore;  // folder of backups
  uint64_t backup = 0;  // 0: the newest
};

void SetUpLog() {
  auto logger = spdlog::stderr_color_mt("partnerd");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
  spdlog::set_default_logger(std::move(logger));
}

// Blocked in every thread, so that sigwait takes them; threads inherit it from this one.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void Report(const absl::Status& status) {
  std::string text(status.message());
  google::rpc::Status details;
  details.ParseFromString(ErrorDetails(status));
  google::rpc::ErrorInfo info;
  for (const auto& detail : details.details()) {
    if (detail.UnpackTo(&info) && info.metadata().contains("remedy")) text += "; " + info.metadata().at("remedy");
  }
  spdlog::error("{}", text);
}

// Waits for a signal to stop. While the server starts there is nothing to stop: a replay that is cut off begins anew.
class StopSignal {
 public:
  explicit StopSignal(sigset_t signals) {
    std::thread([this, signals] {
      int signal = 0;
      sigwait(&signals, &signal);
      if (!started_) {
        spdlog::info("stopped while starting");
        std::_Exit(kDone);
      }
      received_.set_value();
    }).detach();
  }

  void WaitFor() {
    started_ = true;
    received_.get_future().wait();
  }

 private:
  std::atomic<bool> started_ = false;
  std::promise<void> received_;
};

int Serve(LoadedConfig config) {
  spdlog::set_level(spdlog::level::from_str(config.server.log_level()));
  static StopSignal stop_signal(BlockStopSignals());
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(std::move(config), absl::Now);
  if (!server.ok()) {
    Report(server.status());
    return kFailed;
  }
  stop_signal.WaitFor();
  spdlog::info("stopping");
  if (absl::Status stopped = (*server)->Stop(); !stopped.ok()) {
    Report(stopped);
    return kFailed;
  }
  spdlog::info("stopped");
  return kDone;
}

// Fills the data folder from a backup; the next start serves it.
int Restore(const Flags& flags) {
  if (!flags.overrides.data_dir.has_value()) {
    std::cerr << "--restore needs --data-dir: an empty folder, or the name of a new one\n";
    return kBadUsage;
  }
  const absl::StatusOr<storage::Backup> backup =
      storage::RestoreBackup(flags.restore, flags.backup, *flags.overrides.data_dir);
  if (!backup.ok()) {
    Report(backup.status());
    return kFailed;
  }
  std::cout << "restored backup " << backup->number << " of "
            << absl::FormatTime(absl::FromUnixMicros(backup->created_at_us)) << " into " << *flags.overrides.data_dir
            << "\n";
  for (const auto& [program, position] : backup->positions) std::cout << program << " up to " << position << "\n";
  return kDone;
}

int Main(const Flags& flags) {
  SetUpLog();
  if (!flags.restore.empty()) return Restore(flags);
  if (flags.config.empty()) {
    std::cerr << "--config is required (see config/partnerd.textproto)\n";
    return kBadUsage;
  }
  absl::StatusOr<LoadedConfig> config = LoadConfig(flags.config, flags.overrides);
  if (!config.ok()) {
    std::cerr << config.status().message() << "\n";
    return kBadUsage;
  }
  if (flags.check_config) {
    std::cout << flags.config << ": no mistake found\n";
    return kDone;
  }
  return Serve(*std::move(config));
}

}  // namespace
}  // namespace partnermetrics

int main(int argc, char** argv) {
  partnermetrics::Flags flags;
  CLI::App app{"partnerd: the server of partnermetrics. Exact, explainable numbers about business partners."};
  app.set_version_flag("--version", "partnerd " PARTNERMETRICS_VERSION);
  app.add_option("--config", flags.config, "Configuration file (see config/partnerd.textproto); required to serve");
  app.add_option("--listen", flags.overrides.listen,
                 "Address and port, instead of the file's; port 0 takes a free one");
  app.add_option("--data-dir", flags.overrides.data_dir, "Folder of log and state, instead of the file's");
  app.add_option("--port-file", flags.overrides.port_file, "Where to write the bound port once the server is ready");
  app.add_option("--log-level", flags.overrides.log_level, "debug, info, warning or error");
  CLI::Option* restore = app.add_option("--restore", flags.restore,
                                        "Only restore a backup of this folder into --data-dir, which must be empty");
  app.add_option("--backup", flags.backup, "Number of the backup to restore; the newest without it")->needs(restore);
  app.add_flag("--check-config", flags.check_config,
               "Only check the configuration: exit code 0, or 2 with its mistakes");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return partnermetrics::Main(flags);
}
