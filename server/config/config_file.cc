#include "server/config/config_file.h"

#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "google/protobuf/io/tokenizer.h"
#include "server/base/errors.h"
#include "server/expr/diagnostics.h"

namespace partnermetrics {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::TextFormat;

// What to do about a mistake of syntax.
std::string Remedy(const std::string& message) {
  // Message type "partnermetrics.config.v1.ServerConfig" has no field named "lisen".
  const std::vector<std::string> quoted = absl::StrSplit(message, '"');
  if (quoted.size() == 5 && quoted[2] == " has no field named ") {
    std::vector<std::string> names;
    const Descriptor* type = DescriptorPool::generated_pool()->FindMessageTypeByName(quoted[1]);
    for (int i = 0; type != nullptr && i < type->field_count(); ++i) names.push_back(type->field(i)->name());
    return absl::StrCat("correct or remove it", SuggestNames(quoted[3], std::move(names)));
  }
  return "config/partnerd.textproto shows every field with its form";
}

class SyntaxErrors : public google::protobuf::io::ErrorCollector {
 public:
  explicit SyntaxErrors(const std::string& path) : path_(path) {}
  void AddError(int line, int column, const std::string& message) override {
    errors_.push_back(absl::StrCat(path_, ":", line + 1, ":", column + 1, ": ", absl::StripSuffix(message, "."), "; ",
                                   Remedy(message)));
  }
  absl::Status status() const {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIGURATION", absl::StrJoin(errors_, "\n"));
  }

 private:
  const std::string& path_;
  std::vector<std::string> errors_;
};

}  // namespace

absl::StatusOr<ConfigFile> ConfigFile::Read(const std::string& path, google::protobuf::Message& message) {
  ConfigFile file;
  file.path_ = path;
  file.type_ = message.GetDescriptor();
  file.tree_ = std::make_unique<TextFormat::ParseInfoTree>();
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in.is_open() || in.bad()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "NO_CONFIGURATION",
                     absl::StrCat(path,
                                  ": the file cannot be read; check its name and permissions, or copy "
                                  "config/partnerd.textproto and edit it"));
  }
  SyntaxErrors errors(path);
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.WriteLocationsTo(file.tree_.get());
  if (!parser.ParseFromString(text.str(), &message)) return errors.status();
  return file;
}

ConfigFile::Place ConfigFile::root() const {
  Place place;
  place.tree_ = tree_.get();
  place.type_ = type_;
  return place;
}

ConfigFile::Place ConfigFile::Place::Item(absl::string_view name, int index) const {
  if (tree_ == nullptr) return *this;
  const FieldDescriptor* field = type_->FindFieldByName(std::string(name));
  const TextFormat::ParseLocation location = tree_->GetLocation(field, index);
  if (location.line < 0) return *this;
  Place place;
  place.line_ = location.line;
  place.column_ = location.column;
  if (field->message_type() != nullptr) {
    place.tree_ = tree_->GetTreeForNested(field, index);
    place.type_ = field->message_type();
  }
  return place;
}

void ConfigFile::Problem(const Place& place, absl::string_view what, absl::string_view remedy) {
  const std::string where = place.line_ < 0 ? path_ : absl::StrCat(path_, ":", place.line_ + 1, ":", place.column_ + 1);
  problems_.push_back(absl::StrCat(where, ": ", what, "; ", remedy));
}

absl::Status ConfigFile::status() const {
  if (problems_.empty()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIGURATION", absl::StrJoin(problems_, "\n"));
}

}  // namespace partnermetrics
