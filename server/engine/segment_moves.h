// Partners whose attributes changed and whose facts are counted in their new segments bit by bit: which of the facts
// are still counted by what the partner was before.
//
// The facts are gone over in the order of their keys. Up to the place that is reached they are counted by what the
// partner's records say now; behind it by what they said then, in regions: a partner that changes again meanwhile
// begins anew at the first fact, and what lies behind the old place stays as it was counted.
//
//   moves.Begin(partner, before);                               // all its facts are counted by `before`
//   const SegmentSpans* spans = moves.Before(partner, key, by); // null: by what the records say now
//   moves.Reach(partner, key);                                  // this fact and all before it are counted anew
//   moves.End(partner);                                         // all are
//   moves.Store();                                              // before the state is published
//
// Thread-safety: none; it belongs to the applier.
#ifndef PARTNERMETRICS_SERVER_ENGINE_SEGMENT_MOVES_H_
#define PARTNERMETRICS_SERVER_ENGINE_SEGMENT_MOVES_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/engine/generation.h"
#include "server/engine/keys.h"
#include "server/engine/segments.h"
#include "server/engine/state_overlay.h"

namespace partnermetrics {

class SegmentMoves {
 public:
  SegmentMoves(const Keys& keys, StateOverlay& state) : keys_(keys), state_(state) {}

  // Reads the moves that the state has; what was not stored is forgotten.
  absl::Status Load();
  // Writes what changed since the last time.
  void Store();

  bool empty() const { return moves_.empty(); }
  bool Has(const std::string& partner) const { return moves_.count(partner) != 0; }
  void Begin(const std::string& partner, std::vector<StatementsOfRecord> before);
  void End(const std::string& partner);

  // The key of the last fact that is counted anew; empty: none is.
  const std::string& PlaceOf(const std::string& partner) const { return moves_.at(partner).place; }
  void Reach(const std::string& partner, absl::string_view fact_key);
  // Whether the partner has so many facts that all facts are gone over to find its own.
  bool IsLarge(const std::string& partner) const { return moves_.at(partner).is_large; }
  void SetLarge(const std::string& partner);

  // The segments by which the partner's fact with this key is counted; null: those of its records as they are now.
  const SegmentSpans* Before(const std::string& partner, absl::string_view fact_key, const Generation& by);
  // In which segments of a programme some facts of the partner are counted otherwise than by `now`.
  std::vector<bool> Moved(const std::string& partner, const Generation& by, const SegmentSpans& now);

  // What stands for a move among the ranges of a job.
  std::string PrefixOf(const std::string& partner) const { return keys_.Of(Index::kSegmentMove, partner); }
  bool IsPrefix(absl::string_view prefix) const;
  std::string PartnerOf(absl::string_view prefix) const;

 private:
  struct Region {
    std::string until;  // the key of its last fact; empty: up to the end
    std::vector<StatementsOfRecord> records;
    std::map<uint64_t, SegmentSpans> spans;  // by the position of the definitions, as they are asked for
  };
  struct Move {
    bool is_large = false;
    std::string place;
    std::vector<Region> regions;  // in the order of the facts
  };
  static const SegmentSpans& SpansIn(Region& region, const Generation& by);
  static std::string Encode(const Move& move);
  static absl::Status Decode(absl::string_view value, Move& move);

  const Keys& keys_;
  StateOverlay& state_;
  std::map<std::string, Move> moves_;
  std::set<std::string> changed_, stored_;  // partners: what Store has to write, and what the state has
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_SEGMENT_MOVES_H_
