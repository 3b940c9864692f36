// Loads a plugin into this process. The server never does: partner-connector-host, a process for one plugin, and the
// kit do.
//
//   ASSIGN_OR_RETURN(LoadedConnector plugin, LoadedConnector::Load("/usr/lib/…/stripe_billing.so"));
//   pm_bytes description = plugin.table().describe();
//
// What can be refused without running the plugin's code is refused before dlopen: a file that is no plugin or exports
// more than its table. Magic, version and size of the table are checked before any of its functions is called.
// Thread-compatible.
#ifndef PARTNERMETRICS_CONNECTORS_HOST_LOADER_H_
#define PARTNERMETRICS_CONNECTORS_HOST_LOADER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/connector_abi.h"

namespace partnermetrics::connectors {

// The names that a shared library exports, read from its file without loading it.
absl::StatusOr<std::vector<std::string>> ExportedSymbols(const std::string& path);

// Looks whether a table can be used by this host; the error names both versions and the remedy.
absl::Status CheckTable(const pm_connector& table, absl::string_view plugin);

class LoadedConnector {
 public:
  static absl::StatusOr<LoadedConnector> Load(const std::string& path);

  LoadedConnector(LoadedConnector&&) noexcept;
  LoadedConnector& operator=(LoadedConnector&&) noexcept;
  ~LoadedConnector();  // unloads

  const pm_connector& table() const { return *table_; }

 private:
  struct Library;
  LoadedConnector(std::unique_ptr<Library> library, const pm_connector* table);

  std::unique_ptr<Library> library_;
  const pm_connector* table_;
};

}  // namespace partnermetrics::connectors

#endif  // PARTNERMETRICS_CONNECTORS_HOST_LOADER_H_
