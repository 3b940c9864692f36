// The columns that a run finds in its source, compared with those that finished runs of the connector found there.
//
//   StreamColumns columns(known);          // as the state has them
//   columns.Take(told);                    // of each stream that the plugin opens
//   columns.Show(snapshot);                // what was gained and lost
//   columns.Put(end);                      // likewise, and what the next run is compared with
//
// A stream that is not read in a run says nothing, and one that is read for the first time has no changes: which of its
// columns are not read is remarked then, and not again. A run that goes on after a kill does not know what was told
// before it; a change that it therefore passes over is told by the next run that reads the stream, because what is
// known has not moved.
//
// Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_SYNC_STREAM_COLUMNS_H_
#define PARTNERMETRICS_SERVER_SYNC_STREAM_COLUMNS_H_

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "connectors/host/frames.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/engine/engine.h"

namespace partnermetrics {

class StreamColumns {
 public:
  // Names of all streams and columns of a connector together. A stream that would exceed this is not followed.
  static constexpr size_t kMostBytes = size_t{1} << 20;
  static constexpr int kMostChanges = 200;  // that a run lists

  explicit StreamColumns(const log::v1::ConnectorColumns& known, size_t most_bytes = kMostBytes);

  // Told again in a run, the last names count; a column is read that was read by any.
  void Take(const connectors::Columns& columns);

  void Show(v1::ConnectorRun& run) const;
  void Put(log::v1::RunEnd& end) const;
  // Columns that are not read, of streams that are new or from now on; streams that are not followed.
  std::vector<v1::ConnectorProblem> Remarks() const;

 private:
  using Columns = std::map<std::string, bool>;  // whether it is read

  template <typename Message>
  void PutChanges(Message& message) const;

  const size_t most_bytes_;
  std::map<std::string, Columns> known_;
  std::map<std::string, Columns> found_;
  std::set<std::string> not_followed_;
  size_t bytes_ = 0;  // of both
};

// What finished runs of a connector have found.
absl::StatusOr<log::v1::ConnectorColumns> ReadKnownColumns(const Engine::View& view, absl::string_view connector);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_STREAM_COLUMNS_H_
