#include "server/engine/segments.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/engine/partner_entity.h"
#include "server/expr/civil_day.h"
#include "server/facts/fact_schema.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

Day DayOf(const AttributeStatement& statement, const absl::TimeZone& zone) {
  return statement.since ? *statement.since : CivilDayOf(statement.learned_at_us, zone);
}

// The statements of one record by the day from which they hold.
std::map<Day, const v1::Partner*> ByDay(const std::vector<AttributeStatement>& statements, const absl::TimeZone& zone) {
  std::map<Day, const v1::Partner*> by_day;
  for (const AttributeStatement& statement : statements) {
    const Day day = DayOf(statement, zone);
    by_day.erase(by_day.lower_bound(day), by_day.end());
    by_day.emplace(day, &statement.attributes);
  }
  return by_day;
}

const v1::Partner* AtDay(const std::map<Day, const v1::Partner*>& by_day, Day day) {
  if (by_day.empty()) return nullptr;
  const auto next = by_day.upper_bound(day);
  return next == by_day.begin() ? next->second : std::prev(next)->second;
}

template <typename Enum>
std::string EnumText(const google::protobuf::EnumDescriptor& type, Enum value) {
  const auto* name = value == 0 ? nullptr : type.FindValueByNumber(static_cast<int>(value));
  return name == nullptr ? "" : ShortEnumName(*name);
}

}  // namespace

std::string SegmentScopePrefix(absl::string_view attribute) {
  return absl::StrCat("segment:", attribute, "=");
}

std::string SegmentScope(absl::string_view attribute, absl::string_view value) {
  return absl::StrCat(SegmentScopePrefix(attribute), value);
}

v1::Partner AttributesOf(absl::string_view partner) {
  v1::Partner stated, attributes;
  if (!stated.ParseFromArray(partner.data(), static_cast<int>(partner.size()))) return attributes;
  attributes.set_type(stated.type());
  attributes.set_tier(std::move(*stated.mutable_tier()));
  attributes.set_region(std::move(*stated.mutable_region()));
  attributes.set_country(std::move(*stated.mutable_country()));
  attributes.set_manager(std::move(*stated.mutable_manager()));
  attributes.set_status(stated.status());
  attributes.mutable_labels()->Swap(stated.mutable_labels());
  return attributes;
}

std::string EncodeStatements(const std::vector<AttributeStatement>& statements) {
  std::string value;
  storage::ByteWriter writer(&value);
  writer.Varint(statements.size());
  for (const AttributeStatement& statement : statements) {
    writer.Zigzag(statement.learned_at_us).Bool(statement.since.has_value());
    if (statement.since) writer.Zigzag(*statement.since);
    writer.String(statement.attributes.SerializeAsString());
  }
  return value;
}

absl::StatusOr<std::vector<AttributeStatement>> DecodeStatements(absl::string_view value) {
  storage::ByteReader reader(value);
  std::vector<AttributeStatement> statements(reader.Count(3));
  for (AttributeStatement& statement : statements) {
    statement.learned_at_us = reader.Zigzag();
    if (reader.Bool()) statement.since = static_cast<Day>(reader.Zigzag());
    const absl::string_view attributes = reader.String();
    if (!statement.attributes.ParseFromArray(attributes.data(), static_cast<int>(attributes.size()))) {
      return absl::DataLossError("attributes of a partner: damaged");
    }
  }
  RETURN_IF_ERROR(reader.Finish("attributes of a partner"));
  return statements;
}

bool AddStatement(std::vector<AttributeStatement>& statements, int64_t learned_at_us, absl::string_view partner) {
  AttributeStatement now{learned_at_us, std::nullopt, AttributesOf(partner)};
  v1::Partner stated;
  if (stated.ParseFromArray(partner.data(), static_cast<int>(partner.size())) && stated.has_attributes_since_on()) {
    const v1::Date& date = stated.attributes_since_on();
    now.since = ToDay(absl::CivilDay(date.year(), date.month(), date.day()));
  }
  const bool again = !statements.empty() && statements.back().since == now.since &&
                     statements.back().attributes.SerializeAsString() == now.attributes.SerializeAsString();
  if (!again) statements.push_back(std::move(now));
  return !again;
}

std::string AttributeValue(const v1::Partner& partner, absl::string_view attribute) {
  if (absl::ConsumePrefix(&attribute, "label.")) {
    for (const v1::Label& label : partner.labels()) {
      if (label.key() == attribute) return label.value();
    }
    return "";
  }
  if (attribute == "type") return EnumText(*v1::PartnerType_descriptor(), partner.type());
  if (attribute == "status") return EnumText(*v1::PartnerStatus_descriptor(), partner.status());
  if (attribute == "tier") return partner.tier();
  if (attribute == "region") return partner.region();
  return attribute == "country" ? partner.country() : partner.manager();
}

SegmentSpans SpansOf(const v1::Program& program, const absl::TimeZone& zone, std::vector<StatementsOfRecord> records) {
  std::sort(records.begin(), records.end(), [&](const StatementsOfRecord& a, const StatementsOfRecord& b) {
    return PrecedesAsSource(program, a.id, b.id);
  });
  std::vector<std::map<Day, const v1::Partner*>> by_day;
  std::set<Day> days = {kFirstDay};
  for (const StatementsOfRecord& record : records) {
    for (const auto& [day, attributes] : by_day.emplace_back(ByDay(record.statements, zone))) days.insert(day);
  }
  const auto merged_at = [&](const auto& attributes_of) {
    std::vector<PartnerStatement> statements;
    for (size_t i = 0; i < records.size(); ++i) {
      const v1::Partner* attributes = attributes_of(i);
      if (attributes != nullptr) statements.push_back({records[i].id, attributes->SerializeAsString()});
    }
    return MergeStatements(statements);
  };
  const v1::Partner now = merged_at(
      [&](size_t i) { return records[i].statements.empty() ? nullptr : &records[i].statements.back().attributes; });
  SegmentSpans spans(static_cast<size_t>(program.segments_size()));
  for (size_t i = 0; i < spans.size(); ++i) {
    const v1::SegmentAttribute& declared = program.segments(static_cast<int>(i));
    if (declared.membership() == v1::SEGMENT_MEMBERSHIP_AS_IS) {
      spans[i].push_back({kFirstDay, AttributeValue(now, declared.attribute())});
    }
  }
  for (const Day day : days) {
    const v1::Partner attributes = merged_at([&](size_t i) { return AtDay(by_day[i], day); });
    for (size_t i = 0; i < spans.size(); ++i) {
      const v1::SegmentAttribute& declared = program.segments(static_cast<int>(i));
      if (declared.membership() == v1::SEGMENT_MEMBERSHIP_AS_IS) continue;
      std::string value = AttributeValue(attributes, declared.attribute());
      if (spans[i].empty() || spans[i].back().value != value) spans[i].push_back({day, std::move(value)});
    }
  }
  return spans;
}

std::optional<size_t> SegmentIndex(const v1::Program& program, absl::string_view attribute) {
  for (int i = 0; i < program.segments_size(); ++i) {
    if (program.segments(i).attribute() == attribute) return static_cast<size_t>(i);
  }
  return std::nullopt;
}

std::vector<DayRange> DaysWith(const std::vector<SegmentSpan>& spans, absl::string_view value) {
  std::vector<DayRange> days;
  for (size_t i = 0; i < spans.size(); ++i) {
    if (spans[i].value == value) days.push_back({spans[i].from, i + 1 < spans.size() ? spans[i + 1].from : kNoDay});
  }
  return days;
}

std::vector<SegmentPiece> PiecesOf(absl::Span<const SegmentSpans* const> partners, size_t attribute) {
  std::vector<SegmentPiece> pieces;
  if (partners.size() == 1) {
    const std::vector<SegmentSpan>& spans = (*partners.front())[attribute];
    for (size_t i = 0; i < spans.size(); ++i) {
      pieces.push_back({spans[i].value, {0}, {spans[i].from, i + 1 < spans.size() ? spans[i + 1].from : kNoDay}});
    }
    return pieces;
  }
  std::set<Day> days;
  for (const SegmentSpans* spans : partners) {
    for (const SegmentSpan& span : (*spans)[attribute]) days.insert(span.from);
  }
  std::map<std::string, std::vector<int>> before;  // value → its partners on the days before
  std::map<std::string, size_t> open;              // value → its piece that goes on
  for (const Day day : days) {
    std::map<std::string, std::vector<int>> now;
    for (size_t i = 0; i < partners.size(); ++i) {
      const std::vector<SegmentSpan>& spans = (*partners[i])[attribute];
      const auto next = std::upper_bound(spans.begin(), spans.end(), day,
                                         [](Day d, const SegmentSpan& span) { return d < span.from; });
      now[std::prev(next)->value].push_back(static_cast<int>(i));
    }
    for (const auto& [value, index] : open) {
      if (const auto it = now.find(value); it == now.end() || it->second != before[value]) {
        pieces[index].days.until = day;
      }
    }
    for (const auto& [value, members] : now) {
      if (const auto it = before.find(value); it != before.end() && it->second == members) continue;
      open[value] = pieces.size();
      pieces.push_back({value, members, {day, kNoDay}});
    }
    for (auto it = open.begin(); it != open.end();) it = now.count(it->first) == 0 ? open.erase(it) : std::next(it);
    before = std::move(now);
  }
  return pieces;
}

}  // namespace partnermetrics
