#include "connectors/kit/print.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "partnermetrics/v1/event.pb.h"

namespace partnermetrics::kit {
namespace {

std::string Kind(const v1::Event& event) {
  const auto* field = v1::Event::descriptor()->FindFieldByNumber(static_cast<int>(event.fact_case()));
  return field == nullptr ? "no_fact" : field->name();
}

void PrintEvents(const std::string& place, const Record& record, std::string* out) {
  v1::EventBatch batch;
  if (!batch.ParseFromString(record.events)) {
    absl::StrAppend(out, place, " bytes that are no events\n");
    return;
  }
  for (const v1::Event& event : batch.events()) {
    std::string json;
    const auto status = google::protobuf::util::MessageToJsonString(event, &json);
    absl::StrAppend(out, place, " ", event.deleted() ? "deleted " : "", Kind(event), " ",
                    status.ok() ? json : "an event that has no JSON form", "\n");
  }
}

}  // namespace

std::string Print(const KitHost& host) {
  std::string out;
  for (const Record& record : host.records) {
    const std::string place = absl::StrCat(record.file, ":", record.row);
    if (!record.reject.empty()) {
      absl::StrAppend(&out, place, " rejected ", record.field.empty() ? "-" : record.field, " ", record.reject, " ",
                      record.message, "\n");
    } else if (!record.skip.empty()) {
      absl::StrAppend(&out, place, " skipped ", record.skip, "\n");
    } else {
      PrintEvents(place, record, &out);
    }
  }
  for (const std::string& kind : host.complete) absl::StrAppend(&out, "complete ", kind, "\n");
  return out;
}

}  // namespace partnermetrics::kit
