#include <dlfcn.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "connectors/kit/checks.h"

namespace partnermetrics::kit {
namespace {

constexpr std::uint64_t kManyPages = 3U << 20U;       // bytes that give a plugin several pages to end
constexpr std::size_t kMostResumes = 12;              // states that are tried, spread over the run
constexpr std::uint64_t kLongBytes = 48U << 20U;      // of the file whose reading must not need more memory
constexpr std::int64_t kFreeGrowthKiB = 12 << 10;     // that buffers may take
constexpr absl::Duration kPrompt = absl::Seconds(2);  // between the wish to stop and the end
constexpr std::size_t kCancelAfter = 10;              // records

// A full read; the text says why it is none.
std::string ReadAll(const Subject& subject, const pm_connector& plugin, KitHost* host,
                    const std::optional<std::string>& state = std::nullopt) {
  const Outcome outcome = RunPlugin(plugin, host, subject.settings, Step::kRead, state);
  return outcome.code == PM_OK ? "" : absl::StrCat("read fails: ", outcome.Text());
}

std::string PlaceOf(const Record& record) {
  return absl::StrCat(record.file, ":", record.row);
}

// Where two readings part; empty when they are the same.
std::string Difference(const std::vector<Record>& wanted, std::size_t from, const std::vector<Record>& found) {
  for (std::size_t i = 0; i < std::max(wanted.size() - from, found.size()); ++i) {
    if (from + i >= wanted.size()) return absl::StrCat(PlaceOf(found[i]), " comes once more than it should");
    if (i >= found.size()) return absl::StrCat(PlaceOf(wanted[from + i]), " is missing");
    if (wanted[from + i] == found[i]) continue;
    if (PlaceOf(wanted[from + i]) == PlaceOf(found[i])) return absl::StrCat(PlaceOf(found[i]), " is another record");
    return absl::StrCat(PlaceOf(found[i]), " comes where ", PlaceOf(wanted[from + i]), " should");
  }
  return "";
}

std::size_t CountRejected(const KitHost& host) {
  return static_cast<std::size_t>(
      std::count_if(host.records.begin(), host.records.end(), [](const Record& r) { return !r.reject.empty(); }));
}

// The most memory that the process had, and a way to begin anew.
std::int64_t PeakKiB() {
  std::ifstream status("/proc/self/status");
  std::int64_t peak = 0;
  for (std::string line; std::getline(status, line);) {
    if (absl::StartsWith(line, "VmHWM:")) {
      const std::string digits = line.substr(line.find_first_of("0123456789"));
      (void)absl::SimpleAtoi(digits.substr(0, digits.find(' ')), &peak);
    }
  }
  return peak;
}
void ResetPeak() {
  std::ofstream("/proc/self/clear_refs") << "5";
}

}  // namespace

Verdict CheckRepeatable(const Subject& subject, const pm_connector& plugin) {
  KitHost first(subject.feed), second(subject.feed);
  for (KitHost* host : {&first, &second}) {
    if (std::string wrong = ReadAll(subject, plugin, host); !wrong.empty()) return Failed(wrong);
  }
  if (const std::string wrong = Difference(first.records, 0, second.records); !wrong.empty()) {
    return Failed(absl::StrCat("in a second read ", wrong, "; events must depend on nothing but the files"));
  }
  return first.complete == second.complete ? Verdict{} : Failed("a second read is complete for other kinds");
}

Verdict CheckResume(const Subject& subject, const pm_connector& plugin) {
  const Feed feed = subject.feed.Amplified(kManyPages);
  KitHost full(feed);
  if (std::string wrong = ReadAll(subject, plugin, &full); !wrong.empty()) return Failed(wrong);
  std::vector<const Page*> states;
  for (const Page& page : full.pages) {
    // After a finished run the next one may look at everything again.
    if (page.state && page.end < full.records.size()) states.push_back(&page);
  }
  if (states.empty()) {
    const bool any =
        std::any_of(full.pages.begin(), full.pages.end(), [](const Page& page) { return page.state.has_value(); });
    return any ? NotApplicable("all records fit into one page")
               : Failed("no page has a state; give the sink a checkpoint after every record");
  }
  const std::size_t step = states.size() / kMostResumes + 1;
  for (std::size_t i = 0; i < states.size(); i += step) {
    KitHost rest(feed);
    if (std::string wrong = ReadAll(subject, plugin, &rest, states[i]->state); !wrong.empty()) return Failed(wrong);
    if (const std::string wrong = Difference(full.records, states[i]->end, rest.records); !wrong.empty()) {
      return Failed(absl::StrCat("going on from the state after record ", states[i]->end, ", ", wrong));
    }
  }
  return {};
}

// Also proves that records which share the cursor's time over the end of a run are not lost.
Verdict CheckGrown(const Subject& subject, const pm_connector& plugin) {
  if (!subject.feed.HasText()) return NotApplicable("there is no text file to cut");
  constexpr int kParts = 5;
  KitHost full(subject.feed);
  if (std::string wrong = ReadAll(subject, plugin, &full); !wrong.empty()) return Failed(wrong);
  for (int part = 1; part < kParts; ++part) {
    KitHost before(subject.feed.Shortened(part, kParts)), after(subject.feed);
    if (RunPlugin(plugin, &before, subject.settings, Step::kRead).code != PM_OK) continue;  // too short to be an export
    if (before.pages.empty() || !before.pages.back().state) continue;
    if (std::string wrong = ReadAll(subject, plugin, &after, before.pages.back().state); !wrong.empty())
      return Failed(wrong);
    std::set<std::string> events;
    for (const KitHost* host : {&before, &after}) {
      for (const Record& record : host->records) events.insert(record.events);
    }
    for (const Record& record : full.records) {
      if (events.count(record.events) > 0) continue;
      return Failed(
          absl::StrCat(PlaceOf(record), " is lost when the file had ", part, "/", kParts,
                       " of its lines at the run before; a cursor on a time must include records of the same time"));
    }
  }
  return {};
}

Verdict CheckShortReads(const Subject& subject, const pm_connector& plugin) {
  KitHost plain(subject.feed), short_reads(subject.feed, {.short_reads = true});
  for (KitHost* host : {&plain, &short_reads}) {
    if (std::string wrong = ReadAll(subject, plugin, host); !wrong.empty()) return Failed(wrong);
  }
  const std::string wrong = Difference(plain.records, 0, short_reads.records);
  return wrong.empty() ? Verdict{} : Failed(absl::StrCat("when reads are short, ", wrong));
}

Verdict CheckReadErrors(const Subject& subject, const pm_connector& plugin) {
  for (const std::uint64_t at : {0, 100}) {
    KitHost host(subject.feed, {.fail_at = at});
    const Outcome outcome = RunPlugin(plugin, &host, subject.settings, Step::kRead);
    if (outcome.code == PM_OK) {
      return Failed(absl::StrCat("files cannot be read from byte ", at, " on, and the run succeeds"));
    }
    if (outcome.message.empty()) return Failed("a file cannot be read, and the error has no message");
  }
  return {};
}

Verdict CheckTruncation(const Subject& subject, const pm_connector& plugin) {
  std::uint64_t longest = 0;
  for (const auto& [name, file] : subject.feed.files()) longest = std::max(longest, file.size());
  KitHost full(subject.feed);
  if (std::string wrong = ReadAll(subject, plugin, &full); !wrong.empty()) return Failed(wrong);
  for (const std::uint64_t end : {longest / 3, longest - 1}) {
    KitHost host(subject.feed, {.end_at = end});
    const Outcome outcome = RunPlugin(plugin, &host, subject.settings, Step::kRead);
    if (outcome.code == PM_OK) {
      return Failed(absl::StrCat("files end at byte ", end, ", before their size, and the run succeeds"));
    }
    if (outcome.message.empty()) return Failed("a file is cut off, and the error has no message");
  }
  return {};
}

Verdict CheckBadRows(const Subject& subject, const pm_connector& plugin) {
  if (!subject.feed.HasText()) return NotApplicable("there is no text file to put a bad row into");
  KitHost good(subject.feed), bad(subject.feed.WithBadRows());
  if (std::string wrong = ReadAll(subject, plugin, &good); !wrong.empty()) return Failed(wrong);
  if (std::string wrong = ReadAll(subject, plugin, &bad); !wrong.empty()) {
    return Failed(absl::StrCat("with one bad row in each file ", wrong, "; reject the row and go on"));
  }
  if (!bad.violations.empty()) return Failed(bad.violations.front());
  if (CountRejected(bad) <= CountRejected(good)) {
    return Failed("a bad row at the end of each file is passed over in silence; reject it with place and reason");
  }
  const std::size_t emitted = good.records.size() - CountRejected(good);
  const std::size_t still = bad.records.size() - CountRejected(bad);
  if (still != emitted) return Failed(absl::StrCat("a bad row takes ", emitted - still, " good ones with it"));
  return {};
}

Verdict CheckCancel(const Subject& subject, const pm_connector& plugin) {
  const Feed feed = subject.feed.Amplified(kManyPages);
  KitHost all(feed, {.keep_records = false}), host(feed, {.cancel_after_records = kCancelAfter});
  if (std::string wrong = ReadAll(subject, plugin, &all); !wrong.empty()) return Failed(wrong);
  const absl::Time begin = absl::Now();
  const Outcome outcome = RunPlugin(plugin, &host, subject.settings, Step::kRead);
  if (host.record_count == all.record_count) return NotApplicable("all records fit into one page");
  if (outcome.code != PM_CANCELLED) return Failed(absl::StrCat("a cancelled read ends with ", outcome.Text()));
  if (absl::Now() - begin > kPrompt) return Failed("a cancelled read goes on for more than 2 seconds");
  if (host.commits_after_cancel > 1) return Failed("it goes on handing over pages although the run was cancelled");
  return {};
}

Verdict CheckMemory(const Subject& subject, const pm_connector& plugin) {
  if (!subject.feed.HasText()) return NotApplicable("there is no text file to make longer");
  const HostFaults count_only{.keep_records = false};
  const Feed feeds[] = {subject.feed.Amplified(kLongBytes / 100), subject.feed.Amplified(kLongBytes)};
  std::int64_t peaks[2] = {};
  for (int i = 0; i < 2; ++i) {
    KitHost host(feeds[i], count_only);
    ResetPeak();
    if (std::string wrong = ReadAll(subject, plugin, &host); !wrong.empty()) return Failed(wrong);
    peaks[i] = PeakKiB();
  }
  const std::int64_t growth = peaks[1] - peaks[0];
  if (growth <= kFreeGrowthKiB) return {};
  return Failed(absl::StrCat("reading files of ", kLongBytes >> 20U, " MiB in place of a hundredth of that needs ",
                             growth >> 10U, " MiB more memory; read in pieces and keep nothing"));
}

Verdict CheckUnload(const Subject& subject) {
  for (int i = 0; i < 2; ++i) {
    {
      const absl::StatusOr<connectors::LoadedConnector> loaded = connectors::LoadedConnector::Load(subject.plugin);
      if (!loaded.ok()) return Failed(std::string(loaded.status().message()));
      KitHost host(subject.feed);
      const Outcome outcome = RunPlugin(loaded->table(), &host, subject.settings, Step::kRead);
      if (outcome.code != PM_OK)
        return Failed(absl::StrCat(i == 0 ? "" : "loaded again, ", "read fails: ", outcome.Text()));
    }
    if (void* still = ::dlopen(subject.plugin.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD); still != nullptr) {
      return Failed("the plugin stays in memory after it was unloaded; look for -z nodelete and unique symbols");
    }
  }
  return {};
}

}  // namespace partnermetrics::kit
