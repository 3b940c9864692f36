#include "server/services/server.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/service_type.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.pb.h"
#include "server/actions/period_progress.h"
#include "server/base/errors.h"
#include "server/ops/backups.h"
#include "server/queries/past_states.h"
#include "server/services/pulse.h"
#include "server/services/services.h"
#include "server/sync/connectors.h"
#include "server/sync/quarantine_expiry.h"
#include "server/views/standings_tables.h"
#include "server/watch/change_feeds.h"

namespace partnermetrics {
namespace {

constexpr int kMaxRequestBytes = 16 << 20;
constexpr int kPoolThreads = 4;
constexpr auto kShutdownTime = std::chrono::seconds(5);
constexpr absl::Duration kProgressPeriod = absl::Seconds(2);

void SetUpGrpcOnce() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    // gRPC answers health checks without this message; reflection describes them with it. A use keeps it in the binary.
    google::protobuf::LinkMessageReflection<grpc::health::v1::HealthCheckRequest>();
    // What gRPC finds worth saying is of interest to its developers; our own messages say what a caller can do.
    gpr_set_log_function([](gpr_log_func_args* args) { spdlog::debug("grpc: {}", args->message); });
  });
}

// Writes the port in one step: who sees the file sees all of it.
absl::Status WritePortFile(const std::string& path, int port) {
  if (path.empty()) return absl::OkStatus();
  const std::string temporary = absl::StrCat(path, ".", getpid());
  std::ofstream file(temporary);
  file << port << "\n";
  file.close();
  if (file && std::rename(temporary.c_str(), path.c_str()) == 0) return absl::OkStatus();
  std::remove(temporary.c_str());
  return MakeError(absl::StatusCode::kUnavailable, "PORT_FILE", absl::StrCat("cannot write the port file ", path),
                   "make its folder, or name another one");
}

// Says now and then how far a replay is.
class ProgressLog {
 public:
  explicit ProgressLog(Clock clock) : clock_(std::move(clock)), next_(clock_() + kProgressPeriod) {}

  void operator()(absl::string_view program, uint64_t done, uint64_t total) {
    const absl::Time now = clock_();
    if (now < next_) return;
    next_ = now + kProgressPeriod;
    spdlog::info("{}: replaying the log: {} of {} records ({} %)", std::string(program), done, total,
                 done * 100 / total);
  }

 private:
  const Clock clock_;
  absl::Time next_;
};

}  // namespace

class Server::Parts {
 public:
  Parts(LoadedConfig config, Clock clock)
      : config_(std::move(config)), clock_(std::move(clock)), backend_(clock_()), pool_(kPoolThreads) {
    backend_.SetReadDefinitions(
        [path = config_.path, overrides = config_.overrides]() -> absl::StatusOr<std::vector<log::v1::Definitions>> {
          ASSIGN_OR_RETURN(LoadedConfig read, LoadConfig(path, overrides));
          return std::move(read.definitions);
        });
  }

  absl::Status Start() {
    RETURN_IF_ERROR(Listen());
    RETURN_IF_ERROR(OpenData());
    backend_.Open(*programs_, *connectors_, *backups_, *standings_, *changes_, *past_, periods_);
    grpc_->GetHealthCheckService()->SetServingStatus(true);
    RETURN_IF_ERROR(WritePortFile(config_.server.port_file(), port_));
    spdlog::info("serving on {} (port {})", config_.server.listen(), port_);
    return absl::OkStatus();
  }

  absl::Status Stop() {
    backend_.Close();
    if (grpc_ != nullptr) {
      pulse_.reset();
      grpc_->GetHealthCheckService()->SetServingStatus(false);
      streams_.StopAll();
      if (connectors_ != nullptr) connectors_->Stop();
      grpc_->Shutdown(std::chrono::system_clock::now() + kShutdownTime);
      grpc_->Wait();
      streams_.WaitUntilEmpty();
      grpc_.reset();
    }
    connectors_.reset();
    backups_.reset();
    expiry_.reset();
    standings_.reset();
    changes_.reset();
    past_.reset();
    if (programs_ == nullptr) return absl::OkStatus();
    absl::Status closed = programs_->Close();
    programs_.reset();
    if (!config_.server.port_file().empty()) std::remove(config_.server.port_file().c_str());
    return closed;
  }

  int port() const { return port_; }

 private:
  absl::Status Listen() {
    SetUpGrpcOnce();
    services_.push_back(MakeIngestService(backend_, pool_, streams_));
    services_.push_back(MakePartnerService(backend_));
    services_.push_back(MakeMetricService(backend_));
    services_.push_back(MakeDefinitionsService(backend_));
    services_.push_back(MakeExplainService(backend_));
    services_.push_back(MakeInterventionService(backend_));
    services_.push_back(MakePeriodService(backend_));
    services_.push_back(MakeScoreService(backend_));
    services_.push_back(MakeReportService(backend_));
    services_.push_back(MakeStandingsService(backend_));
    services_.push_back(MakeWatchService(backend_, pool_, streams_));
    services_.push_back(MakeConnectorService(backend_, pool_, streams_));
    services_.push_back(MakeAdminService(backend_, pool_, streams_));
    grpc::ServerBuilder builder;
    // Without this a second server on the port would start silently and take half of the calls.
    builder.AddChannelArgument("grpc.so_reuseport", 0);
    builder.SetMaxReceiveMessageSize(kMaxRequestBytes);
    builder.SetResourceQuota(grpc::ResourceQuota("partnerd").SetMaxThreads(config_.server.max_threads()));
    builder.AddListeningPort(config_.server.listen(), grpc::InsecureServerCredentials(), &port_);
    for (const auto& service : services_) builder.RegisterService(service.get());
    grpc_ = builder.BuildAndStart();
    if (grpc_ == nullptr || port_ == 0) {
      return MakeError(absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
                       absl::StrCat("cannot listen on ", config_.server.listen(),
                                    ": the port is taken, or the address "
                                    "is not one of this machine"),
                       "stop the other server, or choose another port with --listen");
    }
    grpc_->GetHealthCheckService()->SetServingStatus(false);
    pulse_ = std::make_unique<Pulse>(*grpc_);
    return absl::OkStatus();
  }

  absl::Status OpenData() {
    std::error_code error;
    std::filesystem::create_directories(config_.server.data_dir(), error);
    if (error) {
      return MakeError(absl::StatusCode::kInvalidArgument, "NO_DATA_FOLDER",
                       absl::StrCat("cannot make the data folder ", config_.server.data_dir(), ": ", error.message()),
                       "correct data_dir, or its permissions");
    }
    Programs::Options options;
    options.database.data_dir = config_.server.data_dir();
    options.database.memory_mb = config_.server.storage_memory_mb();
    options.database.sync = !config_.server.unsafe_no_sync();
    options.definitions = std::move(config_.definitions);
    options.cache_bytes = static_cast<size_t>(config_.server.cell_cache_mb()) << 20;
    options.pseudonym_key = std::move(config_.pseudonym_key);
    options.keep_quarantine_raw = absl::Hours(24) * config_.server.quarantine_raw_days();
    options.clock = clock_;
    options.progress = ProgressLog(clock_);
    ASSIGN_OR_RETURN(programs_, Programs::Open(std::move(options)));
    Connectors::Options connectors;
    connectors.connectors = std::move(config_.connectors);
    connectors.plugin_dir = config_.server.plugin_dir();
    connectors.host_binary = config_.host_binary;
    connectors.max_runs = config_.server.max_parallel_runs();
    for (const config::v1::AllowedPlugin& allowed : config_.server.allowed_plugins()) {
      connectors.allowed_plugins.emplace_back(allowed.plugin(), allowed.sha256());
    }
    const config::v1::PluginLimits& limits = config_.server.plugin_limits();
    connectors.limits.memory_bytes = static_cast<uint64_t>(limits.memory_mb()) << 20;
    connectors.limits.cpu_seconds = static_cast<uint64_t>(limits.cpu_seconds());
    connectors.limits.open_files = static_cast<uint64_t>(limits.open_files());
    connectors.stall_timeout = absl::Seconds(limits.stall_seconds());
    connectors.idle_timeout = absl::Minutes(limits.idle_minutes());
    connectors.max_quarantine_bytes = static_cast<uint64_t>(limits.quarantine_mb()) << 20;
    connectors.max_open_quarantine_bytes = static_cast<uint64_t>(limits.open_quarantine_mb()) << 20;
    connectors.max_staged_bytes = static_cast<uint64_t>(limits.staged_mb()) << 20;
    connectors.keep_staged = absl::Hours(24) * config_.server.keep_staged_days();
    ASSIGN_OR_RETURN(connectors_, Connectors::Create(std::move(connectors), *programs_));
    Backups::Options backups;
    backups.folder = config_.server.backup_dir();
    backups.keep = config_.server.keep_backups();
    backups.keep_for = absl::Hours(24) * config_.server.keep_backup_days();
    ASSIGN_OR_RETURN(backups_, Backups::Open(std::move(backups), *programs_));
    expiry_ = std::make_unique<QuarantineExpiry>(*programs_);
    standings_ = std::make_unique<StandingsTables>(*programs_);
    changes_ = std::make_unique<ChangeFeeds>(*programs_);
    past_ = std::make_unique<PastStates>(static_cast<uint64_t>(config_.server.known_on_records()));
    return absl::OkStatus();
  }

  LoadedConfig config_;
  const Clock clock_;
  Backend backend_;
  StreamSet streams_;
  std::unique_ptr<Programs> programs_;
  std::unique_ptr<Connectors> connectors_;
  std::unique_ptr<Backups> backups_;
  std::unique_ptr<QuarantineExpiry> expiry_;
  std::unique_ptr<StandingsTables> standings_;
  std::unique_ptr<ChangeFeeds> changes_;
  std::unique_ptr<PastStates> past_;
  PeriodProgress periods_;
  WorkerPool pool_;
  std::vector<std::unique_ptr<grpc::Service>> services_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> grpc_;
  std::unique_ptr<Pulse> pulse_;
};

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Server::~Server() {
  if (parts_ != nullptr) Stop().IgnoreError();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(LoadedConfig config, Clock clock) {
  auto parts = std::make_unique<Parts>(std::move(config), std::move(clock));
  absl::Status started = parts->Start();
  std::unique_ptr<Server> server(new Server(std::move(parts)));
  if (!started.ok()) return started;
  return server;
}

int Server::port() const {
  return parts_->port();
}

absl::Status Server::Stop() {
  if (parts_ == nullptr) return absl::OkStatus();
  absl::Status stopped = parts_->Stop();
  parts_.reset();
  return stopped;
}

}  // namespace partnermetrics
