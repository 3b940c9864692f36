#include "clients/cli/outcome.h"

#include "partnermetrics/v1/admin_service.pb.h"
#include "partnermetrics/v1/connector_service.pb.h"
#include "partnermetrics/v1/ingest_service.pb.h"

namespace partnermetrics::cli {
namespace {

using google::protobuf::DynamicCastToGenerated;

ExitCode OutcomeOfRun(const v1::ConnectorRun& run) {
  switch (run.state()) {
    case v1::RUN_STATE_PARTIAL:
      return ExitCode::kPartial;
    case v1::RUN_STATE_FAILED:
    case v1::RUN_STATE_CANCELLED:
    case v1::RUN_STATE_INTERRUPTED:
      return ExitCode::kRunFailed;
    default:
      return ExitCode::kOk;
  }
}

}  // namespace

ExitCode OutcomeOf(const google::protobuf::Message& response) {
  if (const auto* m = DynamicCastToGenerated<v1::RunConnectorResponse>(&response)) return OutcomeOfRun(m->run());
  if (const auto* m = DynamicCastToGenerated<v1::CheckConnectorResponse>(&response)) {
    return m->ok() ? ExitCode::kOk : ExitCode::kCheckFailed;
  }
  if (const auto* m = DynamicCastToGenerated<v1::VerifyScopeResponse>(&response)) {
    return m->ok() ? ExitCode::kOk : ExitCode::kCheckFailed;
  }
  if (const auto* m = DynamicCastToGenerated<v1::IngestEventsResponse>(&response)) {
    return m->counts().rejected() == 0 ? ExitCode::kOk : ExitCode::kPartial;
  }
  if (const auto* m = DynamicCastToGenerated<v1::StreamEventsResponse>(&response)) {
    return m->counts().rejected() == 0 ? ExitCode::kOk : ExitCode::kPartial;
  }
  return ExitCode::kOk;
}

}  // namespace partnermetrics::cli
