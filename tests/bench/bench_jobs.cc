// Measures jobs: how many facts a second they go over, with and without live events beside them, and how long these
// wait meanwhile. In this process, without gRPC and without fsync.
//
//   bench_jobs --folder /var/tmp/jobs --deals 1000000
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "partnermetrics/v1/event.pb.h"
#include "partnermetrics/v1/ingest_service.pb.h"
#include "partnermetrics/v1/selling.pb.h"
#include "tests/bench/local_program.h"

namespace partnermetrics::bench {
namespace {

constexpr int kLiveBatch = 100;
constexpr char kMoving[] = "moving";
constexpr absl::Duration kLiveEvery = absl::Milliseconds(20);

class Bench {
 public:
  Bench(const std::string& folder, const LoadOptions& options)
      : options_(options), program_(folder, absl::Now), definitions_(program_.definitions()) {}

  void Run() {
    const absl::Time started = absl::Now();
    program_.Ingest(PartnerLoad(options_));
    program_.Ingest(DealLoad(options_));
    Show("partners and deals ingested", absl::ToDoubleSeconds(absl::Now() - started), "s");
    const Load moving = MovingLoad();
    program_.Ingest(moving);
    for (const bool live : {false, true}) {
      v1::Measure& measure = *definitions_.mutable_catalog()->add_measures();
      measure.set_id(absl::StrCat("bench_", live ? "live" : "alone"));
      measure.set_fact("deal");
      measure.set_kind(v1::MEASURE_KIND_FLOW);
      measure.set_sum("amount");
      measure.set_at("closed_on");
      measure.set_where("outcome == WON");
      Measure("a measure added", live, [this] { Activate(); });
      definitions_.mutable_program()->add_shared_domains(absl::StrCat(measure.id(), ".example"));
      Measure("a domain shared: all facts resolved anew", live, [this] { Activate(); });
      definitions_.mutable_program()->set_time_zone(live ? "Asia/Tokyo" : "Europe/Berlin");
      Measure("another time zone: all facts counted anew", live, [this] { Activate(); });
      // To the first, and then to nobody, as two claim it.
      Measure("an alias: facts get another partner", live, [this, live] { Claim(PartnerId(live ? 1 : 0)); });
    }
    Check(program_.programs().Close());
  }

 private:
  // Half as many deals again, all of one reference.
  Load MovingLoad() const {
    LoadOptions options = options_;
    options.deals /= 2;
    Load load = DealLoad(options);
    for (std::string& bytes : load.streams.front()) {
      v1::StreamEventsRequest request;
      request.ParseFromString(bytes);
      for (v1::Event& event : *request.mutable_events()) {
        event.set_record_id(absl::StrCat("moving/", event.record_id()));
        v1::Deal& deal = *event.mutable_deal();
        deal.clear_attributions();
        v1::Attribution& attribution = *deal.add_attributions();
        attribution.set_role(v1::ATTRIBUTION_ROLE_SOURCED);
        v1::ExternalId& id = *attribution.add_partner_refs()->mutable_external();
        id.set_source(kSource);
        id.set_id(kMoving);
      }
      bytes = request.SerializeAsString();
    }
    return load;
  }

  void Activate() {
    Check(program_.programs().ActivateDefinitions(program_.runtime(), definitions_, "bench").status());
  }

  // Lets the reference lead to a partner.
  void Claim(const std::string& partner) {
    log::v1::AliasChange change;
    change.set_partner_id(absl::StrCat(kSource, ":", partner));
    change.mutable_alias()->mutable_external()->set_source(kSource);
    change.mutable_alias()->mutable_external()->set_id(kMoving);
    WriteRequest write;
    write.records = [&change](const std::vector<EventResult>&) {
      storage::LogRecord record;
      record.type = storage::RecordType::kAlias;
      record.payload = change.SerializeAsString();
      return std::vector<storage::LogRecord>{std::move(record)};
    };
    Check(program_.runtime().writer().Write(std::move(write)).status);
  }

  // Begins a job and waits until it is done.
  void Measure(const std::string& name, bool live, const std::function<void()>& begin) {
    std::atomic<bool> done = false;
    std::vector<double> waits;
    std::thread events;
    if (live) {
      events = std::thread([&] {
        LoadOptions batch = options_;
        batch.batch = kLiveBatch;
        while (!done) {
          const Load load = CorrectionLoad(batch, kLiveBatch, ++round_);
          const absl::Time sent = absl::Now();
          program_.Ingest(load);
          waits.push_back(absl::ToDoubleMilliseconds(absl::Now() - sent));
          absl::SleepFor(kLiveEvery);
        }
      });
    }
    const absl::Time start = absl::Now();
    const double cpu = CpuSeconds(getpid());
    begin();
    int64_t facts = 0;
    for (bool open = true; open;) {
      absl::SleepFor(absl::Milliseconds(2));
      Engine::View view(program_.runtime().engine());
      const auto jobs = view.Jobs();
      Check(jobs.status());
      open = !jobs->back().finished();
      facts = jobs->back().done();
    }
    const double seconds = absl::ToDoubleSeconds(absl::Now() - start);
    const double cpu_seconds = CpuSeconds(getpid()) - cpu;
    done = true;
    if (events.joinable()) events.join();
    Show(absl::StrCat(name, live ? ", with live events" : ""), static_cast<double>(facts) / seconds, "facts/s");
    Show("  CPU of all threads", cpu_seconds / static_cast<double>(facts) * 1e6, "us/fact");
    if (waits.empty()) return;
    std::sort(waits.begin(), waits.end());
    Show(absl::StrCat("  ", kLiveBatch, " events beside it, p50"), waits[waits.size() / 2], "ms");
    Show("  the slowest", waits.back(), "ms");
  }

  const LoadOptions options_;
  LocalProgram program_;
  log::v1::Definitions definitions_;
  int round_ = 0;
};

}  // namespace
}  // namespace partnermetrics::bench

int main(int argc, char** argv) {
  partnermetrics::bench::LoadOptions options;
  options.deals = 1'000'000;
  options.corrections = 0;
  return partnermetrics::bench::RunLocal(
      argc, argv, "Measures jobs over many facts.", options,
      [](const auto& folder, const auto& load) { partnermetrics::bench::Bench(folder, load).Run(); });
}
