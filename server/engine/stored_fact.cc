#include "server/engine/stored_fact.h"

#include "storage/bytes.h"
#include "storage/status_macros.h"

namespace partnermetrics {
namespace {

constexpr uint8_t kFactFormat = 1;

enum Flag : uint8_t { kDeleted = 1, kUnresolved = 2, kExplicit = 4, kWaiting = 8, kParked = 16, kConverted = 32 };

uint8_t Flags(const StoredFact& fact) {
  const Resolution& r = fact.resolution;
  return static_cast<uint8_t>((fact.deleted ? kDeleted : 0) | (r.unresolved ? kUnresolved : 0) |
                              (r.explicitly_partner ? kExplicit : 0) | (r.waiting ? kWaiting : 0) |
                              (r.parked ? kParked : 0) | (r.rates.empty() ? 0 : kConverted));
}

}  // namespace

std::string EncodeFact(const StoredFact& fact) {
  std::string value;
  value.reserve(fact.fact.size() + 64);
  storage::ByteWriter writer(&value);
  writer.Byte(kFactFormat).Byte(Flags(fact)).Zigzag(fact.version.revision).Varint(fact.version.sequence);
  writer.Varint(fact.position).Varint(fact.resolution.partners.size());
  for (const ResolvedPartner& partner : fact.resolution.partners) {
    writer.String(partner.partner_id).Varint(static_cast<uint64_t>(partner.role)).Zigzag(partner.share_nanos);
  }
  if (!fact.resolution.rates.empty()) {
    writer.Varint(fact.resolution.rates.size());
    for (const UsedRate& rate : fact.resolution.rates)
      writer.String(rate.currency).Int128(rate.rate).Bool(rate.inverse);
  }
  writer.String(fact.fact);
  return value;
}

absl::StatusOr<StoredFact> DecodeFact(absl::string_view value) {
  StoredFact fact;
  RETURN_IF_ERROR(DecodeFact(value, fact));
  return fact;
}

absl::Status DecodeFact(absl::string_view value, StoredFact& fact) {
  storage::ByteReader reader(value);
  if (reader.Byte() != kFactFormat) return absl::DataLossError("fact: unknown format");
  const auto read_string = [&reader](std::string& text) {
    const absl::string_view bytes = reader.String();
    text.assign(bytes.data(), bytes.size());
  };
  const uint8_t flags = reader.Byte();
  fact.deleted = (flags & kDeleted) != 0;
  fact.resolution.unresolved = (flags & kUnresolved) != 0;
  fact.resolution.explicitly_partner = (flags & kExplicit) != 0;
  fact.resolution.waiting = (flags & kWaiting) != 0;
  fact.resolution.parked = (flags & kParked) != 0;
  fact.version.revision = reader.Zigzag();
  fact.version.sequence = reader.Varint();
  fact.position = reader.Varint();
  fact.resolution.partners.resize(reader.Count(3));
  for (ResolvedPartner& partner : fact.resolution.partners) {
    read_string(partner.partner_id);
    partner.role = static_cast<int>(reader.Varint());
    partner.share_nanos = reader.Zigzag();
  }
  fact.resolution.rates.resize((flags & kConverted) != 0 ? reader.Count(3) : 0);
  for (UsedRate& rate : fact.resolution.rates) {
    read_string(rate.currency);
    rate.rate = reader.Int128();
    rate.inverse = reader.Bool();
  }
  read_string(fact.fact);
  return reader.Finish("fact");
}

}  // namespace partnermetrics
