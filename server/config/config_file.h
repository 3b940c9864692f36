// A configuration file in text format that remembers where everything stands, and collects what is wrong with it.
//
//   ASSIGN_OR_RETURN(ConfigFile file, ConfigFile::Read(path, config));
//   const ConfigFile::Place place = file.root().Item("connectors", 2).Field("plugin");
//   file.Problem(place, "there is no plugin 'x'", "use one of …");
//   return file.status();
//
// Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_CONFIG_CONFIG_FILE_H_
#define PARTNERMETRICS_SERVER_CONFIG_CONFIG_FILE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"

namespace partnermetrics {

class ConfigFile {
 public:
  // A message of the file, or a field of one.
  class Place {
   public:
    // A field of this message; where the field is left out, the message itself.
    Place Field(absl::string_view name) const { return Item(name, -1); }
    // An element of a repeated field.
    Place Item(absl::string_view name, int index) const;

   private:
    friend class ConfigFile;
    const google::protobuf::TextFormat::ParseInfoTree* tree_ = nullptr;  // null: a scalar, or left out
    const google::protobuf::Descriptor* type_ = nullptr;
    int line_ = -1, column_ = 0;  // from 0; -1: the file as a whole
  };

  // Parses the file into the message. INVALID_ARGUMENT with every mistake of syntax.
  static absl::StatusOr<ConfigFile> Read(const std::string& path, google::protobuf::Message& message);

  Place root() const;

  void Problem(const Place& place, absl::string_view what, absl::string_view remedy);
  // A problem whose text says its place by itself.
  void Problem(absl::string_view message) { problems_.emplace_back(message); }

  // INVALID_ARGUMENT with all problems, one per line.
  absl::Status status() const;

 private:
  std::string path_;
  const google::protobuf::Descriptor* type_ = nullptr;
  std::unique_ptr<google::protobuf::TextFormat::ParseInfoTree> tree_;
  std::vector<std::string> problems_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_CONFIG_CONFIG_FILE_H_
