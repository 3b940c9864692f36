#include "storage/data_folder.h"

#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "storage/files.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

constexpr int kCompatibleFormat = 1;

// OK when this program may open a folder with this FORMAT file.
absl::Status CheckFormat(const std::string& path, absl::string_view content) {
  int format = 0;
  int compatible = 0;
  const std::vector<absl::string_view> lines = absl::StrSplit(content, '\n');
  const bool readable = lines.size() == 5 && absl::SimpleAtoi(absl::StripPrefix(lines[1], "format "), &format) &&
                        absl::SimpleAtoi(absl::StripPrefix(lines[2], "compatible "), &compatible) &&
                        content == FormatFileContent(format, compatible);
  if (!readable) {
    return absl::DataLossError(absl::StrCat(path, "/FORMAT is damaged. The data may be fine: restore this file from a ",
                                            "backup of the folder, or from another folder of the same version."));
  }
  if (compatible > kFolderFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("the data folder ", path, " has format ", format, ", which needs a program of format ", compatible,
                     " or later; this one knows format ", kFolderFormat,
                     ". Nothing was changed. Start a newer version, or give this one a folder of its own."));
  }
  return absl::OkStatus();
}

}  // namespace

std::string FormatFileContent(int format, int compatible) {
  return Seal(absl::StrCat("partnermetrics data folder\nformat ", format, "\ncompatible ", compatible, "\n"));
}

absl::StatusOr<std::unique_ptr<DataFolder>> DataFolder::Open(absl::string_view path_view) {
  const std::string path(path_view);
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return absl::InternalError(absl::StrCat("cannot create the data folder ", path, ": ", error.message()));

  // Looked at before anything is written, the lock included: a newer folder stays as it is.
  const std::optional<std::string> before = ReadFile(path + "/FORMAT");
  if (before.has_value()) RETURN_IF_ERROR(CheckFormat(path, *before));

  ASSIGN_OR_RETURN(Descriptor lock, LockFolder(path, "the data folder"));
  std::unique_ptr<DataFolder> folder(new DataFolder(path, std::move(lock)));
  if (std::filesystem::exists(path + "/" + kRestoringFile, error)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "a restore into ", path, " was interrupted: not all data is there. Delete the folder and restore ", "again."));
  }
  if (const std::optional<std::string> format = ReadFile(path + "/FORMAT"); format.has_value()) {
    RETURN_IF_ERROR(CheckFormat(path, *format));
  } else if (std::filesystem::exists(folder->log_path(), error)) {
    return absl::DataLossError(absl::StrCat(path, " holds data but no file FORMAT. Restore this file from a backup of ",
                                            "the folder, or from another folder of the same version."));
  } else {
    RETURN_IF_ERROR(WriteFile(path, "FORMAT", FormatFileContent(kFolderFormat, kCompatibleFormat)));
  }
  return folder;
}

}  // namespace partnermetrics::storage
