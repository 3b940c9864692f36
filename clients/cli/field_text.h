// Fields of any message as the text of a table's cell.
//
//   FieldPath path = ResolvePath(*PartnerEntity::descriptor(), "partner.type");
//   FormatPath(entity, path)    // "reseller"; empty when entity has no partner
//
// Stateless; any thread.
#ifndef PARTNERMETRICS_CLIENTS_CLI_FIELD_TEXT_H_
#define PARTNERMETRICS_CLIENTS_CLI_FIELD_TEXT_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace partnermetrics::cli {

using FieldPath = std::vector<const google::protobuf::FieldDescriptor*>;

// The fields along a path such as "partner.name"; empty when a part does not exist.
FieldPath ResolvePath(const google::protobuf::Descriptor& message, absl::string_view path);

// Text of the field at the end of the path; empty when it or a message on the way is not set.
std::string FormatPath(const google::protobuf::Message& message, const FieldPath& path);

// Text of a field: lists are joined by ", ", messages without a text form are listed as "name value, name value".
std::string FormatField(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field);

// Text of one element of a repeated field.
std::string FormatElement(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field,
                          int index);

// Numbers and amounts stand to the right.
bool IsNumeric(const google::protobuf::FieldDescriptor& field);

// All messages that a path of message fields leads to, through repeated fields; for an empty path the message itself.
std::vector<const google::protobuf::Message*> CollectMessages(const google::protobuf::Message& message,
                                                              absl::string_view path);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_FIELD_TEXT_H_
