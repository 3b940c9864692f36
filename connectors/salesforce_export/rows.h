// Reads objects that others refer to, before those.
//
//   struct Columns { explicit Columns(sdk::ColumnBinder* bind); int id; };
//   ForEachRow<Columns>(source, "User", [&](sdk::CsvRecord* record, const Columns& columns) { … });
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_ROWS_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_ROWS_H_

#include <memory>
#include <string>
#include <vector>

#include "connectors/salesforce_export/export_files.h"
#include "connectors/salesforce_export/id_table.h"
#include "connectors/salesforce_export/options.h"
#include "connectors/sdk/readers/record.h"

namespace partnermetrics::salesforce {

struct Source {
  const ExportFiles& files;
  const Options& options;
  sdk::Reporter& reporter;
  const LookupMemory& memory;  // what is looked up may have no more
};

// SystemModstamp, else LastModifiedDate, else CreatedDate of a row, in microseconds since 1970; 0: none that is known.
class ChangeColumns {
 public:
  explicit ChangeColumns(sdk::ColumnBinder* bind) {
    for (const char* name : {"SystemModstamp", "LastModifiedDate", "CreatedDate"}) {
      int column = bind->Optional(name, {name});
      if (column >= 0) columns_.push_back(column);
    }
  }
  int64_t Micros(sdk::CsvRecord* record) const {
    for (int column : columns_) {
      if (std::optional<sdk::Instant> at = record->Time(column)) return at->Micros();
      // A time that cannot be read is no reason to take an older one: it would say that nothing is new.
      if (!record->IsBlank(column) && !record->ok()) return 0;
    }
    return 0;
  }

 private:
  std::vector<int> columns_;  // in order of preference
};

// Memory that ends before the files do would end the process, and say nothing.
inline sdk::Status TooLittleMemory(const std::string& object, const LookupMemory& memory) {
  return sdk::SourceError(object,
                          "partners, their people, users and campaigns are more than fit into the " +
                              std::to_string(memory.most() >> 20) + " MB that they may take",
                          "raise the setting lookup_megabytes, and the server's plugin_limits.memory_mb with it");
}

// Calls each(record, columns) with every row of the object. Rows with a fault are left to who reads the object for its
// own sake.
template <typename Columns, typename Each>
sdk::Status ForEachRow(const Source& source, const std::string& object, Each each) {
  for (const sdk::Input& input : source.files.Of(object)) {
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, source.files.Open(input));
    if (csv == nullptr) continue;
    sdk::ColumnBinder bind(csv->header(), object, source.options.column_map);
    Columns columns(&bind);
    source.reporter.Columns(object, bind.Columns());
    sdk::CsvRow row;
    while (true) {
      PM_ASSIGN_OR_RETURN(bool more, csv->Next(&row));
      if (!more) break;
      if (row.number % 4096 == 0 && source.reporter.Cancelled()) return sdk::Cancelled();
      sdk::CsvRecord record(row, csv->header(), source.options.cells);
      each(&record, columns);
      if (source.memory.exceeded()) return TooLittleMemory(object, source.memory);
    }
  }
  return {};
}

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_ROWS_H_
