// Segments of partners: the part of FactApplier that knows in which of them a fact counts, and that counts it anew when
// its partners move to others.
#include <algorithm>
#include <set>
#include <utility>

#include "server/engine/fact_applier.h"
#include "server/engine/fact_kinds.h"
#include "server/engine/partner_facts.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

// A fact that is only looked at costs about a tenth of one that is counted anew.
constexpr int64_t kSeenForEachMoved = 10;

bool CountsFor(const StoredFact& fact, const std::string& partner) {
  const auto& partners = fact.resolution.partners;
  return std::any_of(partners.begin(), partners.end(), [&](const auto& p) { return p.partner_id == partner; });
}

}  // namespace

absl::StatusOr<FactApplier::Segments> FactApplier::SegmentsOf(Generation& by, const FactId& id,
                                                              const Resolution& resolution,
                                                              const std::vector<bool>* wanted) {
  // Entities move at one go.
  const bool may_move = !segment_moves_.empty() && id.kind != PartnerKind();
  const std::string key = may_move ? keys_.Fact(id) : std::string();
  std::vector<const SegmentSpans*> partners;
  for (const ResolvedPartner& partner : resolution.partners) {
    const SegmentSpans* spans = may_move ? segment_moves_.Before(partner.partner_id, key, by) : nullptr;
    if (spans == nullptr) {
      ASSIGN_OR_RETURN(spans, by.segments.Of(partner.partner_id));
    }
    partners.push_back(spans);
  }
  Segments segments;
  for (size_t i = 0; i < by.segments.size(); ++i) {
    if (wanted != nullptr && !(*wanted)[i]) continue;
    for (SegmentPiece& piece : PiecesOf(partners, i)) {
      const uint32_t scope = scopes_.Id(SegmentScope(by.segments.attribute(i), piece.value));
      const bool always = piece.days.first == kFirstDay && piece.days.until == kNoDay;
      (always ? segments.always : segments.at_times).push_back({scope, std::move(piece)});
    }
  }
  return segments;
}

absl::StatusOr<FactApplier::PartnerStatements> FactApplier::StatementsOf(const std::set<std::string>& partners) {
  PartnerStatements statements;
  for (Generation* by : {now_.get(), next_.get()}) {
    if (by == nullptr || by->segments.empty()) continue;
    for (const std::string& partner : partners) {
      // Remembered until MoveSegments: the records will say something else.
      RETURN_IF_ERROR(by->segments.Of(partner).status());
      ASSIGN_OR_RETURN(statements[partner], by->segments.StatementsOf(partner));
    }
  }
  return statements;
}

absl::Status FactApplier::MoveSegments(PartnerStatements before) {
  for (PartnerStatements::value_type& statements : before) {
    const std::string& partner = statements.first;
    bool moves = false;
    for (Generation* by : {now_.get(), next_.get()}) {
      if (by == nullptr || by->segments.empty()) continue;
      ASSIGN_OR_RETURN(SegmentSpans now, by->segments.Read(partner));
      ASSIGN_OR_RETURN(const SegmentSpans* old, by->segments.Of(partner));
      if (now == *old) continue;
      moves = true;
      by->segments.Set(partner, std::move(now));
    }
    if (!moves) continue;
    segment_moves_.Begin(partner, std::move(statements.second));
    segment_scan_.reset();
    const std::string prefix = segment_moves_.PrefixOf(partner);
    unsettled_.push_back({prefix, prefix, "", prefix.size()});
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> FactApplier::SizeOfSegmentMove(const FactRange& range, const Header& header) const {
  const std::string partner = segment_moves_.PartnerOf(range.prefix);
  const std::string key = keys_.Of(Index::kFactCount, partner);
  ASSIGN_OR_RETURN(const auto value, state_.Get(StateTable::kIndexes, key));
  const std::string count = value.value_or(std::string());
  int64_t own = storage::ByteReader(count).Zigzag();
  if (const auto it = fact_counts_.find(partner); it != fact_counts_.end()) own += it->second;
  return own + header.facts / kSeenForEachMoved;
}

absl::StatusOr<int64_t> FactApplier::MoveFacts(const std::string& partner, int64_t most) {
  if (!segment_moves_.Has(partner)) return 0;  // another range of it came to the end
  if (!segment_moves_.IsLarge(partner)) {
    ASSIGN_OR_RETURN(const std::optional<std::set<FactId>> facts, CollectFactsOf(partner, most));
    if (facts.has_value()) return MoveCollected(partner, *facts);
    segment_moves_.SetLarge(partner);
  }
  return MoveScanned(partner, most);
}

absl::StatusOr<int64_t> FactApplier::MoveCollected(const std::string& partner, const std::set<FactId>& facts) {
  ASSIGN_OR_RETURN(const MovedSegments segments, MovedSegmentsOf(partner));
  for (const int sign : {-1, +1}) {
    for (const FactId& id : facts) {
      ASSIGN_OR_RETURN(const std::optional<StoredFact> fact, Get(id));
      if (fact.has_value()) RETURN_IF_ERROR(CountInSegments(id, *fact, sign, segments));
    }
    if (sign < 0) segment_moves_.End(partner);
  }
  return static_cast<int64_t>(facts.size());
}

absl::StatusOr<int64_t> FactApplier::MoveScanned(const std::string& partner, int64_t most) {
  if (!segment_scan_.has_value()) segment_scan_.emplace(state_, keys_.program());
  ASSIGN_OR_RETURN(const MovedSegments segments, MovedSegmentsOf(partner));
  const int64_t budget = most * kSeenForEachMoved;
  std::string key = segment_moves_.PlaceOf(partner);
  // Each time as many facts as are within the budget even if all are the partner's.
  for (int64_t left = budget; left > budget / 10;) {
    const int64_t wanted = left / (kSeenForEachMoved + 1) + 1;
    RETURN_IF_ERROR(segment_scan_->Read(key.empty() ? keys_.program() : key + '\0', static_cast<size_t>(wanted)));
    int64_t seen = 0;
    for (;; ++seen) {
      ASSIGN_OR_RETURN(const bool is_there, segment_scan_->Next());
      if (!is_there) break;
      key.assign(segment_scan_->key().data(), segment_scan_->key().size());
      RETURN_IF_ERROR(DecodeFact(segment_scan_->value(), scanned_));
      if (!CountsFor(scanned_, partner)) continue;
      const FactId id = keys_.ReadFactKey(key);
      RETURN_IF_ERROR(CountInSegments(id, scanned_, -1, segments));
      segment_moves_.Reach(partner, key);
      RETURN_IF_ERROR(CountInSegments(id, scanned_, +1, segments));
      left -= kSeenForEachMoved;
    }
    if (seen > 0) segment_moves_.Reach(partner, key);
    left -= seen;
    if (seen == wanted) continue;
    segment_moves_.End(partner);
    segment_scan_.reset();
    return std::min((budget - left) / kSeenForEachMoved, most);
  }
  return most;
}

absl::StatusOr<std::optional<std::set<FactId>>> FactApplier::CollectFactsOf(const std::string& partner, int64_t most) {
  UnsettledFacts unsettled;
  for (const FactRange& range : unsettled_) unsettled.Add(keys_, range.prefix);
  for (const FactRange& range : waiting_) unsettled.Add(keys_, range.prefix);
  int64_t seen = 0;
  const auto look = [&] { return ++seen <= most ? absl::OkStatus() : absl::OutOfRangeError("too many"); };
  PartnerFactsReader reader(
      keys_,
      [&](const std::string& prefix, const VisitIndex& visit) {
        absl::Status status = look();
        RETURN_IF_ERROR(
            state_.Scan(StateTable::kIndexes, prefix, prefix, [&](absl::string_view key, absl::string_view value) {
              status.Update(look());
              return status.ok() && visit(key, value);
            }));
        return status;
      },
      [&](const FactId& id) -> absl::StatusOr<std::optional<StoredFact>> {
        RETURN_IF_ERROR(look());
        return Get(id);
      },
      std::move(unsettled));
  std::set<FactId> facts;
  for (const FactSchema* schema : FactSchemas::Get().all()) {
    const auto counts = [&](const Generation* by) {
      return by != nullptr && by->catalog != nullptr && !by->catalog->measures_of(schema->kind()).empty();
    };
    if (schema->kind() == PartnerKind() || (!counts(now_.get()) && !counts(next_.get()))) continue;
    const absl::StatusOr<std::set<FactId>> of_kind = reader.Find(partner, *schema);
    if (absl::IsOutOfRange(of_kind.status())) return std::optional<std::set<FactId>>();
    RETURN_IF_ERROR(of_kind.status());
    facts.insert(of_kind->begin(), of_kind->end());
  }
  return std::optional<std::set<FactId>>(std::move(facts));
}

absl::StatusOr<FactApplier::MovedSegments> FactApplier::MovedSegmentsOf(const std::string& partner) {
  MovedSegments moved;
  for (auto [by, segments] : {std::pair(now_.get(), &moved.now), std::pair(next_.get(), &moved.next)}) {
    if (by == nullptr || by->segments.empty()) continue;
    ASSIGN_OR_RETURN(const SegmentSpans* now, by->segments.Of(partner));
    *segments = segment_moves_.Moved(partner, *by, *now);
  }
  return moved;
}

absl::Status FactApplier::CountInSegments(const FactId& id, const StoredFact& fact, int sign,
                                          const MovedSegments& segments) {
  Generation& by = GenerationOf(id);
  if (by.segments.empty() || fact.deleted || fact.resolution.waiting || id.kind == PartnerKind()) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const std::optional<StoredFact> root, GetRoot(RootOf(id, SchemaOf(id), fact.fact)));
  const std::vector<bool>& moved = &by == now_.get() ? segments.now : segments.next;
  return CountCells(by, id, fact, OrNull(root), sign, {nullptr, &moved, false});
}

}  // namespace partnermetrics
