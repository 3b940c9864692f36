#include "server/sync/preview.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/sync/connectors.h"
#include "server/sync/texts.h"

namespace partnermetrics {
namespace {

constexpr int kDefaultRecords = 20, kMostRecords = 1'000;
constexpr int kMostProblems = 100;

// "portal_session S-17": the fact that an event states.
std::string FactText(const v1::Event& event) {
  const auto* kind = v1::Event::descriptor()->FindFieldByNumber(static_cast<int>(event.fact_case()));
  return absl::StrCat(event.deleted() ? "deleted " : "", kind == nullptr ? "" : kind->name(), " ", event.record_id());
}

}  // namespace

absl::Status Preview::OnPage(const connectors::Page& page) {
  for (const connectors::RecordView& record : page.records) {
    if (Enough()) break;
    TakeRecord(record);
  }
  return Enough() ? absl::CancelledError("enough records were seen") : absl::OkStatus();
}

void Preview::OnProblem(const connectors::Problem& problem) {
  if (response_.problems_size() < kMostProblems) *response_.add_problems() = ToProblem(problem);
}

void Preview::TakeRecord(const connectors::RecordView& record) {
  if (!record.skip.empty()) return response_.set_skipped(response_.skipped() + 1);
  v1::PreviewedRecord& shown = *response_.add_records();
  *shown.mutable_origin() = reader_.OriginOf(record);
  const RecordEvents read = reader_.Read(record);
  for (const PreparedEvent& prepared : read.events) {
    v1::Event& event = *shown.add_events();
    event.ParseFromString(prepared.payload);
    absl::StrAppend(shown.mutable_facts(), shown.facts().empty() ? "" : ", ", FactText(event));
  }
  if (!read.fault.has_value()) return;
  shown.set_field(PluginText(read.fault->field));
  shown.set_reason(PluginText(read.fault->reason));
  shown.set_message(PluginText(read.fault->message));
  shown.set_raw(PluginText(record.raw));
}

absl::StatusOr<v1::PreviewConnectorResponse> Preview::Take(const connectors::ConnectorEnd& end) {
  if (!end.ok() && !Enough()) {
    if (response_.records().empty()) return end.ToStatus();
    OnProblem({PM_ERROR, end.where, end.message, end.remedy});
  }
  return std::move(response_);
}

absl::StatusOr<v1::PreviewConnectorResponse> Connectors::PreviewRecords(const v1::PreviewConnectorRequest& request) {
  ASSIGN_OR_RETURN(const ConnectorConfig* config, Find(request.connector()));
  if (request.records() < 0 || request.records() > kMostRecords) {
    return InvalidField("records", "OUT_OF_RANGE", absl::StrCat("must lie between 0 and ", kMostRecords));
  }
  ASSIGN_OR_RETURN(const auto process, ProcessOptions(*config));
  ASSIGN_OR_RETURN(ProgramRuntime * program, programs_.Find(config->program));
  const RecordReader reader(*config, programs_, *program, /*run_id=*/"");
  Preview preview(reader, request.records() == 0 ? kDefaultRecords : request.records());
  return preview.Take(connectors::ConnectorProcess(process).Read(std::nullopt, &preview));
}

}  // namespace partnermetrics
