// partner-connector-test PLUGIN.so --data DIR: the acceptance checks of a connector on recorded files, without a server
// and without a network.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "connectors/kit/checks.h"
#include "connectors/kit/forked.h"
#include "connectors/kit/print.h"

namespace partnermetrics::kit {
namespace {

struct Options {
  std::string plugin, data, golden;
  std::vector<std::string> settings, only, skip;
  bool update_golden = false, print = false;
  double timeout_seconds = 120;
};

std::string Encode(const Verdict& verdict) {
  return absl::StrCat(static_cast<int>(verdict.kind), verdict.text);
}

Verdict Decode(const ForkedResult& result) {
  if (!result.error.empty()) return Failed(result.error);
  return {static_cast<Verdict::Kind>(result.answer[0] - '0'), result.answer.substr(1)};
}

// Runs `use` with the plugin loaded, in a process of its own.
template <typename Use>
ForkedResult WithPlugin(const Subject& subject, absl::Duration limit, Use use) {
  return RunForked(limit, [&] {
    const auto loaded = connectors::LoadedConnector::Load(subject.plugin);
    if (!loaded.ok()) return Encode(Failed(std::string(loaded.status().message())));
    return use(loaded->table());
  });
}

class Report {
 public:
  void Add(const std::string& name, const std::string& promise, const Verdict& verdict, const std::string& output) {
    constexpr const char* kWords[] = {"pass", "FAIL", "n/a "};
    std::printf("%s  %-12s %s\n", kWords[static_cast<int>(verdict.kind)], name.c_str(), promise.c_str());
    if (!verdict.text.empty()) std::printf("      %-12s %s\n", "", verdict.text.c_str());
    if (verdict.kind == Verdict::Kind::kFailed) {
      ++failed_;
      if (!output.empty()) std::printf("      its last output: %s\n", output.c_str());
    }
    ++checks_;
  }
  int Finish() const {
    std::printf("%d checks, %d failed\n", checks_, failed_);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  int checks_ = 0, failed_ = 0;
};

// What the plugin reads, printed; or why it cannot.
ForkedResult PrintAll(const Subject& subject, absl::Duration limit) {
  return WithPlugin(subject, limit, [&](const pm_connector& plugin) {
    KitHost host(subject.feed);
    const Outcome outcome = RunPlugin(plugin, &host, subject.settings, Step::kRead);
    if (outcome.code != PM_OK) return Encode(Failed(absl::StrCat("read fails: ", outcome.Text())));
    return Encode({Verdict::Kind::kPassed, Print(host)});
  });
}

// The first line in which two texts differ.
std::string FirstDifference(const std::string& wanted, const std::string& found) {
  const std::vector<std::string> a = absl::StrSplit(wanted, '\n'), b = absl::StrSplit(found, '\n');
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    const std::string left = i < a.size() ? a[i] : "", right = i < b.size() ? b[i] : "";
    if (left != right) return absl::StrCat("line ", i + 1, "\n        golden: ", left, "\n        found:  ", right);
  }
  return "";
}

Verdict CompareGolden(const Options& options, const Verdict& printed) {
  if (printed.kind != Verdict::Kind::kPassed) return printed;
  if (options.update_golden) {
    std::ofstream(options.golden, std::ios::binary) << printed.text;
    return {Verdict::Kind::kPassed, absl::StrCat(options.golden, " was written")};
  }
  std::ifstream in(options.golden, std::ios::binary);
  if (!in) return Failed(absl::StrCat(options.golden, " cannot be read; write it with --update-golden"));
  std::ostringstream golden;
  golden << in.rdbuf();
  const std::string difference = FirstDifference(golden.str(), printed.text);
  if (difference.empty()) return {};
  return Failed(absl::StrCat("the events differ from ", options.golden, " in ", difference,
                             "\n        when that is right, write it anew with --update-golden"));
}

int Run(const Options& options) {
  const absl::Duration limit = absl::Seconds(options.timeout_seconds);
  absl::StatusOr<Feed> feed = Feed::Load(options.data);
  if (!feed.ok()) {
    std::fprintf(stderr, "%s\n", std::string(feed.status().message()).c_str());
    return 2;
  }
  Subject subject{options.plugin, {}, *std::move(feed)};
  for (const std::string& setting : options.settings) {
    const std::vector<std::string> parts = absl::StrSplit(setting, absl::MaxSplits('=', 1));
    subject.settings[parts[0]] = parts.size() > 1 ? parts[1] : "";
  }
  if (options.print) {
    const Verdict printed = Decode(PrintAll(subject, limit));
    const bool ok = printed.kind == Verdict::Kind::kPassed;
    std::fprintf(ok ? stdout : stderr, "%s%s", printed.text.c_str(), ok ? "" : "\n");
    return ok ? 0 : 1;
  }
  const auto wanted = [&](const std::string& name) {
    return options.only.empty() || std::find(options.only.begin(), options.only.end(), name) != options.only.end();
  };
  const auto skipped = [&](const std::string& name) -> std::string {
    for (const std::string& skip : options.skip) {
      if (absl::StartsWith(skip, absl::StrCat(name, "="))) return skip.substr(name.size() + 1);
    }
    return "";
  };
  Report report;
  for (const Check& check : Checks()) {
    if (!wanted(check.name)) continue;
    if (const std::string reason = skipped(check.name); !reason.empty()) {
      report.Add(check.name, check.promise, NotApplicable(absl::StrCat("skipped: ", reason)), "");
      continue;
    }
    const ForkedResult result =
        WithPlugin(subject, limit, [&](const pm_connector& plugin) { return Encode(check.run(subject, plugin)); });
    report.Add(check.name, check.promise, Decode(result), result.output);
  }
  if (wanted("unload")) {
    const ForkedResult result = RunForked(limit, [&] { return Encode(CheckUnload(subject)); });
    report.Add("unload", "can be unloaded and loaded again", Decode(result), result.output);
  }
  if (!options.golden.empty() && wanted("golden")) {
    const ForkedResult result = PrintAll(subject, limit);
    report.Add("golden", "states the events of the golden file", CompareGolden(options, Decode(result)), result.output);
  }
  return report.Finish();
}

}  // namespace

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Tests a connector plugin on recorded files: without a server, without a network.");
  app.add_option("plugin", options.plugin, "The plugin: build/my_source.so")->required()->check(CLI::ExistingFile);
  app.add_option("--data", options.data, "Folder with recorded files")->required()->check(CLI::ExistingDirectory);
  app.add_option("--settings", options.settings, "Settings: name=value …");
  app.add_option("--checks", options.only, "Only these checks")->delimiter(',');
  app.add_option("--skip", options.skip, "Checks that this source cannot pass, with the reason: grown=\"a snapshot\"");
  app.add_option("--golden", options.golden, "File with the events that must come out");
  app.add_flag("--update-golden", options.update_golden, "Write the golden file instead of comparing with it");
  app.add_flag("--print", options.print, "Print what the plugin reads, and check nothing");
  app.add_option("--timeout", options.timeout_seconds, "Seconds that a check may take")->capture_default_str();
  app.footer("Exit codes: 0 all passed, 1 a check failed, 2 the data cannot be read.");
  CLI11_PARSE(app, argc, argv);
  if (options.plugin.find('/') == std::string::npos) options.plugin = "./" + options.plugin;
  return Run(options);
}

}  // namespace partnermetrics::kit

int main(int argc, char** argv) {
  return partnermetrics::kit::Main(argc, argv);
}
