// A mapping file, checked and compiled: which files state which facts, and how.
//
//   CompiledMapping mapping = CompileMapping("mapping.textproto", text);
//   if (!mapping.errors.empty()) …   // every one with file, line and column
//
// Immutable after compilation.
#ifndef PARTNERMETRICS_CONNECTORS_TABLE_MAPPING_H_
#define PARTNERMETRICS_CONNECTORS_TABLE_MAPPING_H_

#include <optional>
#include <string>
#include <vector>

#include "connectors/table/expression.h"
#include "connectors/table/fields.h"
#include "connectors/table/mapping.pb.h"
#include "google/protobuf/descriptor.h"

namespace partnermetrics::table {

struct CompiledTarget {
  Target source;  // as written, with the formats of the mapping filled in
  std::string place;
  const google::protobuf::FieldDescriptor* kind = nullptr;
  ColumnList columns;
  std::optional<Expression> when, revision, deleted;
  Expression record_id;
  std::vector<FieldWriter> fields;

  // Whether a file, by its name in the folder, belongs to the target.
  bool Reads(const std::string& file) const;
};

struct CompiledMapping {
  std::vector<CompiledTarget> targets;
  std::vector<std::string> errors;  // "mapping.textproto:12:30: there is no function dat (did you mean "date"?)"
};

CompiledMapping CompileMapping(const std::string& file, const std::string& text);

}  // namespace partnermetrics::table

#endif  // PARTNERMETRICS_CONNECTORS_TABLE_MAPPING_H_
