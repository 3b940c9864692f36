// What changed in the columns of a run's source since the run before.
#ifndef PARTNERMETRICS_CLIENTS_CLI_RENDERERS_SCHEMA_CHANGES_H_
#define PARTNERMETRICS_CLIENTS_CLI_RENDERERS_SCHEMA_CHANGES_H_

#include "clients/cli/renderers/registry.h"
#include "partnermetrics/v1/connector_service.pb.h"

namespace partnermetrics::cli {

// A line for each column, and one for those that the run does not list.
void PrintSchemaChanges(const v1::ConnectorRun& run, const Screen& screen);

}  // namespace partnermetrics::cli

#endif  // PARTNERMETRICS_CLIENTS_CLI_RENDERERS_SCHEMA_CHANGES_H_
