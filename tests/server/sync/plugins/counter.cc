// A plugin that needs no files: it counts records up, in pages of a given size, and can do so slowly, with bad records
// among them, or until it crashes. Its state is the number of records done.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>

#include "partnermetrics/connector.h"
#include "partnermetrics/v1/event.pb.h"

namespace {

namespace sdk = partnermetrics::sdk;

class Counter : public sdk::Connector {
 public:
  static constexpr char kName[] = "counter";
  static constexpr char kVersion[] = COUNTER_VERSION;
  static Description Describe() {
    return {.summary = "Counts.",
            .settings = {{.name = "records", .description = "How many.", .required = true},
                         {.name = "page", .description = "Records of a page.", .default_value = "10"},
                         {.name = "pause_ms", .description = "Pause after a page.", .default_value = "0"},
                         {.name = "reject_every", .description = "Rejects each so-many-th.", .default_value = "0"},
                         {.name = "refuse_every", .description = "Gives a bad event.", .default_value = "0"},
                         {.name = "skip_every", .description = "Skips each so-many-th.", .default_value = "0"},
                         {.name = "hold_at", .description = "Waits there to be ended.", .default_value = "0"},
                         {.name = "crash_at", .description = "Crashes there.", .default_value = "0"},
                         {.name = "generation", .description = "Revision of its deals.", .default_value = "1"},
                         {.name = "source", .description = "That its events state.", .default_value = ""},
                         {.name = "token", .description = "A secret.", .secret = true}},
            .fact_kinds = {"deal"}};
  }

  Status Open(const Settings& settings) override {
    settings_ = settings;
    return {};
  }

  Status Check(Reader& reader, Reporter& reporter) override {
    if (Number("records") == 0)
      reporter.Problem(sdk::Level::kError, "records", "there is nothing to count", "count up");
    reporter.Problem(sdk::Level::kWarning, "token", "it is " + settings_.Get("token"));
    return {};
  }

  Status Read(std::string_view state, Reader& reader, Sink& sink) override {
    const std::uint64_t last = Number("records"), page = Number("page");
    sink.Problem(sdk::Level::kWarning, "counter:extra", "an unknown column");
    for (std::uint64_t n = state.empty() ? 1 : std::stoull(std::string(state)) + 1; n <= last; ++n) {
      if (n == Number("crash_at")) {
        std::fprintf(stderr, "about to crash\n");
        std::raise(SIGSEGV);
      }
      while (n == Number("hold_at") && !sink.Cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      PM_RETURN_IF_ERROR(Take(n, sink));
      if (n % page != 0 && n != last) continue;
      sink.Progress(n, last, "bytes");
      PM_RETURN_IF_ERROR(sink.Commit(std::to_string(n)));
      std::this_thread::sleep_for(std::chrono::milliseconds(Number("pause_ms")));
    }
    return state.empty() ? sink.Complete("deal") : Status();
  }

 private:
  std::uint64_t Number(const std::string& setting) const { return std::stoull(settings_.Get(setting, "0")); }
  bool Every(const std::string& setting, std::uint64_t n) const {
    return Number(setting) != 0 && n % Number(setting) == 0;
  }

  Status Take(std::uint64_t n, Sink& sink) const {
    const sdk::Place place = {"numbers.csv", n, 0};
    const std::string raw = "row " + std::to_string(n);
    if (Every("reject_every", n)) return sink.Reject(place, raw, "amount", "bad_number", "the amount is no number");
    if (Every("skip_every", n)) return sink.Skip(place, "every_so_many");
    partnermetrics::v1::Event event;
    event.set_record_id("d" + std::to_string(n));
    const auto generation = static_cast<std::int64_t>(Number("generation"));
    event.set_revision(Every("refuse_every", n) ? -1 : generation);
    event.set_source(settings_.Get("source", ""));
    event.mutable_deal()->set_name("deal " + std::to_string(n) +
                                   (generation == 1 ? "" : " again " + std::to_string(generation)));
    return sink.Emit(place, raw, event);
  }

  Settings settings_;
};

}  // namespace

PARTNERMETRICS_CONNECTOR(Counter)
