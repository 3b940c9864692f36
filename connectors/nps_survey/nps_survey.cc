// The plugin nps_survey: answers to surveys from Qualtrics, SurveyMonkey or any tool that writes CSV.
#include "connectors/nps_survey/answers.h"
#include "connectors/nps_survey/layout.h"
#include "connectors/sdk/readers/encoding.h"
#include "connectors/sdk/readers/file_state.h"
#include "connectors/sdk/readers/text.h"
#include "partnermetrics/connector.h"

namespace partnermetrics::survey {
namespace {

using sdk::Level;
using sdk::Result;
using sdk::Status;

bool IsTable(const sdk::Input& input) {
  return sdk::EndsWithIgnoreCase(input.base_name, ".csv") || sdk::EndsWithIgnoreCase(input.base_name, ".tsv");
}

Status InFile(const sdk::Input& input, const Status& status) {
  if (status.ok() || (!status.where().empty() && status.where().compare(0, 5, "line ") != 0)) return status;
  std::string where = input.name;
  if (!status.where().empty()) where.append(", ").append(status.where());
  return Status(status.code(), where, status.message(), status.remedy());
}

}  // namespace

class NpsSurvey : public sdk::Connector {
 public:
  static constexpr char kName[] = "nps_survey";
  static constexpr char kVersion[] = "1.0.0";

  static Description Describe() {
    return {
        .summary =
            "Reads answers to surveys: Qualtrics CSV with three or two header rows, SurveyMonkey CSV, or any CSV "
            "with one header row. Previews, tests, spam and unfinished answers are left out.",
        .settings = Options::Specs(),
        .fact_kinds = {"survey_response"},
        .delete_model = sdk::DeleteModel::kNone,
        .revision_rule =
            "The time of the answer in microseconds, else the file's time; of equal ones the later run "
            "wins.",
    };
  }

  Status Open(const Settings& settings) override {
    settings_ = settings;
    PM_ASSIGN_OR_RETURN(options_, Options::Parse(settings));
    return {};
  }

  Status Check(Reader& reader, Reporter& reporter) override {
    PM_ASSIGN_OR_RETURN(sdk::Inputs inputs, sdk::Inputs::List(reader));
    bool any = false;
    for (const sdk::Input& input : inputs.files()) {
      if (!IsTable(input)) continue;
      any = true;
      Status status = CheckFile(inputs, input);
      if (!status.ok()) reporter.Problem(Level::kError, status.where(), status.message(), status.remedy());
    }
    if (!any) {
      reporter.Problem(Level::kError, "", "the folder has no .csv or .tsv file", "export the answers as CSV");
    }
    return {};
  }

  Status Read(std::string_view state_text, Reader& reader, Sink& sink) override {
    PM_ASSIGN_OR_RETURN(sdk::FileState state, sdk::FileState::Parse(state_text, settings_));
    PM_ASSIGN_OR_RETURN(sdk::Inputs inputs, sdk::Inputs::List(reader));
    uint64_t number = 0;
    for (const sdk::Input& input : inputs.files()) {
      sink.Progress(number++, inputs.files().size(), "files");
      if (!IsTable(input)) {
        sink.Problem(Level::kInfo, input.name, "the file is not read", "export the answers as CSV");
        continue;
      }
      if (state.IsDone(input)) continue;
      PM_RETURN_IF_ERROR(InFile(input, ReadFile(inputs, input, &state, sink)));
      state.End();
    }
    return sink.Commit(state.Serialize());
  }

 private:
  // Null when the file is empty.
  static Result<std::unique_ptr<sdk::CsvReader>> OpenCsv(const sdk::Inputs& inputs, const sdk::Input& input) {
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::ByteStream> bytes, inputs.Open(input));
    auto csv = std::make_unique<sdk::CsvReader>(std::make_unique<sdk::DecodingStream>(std::move(bytes)));
    PM_ASSIGN_OR_RETURN(bool any, csv->ReadHeader());
    if (!any) csv.reset();
    return csv;
  }

  Status CheckFile(const sdk::Inputs& inputs, const sdk::Input& input) const {
    Result<std::unique_ptr<sdk::CsvReader>> csv = OpenCsv(inputs, input);
    if (!csv.ok()) return InFile(input, csv.status());
    if (*csv == nullptr) return {};
    Result<Layout> layout = DetectLayout(csv->get());
    if (!layout.ok()) return InFile(input, layout.status());
    return InFile(input, AnswerMapper::Make(options_, *layout, 0).status());
  }

  Status ReadFile(const sdk::Inputs& inputs, const sdk::Input& input, sdk::FileState* state, Sink& sink) const {
    uint64_t durable = state->Begin(input);
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, OpenCsv(inputs, input));
    if (csv == nullptr) {
      sink.Problem(Level::kWarning, input.name, "the file is empty");
      return {};
    }
    PM_ASSIGN_OR_RETURN(Layout layout, DetectLayout(csv.get()));
    PM_ASSIGN_OR_RETURN(AnswerMapper mapper, AnswerMapper::Make(options_, layout, input.modified_unix_ns / 1000));
    sink.Columns(sdk::StreamName(input.base_name), mapper.columns());
    PM_ASSIGN_OR_RETURN(csv, OpenCsv(inputs, input));
    sdk::CsvRow row;
    for (size_t i = 1; i < layout.header_rows; ++i) PM_RETURN_IF_ERROR(csv->Next(&row).status());
    csv->RestartNumbering();
    while (true) {
      PM_ASSIGN_OR_RETURN(bool more, csv->Next(&row));
      if (!more) return {};
      sdk::CsvRecord record(row, layout.columns, options_.cells);
      v1::EventBatch events;
      // Rows that are durable already are mapped too: rows without id are numbered among their equals.
      const char* skip = record.ok() ? mapper.Map(&record, row.raw, &events) : nullptr;
      if (row.number <= durable) continue;
      sdk::Place place{input.name, row.number, row.offset};
      if (!record.ok()) {
        PM_RETURN_IF_ERROR(
            sink.Reject(place, row.raw, record.fault().field, record.fault().reason, record.fault().message));
      } else if (skip != nullptr) {
        PM_RETURN_IF_ERROR(sink.Skip(place, skip));
      } else {
        PM_RETURN_IF_ERROR(sink.Emit(place, row.raw, events));
      }
      state->Advance(row.number);
      if (sink.PageFull()) PM_RETURN_IF_ERROR(sink.Checkpoint(state->Serialize()));
    }
  }

  Settings settings_;
  Options options_;
};

}  // namespace partnermetrics::survey

PARTNERMETRICS_CONNECTOR(partnermetrics::survey::NpsSurvey)
