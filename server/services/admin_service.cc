#include <unistd.h>

#include <fstream>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "partnermetrics/connector_abi.h"
#include "partnermetrics/v1/admin_service.grpc.pb.h"
#include "server/actions/period_progress.h"
#include "server/base/errors.h"
#include "server/engine/brute_force.h"
#include "server/engine/partners.h"
#include "server/facts/fact_schema.h"
#include "server/ops/backups.h"
#include "server/ops/erasure.h"
#include "server/ops/export.h"
#include "server/queries/dates.h"
#include "server/queries/job_list.h"
#include "server/queries/segment_scope.h"
#include "server/services/call.h"
#include "server/services/pull_stream.h"
#include "server/services/services.h"
#include "server/sync/connectors.h"
#include "storage/record_codec.h"

namespace partnermetrics {
namespace {

constexpr size_t kMaxDifferences = 100;
// How often a backup says how far it is.
constexpr absl::Duration kBackupPeriod = absl::Seconds(1);

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
  status.set_cell_updates(view.cell_updates());
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
    case v1::SCOPE_KIND_SEGMENT: {
      ASSIGN_OR_RETURN(const v1::Segment segment, FindSegment(view, request.scope().segment(), "scope.segment"));
      return SegmentScope(segment.attribute(), segment.value());
    }
    default:
      return InvalidField("scope.kind", "REQUIRED", "must be BUSINESS, DIRECT, PROGRAM, PARTNER or SEGMENT");
  }
}

absl::StatusOr<ErasureSubject> ReadSubject(const Pseudonymiser& pseudonymiser, const v1::EraseSubjectRequest& request) {
  switch (request.subject_case()) {
    case v1::EraseSubjectRequest::kPerson:
      if (absl::StripAsciiWhitespace(request.person()).empty()) {
        return InvalidField("person", "REQUIRED", "must be an e-mail address or a user name of the sources");
      }
      return PersonSubject(pseudonymiser, request.person());
    case v1::EraseSubjectRequest::kRecord: {
      const v1::SubjectRecord& record = request.record();
      if (record.source().empty()) return InvalidField("record.source", "REQUIRED", "must name the record's source");
      if (record.id().empty()) return InvalidField("record.id", "REQUIRED", "must be the record's id in its source");
      if (FactSchemas::Get().Find(record.kind()) == nullptr) {
        return InvalidField("record.kind", "UNKNOWN", absl::StrCat("'", record.kind(), "' is no kind of fact"));
      }
      return RecordSubject(pseudonymiser, record.source(), record.kind(), record.id());
    }
    case v1::EraseSubjectRequest::SUBJECT_NOT_SET:
      break;
  }
  return InvalidField("person", "REQUIRED", "name a person, or a record that says something about persons");
}

// Streams use the callback interface.
template <typename Service>
using WithStreams = v1::AdminService::WithCallbackMethod_Backup<v1::AdminService::WithCallbackMethod_WaitForJobs<
    v1::AdminService::WithCallbackMethod_ExportFacts<v1::AdminService::WithCallbackMethod_ExportCells<Service>>>>;

class AdminServiceImpl final : public WithStreams<v1::AdminService::Service> {
 public:
  AdminServiceImpl(const Backend& backend, WorkerPool& pool, StreamSet& streams)
      : backend_(backend), pool_(pool), streams_(streams) {}

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

  grpc::ServerWriteReactor<v1::BackupResponse>* Backup(grpc::CallbackServerContext* context,
                                                       const v1::BackupRequest* request) override {
    return Stream<v1::BackupResponse>(*context, "AdminService.Backup", [this] { return StartBackup(); });
  }

  grpc::Status ListBackups(grpc::ServerContext* context, const v1::ListBackupsRequest* request,
                           v1::ListBackupsResponse* response) override {
    return Handle(backend_, *context, "AdminService.ListBackups", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(*response, backend_.backups().List(request->verify()));
      return absl::OkStatus();
    });
  }

  grpc::ServerWriteReactor<v1::ExportResponse>* ExportFacts(grpc::CallbackServerContext* context,
                                                            const v1::ExportFactsRequest* request) override {
    return Stream<v1::ExportResponse>(*context, "AdminService.ExportFacts", [this, request = *request] {
      return StartExport(request, &partnermetrics::ExportFacts);
    });
  }

  grpc::ServerWriteReactor<v1::ExportResponse>* ExportCells(grpc::CallbackServerContext* context,
                                                            const v1::ExportCellsRequest* request) override {
    return Stream<v1::ExportResponse>(*context, "AdminService.ExportCells", [this, request = *request] {
      return StartExport(request, &partnermetrics::ExportCells);
    });
  }

  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override {
    return Handle(backend_, *context, "AdminService.ListJobs", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), 0));
      ASSIGN_OR_RETURN(*response, partnermetrics::ListJobs(*program, *request));
      return absl::OkStatus();
    });
  }

  grpc::ServerWriteReactor<v1::Job>* WaitForJobs(grpc::CallbackServerContext* context,
                                                 const v1::WaitForJobsRequest* request) override {
    return Stream<v1::Job>(*context, "AdminService.WaitForJobs",
                           [this, request = *request]() -> absl::StatusOr<NextOf<v1::Job>> {
                             ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), 0));
                             ASSIGN_OR_RETURN(const auto wait, JobWait::Begin(*program, request.number()));
                             return [wait](v1::Job& job) { return wait->Next(job); };
                           });
  }

  grpc::Status EraseSubject(grpc::ServerContext* context, const v1::EraseSubjectRequest* request,
                            v1::EraseSubjectResponse* response) override {
    return Handle(backend_, *context, "AdminService.EraseSubject", [&] { return Erase(*request, *response); });
  }

 private:
  template <typename Response>
  using NextOf = typename PullStream<Response>::Next;

  // A stream of what `begin` (-> absl::StatusOr<NextOf<Response>>) begins, on the pool.
  template <typename Response, typename Begin>
  grpc::ServerWriteReactor<Response>* Stream(const grpc::CallbackServerContext& context, absl::string_view method,
                                             Begin begin) {
    const absl::Status admitted = Admit(backend_, context, method);
    auto next = std::make_shared<NextOf<Response>>();
    return PullStream<Response>::Start(
        [admitted, begin, next](Response& response) -> absl::StatusOr<bool> {
          RETURN_IF_ERROR(admitted);
          if (*next == nullptr) {
            ASSIGN_OR_RETURN(*next, begin());
          }
          return (*next)(response);
        },
        pool_, streams_);
  }

  absl::StatusOr<NextOf<v1::BackupResponse>> StartBackup() const {
    ASSIGN_OR_RETURN(const std::shared_ptr<BackupRun> run, backend_.backups().Start());
    return [run, phase = v1::BACKUP_PHASE_UNSPECIFIED](v1::BackupResponse& response) mutable -> absl::StatusOr<bool> {
      if (phase == v1::BACKUP_PHASE_DONE) return false;
      BackupRun::Now now = run->Next(phase, kBackupPeriod);
      RETURN_IF_ERROR(now.status);
      phase = now.progress.phase();
      response = std::move(now.progress);
      return true;
    };
  }

  template <typename Request, typename Begin>
  absl::StatusOr<NextOf<v1::ExportResponse>> StartExport(const Request& request, const Begin& begin) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), request.min_position()));
    ASSIGN_OR_RETURN(std::shared_ptr<Export> rows, begin(backend_.programs(), *program, request));
    return [rows](v1::ExportResponse& response) { return rows->Next(response); };
  }

  absl::Status Erase(const v1::EraseSubjectRequest& request, v1::EraseSubjectResponse& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), 0));
    ASSIGN_OR_RETURN(const ErasureSubject subject, ReadSubject(backend_.programs().pseudonymiser(), request));
    RETURN_IF_ERROR(backend_.connectors().DropStaged(*program));
    ASSIGN_OR_RETURN(response, backend_.backups().Erase(*program, subject));
    return absl::OkStatus();
  }

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
    for (const v1::PeriodWork& work : backend_.periods().List()) {
      status.add_open_jobs(absl::StrCat(work.restates() ? "restatement of " : "close of ", work.period_id(), " of ",
                                        work.program(), ": ", work.done(), " of ", work.scopes(), " scopes"));
    }
    for (const auto& program : programs.all()) {
      v1::ListJobsRequest open;
      open.set_only_open(true);
      ASSIGN_OR_RETURN(const v1::ListJobsResponse jobs, partnermetrics::ListJobs(*program, open));
      for (const v1::Job& job : jobs.jobs()) {
        status.add_open_jobs(absl::StrCat("job ", job.number(), " of ", program->id(), ", ", job.cause(), ": ",
                                          job.done(), " of ", job.total(), " facts"));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Verify(const v1::VerifyScopeRequest& request, v1::VerifyScopeResponse& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), 0));
    Engine::View view(program->engine());
    if (view.incomplete() != nullptr) {
      return RetryLater(absl::StatusCode::kFailedPrecondition, "REBUILDING",
                        "a job is open: until it is done the cells are neither those of before nor those of after it; "
                        "wait for it: partnerctl job wait",
                        1'000);
    }
    ASSIGN_OR_RETURN(const std::string scope, ScopeName(view, request));
    ASSIGN_OR_RETURN(const Verification verification, VerifyCells(view, scope, kMaxDifferences));
    response.set_ok(verification.differences.empty());
    response.set_facts(verification.facts);
    response.set_cells(verification.cells);
    response.set_position(verification.position);
    for (const CellDifference& found : verification.differences) {
      v1::VerifyDifference& difference = *response.add_differences();
      const auto& [scope_name, measure, day, entry] = found.key;
      difference.set_scope(scope_name);
      difference.set_measure(measure);
      *difference.mutable_day() = ToDate(day);
      difference.set_entry(absl::CHexEscape(entry));
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
    return absl::OkStatus();
  }

  const Backend& backend_;
  WorkerPool& pool_;
  StreamSet& streams_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAdminService(const Backend& backend, WorkerPool& pool, StreamSet& streams) {
  return std::make_unique<AdminServiceImpl>(backend, pool, streams);
}

}  // namespace partnermetrics
