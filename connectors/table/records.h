// The rows of a CSV file or the objects of a JSON file, in one form for expressions.
//
//   PM_ASSIGN_OR_RETURN(std::unique_ptr<RecordSource> source, OpenRecords(std::move(bytes), target));
//   PM_ASSIGN_OR_RETURN(std::unique_ptr<Record> record, source->Bind(target.columns));
//   while (true) {
//     PM_ASSIGN_OR_RETURN(bool more, source->Next());
//     if (!more) break;
//     … source->row().problem, record->Text(0) …
//
// One thread at a time; memory is constant but for Json.records.
#ifndef PARTNERMETRICS_CONNECTORS_TABLE_RECORDS_H_
#define PARTNERMETRICS_CONNECTORS_TABLE_RECORDS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/sdk/readers/streams.h"
#include "connectors/table/expression.h"
#include "connectors/table/mapping.pb.h"
#include "partnermetrics/status.h"

namespace partnermetrics::table {

class RecordSource {
 public:
  // Where the present record stands, and why it cannot be used.
  struct Row {
    std::uint64_t number = 0;  // from 1
    std::uint64_t offset = 0;
    std::string_view raw;
    const char* problem = nullptr;
    std::string message;
  };

  virtual ~RecordSource() = default;
  // The columns of a target over this file, for as long as the source lives. A column that the file's header lacks is
  // an error with the name that would have fitted.
  virtual sdk::Result<std::unique_ptr<Record>> Bind(const ColumnList& columns) = 0;
  // Goes on to the next record; false at the end.
  virtual sdk::Result<bool> Next() = 0;
  // Tells of the file's columns, as far as it was read, and which of them are bound. Objects have no header: of them
  // only members that nothing is bound to are told.
  virtual void TellColumns(const sdk::Input& input, sdk::Reporter& reporter) const = 0;

  const Row& row() const { return row_; }

 protected:
  Row row_;
};

// True when the target's files are JSON: as it says, else by the file's name.
bool IsJson(const Target& target, std::string_view base_name);

// Null for a file without a header.
sdk::Result<std::unique_ptr<RecordSource>> OpenRecords(std::unique_ptr<sdk::ByteStream> bytes, const Target& target,
                                                       bool json);

}  // namespace partnermetrics::table

#endif  // PARTNERMETRICS_CONNECTORS_TABLE_RECORDS_H_
