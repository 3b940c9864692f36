#include "server/sync/connectors.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/time_util.h"
#include "server/base/errors.h"
#include "server/sync/run_history.h"
#include "server/sync/texts.h"

namespace partnermetrics {
namespace {

using connectors::ConnectorEnd;
using connectors::ConnectorProcess;
using connectors::ConnectorProcessOptions;

// Collects what a plugin's check finds.
class ProblemCollector : public connectors::ConnectorHandler {
 public:
  absl::Status OnPage(const connectors::Page&) override { return absl::InternalError("check sent a page"); }
  void OnProblem(const connectors::Problem& problem) override {
    if (response_.problems_size() < kMaxProblems) *response_.add_problems() = ToProblem(problem);
    if (problem.level >= PM_ERROR) failed_ = true;
  }
  v1::CheckConnectorResponse Take() {
    response_.set_ok(!failed_);
    return std::move(response_);
  }

 private:
  static constexpr int kMaxProblems = 1'000;
  v1::CheckConnectorResponse response_;
  bool failed_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Connectors>> Connectors::Create(Options options, Programs& programs) {
  std::vector<ConnectorConfig>& configs = options.connectors;
  for (ConnectorConfig& config : configs) {
    if (config.name.empty()) return InvalidField("connectors.name", "REQUIRED", "every connector needs a name");
    ASSIGN_OR_RETURN(ProgramRuntime * program, programs.Find(config.program));
    config.program = program->id();
    if (config.source.empty()) config.source = config.name;
  }
  const auto by_name = [](const ConnectorConfig& a, const ConnectorConfig& b) { return a.name < b.name; };
  std::sort(configs.begin(), configs.end(), by_name);
  const auto twice =
      std::adjacent_find(configs.begin(), configs.end(), [](const auto& a, const auto& b) { return a.name == b.name; });
  if (twice != configs.end()) {
    return InvalidField("connectors.name", "NOT_UNIQUE", absl::StrCat("two connectors are named '", twice->name, "'"));
  }
  auto connectors = std::unique_ptr<Connectors>(new Connectors(std::move(options), programs));
  RETURN_IF_ERROR(connectors->EndOrphans());
  RETURN_IF_ERROR(connectors->FindStaged());
  const absl::Time now = programs.Now();
  for (const ConnectorConfig& config : connectors->options_.connectors) {
    ASSIGN_OR_RETURN(Scheduler::Past past, connectors->PastOf(config));
    Scheduler::Plan plan;
    plan.schedule = config.schedule;
    plan.watch = config.watch;
    plan.max_failures = config.max_failures;
    {
      Engine::View view(connectors->ProgramOf(config).engine());
      plan.zone = view.catalog()->zone();
    }
    MutexLock lock(&connectors->schedule_mutex_);
    connectors->scheduler_.Add(config.name, std::move(plan), std::move(past), now);
  }
  connectors->thread_ = std::thread([raw = connectors.get()] { raw->Loop(); });
  return connectors;
}

Connectors::Connectors(Options options, Programs& programs)
    : options_(std::move(options)),
      programs_(programs),
      plugins_(options_.plugin_dir, options_.allowed_plugins),
      staged_files_(programs.database().options().data_dir,
                    {options_.max_staged_bytes,
                     static_cast<uint64_t>(std::max<int64_t>(programs.database().options().min_free_bytes, 0))}) {}

Connectors::~Connectors() {
  Stop();
}

absl::StatusOr<const ConnectorConfig*> Connectors::Find(absl::string_view connector) const {
  if (connector.empty()) return InvalidField("connector", "REQUIRED", "must name a connector");
  std::vector<absl::string_view> names;
  for (const ConnectorConfig& config : options_.connectors) {
    if (config.name == connector) return &config;
    names.push_back(config.name);
  }
  return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_CONNECTOR",
                   absl::StrCat("there is no connector '", connector, "'"),
                   names.empty() ? "configure one" : absl::StrCat("use one of ", absl::StrJoin(names, ", ")));
}

// Create has looked whether it is there.
ProgramRuntime& Connectors::ProgramOf(const ConnectorConfig& config) const {
  return **programs_.Find(config.program);
}

absl::StatusOr<ConnectorProcessOptions> Connectors::ProcessOptions(const ConnectorConfig& config) const {
  ConnectorProcessOptions process;
  ASSIGN_OR_RETURN(PluginFile plugin, plugins_.Find(config.plugin));
  process.plugin = std::move(plugin.path);
  process.host_binary = options_.host_binary;
  process.directory = config.directory;
  process.settings = config.settings;
  process.secrets = config.secrets;
  process.limits = options_.limits;
  process.stall_timeout = options_.stall_timeout;
  process.idle_timeout = options_.idle_timeout;
  process.cancel_grace = options_.cancel_grace;
  return process;
}

absl::StatusOr<v1::ListConnectorsResponse> Connectors::List() {
  v1::ListConnectorsResponse response;
  for (const ConnectorConfig& config : options_.connectors) {
    ASSIGN_OR_RETURN(*response.add_connectors(), Show(config));
  }
  return response;
}

absl::StatusOr<v1::Connector> Connectors::Show(const ConnectorConfig& config) const {
  using google::protobuf::util::TimeUtil;
  v1::Connector connector;
  connector.set_connector(config.name);
  connector.set_plugin(config.plugin);
  connector.set_program(config.program);
  connector.set_source(config.source);
  connector.set_directory(config.directory);
  ASSIGN_OR_RETURN(std::optional<v1::ConnectorRun> last, LastRun(config));
  if (last.has_value()) *connector.mutable_last_run() = *std::move(last);
  Scheduler::Status status;
  {
    MutexLock lock(&schedule_mutex_);
    status = scheduler_.StatusOf(config.name);
  }
  connector.set_schedule(status.schedule);
  connector.set_consecutive_failures(status.failures);
  connector.set_suspended(status.suspended);
  if (status.next < absl::InfiniteFuture()) {
    *connector.mutable_next_run_at() = TimeUtil::SecondsToTimestamp(absl::ToUnixSeconds(status.next));
  }
  // A plugin that is missing or not allowed is said when it shall run.
  if (const absl::StatusOr<PluginFile> plugin = plugins_.Find(config.plugin); plugin.ok()) {
    connector.set_plugin_sha256(plugin->sha256);
  }
  ShowLimits(RunLimits(), *connector.mutable_limits());
  MutexLock lock(&mutex_);
  if (const auto it = staged_.find(config.name); it != staged_.end()) connector.set_staged_run_id(it->second.run_id);
  return connector;
}

log::v1::RunLimits Connectors::RunLimits() const {
  log::v1::RunLimits limits;
  limits.set_memory_bytes(options_.limits.memory_bytes);
  limits.set_cpu_seconds(options_.limits.cpu_seconds);
  limits.set_open_files(options_.limits.open_files);
  limits.set_stall_us(absl::ToInt64Microseconds(options_.stall_timeout));
  limits.set_idle_us(absl::ToInt64Microseconds(options_.idle_timeout));
  limits.set_quarantine_bytes(options_.max_quarantine_bytes);
  return limits;
}

absl::StatusOr<std::optional<v1::ConnectorRun>> Connectors::LastRun(const ConnectorConfig& config) const {
  {
    MutexLock lock(&mutex_);
    for (size_t i = 0; i < queue_.size(); ++i) {
      if (queue_[i].config == &config) return std::optional<v1::ConnectorRun>(QueuedRun(config.name, i));
    }
    if (const auto it = runs_.find(config.name); it != runs_.end()) {
      return std::optional<v1::ConnectorRun>(it->second->run->Snapshot());
    }
  }
  Engine::View view(ProgramOf(config).engine());
  ASSIGN_OR_RETURN(const ConnectorPoint point, ReadConnectorPoint(view, config.name));
  std::optional<v1::ConnectorRun> run;
  if (point.last_run.has_value()) run = ToConnectorRun(*point.last_run, /*live=*/false);
  return run;
}

absl::StatusOr<v1::ConnectorDescription> Connectors::Describe(absl::string_view connector_or_plugin) {
  const absl::StatusOr<const ConnectorConfig*> config = Find(connector_or_plugin);
  absl::StatusOr<PluginFile> plugin = plugins_.Find(config.ok() ? (*config)->plugin : connector_or_plugin);
  if (!plugin.ok()) return config.ok() || !absl::IsNotFound(plugin.status()) ? plugin.status() : config.status();
  ConnectorProcessOptions process;
  process.plugin = std::move(plugin->path);
  process.host_binary = options_.host_binary;
  process.limits = options_.limits;
  process.stall_timeout = options_.stall_timeout;
  ASSIGN_OR_RETURN(const connectors::Hello hello, ConnectorProcess(process).Describe());
  v1::ConnectorDescription description;
  google::protobuf::util::JsonParseOptions parse;
  parse.ignore_unknown_fields = true;  // of plugins newer than the server
  const auto parsed = google::protobuf::util::JsonStringToMessage(hello.description_json, &description, parse);
  if (!parsed.ok()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_DESCRIPTION",
                     absl::StrCat("the plugin's description is no ConnectorDescription in JSON: ",
                                  PluginText({parsed.message().data(), parsed.message().size()})),
                     "report this to the plugin's author");
  }
  // The table of the plugin decides, whatever its description says.
  description.set_name(PluginText(hello.name));
  description.set_version(PluginText(hello.version));
  return description;
}

absl::StatusOr<v1::CheckConnectorResponse> Connectors::Check(absl::string_view connector) {
  ASSIGN_OR_RETURN(const ConnectorConfig* config, Find(connector));
  ASSIGN_OR_RETURN(const ConnectorProcessOptions process, ProcessOptions(*config));
  ProblemCollector problems;
  if (const ConnectorEnd end = ConnectorProcess(process).Check(&problems); !end.ok()) {
    problems.OnProblem({PM_ERROR, end.where, end.message, end.remedy});
  }
  return problems.Take();
}

}  // namespace partnermetrics
