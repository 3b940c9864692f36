// Makes fact rows from protos for tests.
#ifndef PARTNERMETRICS_TESTS_SERVER_EXPR_ROW_BUILDER_H_
#define PARTNERMETRICS_TESTS_SERVER_EXPR_ROW_BUILDER_H_

#include <memory>
#include <string>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "server/facts/fact_row.h"

namespace partnermetrics {

inline const FactSchema& SchemaOf(absl::string_view kind) {
  const FactSchema* schema = FactSchemas::Get().Find(kind);
  if (schema == nullptr) ADD_FAILURE() << "no kind " << kind;
  return *schema;
}

// A row with the bytes that it points into.
class TestRow {
 public:
  explicit TestRow(const google::protobuf::Message& fact, absl::string_view kind)
      : bytes_(std::make_unique<std::string>(fact.SerializeAsString())), row_(SchemaOf(kind)) {
    FieldError error;
    EXPECT_TRUE(row_.Decode(*bytes_, "USD", &error)) << error.field << ": " << error.description;
  }

  FactRow& row() { return row_; }
  const FactRow& row() const { return row_; }

 private:
  std::unique_ptr<std::string> bytes_;
  FactRow row_;
};

// The fact in text form: Fact<v1::Deal>("amount { units: 5 }").
template <typename T>
T Fact(const std::string& text) {
  T fact;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &fact)) << text;
  return fact;
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SERVER_EXPR_ROW_BUILDER_H_
