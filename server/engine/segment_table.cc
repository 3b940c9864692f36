#include "server/engine/segment_table.h"

#include <utility>
#include <vector>

#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

// More than most programmes have partners.
constexpr size_t kMaxKnown = 200'000;

}  // namespace

absl::StatusOr<std::vector<StatementsOfRecord>> ReadStatements(const Keys& keys, absl::string_view partner_id,
                                                               const ReadIndex& read) {
  std::vector<StatementsOfRecord> records;
  ASSIGN_OR_RETURN(const auto ids, read(keys.Of(Index::kPartner, partner_id)));
  storage::ByteReader reader(ids.has_value() ? absl::string_view(*ids) : absl::string_view());
  while (reader.ok() && !reader.empty()) {
    StatementsOfRecord& record = records.emplace_back();
    record.id = Keys::ReadFactId(reader);
    ASSIGN_OR_RETURN(const auto stored, read(keys.Of(Index::kAttributes, record.id)));
    if (!stored.has_value()) continue;
    ASSIGN_OR_RETURN(record.statements, DecodeStatements(*stored));
  }
  RETURN_IF_ERROR(reader.Finish("facts of a partner"));
  return records;
}

absl::StatusOr<SegmentSpans> ReadSpans(const Keys& keys, const v1::Program& program, const absl::TimeZone& zone,
                                       absl::string_view partner_id, const ReadIndex& read) {
  ASSIGN_OR_RETURN(std::vector<StatementsOfRecord> records, ReadStatements(keys, partner_id, read));
  return SpansOf(program, zone, std::move(records));
}

void SegmentTable::SetProgram(const v1::Program& program, const absl::TimeZone& zone) {
  program_ = program;
  zone_ = zone;
  known_.clear();
}

absl::StatusOr<const SegmentSpans*> SegmentTable::Of(const std::string& partner_id) {
  if (const auto it = known_.find(partner_id); it != known_.end()) return &it->second;
  ASSIGN_OR_RETURN(SegmentSpans spans, Read(partner_id));
  return &(known_[partner_id] = std::move(spans));
}

absl::StatusOr<SegmentSpans> SegmentTable::Read(const std::string& partner_id) const {
  return ReadSpans(keys_, program_, zone_, partner_id,
                   [this](const std::string& key) { return state_.Get(StateTable::kIndexes, key); });
}

absl::StatusOr<std::vector<StatementsOfRecord>> SegmentTable::StatementsOf(const std::string& partner_id) const {
  return ReadStatements(keys_, partner_id,
                        [this](const std::string& key) { return state_.Get(StateTable::kIndexes, key); });
}

absl::Status SegmentTable::Learn(const FactId& record, int64_t learned_at_us, absl::string_view partner) {
  std::string key = keys_.Of(Index::kAttributes, record);
  ASSIGN_OR_RETURN(const auto stored, state_.Get(StateTable::kIndexes, key));
  std::vector<AttributeStatement> statements;
  if (stored.has_value()) {
    ASSIGN_OR_RETURN(statements, DecodeStatements(*stored));
  }
  if (AddStatement(statements, learned_at_us, partner)) {
    state_.Put(StateTable::kIndexes, std::move(key), EncodeStatements(statements));
  }
  return absl::OkStatus();
}

void SegmentTable::Trim() {
  if (known_.size() > kMaxKnown) known_.clear();
}

}  // namespace partnermetrics
