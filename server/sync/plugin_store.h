// The plugins of the plugin folder: looked up anew for each run, so that a new build counts from the next run on, and
// hashed, so that runs tell which build they used and a list may allow certain builds alone.
//
//   PluginStore store("/usr/lib/partnermetrics/connectors", {{"salesforce_export", "9f86d0…"}});
//   ASSIGN_OR_RETURN(PluginFile plugin, store.Find("salesforce_export"));
//
// Who may write into the folder decides what runs; the list guards against a wrong build, not against them.
// Thread-safe.
#ifndef PARTNERMETRICS_SERVER_SYNC_PLUGIN_STORE_H_
#define PARTNERMETRICS_SERVER_SYNC_PLUGIN_STORE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/mutex.h"

namespace partnermetrics {

struct PluginFile {
  std::string path;
  std::string sha256;  // in hexadecimal
};

class PluginStore {
 public:
  // Name and SHA-256 of plugins that may run, in either case; a name may come several times. Empty: all may.
  using Allowed = std::vector<std::pair<std::string, std::string>>;

  PluginStore(std::string folder, Allowed allowed) : folder_(std::move(folder)), allowed_(std::move(allowed)) {}

  // NOT_FOUND (UNKNOWN_PLUGIN) says where it was looked for, PERMISSION_DENIED (PLUGIN_NOT_ALLOWED) names the hash.
  absl::StatusOr<PluginFile> Find(absl::string_view plugin) const;

 private:
  // What tells one file from another without reading it.
  struct Print {
    uint64_t inode = 0;
    int64_t size = 0, changed_ns = 0;
    bool operator==(const Print& other) const {
      return inode == other.inode && size == other.size && changed_ns == other.changed_ns;
    }
  };

  absl::StatusOr<std::string> HashOf(const std::string& path) const;

  const std::string folder_;
  const Allowed allowed_;
  mutable Mutex mutex_;
  mutable std::map<std::string, std::pair<Print, std::string>> hashes_ PM_GUARDED_BY(mutex_);  // by path
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_PLUGIN_STORE_H_
