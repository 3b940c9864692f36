// The folder of a connector instance, as its plugin may see it: regular files inside, no symbolic links, no way out.
//
//   ASSIGN_OR_RETURN(Folder folder, Folder::Open("/srv/exports/salesforce"));
//   ASSIGN_OR_RETURN(std::vector<FileEntry> files, folder.List());
//   ASSIGN_OR_RETURN(Descriptor file, folder.OpenFile("2026-03/Account.csv"));
//
// Thread-compatible.
#ifndef PARTNERMETRICS_CONNECTORS_HOST_FOLDER_H_
#define PARTNERMETRICS_CONNECTORS_HOST_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "connectors/host/descriptors.h"
#include "connectors/host/frames.h"

namespace partnermetrics::connectors {

class Folder {
 public:
  static absl::StatusOr<Folder> Open(const std::string& path);

  // Regular files in it and below, ordered by name. Hidden ones are left out: uploads in progress often are.
  absl::StatusOr<std::vector<FileEntry>> List() const;
  absl::StatusOr<Descriptor> OpenFile(const std::string& name) const;

 private:
  Folder(std::string path, Descriptor directory) : path_(std::move(path)), directory_(std::move(directory)) {}
  absl::Status ListInto(int directory, const std::string& prefix, int depth, std::vector<FileEntry>* files) const;

  std::string path_;
  Descriptor directory_;
};

}  // namespace partnermetrics::connectors

#endif  // PARTNERMETRICS_CONNECTORS_HOST_FOLDER_H_
