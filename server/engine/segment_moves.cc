#include "server/engine/segment_moves.h"

#include <utility>

#include "absl/strings/match.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {

absl::Status SegmentMoves::Load() {
  moves_.clear();
  changed_.clear();
  stored_.clear();
  absl::Status decoded;
  const std::string prefix = keys_.Of(Index::kSegmentMove);
  RETURN_IF_ERROR(
      state_.Scan(StateTable::kIndexes, prefix, prefix, [&](absl::string_view key, absl::string_view value) {
        const std::string partner = PartnerOf(key);
        stored_.insert(partner);
        decoded = Decode(value, moves_[partner]);
        return decoded.ok();
      }));
  return decoded;
}

void SegmentMoves::Store() {
  for (const std::string& partner : changed_) {
    if (const auto it = moves_.find(partner); it != moves_.end()) {
      state_.Put(StateTable::kIndexes, PrefixOf(partner), Encode(it->second));
      stored_.insert(partner);
    } else if (stored_.erase(partner) != 0) {
      state_.Delete(StateTable::kIndexes, PrefixOf(partner));
    }
  }
  changed_.clear();
}

void SegmentMoves::Begin(const std::string& partner, std::vector<StatementsOfRecord> before) {
  Move& move = moves_[partner];
  changed_.insert(partner);
  const bool is_new = move.regions.empty();
  // Nothing is counted by what the partner was since a move that has not gone over any fact.
  if (!is_new && move.place.empty()) return;
  move.regions.insert(move.regions.begin(), Region{std::exchange(move.place, ""), std::move(before), {}});
}

void SegmentMoves::End(const std::string& partner) {
  moves_.erase(partner);
  changed_.insert(partner);
}

void SegmentMoves::Reach(const std::string& partner, absl::string_view fact_key) {
  Move& move = moves_.at(partner);
  move.place.assign(fact_key.data(), fact_key.size());
  // The last region has no end.
  while (!move.regions.front().until.empty() && move.regions.front().until <= move.place) {
    move.regions.erase(move.regions.begin());
  }
  changed_.insert(partner);
}

void SegmentMoves::SetLarge(const std::string& partner) {
  moves_.at(partner).is_large = true;
  changed_.insert(partner);
}

const SegmentSpans* SegmentMoves::Before(const std::string& partner, absl::string_view fact_key, const Generation& by) {
  const auto it = moves_.find(partner);
  if (it == moves_.end() || fact_key <= it->second.place) return nullptr;
  for (Region& region : it->second.regions) {
    if (!region.until.empty() && fact_key > region.until) continue;
    return &SpansIn(region, by);
  }
  return nullptr;
}

std::vector<bool> SegmentMoves::Moved(const std::string& partner, const Generation& by, const SegmentSpans& now) {
  std::vector<bool> moved(now.size());
  for (Region& region : moves_.at(partner).regions) {
    const SegmentSpans& before = SpansIn(region, by);
    for (size_t i = 0; i < now.size(); ++i) moved[i] = moved[i] || before[i] != now[i];
  }
  return moved;
}

const SegmentSpans& SegmentMoves::SpansIn(Region& region, const Generation& by) {
  const auto [spans, is_new] = region.spans.try_emplace(by.position);
  if (is_new) spans->second = SpansOf(by.catalog->program(), by.catalog->zone(), region.records);
  return spans->second;
}

bool SegmentMoves::IsPrefix(absl::string_view prefix) const {
  return absl::StartsWith(prefix, keys_.Of(Index::kSegmentMove));
}

std::string SegmentMoves::PartnerOf(absl::string_view prefix) const {
  return storage::ByteReader(prefix.substr(keys_.Of(Index::kSegmentMove).size())).KeyString();
}

std::string SegmentMoves::Encode(const Move& move) {
  std::string value;
  storage::ByteWriter writer(&value);
  writer.Bool(move.is_large).String(move.place).Varint(move.regions.size());
  for (const Region& region : move.regions) {
    writer.String(region.until).Varint(region.records.size());
    for (const StatementsOfRecord& record : region.records) {
      Keys::AppendFact(value, record.id);
      writer.String(EncodeStatements(record.statements));
    }
  }
  return value;
}

absl::Status SegmentMoves::Decode(absl::string_view value, Move& move) {
  storage::ByteReader reader(value);
  move.is_large = reader.Bool();
  move.place = std::string(reader.String());
  move.regions.resize(reader.Count(2));
  for (Region& region : move.regions) {
    region.until = std::string(reader.String());
    region.records.resize(reader.Count(9));
    for (StatementsOfRecord& record : region.records) {
      record.id = Keys::ReadFactId(reader);
      ASSIGN_OR_RETURN(record.statements, DecodeStatements(reader.String()));
    }
  }
  return reader.Finish("segments of a partner that moves");
}

}  // namespace partnermetrics
