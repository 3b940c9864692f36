// A client of the ingest service that survives the server: it keeps a journal of what was acknowledged and of what may
// have happened, settles the unknown by sending it again, and can say what the numbers must be.
#ifndef PARTNERMETRICS_TESTS_CRASH_DEAL_CLIENT_H_
#define PARTNERMETRICS_TESTS_CRASH_DEAL_CLIENT_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "partnermetrics/v1/ingest_service.grpc.pb.h"

namespace partnermetrics {

inline constexpr int kCrashPartners = 40;
inline constexpr char kCrashSource[] = "crm";

// Where the server is at present; it comes back under another address. Thread-safe.
class CurrentServer {
 public:
  struct Life {
    int number = 0;
    std::string address;
  };
  void Came(const std::string& address);
  void Went();
  // From now on WaitForNext gives nothing.
  void End();
  // The server's present life if it is another than `after`, else its next one.
  std::optional<Life> WaitForNext(int after);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Life life_;
  bool up_ = false;
  bool ended_ = false;
};

// Count and sum (in cents) of deals.
struct DealSums {
  int64_t deals = 0;
  int64_t cents = 0;
};

// What the facts of all journals say.
struct ExpectedNumbers {
  DealSums business_won, direct_won, program_won, program_open;
  std::map<int, DealSums> partner_won, partner_open;
  int64_t live_deals = 0;
  void Add(const v1::Deal& deal);
};

std::string CrashPartnerId(int partner);

// One client; Run is its thread's work. The journal is read after Run has returned.
class DealClient {
 public:
  enum class Way { kUnary, kStream };
  DealClient(int number, Way way, uint64_t seed, CurrentServer& server);

  // Sends batches to whatever server there is until Finish; then settles what is unknown and returns.
  void Run();
  void Finish() { finishing_ = true; }

  void AddTo(ExpectedNumbers& expected) const;
  uint64_t last_position() const { return last_position_; }
  int64_t acknowledged_events() const { return acknowledged_events_; }
  int64_t settled_batches() const { return settled_batches_; }
  bool done() const { return finishing_ && unknown_.empty(); }

 private:
  struct Batch {
    std::vector<v1::Event> events;
    int64_t fresh = 0;  // events that must apply when the batch is sent for the first time
    bool sent_before = false;
  };

  Batch NewBatch();
  v1::Event NewDeal();
  void Rewrite(v1::Event& event);
  // The next batch to send in this life; the unknown ones come first, in their order. Null: nothing is left to send.
  Batch* Next(size_t& next);
  void Fill(const Batch& batch, v1::IngestEventsRequest& request) const;

  // Each returns at the end of the connection or when all is done.
  void SendUnary(v1::IngestService::Stub& stub);
  void SendStream(v1::IngestService::Stub& stub);
  // What was acknowledged in an earlier life must be there in this one: sent again, it never applies.
  bool CheckRemembered(v1::IngestService::Stub& stub);
  void Acknowledge(uint64_t position, const v1::IngestCounts& counts);

  const int number_;
  const Way way_;
  CurrentServer& server_;
  std::mt19937_64 random_;
  std::atomic<bool> finishing_ = false;

  std::vector<v1::Event> deals_;              // latest version of each deal, sent or not
  std::deque<Batch> unknown_;                 // sent or about to be, not acknowledged
  std::deque<Batch> remembered_;              // acknowledged last
  std::map<std::string, v1::Event> journal_;  // acknowledged content of each deal
  uint64_t last_position_ = 0;
  int64_t acknowledged_events_ = 0;
  int64_t settled_batches_ = 0;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_CRASH_DEAL_CLIENT_H_
