#include "connectors/table/mapping.h"

#include <fnmatch.h>

#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "connectors/sdk/readers/text.h"
#include "connectors/table/schema.h"
#include "connectors/table/server_expr.h"  // last
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"

namespace partnermetrics::table {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using Tree = google::protobuf::TextFormat::ParseInfoTree;

// Takes what protobuf says about the text.
class SyntaxErrors : public google::protobuf::io::ErrorCollector {
 public:
  SyntaxErrors(const std::string& file, const std::string& text, std::vector<std::string>* errors)
      : file_(file), text_(text), errors_(errors) {}

  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    const std::string place =
        line < 0 ? file_ : absl::StrCat(file_, ":", LineColumn(text_, OffsetOf(text_, line, column)));
    errors_->push_back(absl::StrCat(place, ": ", message, Suggestion(message)));
  }
  void AddWarning(int line, google::protobuf::io::ColumnNumber column, const std::string& message) override {
    AddError(line, column, message);
  }

 private:
  // The names that would have fitted, for: Message type "partnermetrics.table.Target" has no field named "fils".
  static std::string Suggestion(const std::string& message) {
    const std::vector<std::string> quoted = absl::StrSplit(message, '"');
    if (quoted.size() < 4 || !absl::StrContains(message, "has no field named")) return "";
    const Descriptor* type = Schema::Get().mapping().GetDescriptor()->file()->pool()->FindMessageTypeByName(quoted[1]);
    if (type == nullptr) return "";
    std::vector<std::string> names;
    for (int i = 0; i < type->field_count(); ++i) names.push_back(type->field(i)->name());
    return SuggestNames(quoted[3], names);
  }

  const std::string& file_;
  const std::string& text_;
  std::vector<std::string>* errors_;
};

class Compiler {
 public:
  Compiler(const std::string& file, const std::string& text) : file_(file), text_(text) {}

  CompiledMapping Run() {
    const Schema& schema = Schema::Get();
    const std::unique_ptr<google::protobuf::Message> parsed(schema.mapping().New());
    SyntaxErrors errors(file_, text_, &result_.errors);
    google::protobuf::TextFormat::Parser parser;
    Tree tree;
    parser.RecordErrorsTo(&errors);
    parser.WriteLocationsTo(&tree);
    if (!parser.ParseFromString(text_, parsed.get())) return std::move(result_);
    RefuseOtherThanUtf8(*parsed, &tree);
    if (!result_.errors.empty()) return std::move(result_);
    Mapping mapping;
    mapping.ParseFromString(parsed->SerializeAsString());
    if (mapping.targets().empty()) Fail(file_, "the mapping has no targets; it needs at least one");
    const FieldDescriptor* targets = parsed->GetDescriptor()->FindFieldByName("targets");
    for (int i = 0; i < mapping.targets_size(); ++i) {
      Target target = mapping.targets(i);
      Formats formats = mapping.formats();
      formats.MergeFrom(target.formats());
      *target.mutable_formats() = std::move(formats);
      CompileTarget(std::move(target), *targets->message_type(), tree.GetTreeForNested(targets, i),
                    Place(&tree, targets, i));
    }
    return std::move(result_);
  }

 private:
  void Fail(const std::string& place, absl::string_view message) {
    result_.errors.push_back(absl::StrCat(place, ": ", message));
  }
  // Notes the error and gives nothing.
  template <typename T>
  std::optional<T> Note(absl::StatusOr<T> result) {
    if (result.ok()) return *std::move(result);
    result_.errors.emplace_back(result.status().message());
    return std::nullopt;
  }

  // protobuf takes any bytes for a text here, raw or escaped ("\377"), and would refuse the events made of them.
  void RefuseOtherThanUtf8(const google::protobuf::Message& message, Tree* tree) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    std::vector<const FieldDescriptor*> fields;
    reflection.ListFields(message, &fields);
    for (const FieldDescriptor* field : fields) {
      const bool repeated = field->is_repeated();
      const int count = repeated ? reflection.FieldSize(message, field) : 1;
      for (int i = 0; i < count; ++i) {
        if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
          RefuseOtherThanUtf8(
              repeated ? reflection.GetRepeatedMessage(message, field, i) : reflection.GetMessage(message, field),
              tree->GetTreeForNested(field, repeated ? i : -1));
        } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING &&
                   !sdk::IsUtf8(repeated ? reflection.GetRepeatedString(message, field, i)
                                         : reflection.GetString(message, field))) {
          Fail(Place(tree, field, repeated ? i : -1),
               absl::StrCat(field->name(),
                            " is not UTF-8: save the file as UTF-8 and write characters, not their bytes"));
        }
      }
    }
  }

  size_t Offset(Tree* tree, const FieldDescriptor* field, int index) const {
    if (tree == nullptr) return 0;
    const auto location = tree->GetLocation(field, index);
    return location.line < 0 ? 0 : OffsetOf(text_, location.line, location.column);
  }
  std::string Place(Tree* tree, const FieldDescriptor* field, int index) const {
    return absl::StrCat(file_, ":", LineColumn(text_, Offset(tree, field, index)));
  }
  // Of the text of a field.
  TextLocator Locator(Tree* tree, const FieldDescriptor* field) const {
    const size_t at = Offset(tree, field, field->is_repeated() ? 0 : -1);
    return [this, at](size_t offset) {
      return absl::StrCat(file_, ":", LineColumn(text_, OffsetInLiteral(text_, at, offset)));
    };
  }
  TextLocator Locator(Tree* tree, const Descriptor& type, const char* field) const {
    return Locator(tree, type.FindFieldByName(field));
  }

  void CompileTarget(Target source, const Descriptor& type, Tree* tree, const std::string& place) {
    CompiledTarget target;
    target.place = place;
    const Schema& schema = Schema::Get();
    if (source.files().empty()) Fail(place, "the target names no files: files: \"logins*.csv\"");
    if (source.csv().delimiter().size() > 1) Fail(place, "the delimiter is one character");
    target.kind = schema.Fact(source.kind());
    if (target.kind == nullptr) {
      return Fail(Locator(tree, type, "kind")(0), absl::StrCat("there is no kind of fact \"", source.kind(), "\"",
                                                               SuggestNames(source.kind(), schema.kinds())));
    }
    const std::optional<sdk::CellFormat> formats = CompileFormats(source.formats(), place);
    if (!formats) return;
    CompileEnvelope(source, type, tree, *formats, &target);
    CompileFields(source, type, tree, *formats, &target);
    target.source = std::move(source);
    result_.targets.push_back(std::move(target));
  }

  std::optional<sdk::CellFormat> CompileFormats(const Formats& formats, const std::string& place) {
    std::map<std::string, std::string> values;
    if (!formats.date_order().empty()) values["date_order"] = formats.date_order();
    if (!formats.time_zone().empty()) values["time_zone"] = formats.time_zone();
    if (!formats.number_style().empty()) values["number_style"] = formats.number_style();
    const sdk::Result<sdk::CellFormat> result = sdk::ParseCellFormat(sdk::Settings(std::move(values)));
    const std::string& currency = formats.currency_code();
    if (!currency.empty() && sdk::CurrencyCode(currency) != currency) {
      Fail(place, absl::StrCat("currency_code \"", currency, "\" is no currency of ISO 4217 in upper case"));
    }
    if (result.ok()) return *result;
    Fail(place, absl::StrCat(result.status().where(), ": ", result.status().message(), "; ", result.status().remedy()));
    return std::nullopt;
  }

  // An expression that must have one of two types; nothing for an empty text.
  std::optional<Expression> CompilePart(const std::string& text, const TextLocator& locate, Type type, Type other,
                                        const sdk::CellFormat& formats, ColumnList* columns) {
    if (text.empty()) return std::nullopt;
    std::optional<Expression> expression = Note(Compile(text, {locate, formats, *columns}));
    if (!expression || expression->type == type || expression->type == other) return expression;
    Fail(locate(0),
         absl::StrCat("this needs ", TypeName(type), type == other ? "" : absl::StrCat(" or ", TypeName(other)),
                      " and is ", TypeName(expression->type)));
    return std::nullopt;
  }

  void CompileEnvelope(const Target& source, const Descriptor& type, Tree* tree, const sdk::CellFormat& formats,
                       CompiledTarget* target) {
    const auto part = [&](const char* name, const std::string& text, Type wanted, Type other) {
      return CompilePart(text, Locator(tree, type, name), wanted, other, formats, &target->columns);
    };
    target->when = part("when", source.when(), Type::kBool, Type::kBool);
    target->deleted = part("deleted", source.deleted(), Type::kBool, Type::kBool);
    target->revision = part("revision", source.revision(), Type::kNumber, Type::kTime);
    if (source.record_id().empty()) Fail(target->place, "the target needs a record_id; row_id() for rows without one");
    if (auto id = part("record_id", source.record_id(), Type::kText, Type::kNumber)) target->record_id = *std::move(id);
  }

  void CompileFields(const Target& source, const Descriptor& type, Tree* tree, const sdk::CellFormat& formats,
                     CompiledTarget* target) {
    const Descriptor& fact = *target->kind->message_type();
    const FieldDescriptor* list = type.FindFieldByName("fields");
    std::set<std::string> named;
    for (int i = 0; i < source.fields_size(); ++i) {
      const Field& field = source.fields(i);
      named.insert(field.name().substr(0, field.name().find_first_of(".[")));
      Tree* entry = tree == nullptr ? nullptr : tree->GetTreeForNested(list, i);
      const Descriptor& entry_type = *list->message_type();
      FieldPlaces places{Locator(entry, entry_type, "name"),
                         Locator(entry, entry_type, "value"),
                         Locator(entry, entry_type, "otherwise"),
                         {}};
      const FieldDescriptor* values = entry_type.FindFieldByName("values");
      for (int j = 0; j < field.values_size(); ++j) {
        places.to.push_back(Locator(entry->GetTreeForNested(values, j), *values->message_type(), "to"));
      }
      auto writer =
          Note(FieldWriter::Compile(field, fact, places, formats, source.formats().currency_code(), target->columns));
      if (writer) target->fields.push_back(*std::move(writer));
    }
    for (int i = 0; i < fact.field_count(); ++i) {
      const FieldDescriptor& field = *fact.field(i);
      if (IsRequired(field) && named.count(field.name()) == 0) {
        Fail(target->place, absl::StrCat("a ", source.kind(), " needs the field ", field.name()));
      }
    }
  }

  const std::string& file_;
  const std::string& text_;
  CompiledMapping result_;
};

}  // namespace

bool CompiledTarget::Reads(const std::string& file) const {
  std::string name = file;
  if (absl::EndsWithIgnoreCase(name, ".gz")) name.resize(name.size() - 3);
  const std::string last = name.substr(name.find_last_of("/!") + 1);
  for (const std::string& pattern : source.files()) {
    const bool whole = absl::StrContains(pattern, '/');
    if (::fnmatch(pattern.c_str(), whole ? name.c_str() : last.c_str(), 0) == 0) return true;
  }
  return false;
}

CompiledMapping CompileMapping(const std::string& file, const std::string& text) {
  return Compiler(file, text).Run();
}

}  // namespace partnermetrics::table
