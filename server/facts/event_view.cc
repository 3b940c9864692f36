#include "server/facts/event_view.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/civil.h"
#include "server/facts/wire.h"

namespace partnermetrics {
namespace {

constexpr int kReferencesField = 1;  // partner_refs of a fact and of an attribution, attributions of a deal
constexpr int kAttributionRole = 2;
constexpr int kAttributionSplit = 3;

// Shares are brought to one whole, so percentages are as good; more than that is none, and would overflow in sums.
constexpr int64_t kMaxSplitUnits = 1000;

int64_t ReadSplit(absl::string_view decimal) {
  wire::Reader reader(decimal);
  wire::Field field;
  int64_t units = 0, nanos = 0;
  while (reader.Next(field)) {
    if (field.number == 1) units = static_cast<int64_t>(field.varint);
    if (field.number == 2) nanos = static_cast<int64_t>(field.varint);
  }
  const bool valid = units >= 0 && units <= kMaxSplitUnits && nanos >= 0 && nanos < kNanosPerUnit;
  return valid ? units * kNanosPerUnit + nanos : -1;
}

PartnerMention ReadAttribution(absl::string_view attribution) {
  PartnerMention mention;
  wire::Reader reader(attribution);
  wire::Field field;
  while (reader.Next(field)) {
    if (field.number == kReferencesField && field.type == wire::kBytes) {
      if (ReferenceKey key = ReadReference(field.bytes); !key.empty()) mention.references.push_back(std::move(key));
    } else if (field.number == kAttributionRole && field.type == wire::kVarint) {
      mention.role = static_cast<int>(field.varint);
    } else if (field.number == kAttributionSplit && field.type == wire::kBytes) {
      mention.split_nanos = ReadSplit(field.bytes);
    }
  }
  return mention;
}

}  // namespace

bool EventView::Parse(absl::string_view event) {
  *this = EventView();
  wire::Reader reader(event);
  wire::Field field;
  while (reader.Next(field)) {
    switch (field.number) {
      case 1:  // program: the log's own
      case 6:  // origin: read when asked for
        break;
      case 2:
        source = field.bytes;
        break;
      case 3:
        record_id = field.bytes;
        break;
      case 4:
        revision = static_cast<int64_t>(field.varint);
        break;
      case 5:
        deleted = field.varint != 0;
        break;
      default:
        if (const FactSchema* kind = FactSchemas::Get().FindByNumber(field.number);
            kind != nullptr && field.type == wire::kBytes) {
          schema = kind;
          fact = field.bytes;
        }
    }
  }
  return reader.ok() && schema != nullptr && !record_id.empty();
}

ReferenceKey ReadReference(absl::string_view reference) {
  wire::Reader reader(reference);
  wire::Field field;
  ReferenceKey key;
  while (reader.Next(field)) {
    if (field.type != wire::kBytes || field.bytes.empty()) continue;
    switch (field.number) {
      case 1:
        key = absl::StrCat("partner:", field.bytes);
        break;
      case 2: {
        wire::Reader id_reader(field.bytes);
        wire::Field part;
        absl::string_view source, id;
        while (id_reader.Next(part)) {
          if (part.number == 1) source = part.bytes;
          if (part.number == 2) id = part.bytes;
        }
        if (!id.empty()) key = absl::StrCat("external:", source, ":", id);
        break;
      }
      case 3:
        key = absl::StrCat("email:", field.bytes);
        break;
      case 4:
        key = absl::StrCat("domain:", absl::AsciiStrToLower(field.bytes));
        break;
      default:
        break;
    }
  }
  return key;
}

std::vector<PartnerMention> ReadMentions(const FactSchema& schema, absl::string_view fact) {
  std::vector<PartnerMention> mentions;
  if (!schema.can_have_partner()) return mentions;
  wire::Reader reader(fact);
  wire::Field field;
  while (reader.Next(field)) {
    if (field.number != kReferencesField || field.type != wire::kBytes) continue;
    if (schema.has_attributions()) {
      PartnerMention mention = ReadAttribution(field.bytes);
      if (!mention.references.empty()) mentions.push_back(std::move(mention));
    } else if (ReferenceKey key = ReadReference(field.bytes); !key.empty()) {
      // All references of a fact without roles name the same partner, in order of trust.
      if (mentions.empty()) mentions.emplace_back();
      mentions.front().references.push_back(std::move(key));
    }
  }
  return mentions;
}

void AppendMentionBytes(const FactSchema& schema, absl::string_view fact, std::string& bytes) {
  if (!schema.can_have_partner()) return;
  bytes.push_back(schema.has_attributions() ? 'a' : 'r');
  wire::Reader reader(fact);
  wire::Field field;
  while (reader.Next(field)) {
    const bool is_mention = field.number == kReferencesField && field.type == wire::kBytes;
    if (is_mention) absl::StrAppend(&bytes, field.bytes.size(), ":", field.bytes);
  }
}

}  // namespace partnermetrics
