#include "server/engine/partner_entity.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/facts/wire.h"

namespace partnermetrics {

std::string StatedPartner(absl::string_view source, absl::string_view record_id, absl::string_view fact) {
  static const int merged_into = v1::Partner::kMergedIntoIdFieldNumber;
  wire::Reader reader(fact);
  wire::Field field;
  while (reader.Next(field)) {
    if (field.number == merged_into && field.type == wire::kBytes && !field.bytes.empty()) record_id = field.bytes;
  }
  return source == kOwnSource ? std::string(record_id) : absl::StrCat(source, ":", record_id);
}

std::vector<ReferenceKey> ClaimedReferences(absl::string_view source, absl::string_view record_id,
                                            absl::string_view fact) {
  std::vector<ReferenceKey> keys;
  const auto add_external = [&](absl::string_view id_source, absl::string_view id) {
    keys.push_back(absl::StrCat("external:", id_source, ":", id));
    if (!id_source.empty()) keys.push_back(absl::StrCat("external::", id));
  };
  keys.push_back(absl::StrCat("partner:", StatedPartner(source, record_id, fact)));
  if (source != kOwnSource) add_external(source, record_id);
  wire::Reader reader(fact);
  wire::Field field;
  while (reader.Next(field)) {
    if (field.type != wire::kBytes) continue;
    if (field.number == v1::Partner::kDomainsFieldNumber) keys.push_back(absl::StrCat("domain:", field.bytes));
    if (field.number == v1::Partner::kContactEmailsFieldNumber) keys.push_back(absl::StrCat("email:", field.bytes));
    if (field.number == v1::Partner::kExternalIdsFieldNumber) {
      wire::Reader id_reader(field.bytes);
      wire::Field part;
      absl::string_view id_source, id;
      while (id_reader.Next(part)) {
        if (part.number == 1) id_source = part.bytes;
        if (part.number == 2) id = part.bytes;
      }
      if (!id.empty()) add_external(id_source, id);
    }
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

size_t SourcePrecedence(const v1::Program& program, absl::string_view source) {
  if (source == kOwnSource) return 0;
  const auto& order = program.source_precedence();
  return 1 + static_cast<size_t>(std::find(order.begin(), order.end(), source) - order.begin());
}

bool PrecedesAsSource(const v1::Program& program, const FactId& a, const FactId& b) {
  const size_t pa = SourcePrecedence(program, a.source), pb = SourcePrecedence(program, b.source);
  return pa != pb ? pa < pb : a < b;
}

void SortByPrecedence(const v1::Program& program, std::vector<PartnerStatement>& statements) {
  std::sort(statements.begin(), statements.end(), [&](const PartnerStatement& a, const PartnerStatement& b) {
    return PrecedesAsSource(program, a.id, b.id);
  });
}

v1::Partner MergeStatements(const std::vector<PartnerStatement>& sorted) {
  v1::Partner merged;
  const auto* reflection = merged.GetReflection();
  for (const PartnerStatement& statement : sorted) {
    v1::Partner stated;
    if (!stated.ParseFromString(statement.fact)) continue;
    std::vector<const google::protobuf::FieldDescriptor*> known;
    reflection->ListFields(merged, &known);
    for (const auto* field : known) reflection->ClearField(&stated, field);
    merged.MergeFrom(stated);
  }
  return merged;
}

}  // namespace partnermetrics
