// The text files of a folder of backups: the manifest of each backup and the list of erasures. docs/formats.md has
// their grammar.
//
// Functions are free of state.
#ifndef PARTNERMETRICS_STORAGE_BACKUP_MANIFEST_H_
#define PARTNERMETRICS_STORAGE_BACKUP_MANIFEST_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/backup_folder.h"

namespace partnermetrics::storage {

inline constexpr char kErasuresFile[] = "erasures";
// Of a data folder; a backup has a copy.
inline constexpr char kKeyFile[] = "pseudonym.key";

// Of a data folder: tells whether a key is the one it was written with.
inline constexpr char kKeyCheckFile[] = "pseudonym.check";

// "000012.backup", "000012.key"
std::string ManifestName(uint64_t number);
std::string KeyName(uint64_t number);

std::string EncodeManifest(const Backup& backup);
// DATA_LOSS: damaged; FAILED_PRECONDITION: of a newer format.
absl::StatusOr<Backup> DecodeManifest(absl::string_view content);

std::string EncodeErasures(const std::vector<Erasure>& erasures);
absl::StatusOr<std::vector<Erasure>> DecodeErasures(absl::string_view content);
// Those in a file; none when it does not exist.
absl::StatusOr<std::vector<Erasure>> ReadErasures(const std::string& path);

// The backups of a folder, oldest first.
absl::StatusOr<std::vector<Backup>> ReadManifests(const std::string& folder);

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_BACKUP_MANIFEST_H_
