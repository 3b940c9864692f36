#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/definitions_service.grpc.pb.h"
#include "server/base/errors.h"
#include "server/engine/generation.h"
#include "server/services/call.h"
#include "server/services/services.h"

namespace partnermetrics {
namespace {

// What is defined, by id, as bytes to compare.
using ById = absl::btree_map<std::string, std::string>;

template <typename Definitions>
ById Collect(const Definitions& definitions) {
  ById by_id;
  for (const auto& definition : definitions) by_id[definition.id()] = definition.SerializeAsString();
  return by_id;
}

ById Segments(const v1::Program& program) {
  ById by_id;
  for (const v1::SegmentAttribute& segment : program.segments()) {
    by_id[segment.attribute()] = segment.SerializeAsString();
  }
  return by_id;
}

// The fields of a programme's file that are set, but for the segments.
ById Fields(const v1::Program& program) {
  ById by_id;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  program.GetReflection()->ListFields(program, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->name() == "segments") continue;
    v1::Program only;
    only.CopyFrom(program);
    for (const google::protobuf::FieldDescriptor* other : fields) {
      if (other != field) only.GetReflection()->ClearField(&only, other);
    }
    by_id[field->name()] = only.SerializeAsString();
  }
  return by_id;
}

void AddDifferences(v1::DefinitionKind kind, const ById& before, const ById& after,
                    v1::CheckDefinitionsResponse& response) {
  ById ids = before;
  ids.insert(after.begin(), after.end());
  for (const auto& [id, definition] : ids) {
    const auto old = before.find(id), now = after.find(id);
    if (old != before.end() && now != after.end() && old->second == now->second) continue;
    v1::DefinitionDifference& difference = *response.add_differences();
    difference.set_kind(kind);
    difference.set_id(id);
    difference.set_action(old == before.end()  ? v1::DEFINITION_ACTION_ADDED
                          : now == after.end() ? v1::DEFINITION_ACTION_DROPPED
                                               : v1::DEFINITION_ACTION_CHANGED);
  }
}

// What the files say about a programme.
absl::StatusOr<log::v1::Definitions> ReadFiles(const Backend& backend, const std::string& program) {
  ASSIGN_OR_RETURN(std::vector<log::v1::Definitions> all, backend.ReadDefinitionsAgain());
  for (log::v1::Definitions& definitions : all) {
    if (definitions.program().id() == program) return std::move(definitions);
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "PROGRAM_GONE",
                   absl::StrCat("the configuration no longer names a file of the programme '", program, "'"),
                   "name it in program_files again, or stop the server");
}

class DefinitionsServiceImpl final : public v1::DefinitionsService::Service {
 public:
  explicit DefinitionsServiceImpl(const Backend& backend) : backend_(backend) {}

  grpc::Status CheckDefinitions(grpc::ServerContext* context, const v1::CheckDefinitionsRequest* request,
                                v1::CheckDefinitionsResponse* response) override {
    return Handle(backend_, *context, "DefinitionsService.CheckDefinitions",
                  [&] { return Check(*request, *response); });
  }

  grpc::Status ActivateDefinitions(grpc::ServerContext* context, const v1::ActivateDefinitionsRequest* request,
                                   v1::ActivateDefinitionsResponse* response) override {
    return Handle(backend_, *context, "DefinitionsService.ActivateDefinitions",
                  [&] { return Activate(*request, *response); });
  }

 private:
  absl::Status Check(const v1::CheckDefinitionsRequest& request, v1::CheckDefinitionsResponse& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), 0));
    ASSIGN_OR_RETURN(const log::v1::Definitions read, ReadFiles(backend_, program->id()));
    ASSIGN_OR_RETURN(const auto after, Catalog::Compile(read.program(), read.catalog()));
    std::shared_ptr<const Catalog> before;
    {
      Engine::View view(program->engine());
      before = view.catalog();
      response.set_facts(view.header().facts + view.header().partners);
    }
    response.set_program(program->id());
    response.set_active_hash(before->hash());
    response.set_definitions_hash(after->hash());
    AddDifferences(v1::DEFINITION_KIND_MEASURE, Collect(before->definitions().measures()),
                   Collect(after->definitions().measures()), response);
    AddDifferences(v1::DEFINITION_KIND_METRIC, Collect(before->definitions().metrics()),
                   Collect(after->definitions().metrics()), response);
    AddDifferences(v1::DEFINITION_KIND_SEGMENT, Segments(before->program()), Segments(after->program()), response);
    AddDifferences(v1::DEFINITION_KIND_PROGRAM, Fields(before->program()), Fields(after->program()), response);
    const DefinitionsChange change(before.get(), *after);
    response.set_resolves_facts(change.resolves);
    for (const CompiledMetric& metric : before->metrics()) {
      const bool changes = std::any_of(metric.uses.begin(), metric.uses.end(), [&](const MeasureUse& use) {
        return change.resolves || change.before.measures[static_cast<size_t>(use.measure)];
      });
      if (changes) response.add_metrics_without_value(metric.definition.id());
    }
    return absl::OkStatus();
  }

  absl::Status Activate(const v1::ActivateDefinitionsRequest& request,
                        v1::ActivateDefinitionsResponse& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), 0));
    ASSIGN_OR_RETURN(const log::v1::Definitions read, ReadFiles(backend_, program->id()));
    ASSIGN_OR_RETURN(const auto catalog, Catalog::Compile(read.program(), read.catalog()));
    if (catalog->hash() != request.definitions_hash()) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_THOSE_CHECKED",
                       absl::StrCat("the files have the hash ", catalog->hash(), ", not that which was checked"),
                       "look at what would change, and give its hash: partnerctl definitions check");
    }
    ASSIGN_OR_RETURN(const uint64_t job, backend_.programs().ActivateDefinitions(*program, read, "admin"));
    response.set_job(job);
    Engine::View view(program->engine());
    response.set_in_force(view.catalog()->hash() == catalog->hash());
    return absl::OkStatus();
  }

  const Backend& backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeDefinitionsService(const Backend& backend) {
  return std::make_unique<DefinitionsServiceImpl>(backend);
}

}  // namespace partnermetrics
