// The head of a programme's state: what it stands at, and what it counts over all.
#ifndef PARTNERMETRICS_SERVER_ENGINE_HEADER_H_
#define PARTNERMETRICS_SERVER_ENGINE_HEADER_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace partnermetrics {

// Format of everything the engine stores. Raised when any of it changes: an older state is rebuilt.
inline constexpr int kStateFormat = 9;

struct Header {
  uint64_t position = 0;       // of the last record applied
  std::string tzdata_version;  // of the time-zone database that decided the days
  uint64_t last_sequence = 0;  // highest sequence of a run
  int64_t facts = 0;           // without deleted ones
  int64_t partners = 0;
  int64_t unresolved_facts = 0;
  int64_t parked_facts = 0;
  int64_t waiting_parts = 0;
  int64_t conflicts = 0;               // same version, other content: decided by position
  int64_t without_effect = 0;          // records that made no sense
  std::map<int, int64_t> fresh_at_us;  // kind → when its newest event was stored
};

std::string EncodeHeader(const Header& header);
absl::StatusOr<Header> DecodeHeader(absl::string_view value);

// Version of the system's time-zone database: "2024a"; "unknown" when it does not say.
std::string TzdataVersion();

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_HEADER_H_
