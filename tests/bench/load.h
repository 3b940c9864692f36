// Generated load: partners, and deals with corrections, as requests of StreamEvents that are serialised already, so
// that the client costs the machine it shares with the server as little as possible.
#ifndef PARTNERMETRICS_TESTS_BENCH_LOAD_H_
#define PARTNERMETRICS_TESTS_BENCH_LOAD_H_

#include <cstdint>
#include <string>
#include <vector>

namespace partnermetrics::bench {

inline constexpr char kProgram[] = "partneros";
inline constexpr char kSource[] = "crm";

struct LoadOptions {
  int64_t deals = 1'000'000;
  double corrections = 0.2;  // further versions of deals, as a share of the deals
  int partners = 10'000;
  int batch = 1'000;  // events per request
  int streams = 2;
  uint64_t seed = 1;
};

struct Load {
  using Requests = std::vector<std::string>;
  std::vector<Requests> streams;
  int64_t events = 0;
  int64_t bytes = 0;  // of the serialised events
};

// Every partner once.
Load PartnerLoad(const LoadOptions& options);

// Deals, each followed some time later in the same stream by its corrections.
Load DealLoad(const LoadOptions& options);

// Further corrections of the deals of DealLoad(options); round 1, 2 … of them.
Load CorrectionLoad(const LoadOptions& options, int64_t corrections, int round);

std::string PartnerId(int64_t partner);

// Some serialised events of the load, for measuring the log alone.
std::vector<std::string> SampleEvents(const LoadOptions& options, int64_t count);

}  // namespace partnermetrics::bench

#endif  // PARTNERMETRICS_TESTS_BENCH_LOAD_H_
