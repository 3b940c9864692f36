#include "server/facts/personal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "absl/container/node_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "partnermetrics/options/v1/options.pb.h"
#include "server/facts/fact_schema.h"

namespace partnermetrics {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr size_t kPseudonymBytes = 16;
constexpr size_t kPseudonymLength = 23;

using Digest = std::array<unsigned char, EVP_MAX_MD_SIZE>;

Digest Hmac(const std::string& key, absl::string_view bytes) {
  Digest digest;
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(bytes.data()),
       bytes.size(), digest.data(), &size);
  return digest;
}

options::v1::PersonalData PersonalOf(const FieldDescriptor& field) {
  return field.options().GetExtension(options::v1::personal);
}

// Fields of a message that are personal or lead to personal ones. Computed once per message type.
const std::vector<const FieldDescriptor*>& PersonalFields(const Descriptor* type) {
  thread_local absl::node_hash_map<const Descriptor*, std::vector<const FieldDescriptor*>> plans;
  if (const auto it = plans.find(type); it != plans.end()) return it->second;
  plans[type] = {};  // a type that contains itself ends here
  std::vector<const FieldDescriptor*> fields;
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* field = type->field(i);
    const bool nested =
        field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && !PersonalFields(field->message_type()).empty();
    if (nested || PersonalOf(*field) != options::v1::PERSONAL_DATA_UNSPECIFIED) fields.push_back(field);
  }
  return plans[type] = std::move(fields);
}

}  // namespace

std::string Pseudonymiser::Pseudonym(absl::string_view value) const {
  if (value.size() == kPseudonymLength && value[0] == '~') return std::string(value);
  const Digest digest = Hmac(key_, absl::AsciiStrToLower(absl::StripAsciiWhitespace(value)));
  std::string text =
      absl::WebSafeBase64Escape(absl::string_view(reinterpret_cast<const char*>(digest.data()), kPseudonymBytes));
  return absl::StrCat("~", text);
}

uint64_t Pseudonymiser::Fingerprint(absl::string_view bytes) const {
  const Digest digest = Hmac(key_, bytes);
  uint64_t fingerprint = 0;
  for (size_t i = 0; i < sizeof(fingerprint); ++i) fingerprint = fingerprint << 8 | digest[i];
  return fingerprint;
}

void Pseudonymiser::SplitMessage(Message& message, const std::string& path, std::vector<storage::PersonalRow>* rows,
                                 std::string& subject) const {
  const auto* reflection = message.GetReflection();
  for (const FieldDescriptor* field : PersonalFields(message.GetDescriptor())) {
    if (!field->is_repeated() && !reflection->HasField(message, field)) continue;
    const int size = field->is_repeated() ? reflection->FieldSize(message, field) : 1;
    const std::string here = path.empty() ? field->name() : absl::StrCat(path, ".", field->name());
    const auto personal = PersonalOf(*field);
    for (int i = 0; i < size; ++i) {
      const std::string at = field->is_repeated() ? absl::StrCat(here, ".", i) : here;
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        SplitMessage(field->is_repeated() ? *reflection->MutableRepeatedMessage(&message, field, i)
                                          : *reflection->MutableMessage(&message, field),
                     at, rows, subject);
        continue;
      }
      const std::string value = field->is_repeated() ? reflection->GetRepeatedString(message, field, i)
                                                     : reflection->GetString(message, field);
      if (value.empty()) continue;
      const bool keep = personal == options::v1::PERSONAL_DATA_PSEUDONYMISE;
      const std::string replacement = keep ? Pseudonym(value) : std::string();
      if (replacement == value) continue;
      if (keep && subject.empty()) subject = replacement;
      if (rows != nullptr) rows->push_back({"", at, value});
      if (field->is_repeated()) {
        reflection->SetRepeatedString(&message, field, i, replacement);
      } else if (keep) {
        reflection->SetString(&message, field, replacement);
      } else {
        reflection->ClearField(&message, field);
      }
    }
  }
}

void Pseudonymiser::Split(v1::Event& event, std::vector<storage::PersonalRow>& rows) const {
  const size_t first = rows.size();
  std::string subject;
  SplitMessage(event, "", &rows, subject);
  if (rows.size() == first) return;
  const FactSchema* schema = FactSchemas::Get().FindByNumber(static_cast<int>(event.fact_case()));
  const std::string fact = absl::StrCat(event.source(), "/", schema->name(), "/", event.record_id());
  if (subject.empty()) subject = absl::StrCat("fact:", fact);
  for (size_t i = first; i < rows.size(); ++i) {
    rows[i].subject = subject;
    rows[i].key = absl::StrCat(fact, "/", rows[i].key);
  }
}

void Pseudonymiser::Redact(Message& message) const {
  std::string subject;
  SplitMessage(message, "", nullptr, subject);
}

}  // namespace partnermetrics
