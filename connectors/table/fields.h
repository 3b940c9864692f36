// Puts the value of an expression into a field of a fact, whatever the field's type.
#ifndef PARTNERMETRICS_CONNECTORS_TABLE_FIELDS_H_
#define PARTNERMETRICS_CONNECTORS_TABLE_FIELDS_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "connectors/table/expression.h"
#include "connectors/table/mapping.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace partnermetrics::table {

// Where the parts of a mapping's entry stand.
struct FieldPlaces {
  TextLocator name, value, otherwise;
  std::vector<TextLocator> to;  // of the replacements
};

// True when ingest refuses facts without this field.
bool IsRequired(const google::protobuf::FieldDescriptor& field);

// The text of an enum value as people write it: "URGENT" of TICKET_PRIORITY_URGENT.
std::vector<std::string> EnumNames(const google::protobuf::EnumDescriptor& type);

// Immutable after compilation.
class FieldWriter {
 public:
  // Elements of repeated fields that were named by index, by their path: of one event.
  using Elements = std::map<std::string, google::protobuf::Message*>;

  // INVALID_ARGUMENT with the place, what is wrong and what would have fitted.
  static absl::StatusOr<FieldWriter> Compile(const Field& field, const google::protobuf::Descriptor& fact,
                                             const FieldPlaces& places, const sdk::CellFormat& formats,
                                             const std::string& currency, ColumnList& columns);

  // Sets the field of `fact` for the row; what cannot be read is a fault of the row.
  void Write(Evaluation& row, google::protobuf::Message* fact, Elements* elements) const;

  const std::string& name() const { return name_; }

 private:
  struct Step {
    const google::protobuf::FieldDescriptor* field;
    std::string element;  // path of an element named by index, else empty
  };

  absl::Status FindPath(const google::protobuf::Descriptor& fact, const TextLocator& locate);
  absl::Status CheckType(const TextLocator& locate) const;
  absl::Status CheckTexts(const Field& field, const FieldPlaces& places) const;
  absl::Status CheckText(const std::string& text, const TextLocator& locate) const;
  const google::protobuf::FieldDescriptor& leaf() const { return *path_.back().field; }

  std::string Replaced(const std::string& text) const;
  // The value in the form that the field takes; null with a fault when it has none.
  Value Read(Evaluation& row, Value value) const;
  Value ReadText(Evaluation& row, const std::string& text) const;
  void Set(google::protobuf::Message* message, const Value& value) const;

  std::string name_;
  std::vector<Step> path_;
  Type wanted_ = Type::kNull;  // kText for enums
  bool integer_ = false;
  bool required_ = false;
  Expression value_;
  std::map<std::string, std::string> replacements_;  // lower-case text -> what stands for it
  std::optional<std::string> otherwise_;
  sdk::CellFormat formats_;
  std::string currency_;
};

}  // namespace partnermetrics::table

#endif  // PARTNERMETRICS_CONNECTORS_TABLE_FIELDS_H_
