#include "server/config/config.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/errors.h"
#include "server/catalog/catalog.h"
#include "server/catalog/definitions.h"
#include "server/config/config_file.h"
#include "server/expr/diagnostics.h"

namespace partnermetrics {
namespace {

namespace fs = std::filesystem;
using config::v1::ConnectorInstance;
using config::v1::ServerConfig;
using config::v1::Setting;
using Place = ConfigFile::Place;

constexpr size_t kMinKeyBytes = 16;
// gRPC needs some threads for itself.
constexpr int kMinThreads = 8;
constexpr int kMaxDays = 36'500;
constexpr int kMaxStagedDays = 90;

fs::path BinaryFolder() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

class ConfigChecker {
 public:
  ConfigChecker(ConfigFile& file, fs::path folder, LoadedConfig& loaded)
      : file_(file), folder_(std::move(folder)), loaded_(loaded), config_(loaded.server), root_(file.root()) {}

  void Apply(const ConfigOverrides& overrides) {
    if (overrides.listen.has_value()) config_.set_listen(*overrides.listen);
    if (overrides.log_level.has_value()) config_.set_log_level(*overrides.log_level);
    if (overrides.data_dir.has_value()) config_.set_data_dir(fs::absolute(*overrides.data_dir).string());
    if (overrides.port_file.has_value()) config_.set_port_file(fs::absolute(*overrides.port_file).string());
  }

  void Check() {
    CheckListen();
    CheckPaths();
    CheckNumbers();
    CheckLogLevel();
    CheckKey();
    CheckPrograms();
    for (int i = 0; i < config_.connectors_size(); ++i) {
      CheckConnector(config_.connectors(i), root_.Item("connectors", i));
    }
  }

 private:
  void Problem(const Place& place, absl::string_view what, absl::string_view remedy) {
    file_.Problem(place, what, remedy);
  }

  // Paths count from the configuration's folder.
  std::string Resolve(const std::string& path) const { return (folder_ / path).lexically_normal().string(); }

  void CheckListen() {
    if (config_.listen().empty()) config_.set_listen("127.0.0.1:7400");
    const std::string& listen = config_.listen();
    const size_t colon = listen.rfind(':');
    int port = -1;
    const bool fits = colon != std::string::npos && colon > 0 && absl::SimpleAtoi(listen.substr(colon + 1), &port) &&
                      port >= 0 && port <= 65'535;
    if (!fits) {
      Problem(root_.Field("listen"), absl::StrCat("listen '", listen, "' is no address and port"),
              "write it as \"127.0.0.1:7400\"; port 0 takes a free one");
    }
  }

  void CheckPaths() {
    if (config_.data_dir().empty()) {
      Problem(root_, "data_dir is missing", "name the folder for log and state, here or by --data-dir");
    } else {
      config_.set_data_dir(Resolve(config_.data_dir()));
    }
    if (!config_.port_file().empty()) config_.set_port_file(Resolve(config_.port_file()));
    if (!config_.backup_dir().empty()) config_.set_backup_dir(Resolve(config_.backup_dir()));
    if (!config_.backup_dir().empty() && config_.backup_dir() == config_.data_dir()) {
      Problem(root_.Field("backup_dir"), "backup_dir is data_dir",
              "name another folder, best on another disk: a backup must survive the data");
    }
    const bool given = !config_.plugin_dir().empty();
    if (!given) {
      config_.set_plugin_dir((BinaryFolder().parent_path() / "lib/partnermetrics/connectors").string());
    } else {
      config_.set_plugin_dir(Resolve(config_.plugin_dir()));
    }
    std::error_code error;
    if (!fs::is_directory(config_.plugin_dir(), error) && (config_.connectors_size() > 0 || given)) {
      Problem(root_.Field("plugin_dir"), absl::StrCat("there is no plugin folder ", config_.plugin_dir()),
              "set plugin_dir to the folder with the connectors' .so files");
    }
    loaded_.host_binary = (BinaryFolder() / "partner-connector-host").string();
  }

  void CheckNumbers() {
    const auto not_negative = [&](absl::string_view name, int32_t value) {
      if (value < 0)
        Problem(root_.Field(name), absl::StrCat(name, " is negative"), "give a positive number, or leave it out");
    };
    not_negative("storage_memory_mb", config_.storage_memory_mb());
    not_negative("cell_cache_mb", config_.cell_cache_mb());
    not_negative("known_on_records", config_.known_on_records());
    not_negative("quarantine_raw_days", config_.quarantine_raw_days());
    not_negative("keep_staged_days", config_.keep_staged_days());
    not_negative("keep_backups", config_.keep_backups());
    not_negative("keep_backup_days", config_.keep_backup_days());
    if (config_.storage_memory_mb() == 0) config_.set_storage_memory_mb(256);
    if (config_.cell_cache_mb() == 0) config_.set_cell_cache_mb(256);
    if (config_.known_on_records() == 0) config_.set_known_on_records(500'000);
    if (config_.quarantine_raw_days() == 0) config_.set_quarantine_raw_days(90);
    if (config_.keep_staged_days() == 0) config_.set_keep_staged_days(7);
    if (config_.keep_backup_days() == 0) config_.set_keep_backup_days(30);
    const auto at_most = [&](absl::string_view name, int32_t days, int most, int fallback) {
      if (days <= most) return;
      Problem(root_.Field(name), absl::StrCat(name, " is ", days),
              absl::StrCat("give at most ", most, ", or leave it out for ", fallback));
    };
    at_most("quarantine_raw_days", config_.quarantine_raw_days(), kMaxDays, 90);
    at_most("keep_staged_days", config_.keep_staged_days(), kMaxStagedDays, 7);
    at_most("keep_backup_days", config_.keep_backup_days(), kMaxDays, 30);
    CheckRuns(not_negative);
    if (config_.max_threads() == 0) config_.set_max_threads(64);
    if (config_.max_threads() < kMinThreads) {
      Problem(root_.Field("max_threads"), absl::StrCat("max_threads is ", config_.max_threads()),
              absl::StrCat("give at least ", kMinThreads, ", or leave it out for 64"));
    }
  }

  // What runs of plugins may use, and which plugins may run.
  template <typename NotNegative>
  void CheckRuns(const NotNegative& not_negative) {
    config::v1::PluginLimits& limits = *config_.mutable_plugin_limits();
    not_negative("max_parallel_runs", config_.max_parallel_runs());
    for (const int32_t value :
         {limits.memory_mb(), limits.cpu_seconds(), limits.open_files(), limits.stall_seconds(), limits.idle_minutes(),
          limits.quarantine_mb(), limits.staged_mb(), limits.open_quarantine_mb()}) {
      not_negative("plugin_limits", value);
    }
    if (config_.max_parallel_runs() == 0) config_.set_max_parallel_runs(2);
    if (limits.memory_mb() == 0) limits.set_memory_mb(2'048);
    if (limits.cpu_seconds() == 0) limits.set_cpu_seconds(3'600);
    if (limits.open_files() == 0) limits.set_open_files(256);
    if (limits.stall_seconds() == 0) limits.set_stall_seconds(120);
    if (limits.idle_minutes() == 0) limits.set_idle_minutes(30);
    if (limits.quarantine_mb() == 0) limits.set_quarantine_mb(256);
    if (limits.staged_mb() == 0) limits.set_staged_mb(128);
    if (limits.open_quarantine_mb() == 0) limits.set_open_quarantine_mb(1'024);
    for (int i = 0; i < config_.allowed_plugins_size(); ++i) {
      const config::v1::AllowedPlugin& allowed = config_.allowed_plugins(i);
      const std::string& hash = allowed.sha256();
      const bool is_hash = hash.size() == 64 && std::all_of(hash.begin(), hash.end(),
                                                            [](unsigned char c) { return absl::ascii_isxdigit(c); });
      if (allowed.plugin().empty() || !is_hash) {
        Problem(root_.Item("allowed_plugins", i), "an allowed plugin needs its name and 64 hexadecimal digits",
                "write what `sha256sum` prints for its file");
      }
    }
  }

  void CheckLogLevel() {
    if (config_.log_level().empty()) config_.set_log_level("info");
    const std::vector<std::string> levels = {"debug", "info", "warning", "error"};
    if (std::find(levels.begin(), levels.end(), config_.log_level()) == levels.end()) {
      Problem(root_.Field("log_level"), absl::StrCat("log_level '", config_.log_level(), "' is unknown"),
              absl::StrCat("use one of ", absl::StrJoin(levels, ", ")));
    }
  }

  void CheckKey() {
    if (config_.pseudonym_key_env().empty()) return;
    const char* key = std::getenv(config_.pseudonym_key_env().c_str());
    const Place place = root_.Field("pseudonym_key_env");
    if (key == nullptr) {
      Problem(place, absl::StrCat("environment variable ", config_.pseudonym_key_env(), " is not set"),
              "set it to the key for pseudonyms, or remove the field");
    } else if (loaded_.pseudonym_key = key; loaded_.pseudonym_key.size() < kMinKeyBytes) {
      Problem(place, absl::StrCat("the key in ", config_.pseudonym_key_env(), " has less than 16 bytes"),
              "use at least 16 random bytes, and keep them");
    }
  }

  void CheckPrograms() {
    std::error_code error;
    for (int i = 0; i < config_.catalog_paths_size(); ++i) {
      std::string* path = config_.mutable_catalog_paths(i);
      *path = Resolve(*path);
      if (fs::exists(*path, error)) continue;
      Problem(root_.Item("catalog_paths", i), absl::StrCat("there is no file or folder ", *path),
              "correct the path; it counts from the configuration's folder");
      return;
    }
    if (config_.catalog_paths_size() == 0) config_.add_catalog_paths(DefaultDefinitionsDir());
    absl::StatusOr<Definitions> definitions =
        LoadDefinitions({config_.catalog_paths().begin(), config_.catalog_paths().end()});
    if (!definitions.ok()) return file_.Problem(definitions.status().message());

    if (config_.program_files_size() == 0) {
      Problem(root_, "program_files is missing", "name at least one programme file");
    }
    std::map<std::string, std::string> file_of;
    for (int i = 0; i < config_.program_files_size(); ++i) {
      std::string* path = config_.mutable_program_files(i);
      *path = Resolve(*path);
      const Place place = root_.Item("program_files", i);
      if (!fs::is_regular_file(*path, error)) {
        Problem(place, absl::StrCat("there is no programme file ", *path),
                "correct the path; it counts from the configuration's folder");
        continue;
      }
      CheckProgram(*path, place, *definitions, file_of);
    }
  }

  void CheckProgram(const std::string& path, const Place& place, Definitions& definitions,
                    std::map<std::string, std::string>& file_of) {
    absl::StatusOr<v1::Program> program = LoadProgram(path, &definitions.sources);
    if (!program.ok()) return file_.Problem(program.status().message());
    if (const auto [it, added] = file_of.emplace(program->id(), path); !added) {
      return Problem(place, absl::StrCat("programme '", program->id(), "' is in ", it->second, " already"),
                     "give one of them another id, or remove it");
    }
    const auto catalog = Catalog::Compile(*program, definitions.catalog, &definitions.sources);
    if (!catalog.ok()) return file_.Problem(catalog.status().message());
    log::v1::Definitions& compiled = loaded_.definitions.emplace_back();
    *compiled.mutable_program() = *std::move(program);
    *compiled.mutable_catalog() = definitions.catalog;
  }

  void CheckConnector(const ConnectorInstance& instance, const Place& place) {
    ConnectorConfig connector;
    connector.name = instance.name();
    connector.plugin = instance.plugin();
    connector.program = instance.program();
    connector.source = instance.source();
    connector.max_rejected = instance.max_rejected();
    connector.max_rejected_share = instance.max_rejected_share();
    if (connector.name.empty()) {
      Problem(place, "a connector has no name", "give it a name: \"salesforce\"");
    } else if (const auto same = std::find_if(loaded_.connectors.begin(), loaded_.connectors.end(),
                                              [&](const ConnectorConfig& c) { return c.name == connector.name; });
               same != loaded_.connectors.end()) {
      Problem(place.Field("name"), absl::StrCat("connector '", connector.name, "' is there twice"),
              "give each instance a name of its own");
    }
    const std::string who = absl::StrCat("connector '", connector.name, "': ");
    CheckPlugin(connector, place, who);
    if (instance.directory().empty()) {
      Problem(place, absl::StrCat(who, "directory is missing"), "name the folder that it reads");
    } else {
      connector.directory = Resolve(instance.directory());
    }
    CheckConnectorProgram(connector, place, who);
    if (connector.max_rejected < 0) {
      Problem(place.Field("max_rejected"), absl::StrCat(who, "max_rejected is negative"), "0 means no limit");
    }
    if (!(connector.max_rejected_share >= 0 && connector.max_rejected_share <= 1)) {
      Problem(place.Field("max_rejected_share"), absl::StrCat(who, "max_rejected_share is no share"),
              "give a number from 0 (no limit) to 1");
    }
    CheckOwnRuns(instance, place, who, connector);
    for (int i = 0; i < instance.settings_size(); ++i) {
      CheckSetting(instance.settings(i), place.Item("settings", i), who, connector);
    }
    loaded_.connectors.push_back(std::move(connector));
  }

  // When it runs by itself, and what its runs may delete.
  void CheckOwnRuns(const ConnectorInstance& instance, const Place& place, absl::string_view who,
                    ConnectorConfig& connector) {
    if (absl::StatusOr<Schedule> schedule = Schedule::Parse(instance.every(), instance.cron()); schedule.ok()) {
      connector.schedule = *std::move(schedule);
    } else {
      Problem(place.Field(instance.cron().empty() ? "every" : "cron"), absl::StrCat(who, schedule.status().message()),
              "or leave it out, and it runs only when asked to");
    }
    connector.watch = instance.watch();
    if (instance.max_failures() < 0) {
      Problem(place.Field("max_failures"), absl::StrCat(who, "max_failures is negative"), "leave it out for 5");
    }
    if (instance.max_failures() != 0) connector.max_failures = instance.max_failures();
    connector.delete_missing = instance.delete_missing();
    if (!(instance.max_vanished_share() >= 0 && instance.max_vanished_share() <= 1)) {
      Problem(place.Field("max_vanished_share"), absl::StrCat(who, "max_vanished_share is no share"),
              "give a number from 0 to 1, or leave it out for 0.1");
    }
    if (instance.max_vanished_share() != 0) connector.max_vanished_share = instance.max_vanished_share();
  }

  void CheckPlugin(const ConnectorConfig& connector, const Place& place, absl::string_view who) {
    if (connector.plugin.empty()) {
      return Problem(place, absl::StrCat(who, "plugin is missing"), "name its plugin: \"salesforce_export\"");
    }
    std::error_code error;
    const fs::path folder = config_.plugin_dir();
    if (!fs::is_directory(folder, error)) return;  // said before
    if (fs::is_regular_file(folder / (connector.plugin + ".so"), error)) return;
    std::vector<std::string> there;
    for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      if (it->path().extension() == ".so") there.push_back(it->path().stem().string());
    }
    Problem(place.Field("plugin"),
            absl::StrCat(who, "there is no plugin '", connector.plugin, "' in ", folder.string()),
            absl::StrCat("correct its name", SuggestNames(connector.plugin, std::move(there))));
  }

  void CheckConnectorProgram(const ConnectorConfig& connector, const Place& place, absl::string_view who) {
    // A programme that is refused must not be reported a second time.
    if (static_cast<int>(loaded_.definitions.size()) != config_.program_files_size()) return;
    std::vector<std::string> ids;
    for (const log::v1::Definitions& definitions : loaded_.definitions) ids.push_back(definitions.program().id());
    if (connector.program.empty() ? ids.size() == 1
                                  : std::find(ids.begin(), ids.end(), connector.program) != ids.end()) {
      return;
    }
    Problem(place.Field("program"),
            connector.program.empty() ? absl::StrCat(who, "program is missing, and there are several")
                                      : absl::StrCat(who, "there is no programme '", connector.program, "'"),
            absl::StrCat("use one of ", absl::StrJoin(ids, ", ")));
  }

  void CheckSetting(const Setting& setting, const Place& place, absl::string_view who, ConnectorConfig& connector) {
    const std::string what = absl::StrCat(who, "setting '", setting.name(), "'");
    if (setting.name().empty()) {
      return Problem(place, absl::StrCat(who, "a setting has no name"),
                     "`partnerctl connector describe` lists the names");
    }
    for (const auto& [name, value] : connector.settings) {
      if (name == setting.name())
        return Problem(place.Field("name"), absl::StrCat(what, " is there twice"), "remove one");
    }
    std::string value;
    switch (setting.value_source_case()) {
      case Setting::kValue:
        value = setting.value();
        break;
      case Setting::kFromEnv: {
        const char* found = std::getenv(setting.from_env().c_str());
        if (found == nullptr) {
          return Problem(place.Field("from_env"),
                         absl::StrCat(what, ": environment variable ", setting.from_env(), " is not set"),
                         "set it before the server starts");
        }
        value = found;
        break;
      }
      case Setting::kFromFile: {
        const std::string path = Resolve(setting.from_file());
        std::ifstream in(path, std::ios::binary);
        std::ostringstream text;
        if (!in.is_open() || !(text << in.rdbuf())) {
          return Problem(place.Field("from_file"), absl::StrCat(what, ": file ", path, " is empty or cannot be read"),
                         "correct the path or its permissions");
        }
        value = text.str();
        if (absl::EndsWith(value, "\n")) value.pop_back();
        if (absl::EndsWith(value, "\r")) value.pop_back();
        break;
      }
      case Setting::VALUE_SOURCE_NOT_SET:
        return Problem(place, absl::StrCat(what, " has no value"), "give value, from_env or from_file");
    }
    if (setting.value_source_case() != Setting::kValue) connector.secrets.push_back(value);
    connector.settings.emplace_back(setting.name(), std::move(value));
  }

  ConfigFile& file_;
  const fs::path folder_;
  LoadedConfig& loaded_;
  ServerConfig& config_;
  const Place root_;
};

}  // namespace

absl::StatusOr<LoadedConfig> LoadConfig(const std::string& path, const ConfigOverrides& overrides) {
  LoadedConfig loaded;
  ASSIGN_OR_RETURN(ConfigFile file, ConfigFile::Read(path, loaded.server));
  std::error_code error;
  ConfigChecker checker(file, fs::absolute(path, error).parent_path(), loaded);
  checker.Apply(overrides);
  checker.Check();
  RETURN_IF_ERROR(file.status());
  loaded.path = path;
  loaded.overrides = overrides;
  return loaded;
}

}  // namespace partnermetrics
