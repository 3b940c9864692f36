// Segments of partners: the part of FactApplier that knows in which of them a fact counts, and that counts it anew when
// its partners move to others.
#include <set>
#include <utility>

#include "server/engine/fact_applier.h"
#include "server/engine/fact_kinds.h"
#include "server/engine/partner_facts.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {

absl::StatusOr<FactApplier::Segments> FactApplier::SegmentsOf(Generation& by, const Resolution& resolution,
                                                              const std::vector<bool>* wanted) {
  std::vector<const SegmentSpans*> partners;
  for (const ResolvedPartner& partner : resolution.partners) {
    ASSIGN_OR_RETURN(const SegmentSpans* spans, by.segments.Of(partner.partner_id));
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

absl::Status FactApplier::RememberSegments(const std::set<std::string>& partners) {
  for (Generation* by : {now_.get(), next_.get()}) {
    if (by == nullptr || by->segments.empty()) continue;
    for (const std::string& partner : partners) RETURN_IF_ERROR(by->segments.Of(partner).status());
  }
  return absl::OkStatus();
}

absl::Status FactApplier::MoveSegments(const std::set<std::string>& partners) {
  for (Generation* by : {now_.get(), next_.get()}) {
    if (by != nullptr && !by->segments.empty()) RETURN_IF_ERROR(MoveSegments(*by, partners));
  }
  return absl::OkStatus();
}

absl::Status FactApplier::MoveSegments(Generation& by, const std::set<std::string>& partners) {
  std::vector<bool> moved(by.segments.size());
  std::vector<std::pair<std::string, SegmentSpans>> changed;
  for (const std::string& partner : partners) {
    ASSIGN_OR_RETURN(SegmentSpans now, by.segments.Read(partner));
    ASSIGN_OR_RETURN(const SegmentSpans* before, by.segments.Of(partner));
    if (now == *before) continue;
    for (size_t i = 0; i < now.size(); ++i) moved[i] = moved[i] || now[i] != (*before)[i];
    changed.emplace_back(partner, std::move(now));
  }
  if (changed.empty()) return absl::OkStatus();

  const CountFilter only_moved{nullptr, &moved, false};
  std::set<FactId> facts;
  for (const auto& [partner, spans] : changed) {
    RETURN_IF_ERROR(CollectFactsOf(by, partner, facts));
  }
  // All are taken back before any partner moves: a fact may have several of them.
  for (const int sign : {-1, +1}) {
    for (const FactId& id : facts) {
      ASSIGN_OR_RETURN(const std::optional<StoredFact> fact, Get(id));
      const bool counts = fact.has_value() && &GenerationOf(id) == &by;
      if (counts) RETURN_IF_ERROR(CountFor(by, id, *fact, sign, only_moved));
    }
    if (sign > 0) break;
    for (auto& [partner, spans] : changed) by.segments.Set(partner, std::move(spans));
  }
  return absl::OkStatus();
}

absl::Status FactApplier::CollectFactsOf(const Generation& by, const std::string& partner, std::set<FactId>& facts) {
  UnsettledFacts unsettled;
  for (const FactRange& range : unsettled_) unsettled.Add(keys_, range.prefix);
  for (const FactRange& range : waiting_) unsettled.Add(keys_, range.prefix);
  PartnerFactsReader reader(
      keys_,
      [this](const std::string& prefix, const VisitIndex& visit) {
        return state_.Scan(StateTable::kIndexes, prefix, prefix, visit);
      },
      [this](const FactId& id) { return Get(id); }, std::move(unsettled));
  for (const FactSchema* schema : FactSchemas::Get().all()) {
    if (by.catalog->measures_of(schema->kind()).empty() || schema->kind() == PartnerKind()) continue;
    ASSIGN_OR_RETURN(const std::set<FactId> of_kind, reader.Find(partner, *schema));
    facts.insert(of_kind.begin(), of_kind.end());
  }
  return absl::OkStatus();
}

absl::Status FactApplier::CountFor(Generation& by, const FactId& id, const StoredFact& fact, int sign,
                                   const CountFilter& filter) {
  if (fact.deleted || fact.resolution.waiting || id.kind == PartnerKind()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::optional<StoredFact> root, GetRoot(RootOf(id, SchemaOf(id), fact.fact)));
  return CountCells(by, id, fact, OrNull(root), sign, filter);
}

}  // namespace partnermetrics
