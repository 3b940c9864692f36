#include "server/sync/connectors.h"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/time_util.h"
#include "server/base/errors.h"
#include "server/sync/page_request.h"
#include "server/sync/texts.h"

namespace partnermetrics {
namespace {

using connectors::ConnectorEnd;
using connectors::ConnectorProcess;
using connectors::ConnectorProcessOptions;

// Plugins are named like their files; nothing else may be looked up in the plugin folder.
bool IsPluginName(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

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

// Runs are listed by when they began, then by id, newest first; a page token names the last run of its page.
using RunOrder = std::pair<int64_t, std::string>;

RunOrder OrderOf(const v1::ConnectorRun& run) {
  return {google::protobuf::util::TimeUtil::TimestampToMicroseconds(run.started_at()), run.run_id()};
}

absl::StatusOr<RunOrder> ParseToken(const std::string& token) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(token, absl::MaxSplits(':', 1));
  RunOrder order;
  if (!absl::SimpleAtoi(parts.first, &order.first)) return BadPageToken();
  order.second = parts.second;
  return order;
}

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
  return std::unique_ptr<Connectors>(new Connectors(std::move(options), programs));
}

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

absl::StatusOr<std::string> Connectors::PluginFile(absl::string_view plugin) const {
  const std::string file = absl::StrCat(options_.plugin_dir, "/", plugin, ".so");
  if (IsPluginName(plugin) && ::access(file.c_str(), R_OK) == 0) return file;
  return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_PLUGIN",
                   absl::StrCat("there is no plugin '", plugin, "' in ", options_.plugin_dir),
                   "correct the name, or put the plugin there");
}

absl::StatusOr<ConnectorProcessOptions> Connectors::ProcessOptions(const ConnectorConfig& config) const {
  ConnectorProcessOptions process;
  ASSIGN_OR_RETURN(process.plugin, PluginFile(config.plugin));
  process.host_binary = options_.host_binary;
  process.directory = config.directory;
  process.settings = config.settings;
  process.secrets = config.secrets;
  process.limits = options_.limits;
  process.stall_timeout = options_.stall_timeout;
  process.cancel_grace = options_.cancel_grace;
  return process;
}

absl::StatusOr<v1::ListConnectorsResponse> Connectors::List() {
  v1::ListConnectorsResponse response;
  for (const ConnectorConfig& config : options_.connectors) {
    v1::Connector& connector = *response.add_connectors();
    connector.set_connector(config.name);
    connector.set_plugin(config.plugin);
    connector.set_program(config.program);
    connector.set_source(config.source);
    connector.set_directory(config.directory);
    ASSIGN_OR_RETURN(std::optional<v1::ConnectorRun> last, LastRun(config));
    if (last.has_value()) *connector.mutable_last_run() = *std::move(last);
  }
  return response;
}

absl::StatusOr<std::optional<v1::ConnectorRun>> Connectors::LastRun(const ConnectorConfig& config) const {
  {
    MutexLock lock(&mutex_);
    if (const auto it = runs_.find(config.name); it != runs_.end()) {
      return std::optional<v1::ConnectorRun>(it->second->run->Snapshot());
    }
  }
  ASSIGN_OR_RETURN(ProgramRuntime * program, programs_.Find(config.program));
  Engine::View view(program->engine());
  ASSIGN_OR_RETURN(const ConnectorPoint point, ReadConnectorPoint(view, config.name));
  std::optional<v1::ConnectorRun> run;
  if (point.last_run.has_value()) run = ToConnectorRun(*point.last_run, /*live=*/false);
  return run;
}

absl::StatusOr<v1::ConnectorDescription> Connectors::Describe(absl::string_view connector_or_plugin) {
  const absl::StatusOr<const ConnectorConfig*> config = Find(connector_or_plugin);
  ConnectorProcessOptions process;
  process.host_binary = options_.host_binary;
  process.limits = options_.limits;
  process.stall_timeout = options_.stall_timeout;
  if (config.ok()) {
    ASSIGN_OR_RETURN(process.plugin, PluginFile((*config)->plugin));
  } else {
    absl::StatusOr<std::string> file = PluginFile(connector_or_plugin);
    if (!file.ok()) return config.status();
    process.plugin = *std::move(file);
  }
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

absl::Status Connectors::Admit(const ConnectorConfig& config) const {
  if (stopping_) {
    return RetryLater(absl::StatusCode::kUnavailable, "STOPPING", "the server is stopping; run it again afterwards",
                      1'000);
  }
  int running = 0;
  for (const auto& [name, active] : runs_) {
    if (!active->running()) continue;
    ++running;
    if (name != config.name) continue;
    return MakeError(absl::StatusCode::kFailedPrecondition, "ALREADY_RUNNING",
                     absl::StrCat("'", name, "' runs already, as ", active->run->Snapshot().run_id()),
                     "wait for its end, or cancel it");
  }
  if (running < options_.max_runs) return absl::OkStatus();
  return RetryLater(absl::StatusCode::kResourceExhausted, "TOO_MANY_RUNS",
                    absl::StrCat(running, " connectors run already, as many as may at a time"), 5'000);
}

absl::StatusOr<v1::ConnectorRun> Connectors::StartRun(absl::string_view connector, bool full, RunObserver observer) {
  ASSIGN_OR_RETURN(const ConnectorConfig* config, Find(connector));
  ASSIGN_OR_RETURN(ConnectorProcessOptions process, ProcessOptions(*config));
  ASSIGN_OR_RETURN(ProgramRuntime * program, programs_.Find(config->program));
  MutexLock starting(&start_mutex_);
  std::unique_ptr<ActiveRun> ended;
  {
    MutexLock lock(&mutex_);
    RETURN_IF_ERROR(Admit(*config));
    if (const auto it = runs_.find(config->name); it != runs_.end()) {
      ended = std::move(it->second);
      runs_.erase(it);
    }
  }
  if (ended != nullptr) ended->thread.join();
  ASSIGN_OR_RETURN(auto run, SyncRun::Begin(*config, full, programs_, *program, std::move(observer)));
  auto active = std::make_unique<ActiveRun>(std::move(run), std::move(process));
  const v1::ConnectorRun begun = active->run->Snapshot();
  ActiveRun& started = *active;
  MutexLock lock(&mutex_);
  runs_[config->name] = std::move(active);
  started.thread = std::thread([this, &started] {
    const ConnectorEnd end = started.process.Read(started.run->state(), started.run.get());
    started.run->Finish(end, stopping_);
  });
  return begun;
}

absl::Status Connectors::CancelRun(absl::string_view connector) {
  ASSIGN_OR_RETURN(const ConnectorConfig* config, Find(connector));
  MutexLock lock(&mutex_);
  const auto it = runs_.find(config->name);
  if (it == runs_.end() || !it->second->running()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_RUNNING",
                     absl::StrCat("'", connector, "' does not run"));
  }
  it->second->process.Cancel();
  return absl::OkStatus();
}

absl::StatusOr<v1::ListRunsResponse> Connectors::ListRuns(const v1::ListRunsRequest& request) {
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  std::optional<RunOrder> before;
  if (!request.page_token().empty()) {
    ASSIGN_OR_RETURN(before, ParseToken(request.page_token()));
  }
  std::map<std::string, v1::ConnectorRun> here;  // as this process knows them, by id
  {
    MutexLock lock(&mutex_);
    for (const auto& [name, active] : runs_) {
      v1::ConnectorRun run = active->run->Snapshot();
      here[run.run_id()] = std::move(run);
    }
  }
  std::map<RunOrder, v1::ConnectorRun, std::greater<>> found;
  for (const auto& program : programs_.all()) {
    std::vector<log::v1::RunRecord> records;
    {
      Engine::View view(program->engine());
      ASSIGN_OR_RETURN(records, ReadRuns(view));
    }
    for (const log::v1::RunRecord& record : records) {
      if (!request.connector().empty() && record.connector() != request.connector()) continue;
      const auto it = here.find(record.run_id());
      v1::ConnectorRun run = it != here.end() ? it->second : ToConnectorRun(record, /*live=*/false);
      RunOrder order = OrderOf(run);
      if (before.has_value() && order >= *before) continue;
      found.emplace(std::move(order), std::move(run));
      if (found.size() > static_cast<size_t>(page_size) + 1) found.erase(std::prev(found.end()));
    }
  }
  v1::ListRunsResponse response;
  for (auto& [order, run] : found) {
    if (response.runs_size() == page_size) {
      const RunOrder last = OrderOf(response.runs(page_size - 1));
      response.set_next_page_token(absl::StrCat(last.first, ":", last.second));
      break;
    }
    *response.add_runs() = std::move(run);
  }
  return response;
}

std::vector<v1::ConnectorRun> Connectors::OpenRuns() const {
  std::vector<v1::ConnectorRun> open;
  MutexLock lock(&mutex_);
  for (const auto& [name, active] : runs_) {
    if (v1::ConnectorRun run = active->run->Snapshot(); run.state() == v1::RUN_STATE_RUNNING)
      open.push_back(std::move(run));
  }
  return open;
}

void Connectors::Stop() {
  MutexLock starting(&start_mutex_);
  stopping_ = true;
  std::vector<std::thread*> threads;
  {
    MutexLock lock(&mutex_);
    for (const auto& [name, active] : runs_) {
      active->process.Cancel();
      if (active->thread.joinable()) threads.push_back(&active->thread);
    }
  }
  for (std::thread* thread : threads) thread->join();
}

}  // namespace partnermetrics
