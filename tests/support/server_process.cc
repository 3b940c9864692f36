#include "tests/support/server_process.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/protobuf/text_format.h"
#include "tests/support/child.h"

namespace partnermetrics {
namespace {

constexpr size_t kLogTail = 4'000;

}  // namespace

config::v1::ServerConfig TestConfig() {
  config::v1::ServerConfig config;
  config.add_program_files(PM_SOURCE_DIR "/server/catalog/definitions/programs/partneros.textproto");
  return config;
}

std::string PartnerdPath() {
  return PM_BINARY_DIR "/bin/partnerd";
}
std::string PartnerctlPath() {
  return PM_BINARY_DIR "/bin/partnerctl";
}

std::shared_ptr<grpc::Channel> ConnectTo(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

ServerProcess::ServerProcess(std::string folder, const config::v1::ServerConfig& config) : folder_(std::move(folder)) {
  config::v1::ServerConfig complete = config;
  complete.set_listen("127.0.0.1:0");
  complete.set_data_dir(data_dir());
  std::string text;
  google::protobuf::TextFormat::PrintToString(complete, &text);
  WriteFile(folder_ + "/config.textproto", text);
}

ServerProcess::~ServerProcess() {
  Kill();
}

absl::Status ServerProcess::Start(absl::Duration limit) {
  Spawn();
  return WaitUntilReady(limit);
}

void ServerProcess::Spawn() {
  Kill();
  unlink((folder_ + "/port").c_str());
  address_.clear();
  const std::string log = folder_ + "/partnerd.log";
  pid_ = StartChild({PartnerdPath(), "--config", folder_ + "/config.textproto", "--port-file", folder_ + "/port"}, log,
                    log);
}

absl::Status ServerProcess::WaitUntilReady(absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  while (true) {
    // Written at once and only when the server is ready.
    const std::string port = ReadFile(folder_ + "/port");
    if (!port.empty()) {
      address_ = absl::StrCat("127.0.0.1:", std::stoi(port));
      return absl::OkStatus();
    }
    if (!IsRunning()) return Failed("ended before it was ready");
    if (absl::Now() >= deadline) return Failed(absl::StrCat("was not ready after ", absl::FormatDuration(limit)));
    absl::SleepFor(absl::Milliseconds(1));
  }
}

void ServerProcess::Kill() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

absl::Status ServerProcess::Stop(absl::Duration limit) {
  if (!IsRunning()) return Failed("is not there any more");
  kill(pid_, SIGTERM);
  const std::optional<int> status = WaitForChild(pid_, limit);
  if (!status.has_value()) return Failed("does not stop");
  pid_ = -1;
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) return Failed(absl::StrCat("ended with status ", *status));
  return absl::OkStatus();
}

bool ServerProcess::IsRunning() {
  if (pid_ <= 0) return false;
  if (!WaitForChild(pid_, absl::ZeroDuration()).has_value()) return true;
  pid_ = -1;
  return false;
}

std::string ServerProcess::log() const {
  return ReadFile(folder_ + "/partnerd.log");
}

absl::Status ServerProcess::Failed(absl::string_view what) const {
  const std::string text = log();
  return absl::InternalError(absl::StrCat("partnerd ", what, "; the end of its log:\n",
                                          text.substr(text.size() - std::min(text.size(), kLogTail))));
}

}  // namespace partnermetrics
