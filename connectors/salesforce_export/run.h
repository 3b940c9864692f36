// One run over an export: what every object's reader needs.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_RUN_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_RUN_H_

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/salesforce_export/export_files.h"
#include "connectors/salesforce_export/options.h"
#include "connectors/salesforce_export/state.h"
#include "connectors/sdk/readers/record.h"
#include "partnermetrics/connector.h"

namespace partnermetrics::salesforce {

inline constexpr uint64_t kProgressRows = 4096;  // between two reports

// A column that was renamed in the source is missed without a word otherwise.
inline void TellUnmapped(const std::string& file, const sdk::ColumnBinder& bind, sdk::Reporter& reporter) {
  for (const std::string& column : bind.unmapped()) {
    reporter.Problem(sdk::Level::kWarning, file, "column_map names the column " + column + ", which is not there",
                     "correct the setting column_map, or export the column");
  }
}

class Run {
 public:
  Run(const Options& options, const ExportFiles& files, sdk::Sink& sink, State state)
      : options(options), files(files), sink(sink), state(std::move(state)) {}

  // Begins an object, where an interrupted run stopped in it.
  void Begin(const std::string& object) {
    state.MoveTo(object);
    done_before_ = state.done;
    unit_ = 0;
    auto since = state.since.find(object);
    since_ = since == state.since.end() ? 0 : since->second;
    newest_ = &state.seen[object];
  }
  // Counts the object's rows, or groups of rows; true when an interrupted run has stated this one already.
  bool Done() {
    if (++unit_ <= done_before_) return true;
    state.done = unit_;
    return false;
  }

  // True when the object's row was read by an earlier run, by the time of its last change. Rows that share the newest
  // known time, and those of the overlap before it, are read again.
  bool IsUnchanged(int64_t changed) const { return changed > 0 && changed < since_ - options.overlap_micros; }
  void Saw(int64_t changed) { *newest_ = std::max(*newest_, changed); }

  sdk::Status Reject(const sdk::Place& place, std::string_view raw, const sdk::Fault& fault) {
    state.incomplete.insert(state.object);
    return sink.Reject(place, raw, fault.field, fault.reason, fault.message);
  }

  // After each record or group of records.
  sdk::Status Checkpoint() { return sink.PageFull() ? sink.Checkpoint(state.Serialize()) : sdk::Status(); }

  // Looks now and then, where rows are passed over, whether the run goes on.
  sdk::Status Progress(const sdk::Input& input, const sdk::CsvRow& row) {
    if (row.number % kProgressRows != 0) return {};
    sink.Progress(row.offset, input.size, "bytes of " + input.name);
    return sink.Cancelled() ? sdk::Cancelled() : sdk::Status();
  }

  // A missing column stops the run; columns that are mapped and not there are told.
  sdk::Status CheckColumns(const std::string& file, const sdk::ColumnBinder& bind) {
    if (!bind.missing().empty()) {
      return sdk::SourceError(file, "required columns are missing: " + sdk::JoinNames(bind.missing()),
                              "export them too, or name them in the setting column_map");
    }
    TellUnmapped(file, bind, sink);
    return {};
  }

  const Options& options;
  const ExportFiles& files;
  sdk::Sink& sink;
  State state;

 private:
  // Of the object that is read.
  uint64_t done_before_ = 0;
  uint64_t unit_ = 0;
  int64_t since_ = 0;  // newest change that earlier runs know; 0: none
  int64_t* newest_ = nullptr;
};

// Reads a history of deals into DealStage facts: OpportunityHistory, or the stages of OpportunityFieldHistory or
// EntityHistory, whose other fields are left out.
sdk::Status ReadHistory(const std::string& object, Run* run);

// The columns that a history needs, for checks before a run.
void BindHistory(const std::string& object, sdk::ColumnBinder* bind);

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_RUN_H_
