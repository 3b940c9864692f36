#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "connectors/kit/checks.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/facts/event_view.h"
#include "server/facts/fact_row.h"
#include "server/facts/validate.h"

namespace partnermetrics::kit {
namespace {

constexpr char kUnknownSetting[] = "no_such_setting";
constexpr char kPlanted[] = "pm-kit-secret-7f3a9c";

std::set<std::string> FactKinds() {
  std::set<std::string> kinds;
  const auto* fact = v1::Event::descriptor()->FindOneofByName("fact");
  for (int i = 0; i < fact->field_count(); ++i) kinds.insert(fact->field(i)->name());
  return kinds;
}

// What is wrong with an event; empty when ingest would take it.
std::string FaultOf(v1::Event event, const std::set<std::string>& kinds) {
  if (!event.program().empty() || !event.source().empty()) {
    return "program and source are the server's to fill in; leave them empty";
  }
  event.set_program("kit");
  event.set_source("kit");
  if (const auto error = ValidateEnvelope(event)) return absl::StrCat(error->field, ": ", error->description);
  const std::string bytes = event.SerializeAsString();
  EventView view;
  if (!view.Parse(bytes)) return "it has no known kind of fact";
  if (kinds.count(view.schema->name()) == 0) {
    return absl::StrCat("the description does not name the kind ", view.schema->name());
  }
  if (event.deleted()) return "";
  FactRow row(*view.schema);
  FieldError error;
  if (!row.Decode(view.fact, "USD", &error)) return absl::StrCat(error.field, ": ", error.description);
  const Day today = ToDay(absl::ToCivilDay(absl::Now(), absl::UTCTimeZone()));
  if (const auto fault = ValidateFact(row, today)) return absl::StrCat(fault->field, ": ", fault->description);
  return "";
}

bool Shows(const KitHost& host, const Outcome& outcome, const std::string& secret) {
  std::vector<std::string> texts = host.logs;
  for (const Finding& problem : host.problems)
    texts.insert(texts.end(), {problem.where, problem.message, problem.remedy});
  for (const Record& record : host.records) texts.insert(texts.end(), {record.message, record.events});
  for (const Page& page : host.pages) texts.push_back(page.state.value_or(""));
  texts.insert(texts.end(), {outcome.where, outcome.message, outcome.remedy});
  return std::any_of(texts.begin(), texts.end(),
                     [&](const std::string& text) { return absl::StrContains(text, secret); });
}

}  // namespace

Verdict CheckDescription(const Subject& subject, const pm_connector& plugin) {
  const pm_bytes first = plugin.describe(), second = plugin.describe();
  if (first.data == nullptr || first.size != second.size ||
      !std::equal(first.data, first.data + first.size, second.data)) {
    return Failed("describe gives nothing, or not the same twice");
  }
  const absl::StatusOr<v1::ConnectorDescription> description = ParseDescription(plugin);
  if (!description.ok()) return Failed(std::string(description.status().message()));
  const std::string name = plugin.name;
  const std::string file = subject.plugin.substr(subject.plugin.find_last_of('/') + 1);
  if (description->name() != name || file != name + ".so") {
    return Failed(absl::StrCat("the plugin is ", file, ", its table says ", name, " and its description ",
                               description->name(), "; the three must agree"));
  }
  if (description->version() != plugin.version || description->version().empty()) {
    return Failed("the version of the description is not that of the table, or empty");
  }
  if (description->summary().empty()) return Failed("the description has no summary; say in a sentence what it reads");
  if (description->fact_kinds().empty()) return Failed("the description names no kinds of fact");
  const std::set<std::string> kinds = FactKinds();
  for (const std::string& kind : description->fact_kinds()) {
    if (kinds.count(kind) == 0) return Failed(absl::StrCat("there is no kind of fact ", kind));
  }
  for (const v1::ConnectorSetting& setting : description->settings()) {
    if (setting.name().empty() || setting.description().empty()) {
      return Failed(absl::StrCat("a setting has no name or no description: \"", setting.name(), "\""));
    }
  }
  if (description->revision_rule().empty()) return Failed("the description does not say how revisions are made");
  return {};
}

Verdict CheckSettings(const Subject& subject, const pm_connector& plugin) {
  const absl::StatusOr<v1::ConnectorDescription> description = ParseDescription(plugin);
  if (!description.ok()) return NotApplicable("it has no description");
  const auto refused = [&](const Settings& settings, const std::string& name) -> std::string {
    KitHost host(subject.feed);
    const Outcome outcome = RunPlugin(plugin, &host, settings, Step::kOpen);
    if (outcome.code != PM_BAD_SETTING) return absl::StrCat("is answered with: ", outcome.Text());
    if (outcome.where != name) return absl::StrCat("is answered with the name \"", outcome.where, "\" in error.where");
    return outcome.message.empty() ? "is answered without a message" : "";
  };
  Settings settings = subject.settings;
  settings[kUnknownSetting] = "1";
  if (std::string wrong = refused(settings, kUnknownSetting); !wrong.empty()) {
    return Failed(absl::StrCat("an unknown setting ", wrong, "; it must be PM_BAD_SETTING with its name"));
  }
  for (const v1::ConnectorSetting& setting : description->settings()) {
    if (!setting.required()) continue;
    settings = subject.settings;
    settings.erase(setting.name());
    if (std::string wrong = refused(settings, setting.name()); !wrong.empty()) {
      return Failed(absl::StrCat("without its required setting ", setting.name(), " open ", wrong));
    }
  }
  KitHost host(subject.feed);
  const Outcome outcome = RunPlugin(plugin, &host, subject.settings, Step::kOpen);
  return outcome.code == PM_OK ? Verdict{} : Failed(absl::StrCat("the given settings are refused: ", outcome.Text()));
}

Verdict CheckFolder(const Subject& subject, const pm_connector& plugin) {
  KitHost host(subject.feed);
  const Outcome outcome = RunPlugin(plugin, &host, subject.settings, Step::kCheck);
  if (outcome.code != PM_OK) return Failed(absl::StrCat("check fails: ", outcome.Text()));
  for (const Finding& problem : host.problems) {
    if (problem.level >= PM_ERROR) return Failed(absl::StrCat("check finds: ", problem.where, ": ", problem.message));
  }
  if (!host.records.empty()) return Failed("check hands over records; that is for read alone");
  return {};
}

Verdict CheckEvents(const Subject& subject, const pm_connector& plugin) {
  const absl::StatusOr<v1::ConnectorDescription> description = ParseDescription(plugin);
  if (!description.ok()) return NotApplicable("it has no description");
  const std::set<std::string> kinds(description->fact_kinds().begin(), description->fact_kinds().end());
  KitHost host(subject.feed);
  const Outcome outcome = RunPlugin(plugin, &host, subject.settings, Step::kRead);
  if (outcome.code != PM_OK) return Failed(absl::StrCat("read fails: ", outcome.Text()));
  if (!host.violations.empty()) return Failed(host.violations.front());
  std::size_t events = 0;
  for (const Record& record : host.records) {
    const std::string place = absl::StrCat(record.file, ":", record.row);
    if (subject.feed.files().count(record.file.substr(0, record.file.find('!'))) == 0) {
      return Failed(absl::StrCat("a record is said to be of ", record.file, ", which is no file of the folder"));
    }
    if (record.events.empty()) continue;
    v1::EventBatch batch;
    if (!batch.ParseFromString(record.events))
      return Failed(absl::StrCat(place, " gives bytes that are no EventBatch"));
    if (record.raw.empty()) return Failed(absl::StrCat(place, " is emitted without its raw bytes"));
    for (const v1::Event& event : batch.events()) {
      ++events;
      if (const std::string fault = FaultOf(event, kinds); !fault.empty()) {
        return Failed(absl::StrCat(place, " gives an event that ingest refuses: ", fault));
      }
    }
  }
  for (const std::string& kind : host.complete) {
    if (kinds.count(kind) == 0)
      return Failed(absl::StrCat("the run is complete for \"", kind, "\", which it does not describe"));
  }
  return events > 0 ? Verdict{} : Failed("the recorded files give no event; give it data that it reads (--data)");
}

Verdict CheckColumns(const Subject& subject, const pm_connector& plugin) {
  KitHost first(subject.feed), second(subject.feed);
  for (KitHost* host : {&first, &second}) {
    const Outcome outcome = RunPlugin(plugin, host, subject.settings, Step::kRead);
    if (outcome.code != PM_OK) return Failed(absl::StrCat("read fails: ", outcome.Text()));
  }
  if (first.columns.empty()) return NotApplicable("it tells no columns; a source with a header should");
  if (!first.violations.empty()) return Failed(first.violations.front());
  if (first.columns == second.columns) return {};
  return Failed("a second read tells other streams or columns; a stream has the same name in every run");
}

Verdict CheckSizes(const Subject& subject, const pm_connector& plugin) {
  KitHost plain(subject.feed), odd(subject.feed, {.odd_sizes = true});
  const Outcome outcome = RunPlugin(plugin, &plain, subject.settings, Step::kRead);
  const Outcome other = RunPlugin(plugin, &odd, subject.settings, Step::kRead, std::nullopt, /*odd_sizes=*/true);
  if (other.code != outcome.code) {
    return Failed(absl::StrCat("with larger settings and a larger host table read gives: ", other.Text(),
                               "; step through settings by setting_size"));
  }
  if (plain.records != odd.records)
    return Failed("with larger settings and a larger host table it reads something else");
  KitHost old(subject.feed, {.first_host = true});
  const Outcome before = RunPlugin(plugin, &old, subject.settings, Step::kRead);
  if (before.code != outcome.code || plain.records != old.records) {
    return Failed(absl::StrCat("with the table of the first hosts it reads something else: ", before.Text()));
  }
  Settings settings = subject.settings;
  settings[kUnknownSetting] = "1";
  KitHost host(subject.feed);
  const Outcome refused = RunPlugin(plugin, &host, settings, Step::kOpen, std::nullopt, /*odd_sizes=*/true);
  if (other.error_overrun || refused.error_overrun) {
    return Failed("it writes behind the end of a pm_error of an older host; look with PM_HAS before writing a member");
  }
  return {};
}

Verdict CheckSecrets(const Subject& subject, const pm_connector& plugin) {
  const absl::StatusOr<v1::ConnectorDescription> description = ParseDescription(plugin);
  if (!description.ok()) return NotApplicable("it has no description");
  bool any = false;
  for (const v1::ConnectorSetting& setting : description->settings()) {
    if (!setting.secret()) continue;
    any = true;
    Settings settings = subject.settings;
    settings.emplace(setting.name(), kPlanted);
    const std::string secret = settings[setting.name()];
    settings[kUnknownSetting] = "1";
    for (const Step step : {Step::kOpen, Step::kCheck, Step::kRead}) {
      KitHost host(subject.feed);
      const Outcome outcome = RunPlugin(plugin, &host, settings, step);
      if (Shows(host, outcome, secret)) return Failed(absl::StrCat("the value of ", setting.name(), " is shown"));
      settings.erase(kUnknownSetting);
    }
  }
  return any ? Verdict{} : NotApplicable("no setting is secret");
}

}  // namespace partnermetrics::kit
