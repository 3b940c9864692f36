// The first records of a feed, as a run would take them, without writing anything.
//
//   Preview preview(reader, /*records=*/20);
//   const ConnectorEnd end = process.Read(std::nullopt, &preview);
//   ASSIGN_OR_RETURN(v1::PreviewConnectorResponse response, preview.Take(end));
#ifndef PARTNERMETRICS_SERVER_SYNC_PREVIEW_H_
#define PARTNERMETRICS_SERVER_SYNC_PREVIEW_H_

#include "absl/status/statusor.h"
#include "connectors/host/connector_process.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "server/sync/record_events.h"

namespace partnermetrics {

class Preview : public connectors::ConnectorHandler {
 public:
  // Ends the reading after so many records that are not skipped. The reader outlives it.
  Preview(const RecordReader& reader, int records) : reader_(reader), records_(records) {}

  absl::Status OnPage(const connectors::Page& page) override;
  void OnProblem(const connectors::Problem& problem) override;

  // What was seen; the error of a plugin that failed before it gave anything.
  absl::StatusOr<v1::PreviewConnectorResponse> Take(const connectors::ConnectorEnd& end);

 private:
  void TakeRecord(const connectors::RecordView& record);
  bool Enough() const { return response_.records_size() >= records_; }

  const RecordReader& reader_;
  const int records_;
  v1::PreviewConnectorResponse response_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_PREVIEW_H_
