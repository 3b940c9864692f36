#include "server/ops/export_csv.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/time_util.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/civil.h"

namespace partnermetrics {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::util::TimeUtil;

bool IsMoney(const FieldDescriptor& field) {
  return !field.is_repeated() && field.message_type() == v1::Money::descriptor();
}

std::string NanosOf(int64_t units, int32_t nanos) {
  return NanosText(Nanos(units) * kNanosPerUnit + nanos);
}

std::string Json(const Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  // Fails only for Any messages, which facts do not have.
  static_cast<void>(google::protobuf::util::MessageToJsonString(message, &json, options));
  return json;
}

std::string MessageText(const Message& message) {
  if (const auto* date = google::protobuf::DynamicCastToGenerated<v1::Date>(&message)) {
    return absl::StrFormat("%04d-%02d-%02d", date->year(), date->month(), date->day());
  }
  if (const auto* decimal = google::protobuf::DynamicCastToGenerated<v1::Decimal>(&message)) {
    return NanosOf(decimal->units(), decimal->nanos());
  }
  if (const auto* money = google::protobuf::DynamicCastToGenerated<v1::Money>(&message)) {
    return NanosOf(money->units(), money->nanos());
  }
  if (const auto* at = google::protobuf::DynamicCastToGenerated<google::protobuf::Timestamp>(&message)) {
    return TimeUtil::ToString(*at);
  }
  return Json(message);
}

// A field that is no list and is set.
std::string ValueText(const Message& message, const FieldDescriptor& field) {
  const google::protobuf::Reflection& values = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return values.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(values.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(values.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrCat(values.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(values.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return absl::StrCat(values.GetFloat(message, &field));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrCat(values.GetDouble(message, &field));
    case FieldDescriptor::CPPTYPE_ENUM:
      return values.GetEnum(message, &field)->name();
    case FieldDescriptor::CPPTYPE_STRING:
      return values.GetString(message, &field);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return MessageText(values.GetMessage(message, &field));
}

// The elements, as the only field of a message of their own would be printed.
std::string ListText(const Message& message, const FieldDescriptor& field) {
  const std::unique_ptr<Message> alone(message.New());
  std::vector<const FieldDescriptor*> set;
  message.GetReflection()->ListFields(message, &set);
  alone->CopyFrom(message);
  for (const FieldDescriptor* other : set) {
    if (other != &field) alone->GetReflection()->ClearField(alone.get(), other);
  }
  const std::string json = Json(*alone);  // {"name":[…]}
  return json.substr(json.find('['), json.size() - json.find('[') - 1);
}

// The content of the fact, and the field of the event that it is.
const Message& Content(const v1::Event& event) {
  const auto* field = v1::Event::descriptor()->FindFieldByNumber(static_cast<int>(event.fact_case()));
  return event.GetReflection()->GetMessage(event, field);
}

}  // namespace

std::string CsvRow(const std::vector<std::string>& fields) {
  std::string row;
  for (const std::string& field : fields) {
    if (&field != &fields.front()) row += ',';
    if (field.find_first_of(",\"\r\n") == std::string::npos) {
      row += field;
    } else {
      absl::StrAppend(&row, "\"", absl::StrReplaceAll(field, {{"\"", "\"\""}}), "\"");
    }
  }
  return row + "\r\n";
}

std::vector<std::string> FactColumns(const FactSchema& kind) {
  std::vector<std::string> columns = {"source",   "record_id",  "revision", "position",
                                      "partners", "unresolved", "parked",   "waiting"};
  for (int i = 0; i < kind.descriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *kind.descriptor()->field(i);
    columns.push_back(absl::StrCat(kind.name(), ".", field.name()));
    if (IsMoney(field)) columns.push_back(absl::StrCat(kind.name(), ".", field.name(), "_currency"));
  }
  return columns;
}

std::vector<std::string> FactFields(const v1::ExportedFact& fact) {
  const auto yes = [](bool value) { return std::string(value ? "true" : "false"); };
  const auto partner = [](std::string* out, const v1::ExportedAttribution& attribution) {
    absl::StrAppend(out, attribution.partner_id());
    if (attribution.role() != v1::ATTRIBUTION_ROLE_UNSPECIFIED) {
      absl::StrAppend(out, " ", v1::AttributionRole_Name(attribution.role()), " ", attribution.share());
    }
  };
  const v1::Event& event = fact.event();
  std::vector<std::string> fields = {event.source(),
                                     event.record_id(),
                                     absl::StrCat(event.revision()),
                                     absl::StrCat(fact.position()),
                                     absl::StrJoin(fact.partners(), "; ", partner),
                                     yes(fact.unresolved()),
                                     yes(fact.parked()),
                                     yes(fact.waiting())};
  const Message& content = Content(event);
  const google::protobuf::Reflection& values = *content.GetReflection();
  for (int i = 0; i < content.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *content.GetDescriptor()->field(i);
    if (field.is_repeated()) {
      fields.push_back(values.FieldSize(content, &field) > 0 ? ListText(content, field) : "");
      continue;
    }
    const bool set = field.has_presence() ? values.HasField(content, &field) : true;
    fields.push_back(set ? ValueText(content, field) : "");
    if (!IsMoney(field)) continue;
    const auto& money = google::protobuf::DynamicCastToGenerated<v1::Money>(&values.GetMessage(content, &field));
    fields.push_back(money == nullptr ? "" : money->currency_code());
  }
  return fields;
}

}  // namespace partnermetrics
