// The services, each made by one function: thin layers that decode, admit, call and encode.
//
// Backend, pool and streams outlive the services.
#ifndef PARTNERMETRICS_SERVER_SERVICES_SERVICES_H_
#define PARTNERMETRICS_SERVER_SERVICES_SERVICES_H_

#include <memory>

#include "server/services/backend.h"
#include "server/services/stream_set.h"
#include "server/services/worker_pool.h"

namespace grpc {
class Service;
}  // namespace grpc

namespace partnermetrics {

std::unique_ptr<grpc::Service> MakeIngestService(const Backend& backend, WorkerPool& pool, StreamSet& streams);
std::unique_ptr<grpc::Service> MakePartnerService(const Backend& backend);
std::unique_ptr<grpc::Service> MakeMetricService(const Backend& backend);
std::unique_ptr<grpc::Service> MakeDefinitionsService(const Backend& backend);
std::unique_ptr<grpc::Service> MakeExplainService(const Backend& backend);
std::unique_ptr<grpc::Service> MakeInterventionService(const Backend& backend);
std::unique_ptr<grpc::Service> MakePeriodService(const Backend& backend);
std::unique_ptr<grpc::Service> MakeScoreService(const Backend& backend);
std::unique_ptr<grpc::Service> MakeReportService(const Backend& backend);
std::unique_ptr<grpc::Service> MakeStandingsService(const Backend& backend);
std::unique_ptr<grpc::Service> MakeWatchService(const Backend& backend, WorkerPool& pool, StreamSet& streams);
std::unique_ptr<grpc::Service> MakeConnectorService(const Backend& backend, WorkerPool& pool, StreamSet& streams);
std::unique_ptr<grpc::Service> MakeAdminService(const Backend& backend, WorkerPool& pool, StreamSet& streams);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_SERVICES_H_
