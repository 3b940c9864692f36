// Which files of an export hold which object, and how one of them is opened.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_EXPORT_FILES_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_EXPORT_FILES_H_

#include <memory>
#include <string>
#include <vector>

#include "connectors/salesforce_export/options.h"
#include "connectors/sdk/readers/csv.h"
#include "connectors/sdk/readers/streams.h"

namespace partnermetrics::salesforce {

// Account.csv, account.csv, Account_1.csv, Account.csv.gz, also in folders and zips, and the names of file_map.
class ExportFiles {
 public:
  static sdk::Result<ExportFiles> List(sdk::Reader& reader, const Options& options);

  // The files of an object, ordered by name.
  std::vector<sdk::Input> Of(const std::string& object) const;
  // Files that hold no object that the plugin knows.
  const std::vector<std::string>& unknown() const { return unknown_; }
  // Changes with name, size and time of any file.
  std::string Fingerprint() const;

  // Opens a file and reads its header; null when it is empty.
  sdk::Result<std::unique_ptr<sdk::CsvReader>> Open(const sdk::Input& input) const;

 private:
  explicit ExportFiles(sdk::Inputs inputs) : inputs_(std::move(inputs)) {}

  sdk::Inputs inputs_;
  std::vector<std::string> objects_;  // of each file of inputs_, empty: unknown
  std::vector<std::string> unknown_;
};

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_EXPORT_FILES_H_
