// partner-connector-host PLUGIN.so: runs one plugin for partnerd, which starts it with a socket on descriptor 3. One
// command per process: it confines itself, loads the plugin, describes, checks or reads, says how it ended, and exits.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "connectors/host/channel.h"
#include "connectors/host/confine.h"
#include "connectors/host/loader.h"
#include "connectors/host/remote_host.h"

namespace partnermetrics::connectors {
namespace {

constexpr int kChannel = 3;
constexpr char kChangedRemedy[] = "run again once the export is written";

Done ToDone(std::int32_t code, const pm_error& error) {
  if (code == PM_OK) return {};
  return {code, error.where, error.message, error.remedy};
}

pm_error NewError() {
  pm_error error = {};
  error.struct_size = sizeof(error);
  return error;
}

std::vector<pm_setting> ToSettings(const Start& start) {
  std::vector<pm_setting> settings;
  for (const auto& [name, value] : start.settings) settings.push_back({name.c_str(), value.c_str()});
  return settings;
}

Done RunInstance(const pm_connector& plugin, const Start& start, RemoteHost* host, void* instance) {
  pm_error error = NewError();
  std::int32_t code = PM_OK;
  if (start.command == Command::kCheck) {
    code = plugin.check(instance, &error);
  } else {
    pm_bytes state = {};
    if (start.state) state = {reinterpret_cast<const std::uint8_t*>(start.state->data()), start.state->size()};
    code = plugin.read(instance, start.state ? &state : nullptr, &error);
  }
  host->ReportBytesRead();
  const std::string changed = host->ChangedFile();
  if (code == PM_OK && !changed.empty()) {
    return {PM_SOURCE, changed, "the file changed while it was read", kChangedRemedy};
  }
  return ToDone(code, error);
}

Done Run(const std::string& path, const Start& start, Channel* channel) {
  if (const absl::Status status = ConfineProcess(start.limits); !status.ok()) {
    return {PM_INTERNAL, path, std::string(status.message()), ""};
  }
  const absl::StatusOr<LoadedConnector> loaded = LoadedConnector::Load(path);
  if (!loaded.ok()) return {PM_UNSUPPORTED, path, std::string(loaded.status().message()), ""};
  const pm_connector& plugin = loaded->table();
  const pm_bytes json = plugin.describe();
  channel->Send(Encode(Hello{plugin.name, plugin.version, plugin.built_with,
                             std::string(reinterpret_cast<const char*>(json.data), json.size)}));
  if (start.command == Command::kDescribe) return {};

  RemoteHost host(channel);
  const std::vector<pm_setting> settings = ToSettings(start);
  void* instance = nullptr;
  pm_error error = NewError();
  const std::int32_t code =
      plugin.open(host.table(), settings.data(), settings.size(), sizeof(pm_setting), &instance, &error);
  if (code != PM_OK) return ToDone(code, error);
  Done done = RunInstance(plugin, start, &host, instance);
  plugin.close(instance);
  return done;
}

// Most memory that this process had. getrusage would count the server's, which it was forked from.
std::uint64_t PeakMemory() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    std::uint64_t kilobytes = 0;
    if (word == "VmHWM:" && status >> kilobytes) return kilobytes << 10U;
  }
  return 0;
}

int Main(int argc, char** argv) {
  if (argc != 2 || ::fcntl(kChannel, F_SETFD, FD_CLOEXEC) != 0) {
    std::fprintf(stderr,
                 "usage: partner-connector-host PLUGIN.so\n"
                 "partnerd starts this program with a socket on descriptor 3; it is not meant to be run by hand.\n"
                 "To try a plugin: partnerctl connector check, or partner-connector-test.\n");
    return 2;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  Channel channel(kChannel);
  const absl::StatusOr<Start> start = DecodeStart(channel.Await(FrameType::kStart));
  if (!start.ok()) {
    std::fprintf(stderr, "partner-connector-host: %s\n", std::string(start.status().message()).c_str());
    return 2;
  }
  Done done = Run(argv[1], *start, &channel);
  done.peak_memory_bytes = PeakMemory();
  channel.Send(Encode(done));
  // Everything is said; what the plugin left running must not delay the end.
  std::fflush(stderr);
  ::_exit(0);
}

}  // namespace
}  // namespace partnermetrics::connectors

int main(int argc, char** argv) {
  return partnermetrics::connectors::Main(argc, argv);
}
