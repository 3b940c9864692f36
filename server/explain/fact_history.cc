#include "server/explain/fact_history.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/time_util.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/explain/fact_contributions.h"
#include "server/expr/diagnostics.h"
#include "server/queries/answer_size.h"
#include "server/queries/page_token.h"
#include "server/sync/page_request.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

absl::StatusOr<FactId> ReadFactId(const v1::GetFactHistoryRequest& request) {
  const FactSchemas& schemas = FactSchemas::Get();
  const FactSchema* schema = schemas.Find(request.kind());
  if (schema == nullptr) {
    std::vector<std::string> names;
    for (const FactSchema* known : schemas.all()) names.push_back(known->name());
    return InvalidField(
        "kind", "UNKNOWN",
        absl::StrCat("'", request.kind(), "' is no kind of fact", SuggestNames(request.kind(), std::move(names))));
  }
  if (request.record_id().empty()) return InvalidField("record_id", "REQUIRED", "must be given");
  return FactId{schema->kind(), request.source(), request.record_id()};
}

absl::StatusOr<v1::FactRevision> ReadRevision(const storage::LogRecord& record) {
  v1::Event event;
  const google::protobuf::FieldDescriptor* member =
      event.ParseFromString(record.payload)
          ? event.GetReflection()->GetOneofFieldDescriptor(event, v1::Event::descriptor()->FindOneofByName("fact"))
          : nullptr;
  if (member == nullptr) {
    return absl::DataLossError(absl::StrCat("record ", record.position, " of the log is damaged"));
  }
  v1::FactRevision revision;
  revision.set_position(record.position);
  *revision.mutable_stored_at() = StoredAt(record);
  revision.set_actor(record.actor);
  revision.set_revision(event.revision());
  revision.set_sequence(record.sequence);
  revision.set_deleted(event.deleted());
  if (event.has_origin()) *revision.mutable_origin() = event.origin();
  *revision.mutable_fact() = ToName({member->number(), event.source(), event.record_id()});
  if (event.deleted()) return revision;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  const auto& content = event.GetReflection()->GetMessage(event, member);
  if (!google::protobuf::util::MessageToJsonString(content, revision.mutable_content(), options).ok()) {
    return absl::InternalError(absl::StrCat("record ", record.position, " cannot be written as JSON"));
  }
  return revision;
}

}  // namespace

google::protobuf::Timestamp StoredAt(const storage::LogRecord& record) {
  return google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(record.appended_at_us);
}

v1::FactName ToName(const FactId& id) {
  v1::FactName name;
  name.set_kind(FactSchemas::Get().FindByNumber(id.kind)->name());
  name.set_source(id.source);
  name.set_record_id(id.record_id);
  return name;
}

absl::Status GetFactHistory(ProgramRuntime& program, const v1::GetFactHistoryRequest& request,
                            v1::GetFactHistoryResponse& response) {
  ASSIGN_OR_RETURN(const FactId id, ReadFactId(request));
  ASSIGN_OR_RETURN(const int size, PageSize(request.page_size()));
  const std::string fingerprint = FactBytes(id);
  ASSIGN_OR_RETURN(const std::string token, ReadPageToken(request.page_token(), fingerprint));
  const uint64_t after = token.empty() ? 0 : storage::ByteReader(token).KeyU64();
  Positions positions;
  {
    const Engine::View view(program.engine());
    response.set_position(view.header().position);
    ASSIGN_OR_RETURN(const std::vector<FactId> facts, FactsOf(view, id));
    ASSIGN_OR_RETURN(positions, PositionsOf(view, facts));
  }
  if (positions.all.empty()) {
    return MakeError(
        absl::StatusCode::kNotFound, "UNKNOWN_FACT",
        absl::StrCat("there is no ", request.kind(), " '", request.record_id(), "' of source '", request.source(), "'"),
        "list the facts behind a value: partnerctl metric facts");
  }
  size_t bytes = 0;
  for (auto it = std::upper_bound(positions.all.begin(), positions.all.end(), after); it != positions.all.end(); ++it) {
    ASSIGN_OR_RETURN(const storage::LogRecord record, program.log().Get(*it));
    ASSIGN_OR_RETURN(v1::FactRevision revision, ReadRevision(record));
    revision.set_stands(std::binary_search(positions.standing.begin(), positions.standing.end(), *it));
    bytes += revision.ByteSizeLong();
    const bool full = response.revisions_size() == size || bytes > kMaxAnswerBytes;
    if (full && response.revisions_size() > 0) {
      std::string last;
      storage::ByteWriter(&last).KeyU64(response.revisions().rbegin()->position());
      response.set_next_page_token(MakePageToken(last, fingerprint));
      return absl::OkStatus();
    }
    *response.add_revisions() = std::move(revision);
  }
  return absl::OkStatus();
}

}  // namespace partnermetrics
