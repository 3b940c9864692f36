#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "partnermetrics/connector_abi.h"
#include "partnermetrics/v1/admin_service.grpc.pb.h"
#include "server/base/errors.h"
#include "server/engine/brute_force.h"
#include "server/engine/partners.h"
#include "server/services/call.h"
#include "server/services/dates.h"
#include "server/services/services.h"
#include "server/sync/connectors.h"
#include "storage/record_codec.h"

namespace partnermetrics {
namespace {

constexpr size_t kMaxDifferences = 100;

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

std::string CellText(const DayCell& cell) {
  return absl::StrCat("count ", cell.count, ", sum ", NanosText(cell.sum));
}

v1::ProgramStatus StatusOf(ProgramRuntime& program) {
  v1::ProgramStatus status;
  status.set_program(program.id());
  Engine::View view(program.engine());
  const Header& header = view.header();
  status.set_log_position(program.log().last_position());
  status.set_applied_position(header.position);
  status.set_checkpoint_position(view.checkpoint_position());
  status.set_facts(header.facts);
  status.set_partners(header.partners);
  status.set_unresolved_facts(header.unresolved_facts);
  status.set_parked_facts(header.parked_facts);
  status.set_conflicts(header.conflicts);
  status.set_metrics(static_cast<int32_t>(view.catalog()->metrics().size()));
  status.set_definitions_hash(view.catalog()->hash());
  return status;
}

// The name of the scope's cells; empty for all scopes.
absl::StatusOr<std::string> ScopeName(const Engine::View& view, const v1::VerifyScopeRequest& request) {
  if (!request.has_scope()) return std::string();
  switch (request.scope().kind()) {
    case v1::SCOPE_KIND_BUSINESS:
      return std::string(kBusinessName);
    case v1::SCOPE_KIND_DIRECT:
      return std::string(kDirectName);
    case v1::SCOPE_KIND_PROGRAM:
      return std::string(kProgramName);
    case v1::SCOPE_KIND_PARTNER: {
      ASSIGN_OR_RETURN(const std::string id, FindPartner(view, request.scope().partner_id()));
      return PartnerScope(id);
    }
    default:
      return InvalidField("scope.kind", "REQUIRED", "must be BUSINESS, DIRECT, PROGRAM or PARTNER");
  }
}

class AdminServiceImpl final : public v1::AdminService::Service {
 public:
  explicit AdminServiceImpl(const Backend& backend) : backend_(backend) {}

  grpc::Status GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest* request,
                         v1::ServerStatus* response) override {
    return Handle(backend_, *context, "AdminService.GetStatus", [&] { return ReadStatus(*response); });
  }

  grpc::Status VerifyScope(grpc::ServerContext* context, const v1::VerifyScopeRequest* request,
                           v1::VerifyScopeResponse* response) override {
    return Handle(backend_, *context, "AdminService.VerifyScope", [&] { return Verify(*request, *response); });
  }

  grpc::Status CreateCheckpoint(grpc::ServerContext* context, const v1::CreateCheckpointRequest* request,
                                v1::CreateCheckpointResponse* response) override {
    return Handle(backend_, *context, "AdminService.CreateCheckpoint", [&] { return Checkpoint(*response); });
  }

 private:
  absl::Status ReadStatus(v1::ServerStatus& status) const {
    Programs& programs = backend_.programs();
    status.set_version(PARTNERMETRICS_VERSION);
    status.set_log_format(storage::kRecordFormat);
    status.set_state_format(kStateFormat);
    status.set_connector_abi(static_cast<int32_t>(PM_ABI_VERSION));
    status.set_tzdata_version(TzdataVersion());
    const int64_t uptime_ms = absl::ToInt64Milliseconds(programs.Now() - backend_.started_at());
    status.mutable_uptime()->set_seconds(uptime_ms / 1'000);
    status.mutable_uptime()->set_nanos(static_cast<int32_t>(uptime_ms % 1'000 * 1'000'000));
    for (const auto& program : programs.all()) *status.add_programs() = StatusOf(*program);
    status.set_log_bytes(static_cast<uint64_t>(programs.database().log_bytes()));
    status.set_state_bytes(static_cast<uint64_t>(programs.database().state_bytes()));
    status.set_resident_bytes(ResidentBytes());
    for (const v1::ConnectorRun& run : backend_.connectors().OpenRuns()) {
      status.add_open_jobs(
          absl::StrCat("run ", run.run_id(), " of ", run.connector(), ": ", run.records_read(), " records read"));
    }
    return absl::OkStatus();
  }

  absl::Status Verify(const v1::VerifyScopeRequest& request, v1::VerifyScopeResponse& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), 0));
    Engine::View view(program->engine());
    ASSIGN_OR_RETURN(const std::string scope, ScopeName(view, request));
    ASSIGN_OR_RETURN(const Verification verification, VerifyCells(view, scope, kMaxDifferences));
    response.set_ok(verification.differences.empty());
    response.set_facts(verification.facts);
    response.set_cells(verification.cells);
    response.set_position(verification.position);
    for (const CellDifference& found : verification.differences) {
      v1::VerifyDifference& difference = *response.add_differences();
      const auto& [scope_name, measure, day] = found.key;
      difference.set_scope(scope_name);
      difference.set_measure(measure);
      *difference.mutable_day() = ToDate(day);
      difference.set_served(CellText(found.served));
      difference.set_recomputed(CellText(found.recomputed));
    }
    return absl::OkStatus();
  }

  absl::Status Checkpoint(v1::CreateCheckpointResponse& response) const {
    Programs& programs = backend_.programs();
    for (const auto& program : programs.all()) {
      RETURN_IF_ERROR(program->writer().Run([&] { return program->engine().Checkpoint(); }));
      Engine::View view(program->engine());
      response.add_positions(absl::StrCat(program->id(), " ", view.checkpoint_position()));
    }
    return programs.database().state().Flush();
  }

  const Backend& backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAdminService(const Backend& backend) {
  return std::make_unique<AdminServiceImpl>(backend);
}

}  // namespace partnermetrics
