// Which column holds which field, whatever an organisation calls it.
//
//   ColumnBinder bind(csv.header(), "Opportunity", column_map);
//   int id = bind.Required("id", {"Id"});
//   int tier = bind.Optional("tier", {"Partner_Tier__c", "Tier__c"});
//   if (!bind.missing().empty()) …
//
// Values; one thread at a time.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_COLUMNS_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_COLUMNS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/sdk/readers/csv.h"
#include "partnermetrics/connector.h"
#include "partnermetrics/status.h"

namespace partnermetrics::sdk {

// Lists of names by key. From JSON: {"Opportunity.partner": ["Partner__c", "Reseller__c"], "Account.tier": "Level__c"}.
using NameLists = std::map<std::string, std::vector<std::string>>;

// Reads a setting whose value is a JSON object of strings or lists of strings; blank is an empty one.
Result<NameLists> ParseNameLists(const std::string& setting, const std::string& json);

class ColumnBinder {
 public:
  // `prefix` and a dot stand before each field in `column_map`; empty: the fields stand alone.
  ColumnBinder(const CsvHeader& header, std::string prefix, const NameLists& column_map);

  // The first column that column_map names for the field, else the first of the usual names; -1 when there is none.
  int Optional(const std::string& field, const std::vector<std::string>& usual);
  // As Optional; notes the field as missing when there is no column.
  int Required(const std::string& field, const std::vector<std::string>& usual);
  // All such columns, those of column_map first.
  std::vector<int> All(const std::string& field, const std::vector<std::string>& usual);

  // "Id", "IsClosed": the required columns that the header lacks.
  const std::vector<std::string>& missing() const { return missing_; }
  // Columns that column_map names for a field and the header lacks.
  const std::vector<std::string>& unmapped() const { return unmapped_; }
  // The named columns, and whether a field is read from them.
  std::vector<Column> Columns() const;

 private:
  const CsvHeader& header_;
  std::string prefix_;
  const NameLists& column_map_;
  std::vector<bool> read_;
  std::vector<std::string> missing_;
  std::vector<std::string> unmapped_;
};

// The name of a file over all exports, for Reporter::Columns: "logins-#-#.csv" of "logins-2026-03.csv".
std::string StreamName(std::string_view base_name);

// "a, b, c", at most `most` of them and then "and 5 more".
std::string JoinNames(const std::vector<std::string>& names, size_t most = 20);

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_COLUMNS_H_
