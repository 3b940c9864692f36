// Reading definitions and programmes from .textproto files.
//
//   ASSIGN_OR_RETURN(Definitions definitions, LoadDefinitions({"/etc/partnermetrics/definitions"}));
//   ASSIGN_OR_RETURN(v1::Program program, LoadProgram("/etc/partnermetrics/partneros.textproto",
//   &definitions.sources));
//
// Errors name file, line and column. Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_CATALOG_DEFINITIONS_H_
#define PARTNERMETRICS_SERVER_CATALOG_DEFINITIONS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/v1/catalog.pb.h"

namespace partnermetrics {

// Where definitions stand in their files.
class DefinitionSources {
 public:
  // The place of a byte of a string field, or of another field: "pipeline.textproto:12:30". Definitions that came from
  // no file are named instead: `measure "won_sourced", where`. `kind` is "measure", "metric" or "program".
  std::string Locate(absl::string_view kind, absl::string_view id, absl::string_view field, size_t offset = 0) const;

 private:
  friend class DefinitionLoader;
  struct Place {
    std::shared_ptr<const std::string> text;  // of the file
    std::string file;
    size_t offset = 0;  // of the field in the file
  };
  absl::flat_hash_map<std::string, Place> places_;  // by kind/id/field; the definition itself by kind/id/
};

struct Definitions {
  v1::Catalog catalog;
  DefinitionSources sources;
};

// Reads .textproto files, and folders with all that they and their subfolders hold (folders named "programs" are left
// out), in the order of their names.
absl::StatusOr<Definitions> LoadDefinitions(const std::vector<std::string>& paths);

// Reads a programme, and adds its places to `sources` when that is given. Catalog::Compile checks its content.
absl::StatusOr<v1::Program> LoadProgram(const std::string& path, DefinitionSources* sources = nullptr);

// Folder of the definitions that ship: ../share/partnermetrics/definitions beside the running binary.
std::string DefaultDefinitionsDir();

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_CATALOG_DEFINITIONS_H_
