#include "server/catalog/definitions.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/text_format.h"
#include "server/base/errors.h"
#include "server/expr/text_places.h"

namespace partnermetrics {
namespace {

namespace fs = std::filesystem;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

class Errors : public google::protobuf::io::ErrorCollector {
 public:
  Errors(const std::string& file, const std::string& text) : file_(file), text_(text) {}

  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    const std::string place =
        line < 0 ? file_ : absl::StrCat(file_, ":", LineColumn(text_, OffsetOf(text_, line, column)));
    messages_.push_back(absl::StrCat(place, ": ", message));
  }
  void AddWarning(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    AddError(line, column, message);
  }

  absl::Status status(absl::string_view type) const {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_SYNTAX", absl::StrJoin(messages_, "\n"),
                     absl::StrCat("the file must hold a ", type, " in protobuf text format"));
  }

 private:
  const std::string& file_;
  const std::string& text_;
  std::vector<std::string> messages_;
};

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (!in || !(text << in.rdbuf())) {
    if (in && in.peek() == std::ifstream::traits_type::eof()) return std::string();
    return MakeError(absl::StatusCode::kNotFound, "NO_FILE", absl::StrCat(path, ": cannot be read"),
                     "check that the file exists and may be read");
  }
  return text.str();
}

absl::Status AddFolder(const fs::path& folder, std::vector<std::string>& files) {
  std::error_code error;
  std::vector<fs::path> entries;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    entries.push_back(it->path());
  if (error) {
    return MakeError(absl::StatusCode::kNotFound, "NO_FOLDER", absl::StrCat(folder.string(), ": ", error.message()),
                     "check that the folder exists and may be read");
  }
  std::sort(entries.begin(), entries.end());
  for (const fs::path& entry : entries) {
    if (fs::is_directory(entry, error)) {
      if (entry.filename() != "programs") RETURN_IF_ERROR(AddFolder(entry, files));
    } else if (entry.extension() == ".textproto") {
      files.push_back(entry.string());
    }
  }
  return absl::OkStatus();
}

}  // namespace

// Reads files and remembers where everything stands.
class DefinitionLoader {
 public:
  explicit DefinitionLoader(DefinitionSources& sources) : sources_(sources) {}

  absl::Status Parse(const std::string& path, Message& message) {
    ASSIGN_OR_RETURN(std::string text, ReadFile(path));
    text_ = std::make_shared<const std::string>(std::move(text));
    file_ = path;
    tree_ = std::make_unique<TextFormat::ParseInfoTree>();
    Errors errors(file_, *text_);
    TextFormat::Parser parser;
    parser.RecordErrorsTo(&errors);
    parser.WriteLocationsTo(tree_.get());
    if (!parser.ParseFromString(*text_, &message)) return errors.status(message.GetDescriptor()->name());
    return absl::OkStatus();
  }

  // Remembers the definitions of one repeated field of a catalogue.
  absl::Status AddDefinitions(const Message& catalog, absl::string_view field_name, absl::string_view kind) {
    const FieldDescriptor* field = catalog.GetDescriptor()->FindFieldByName(std::string(field_name));
    for (int i = 0; i < catalog.GetReflection()->FieldSize(catalog, field); ++i) {
      const Message& definition = catalog.GetReflection()->GetRepeatedMessage(catalog, field, i);
      const FieldDescriptor* id = definition.GetDescriptor()->FindFieldByName("id");
      const std::string key = absl::StrCat(kind, "/", definition.GetReflection()->GetString(definition, id), "/");
      const size_t place = OffsetOfField(*tree_, *field, i);
      if (const auto known = sources_.places_.find(key); known != sources_.places_.end()) {
        const DefinitionSources::Place& first = known->second;
        return MakeError(
            absl::StatusCode::kInvalidArgument, "DUPLICATE_ID",
            absl::StrCat(file_, ":", LineColumn(*text_, place), ": ", kind, " \"",
                         definition.GetReflection()->GetString(definition, id), "\" is already defined at ", first.file,
                         ":", LineColumn(*first.text, first.offset)),
            "give one of them another id, or remove it");
      }
      sources_.places_[key] = {text_, file_, place};
      AddFields(definition, *tree_->GetTreeForNested(field, i), key);
    }
    return absl::OkStatus();
  }

  void AddProgram(const v1::Program& program) {
    const std::string key = absl::StrCat("program/", program.id(), "/");
    sources_.places_[key] = {text_, file_, 0};
    AddFields(program, *tree_, key);
  }

 private:
  size_t OffsetOfField(const TextFormat::ParseInfoTree& tree, const FieldDescriptor& field, int index) const {
    const TextFormat::ParseLocation location = tree.GetLocation(&field, index);
    return location.line < 0 ? 0 : OffsetOf(*text_, location.line, location.column);
  }

  void AddFields(const Message& message, const TextFormat::ParseInfoTree& tree, const std::string& prefix) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      const int size = field->is_repeated() ? message.GetReflection()->FieldSize(message, field) : 1;
      for (int i = 0; i < size; ++i) {
        const int index = field->is_repeated() ? i : -1;
        const std::string key = field->is_repeated() ? absl::StrCat(prefix, field->name(), "[", i, "]")
                                                     : absl::StrCat(prefix, field->name());
        sources_.places_[key] = {text_, file_, OffsetOfField(tree, *field, index)};
        if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
        const Message& nested = field->is_repeated() ? message.GetReflection()->GetRepeatedMessage(message, field, i)
                                                     : message.GetReflection()->GetMessage(message, field);
        if (const auto* nested_tree = tree.GetTreeForNested(field, index); nested_tree != nullptr) {
          AddFields(nested, *nested_tree, absl::StrCat(key, "."));
        }
      }
    }
  }

  DefinitionSources& sources_;
  std::shared_ptr<const std::string> text_;  // of the file at hand
  std::string file_;
  std::unique_ptr<TextFormat::ParseInfoTree> tree_;
};

std::string DefinitionSources::Locate(absl::string_view kind, absl::string_view id, absl::string_view field,
                                      size_t offset) const {
  const std::string definition = absl::StrCat(kind, "/", id, "/");
  auto place = places_.find(absl::StrCat(definition, field));
  if (place != places_.end() && !field.empty()) {
    const Place& found = place->second;
    return absl::StrCat(found.file, ":", LineColumn(*found.text, OffsetInLiteral(*found.text, found.offset, offset)));
  }
  place = places_.find(definition);
  std::string name = absl::StrCat(kind, " \"", id, "\"", field.empty() ? "" : ", ", field);
  if (place == places_.end()) return name;
  return absl::StrCat(place->second.file, ":", LineColumn(*place->second.text, place->second.offset), ": ", name);
}

absl::StatusOr<Definitions> LoadDefinitions(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (fs::is_directory(path, error)) {
      RETURN_IF_ERROR(AddFolder(path, files));
    } else {
      files.push_back(path);
    }
  }
  Definitions definitions;
  DefinitionLoader loader(definitions.sources);
  for (const std::string& file : files) {
    v1::Catalog catalog;
    RETURN_IF_ERROR(loader.Parse(file, catalog));
    RETURN_IF_ERROR(loader.AddDefinitions(catalog, "measures", "measure"));
    RETURN_IF_ERROR(loader.AddDefinitions(catalog, "metrics", "metric"));
    definitions.catalog.MergeFrom(catalog);
  }
  return definitions;
}

absl::StatusOr<v1::Program> LoadProgram(const std::string& path, DefinitionSources* sources) {
  v1::Program program;
  DefinitionSources unused;
  DefinitionLoader loader(sources == nullptr ? unused : *sources);
  RETURN_IF_ERROR(loader.Parse(path, program));
  loader.AddProgram(program);
  return program;
}

std::string DefaultDefinitionsDir() {
  std::error_code error;
  const fs::path binary = fs::read_symlink("/proc/self/exe", error);
  return (binary.parent_path().parent_path() / "share" / "partnermetrics" / "definitions").string();
}

}  // namespace partnermetrics
