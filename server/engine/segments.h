// Which segments a partner belongs to, and since when: the attributes that its records stated over time, and what the
// programme makes of them.
//
//   SegmentSpans spans = SpansOf(program, zone, statements);          // one list for each declared attribute
//   for (const SegmentPiece& piece : PiecesOf(spans_of_partners, i)) …   // where a fact of these partners counts, and
//   when
//
// Pure functions; any thread may call them.
#ifndef PARTNERMETRICS_SERVER_ENGINE_SEGMENTS_H_
#define PARTNERMETRICS_SERVER_ENGINE_SEGMENTS_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "partnermetrics/v1/catalog.pb.h"
#include "partnermetrics/v1/partner.pb.h"
#include "server/base/civil.h"
#include "server/catalog/measure.h"
#include "server/engine/keys.h"

namespace partnermetrics {

// The scope of a segment: "segment:tier=Gold".
std::string SegmentScope(absl::string_view attribute, absl::string_view value);
// What the scopes of all its values begin with: "segment:tier=".
std::string SegmentScopePrefix(absl::string_view attribute);

// What one record stated of a partner's attributes.
struct AttributeStatement {
  int64_t learned_at_us = 0;  // when the server stored it
  std::optional<Day> since;   // the day from which it holds, when the record says so
  v1::Partner attributes;     // only these; none of a deleted record
};

// The attributes of a partner's record, for segments; the rest of it is left out.
v1::Partner AttributesOf(absl::string_view partner);

std::string EncodeStatements(const std::vector<AttributeStatement>& statements);
absl::StatusOr<std::vector<AttributeStatement>> DecodeStatements(absl::string_view value);

// Adds what a record states now, unless it says again what it said last. True when it was added.
bool AddStatement(std::vector<AttributeStatement>& statements, int64_t learned_at_us, absl::string_view partner);

// The value of one declared attribute ("tier", "label.vertical"); empty when the partner has none.
std::string AttributeValue(const v1::Partner& partner, absl::string_view attribute);

// A value from a day on, up to the next span's.
struct SegmentSpan {
  Day from = 0;
  std::string value;
  friend bool operator==(const SegmentSpan& a, const SegmentSpan& b) { return a.from == b.from && a.value == b.value; }
};
inline constexpr Day kFirstDay = std::numeric_limits<Day>::min();
inline constexpr Day kNoDay = std::numeric_limits<Day>::max();  // after all days

// Of each declared attribute the values over all time, the first from kFirstDay on; neighbours differ.
using SegmentSpans = std::vector<std::vector<SegmentSpan>>;

// The place of a declared attribute among those of the programme, which is that of its spans.
std::optional<size_t> SegmentIndex(const v1::Program& program, absl::string_view attribute);

// The days on which the value is this one.
std::vector<DayRange> DaysWith(const std::vector<SegmentSpan>& spans, absl::string_view value);

// What one record that states the partner has stated so far.
struct StatementsOfRecord {
  FactId id;
  std::vector<AttributeStatement> statements;
};

// A statement holds from its day on, whatever was stated before it; the earliest for the time before, too. Of several
// records each attribute comes from the best source that has it on the day.
SegmentSpans SpansOf(const v1::Program& program, const absl::TimeZone& zone, std::vector<StatementsOfRecord> records);

// A segment in which a fact counts, for some of its partners and on some days.
struct SegmentPiece {
  std::string value;
  std::vector<int> partners;  // by place in the fact's resolution
  DayRange days;
};

// The pieces of the declared attribute `attribute` for a fact whose partners have these spans: by day, then value.
// Neighbours in time of one value differ in their partners.
std::vector<SegmentPiece> PiecesOf(absl::Span<const SegmentSpans* const> partners, size_t attribute);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_SEGMENTS_H_
