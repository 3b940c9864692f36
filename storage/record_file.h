// A strict look at RocksDB's record files, its write-ahead logs and manifests, before RocksDB opens them.
//
//   RETURN_IF_ERROR(CheckRecordFiles("/var/lib/partnermetrics/log"));
//
// RocksDB checks the checksum of every record that it finds, but a changed length or type can make it take the rest of
// a file for the torn end that a crash leaves, and drop it without a word: acknowledged events would be gone. Here a
// file may end in half a record, and nothing else.
//
// Functions are free of state.
#ifndef PARTNERMETRICS_STORAGE_RECORD_FILE_H_
#define PARTNERMETRICS_STORAGE_RECORD_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace partnermetrics::storage {

// Checks the content of one such file. DATA_LOSS says at which byte it is damaged.
absl::Status CheckRecords(absl::string_view content);

// Checks the current manifest and the write-ahead logs in the folder of a RocksDB instance. OK when there are none.
absl::Status CheckRecordFiles(const std::string& folder);

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_RECORD_FILE_H_
