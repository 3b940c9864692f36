// The applier's view of who belongs to which segment.
//
// What the table gives for a partner is what the partner's facts are counted by. It therefore changes only when it is
// told to (Set), between taking them back and counting them anew, and not when the records behind it change.
#ifndef PARTNERMETRICS_SERVER_ENGINE_SEGMENT_TABLE_H_
#define PARTNERMETRICS_SERVER_ENGINE_SEGMENT_TABLE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/node_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "partnermetrics/v1/catalog.pb.h"
#include "server/engine/keys.h"
#include "server/engine/segments.h"
#include "server/engine/state_overlay.h"

namespace partnermetrics {

// Reads the value of an index's key.
using ReadIndex = std::function<absl::StatusOr<std::optional<std::string>>(const std::string& key)>;

// What the records that state a partner now have stated so far.
absl::StatusOr<std::vector<StatementsOfRecord>> ReadStatements(const Keys& keys, absl::string_view partner_id,
                                                               const ReadIndex& read);

// A partner's segments by the records that state it now.
absl::StatusOr<SegmentSpans> ReadSpans(const Keys& keys, const v1::Program& program, const absl::TimeZone& zone,
                                       absl::string_view partner_id, const ReadIndex& read);

class SegmentTable {
 public:
  SegmentTable(const Keys& keys, StateOverlay& state) : keys_(keys), state_(state) {}

  void SetProgram(const v1::Program& program, const absl::TimeZone& zone);
  // Whether the programme declares no segments: then the table is not asked for anything.
  bool empty() const { return program_.segments_size() == 0; }
  size_t size() const { return static_cast<size_t>(program_.segments_size()); }
  const std::string& attribute(size_t i) const { return program_.segments(static_cast<int>(i)).attribute(); }

  // The partner's segments, remembered from the first time on.
  absl::StatusOr<const SegmentSpans*> Of(const std::string& partner_id);
  // As its records have it now.
  absl::StatusOr<SegmentSpans> Read(const std::string& partner_id) const;
  absl::StatusOr<std::vector<StatementsOfRecord>> StatementsOf(const std::string& partner_id) const;
  void Set(const std::string& partner_id, SegmentSpans spans) { known_[partner_id] = std::move(spans); }

  // Adds what a record that states a partner says now; deleted ones say nothing.
  absl::Status Learn(const FactId& record, int64_t learned_at_us, absl::string_view partner);

  // Between events: bounds the memory.
  void Trim();
  // Forgets what it remembers: the batch that it may come from is discarded.
  void Forget() { known_.clear(); }

 private:
  const Keys& keys_;
  StateOverlay& state_;
  v1::Program program_;
  absl::TimeZone zone_;
  absl::node_hash_map<std::string, SegmentSpans> known_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_SEGMENT_TABLE_H_
