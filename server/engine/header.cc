#include "server/engine/header.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {

std::string EncodeHeader(const Header& header) {
  std::string value;
  storage::ByteWriter writer(&value);
  writer.Varint(kStateFormat).Varint(header.position).String(header.tzdata_version).Varint(header.last_sequence);
  for (const int64_t count : {header.facts, header.partners, header.unresolved_facts, header.parked_facts,
                              header.waiting_parts, header.conflicts, header.without_effect}) {
    writer.Zigzag(count);
  }
  writer.Varint(header.fresh_at_us.size());
  for (const auto& [kind, at_us] : header.fresh_at_us) writer.Varint(static_cast<uint64_t>(kind)).Zigzag(at_us);
  return value;
}

absl::StatusOr<Header> DecodeHeader(absl::string_view value) {
  storage::ByteReader reader(value);
  if (const uint64_t format = reader.Varint(); format != kStateFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("the state has format ", format, ", this server writes format ", kStateFormat));
  }
  Header header;
  header.position = reader.Varint();
  header.tzdata_version = std::string(reader.String());
  header.last_sequence = reader.Varint();
  for (int64_t* count : {&header.facts, &header.partners, &header.unresolved_facts, &header.parked_facts,
                         &header.waiting_parts, &header.conflicts, &header.without_effect}) {
    *count = reader.Zigzag();
  }
  const size_t kinds = reader.Count(2);
  for (size_t i = 0; i < kinds; ++i) {
    const auto kind = static_cast<int>(reader.Varint());
    header.fresh_at_us[kind] = reader.Zigzag();
  }
  RETURN_IF_ERROR(reader.Finish("state header"));
  return header;
}

std::string TzdataVersion() {
  std::ifstream file("/usr/share/zoneinfo/tzdata.zi");
  std::string line;
  std::getline(file, line);
  absl::string_view version = line;
  return absl::ConsumePrefix(&version, "# version ") ? std::string(version) : "unknown";
}

}  // namespace partnermetrics
