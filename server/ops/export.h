// Facts and cells as rows of text, all of one position of the log, while the programme goes on.
//
//   ASSIGN_OR_RETURN(std::unique_ptr<Export> rows, ExportFacts(*programs, program, request));
//   v1::ExportResponse piece;
//   while (*rows->Next(piece)) Send(piece);
//
// An export reads a snapshot of the state and holds one piece in memory. One thread at a time; it ends before the data
// folder is closed.
#ifndef PARTNERMETRICS_SERVER_OPS_EXPORT_H_
#define PARTNERMETRICS_SERVER_OPS_EXPORT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "partnermetrics/v1/admin_service.pb.h"
#include "server/ingest/programs.h"

namespace partnermetrics {

class Export {
 public:
  virtual ~Export() = default;

  // Fills the next piece; false once there is no more. There is at least one piece, so that even an empty export says
  // where it stands.
  virtual absl::StatusOr<bool> Next(v1::ExportResponse& piece) = 0;
};

// INVALID_ARGUMENT names the field at fault.
absl::StatusOr<std::unique_ptr<Export>> ExportFacts(Programs& programs, ProgramRuntime& program,
                                                    const v1::ExportFactsRequest& request);
absl::StatusOr<std::unique_ptr<Export>> ExportCells(Programs& programs, ProgramRuntime& program,
                                                    const v1::ExportCellsRequest& request);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_OPS_EXPORT_H_
