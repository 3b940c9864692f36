// The data folder itself: one process at a time, and only formats this program knows.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<DataFolder> folder, DataFolder::Open("/var/lib/partnermetrics"));
//
// Thread-safety: open and close from one thread.
#ifndef PARTNERMETRICS_STORAGE_DATA_FOLDER_H_
#define PARTNERMETRICS_STORAGE_DATA_FOLDER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/files.h"

namespace partnermetrics::storage {

// The format of the folder's layout, in the file FORMAT.
inline constexpr int kFolderFormat = 1;

// There while a restore fills the folder, which cannot be opened then.
inline constexpr char kRestoringFile[] = "RESTORING";

// What stands in FORMAT for a folder of `format` that programs of format `compatible` and later may open.
std::string FormatFileContent(int format, int compatible);

class DataFolder {
 public:
  // Creates the folder if need be. FAILED_PRECONDITION: another process has it open, or its format is newer (then
  // nothing in it is touched). DATA_LOSS: the file FORMAT is damaged or missing beside data.
  static absl::StatusOr<std::unique_ptr<DataFolder>> Open(absl::string_view path);

  DataFolder(const DataFolder&) = delete;
  DataFolder& operator=(const DataFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string log_path() const { return path_ + "/log"; }
  std::string state_path() const { return path_ + "/state"; }

 private:
  DataFolder(std::string path, Descriptor lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  const std::string path_;
  const Descriptor lock_;
};

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_DATA_FOLDER_H_
