// Runs that were read, and wait to be published or discarded: what they hold, and how they end.
//
//   ASSIGN_OR_RETURN(StagedRun staged, ReadStagedRun(config, *program, files, "crm-000012"));
//   RETURN_IF_ERROR(PublishStagedRun(config, programs, *program, std::move(staged), /*allow_vanishing=*/false));
//
// In the log a staged run is RunBegin and RunEnd (STAGED). Publishing it appends all of its events, the deletes of what
// a complete export lacks, its rejected records, its state and another RunEnd in one write: whoever reads, or starts
// after a crash, finds all of them or none.
//
// Functions are free of state; no two of them at a time for one run.
#ifndef PARTNERMETRICS_SERVER_SYNC_STAGED_H_
#define PARTNERMETRICS_SERVER_SYNC_STAGED_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/ingest/programs.h"
#include "server/sync/connector_config.h"
#include "server/sync/staged_file.h"
#include "server/sync/vanished.h"

namespace partnermetrics {

struct StagedRun {
  log::v1::RunRecord record;
  log::v1::RunEnd end;
  StagedContent content;
};

// DATA_LOSS: its file is gone or damaged.
absl::StatusOr<StagedRun> ReadStagedRun(ProgramRuntime& program, const StagedFiles& files,
                                        const log::v1::RunRecord& record);

// What becomes of the facts that its export lacks, if it is complete.
absl::StatusOr<VanishedJudgement> JudgeVanishedOf(const ConnectorConfig& config, ProgramRuntime& program,
                                                  const StagedRun& staged, bool allow_vanishing);

// Durable and visible when it returns. Errors as Writer::Write: after UNAVAILABLE it is published or not.
absl::Status PublishStagedRun(const ConnectorConfig& config, Programs& programs, ProgramRuntime& program,
                              StagedRun staged, bool allow_vanishing);

// Ends it as DISCARDED; `why` is kept with it.
absl::Status DiscardStagedRun(ProgramRuntime& program, const log::v1::RunRecord& record, const std::string& why);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_STAGED_H_
