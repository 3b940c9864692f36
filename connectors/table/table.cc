// The plugin table: any CSV or JSON feed, mapped to facts by a file of expressions.
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "connectors/sdk/readers/columns.h"
#include "connectors/sdk/readers/file_state.h"
#include "connectors/sdk/readers/streams.h"
#include "connectors/table/mapping.h"
#include "connectors/table/records.h"
#include "connectors/table/schema.h"
#include "google/protobuf/message.h"
#include "partnermetrics/connector.h"

namespace partnermetrics::table {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using sdk::Level;
using sdk::Result;
using sdk::Status;

constexpr char kMappingFile[] = "mapping_file";
constexpr char kDefaultMapping[] = "mapping.textproto";
constexpr size_t kMaxMappingBytes = size_t{1} << 20;

// A target over the file that is read.
struct Bound {
  const CompiledTarget* target;
  std::unique_ptr<Record> record;
};

// The files that targets read, in the order of the folder.
struct FeedInput {
  const sdk::Input* input;
  std::vector<const CompiledTarget*> targets;
};

Status InFile(const sdk::Input& input, const Status& status) {
  if (status.ok()) return status;
  const std::string where = status.where().empty() ? input.name : absl::StrCat(input.name, ", ", status.where());
  return Status(status.code(), where, status.message(), status.remedy());
}

sdk::Instant TimeOf(const sdk::Input& input) {
  constexpr std::int64_t kNanos = 1'000'000'000;
  return {input.modified_unix_ns / kNanos, static_cast<int32_t>(input.modified_unix_ns % kNanos)};
}

// Adds the event of a target to the batch, unless its condition leaves the row out.
void AddEvent(const CompiledTarget& target, Evaluation& row, Message* batch) {
  if (target.when) {
    const Value when = target.when->code(row);
    if (when.is_null() || !when.flag) return;
  }
  const FieldDescriptor* events = batch->GetDescriptor()->FindFieldByName("events");
  Message* event = batch->GetReflection()->AddMessage(batch, events);
  const auto* reflection = event->GetReflection();
  const auto field = [event](const char* name) { return event->GetDescriptor()->FindFieldByName(name); };

  const std::string id = ToText(target.record_id.code(row));
  if (id.empty()) row.Fail(target.record_id.column, "missing_id", "the row has no record id");
  reflection->SetString(event, field("record_id"), id);

  const Value revision = target.revision ? target.revision->code(row) : Value::Time(row.file.modified);
  if (revision.is_null()) row.Fail(target.revision->column, "missing_revision", "the row has no revision");
  const bool whole = revision.type == Type::kTime || revision.number % kNanosPerUnit == 0;
  const std::int64_t number = revision.type == Type::kTime ? revision.time.Micros()
                                                           : static_cast<std::int64_t>(revision.number / kNanosPerUnit);
  if (!whole || number < 0) {
    row.Fail(target.revision ? target.revision->column : "", "bad_revision", "a revision is a whole number from 0 on");
  }
  reflection->SetInt64(event, field("revision"), number);

  Message* fact = reflection->MutableMessage(event, target.kind);
  const Value deleted = target.deleted ? target.deleted->code(row) : Value::Null();
  if (!deleted.is_null() && deleted.flag) return reflection->SetBool(event, field("deleted"), true);
  FieldWriter::Elements elements;
  for (const FieldWriter& writer : target.fields) writer.Write(row, fact, &elements);
}

}  // namespace

class Table : public sdk::Connector {
 public:
  static constexpr char kName[] = "table";
  static constexpr char kVersion[] = "1.0.0";

  static Description Describe() {
    return {
        .summary =
            "Reads any CSV or JSON feed. A mapping file in text format says which files state which facts and, by "
            "expressions, how.",
        .settings = {{.name = kMappingFile,
                      .description = "The mapping file, in the connector's folder: a partnermetrics.table.Mapping in "
                                     "protobuf text format",
                      .default_value = kDefaultMapping}},
        .fact_kinds = Schema::Get().kinds(),
        .delete_model = sdk::DeleteModel::kMarked,
        .revision_rule = "As the mapping says, else the time of change of the file: reading an older file again loses.",
    };
  }

  Status Open(const Settings& settings) override {
    settings_ = settings;
    return {};
  }

  Status Check(Reader& reader, Reporter& reporter) override {
    PM_RETURN_IF_ERROR(LoadMapping(reader));
    for (const std::string& error : mapping_.errors) reporter.Problem(Level::kError, kMappingFile, error);
    if (!mapping_.errors.empty()) return {};
    PM_ASSIGN_OR_RETURN(const sdk::Inputs inputs, sdk::Inputs::List(reader));
    const std::vector<FeedInput> feeds = Feeds(inputs);
    for (const FeedInput& feed : feeds) {
      std::vector<Bound> bound;
      const Status status = InFile(*feed.input, OpenFeed(inputs, feed, &bound).status());
      if (!status.ok()) reporter.Problem(Level::kError, status.where(), status.message(), status.remedy());
    }
    for (const CompiledTarget& target : mapping_.targets) {
      const bool any = std::any_of(feeds.begin(), feeds.end(), [&](const FeedInput& feed) {
        return std::find(feed.targets.begin(), feed.targets.end(), &target) != feed.targets.end();
      });
      if (!any) reporter.Problem(Level::kWarning, target.place, "the folder has no file for this target");
    }
    return {};
  }

  Status Read(std::string_view state_text, Reader& reader, Sink& sink) override {
    PM_RETURN_IF_ERROR(LoadMapping(reader));
    if (!mapping_.errors.empty()) return sdk::BadSetting(kMappingFile, mapping_.errors.front());
    PM_ASSIGN_OR_RETURN(sdk::FileState state, sdk::FileState::Parse(state_text, settings_));
    PM_ASSIGN_OR_RETURN(const sdk::Inputs inputs, sdk::Inputs::List(reader));
    const std::vector<FeedInput> feeds = Feeds(inputs);
    uint64_t number = 0;
    for (const FeedInput& feed : feeds) {
      sink.Progress(number++, feeds.size(), "files");
      if (state.IsDone(*feed.input)) continue;
      PM_RETURN_IF_ERROR(InFile(*feed.input, ReadFeed(inputs, feed, &state, sink)));
      state.End();
    }
    ReportUnread(inputs, feeds, sink);
    PM_RETURN_IF_ERROR(sink.Commit(state.Serialize()));
    if (!state_text.empty()) return {};  // files that earlier runs read are not stated again
    for (const CompiledTarget& target : mapping_.targets) {
      if (target.source.complete()) PM_RETURN_IF_ERROR(sink.Complete(target.source.kind()));
    }
    return {};
  }

 private:
  // Compiles the mapping. Another text than before makes all files be read anew.
  Status LoadMapping(Reader& reader) {
    const std::string file = settings_.Get(kMappingFile);
    Result<std::unique_ptr<sdk::ByteSource>> source = reader.Open(file);
    if (!source.ok()) {
      return sdk::BadSetting(kMappingFile, file + ": " + source.status().message(),
                             "put the mapping into the connector's folder, or name it in the setting mapping_file");
    }
    if ((*source)->size() > kMaxMappingBytes) return sdk::BadSetting(kMappingFile, file + " is larger than 1 MiB");
    std::string text(static_cast<size_t>((*source)->size()), '\0');
    for (size_t at = 0; at < text.size();) {
      PM_ASSIGN_OR_RETURN(const size_t got, (*source)->ReadAt(at, text.data() + at, text.size() - at));
      if (got == 0) return sdk::SourceError(file, "the file ends before its size");
      at += got;
    }
    mapping_ = CompileMapping(file, text);
    std::map<std::string, std::string> values = settings_.values();
    values["mapping"] = std::move(text);
    settings_ = Settings(std::move(values));
    return {};
  }

  std::vector<FeedInput> Feeds(const sdk::Inputs& inputs) const {
    std::vector<FeedInput> feeds;
    for (const sdk::Input& input : inputs.files()) {
      if (input.name == settings_.Get(kMappingFile)) continue;
      FeedInput feed{&input, {}};
      for (const CompiledTarget& target : mapping_.targets) {
        if (target.Reads(input.name)) feed.targets.push_back(&target);
      }
      if (!feed.targets.empty()) feeds.push_back(std::move(feed));
    }
    return feeds;
  }

  // Opens a file and binds its targets; null when it is empty.
  static Result<std::unique_ptr<RecordSource>> OpenFeed(const sdk::Inputs& inputs, const FeedInput& feed,
                                                        std::vector<Bound>* bound) {
    const Target& first = feed.targets.front()->source;
    const bool json = IsJson(first, feed.input->base_name);
    for (const CompiledTarget* target : feed.targets) {
      const Target& other = target->source;
      const bool same = IsJson(other, feed.input->base_name) == json &&
                        other.csv().SerializeAsString() == first.csv().SerializeAsString() &&
                        other.json().SerializeAsString() == first.json().SerializeAsString();
      if (!same) return sdk::BadSetting(kMappingFile, target->place + ": targets of one file must agree in its format");
    }
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::ByteStream> bytes, inputs.Open(*feed.input));
    PM_ASSIGN_OR_RETURN(std::unique_ptr<RecordSource> source, OpenRecords(std::move(bytes), first, json));
    for (const CompiledTarget* target : feed.targets) {
      if (source == nullptr) break;
      PM_ASSIGN_OR_RETURN(std::unique_ptr<Record> record, source->Bind(target->columns));
      bound->push_back({target, std::move(record)});
    }
    return source;
  }

  static Status ReadFeed(const sdk::Inputs& inputs, const FeedInput& feed, sdk::FileState* state, Sink& sink) {
    const sdk::Input& input = *feed.input;
    const uint64_t durable = state->Begin(input);
    std::vector<Bound> bound;
    PM_ASSIGN_OR_RETURN(const std::unique_ptr<RecordSource> source, OpenFeed(inputs, feed, &bound));
    if (source == nullptr) {
      sink.Problem(Level::kWarning, input.name, "the file is empty");
      return {};
    }
    const FeedFile file{input.base_name, TimeOf(input)};
    sdk::RowIds row_ids;
    const std::unique_ptr<Message> batch(Schema::Get().event_batch().New());
    while (true) {
      PM_ASSIGN_OR_RETURN(const bool more, source->Next());
      if (!more) break;
      batch->Clear();
      sdk::Fault fault = MapRow(*source, bound, file, &row_ids, batch.get());
      const RecordSource::Row& row = source->row();
      if (row.number <= durable) continue;  // mapped too: row_id() numbers equal rows
      const sdk::Place place{input.name, row.number, row.offset};
      if (fault.reason != nullptr) {
        PM_RETURN_IF_ERROR(sink.Reject(place, row.raw, fault.field, fault.reason, fault.message));
      } else if (batch->ByteSizeLong() == 0) {
        PM_RETURN_IF_ERROR(sink.Skip(place, "when"));
      } else {
        PM_RETURN_IF_ERROR(sink.EmitSerialized(place, row.raw, batch->SerializeAsString()));
      }
      state->Advance(row.number);
      if (sink.PageFull()) PM_RETURN_IF_ERROR(sink.Checkpoint(state->Serialize()));
    }
    source->TellColumns(input, sink);
    return {};
  }

  static sdk::Fault MapRow(const RecordSource& source, const std::vector<Bound>& bound, const FeedFile& file,
                           sdk::RowIds* row_ids, Message* batch) {
    if (source.row().problem != nullptr) return {"", source.row().problem, source.row().message};
    std::optional<std::string> row_id;  // one for all targets
    for (const Bound& one : bound) {
      Evaluation row{*one.record, file, *row_ids, row_id};
      AddEvent(*one.target, row, batch);
      if (row.fault.reason != nullptr) return row.fault;
      row_id = row.row_id;
    }
    return {};
  }

  void ReportUnread(const sdk::Inputs& inputs, const std::vector<FeedInput>& feeds, Sink& sink) const {
    for (const sdk::Input& input : inputs.files()) {
      if (input.name == settings_.Get(kMappingFile)) continue;
      const bool read =
          std::any_of(feeds.begin(), feeds.end(), [&](const FeedInput& feed) { return feed.input == &input; });
      if (!read) sink.Problem(Level::kInfo, input.name, "no target of the mapping reads the file");
    }
  }

  Settings settings_;
  CompiledMapping mapping_;
};

}  // namespace partnermetrics::table

PARTNERMETRICS_CONNECTOR(partnermetrics::table::Table)
