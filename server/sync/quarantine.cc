#include "server/sync/quarantine.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/base/errors.h"
#include "server/sync/page_request.h"
#include "server/sync/texts.h"

namespace partnermetrics {
namespace {

constexpr int kProgramShift = 48;
// Erasing rewrites files of this order of size anyway.
constexpr size_t kExpiryBatchBytes = size_t{32} << 20;

uint64_t NumberFor(size_t program, uint64_t record) {
  return (static_cast<uint64_t>(program) << kProgramShift) | record;
}

// The entry without its raw text.
v1::QuarantinedRecord ToRecord(const Programs& programs, uint64_t number, log::v1::QuarantineEntry& entry) {
  using google::protobuf::util::TimeUtil;
  v1::QuarantinedRecord record;
  record.set_record(number);
  record.set_connector(std::move(*entry.mutable_connector()));
  *record.mutable_origin() = std::move(*entry.mutable_origin());
  record.set_field(std::move(*entry.mutable_field()));
  record.set_reason(std::move(*entry.mutable_reason()));
  record.set_message(std::move(*entry.mutable_message()));
  *record.mutable_rejected_at() = TimeUtil::MicrosecondsToTimestamp(entry.rejected_at_us());
  *record.mutable_raw_expires_at() = TimeUtil::MicrosecondsToTimestamp(
      entry.rejected_at_us() + absl::ToInt64Microseconds(programs.keep_quarantine_raw()));
  return record;
}

bool Wanted(const log::v1::QuarantineEntry& entry, const v1::ListQuarantineRequest& request) {
  return (request.connector().empty() || entry.connector() == request.connector()) &&
         (request.run_id().empty() || entry.origin().run_id() == request.run_id()) &&
         (request.reason().empty() || entry.reason() == request.reason());
}

absl::Status Damaged(uint64_t number) {
  return absl::DataLossError(absl::StrCat("record ", number, " in quarantine is damaged"));
}

}  // namespace

storage::QuarantineRow MakeQuarantineRow(absl::string_view connector, const v1::Origin& origin, absl::string_view raw,
                                         const Rejection& rejection, absl::Time now) {
  log::v1::QuarantineEntry entry;
  entry.set_connector(std::string(connector));
  *entry.mutable_origin() = origin;
  entry.set_field(PluginText(rejection.field));
  entry.set_reason(absl::AsciiStrToLower(PluginText(rejection.reason)));
  entry.set_message(PluginText(rejection.message));
  entry.set_rejected_at_us(absl::ToUnixMicros(now));
  entry.set_raw(std::string(raw.substr(0, kMaxRawBytes)));
  storage::QuarantineRow row;
  row.value = entry.SerializeAsString();
  return row;
}

absl::StatusOr<v1::ListQuarantineResponse> ListQuarantine(const Programs& programs,
                                                          const v1::ListQuarantineRequest& request) {
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  uint64_t after = 0;  // number of the last entry of the page before
  if (!request.page_token().empty() && !absl::SimpleAtoi(request.page_token(), &after)) return BadPageToken();

  v1::ListQuarantineResponse response;
  bool more = false;
  for (size_t i = 0; i < programs.all().size(); ++i) {
    absl::Status damaged;
    RETURN_IF_ERROR(programs.all()[i]->log().ReadQuarantine(0, [&](const storage::QuarantineRow& row) {
      const uint64_t number = NumberFor(i, row.record);
      log::v1::QuarantineEntry entry;
      if (!entry.ParseFromString(row.value)) {
        damaged = Damaged(number);
        return false;
      }
      if (!Wanted(entry, request)) return true;
      response.set_total_size(response.total_size() + 1);
      if (number <= after) return true;
      more = response.records_size() == page_size;
      if (!more) *response.add_records() = ToRecord(programs, number, entry);
      return true;
    }));
    RETURN_IF_ERROR(damaged);
  }
  if (more) response.set_next_page_token(absl::StrCat(response.records(response.records_size() - 1).record()));
  return response;
}

absl::StatusOr<v1::QuarantinedRecord> GetQuarantinedRecord(const Programs& programs, uint64_t record) {
  if (record == 0) return InvalidField("record", "REQUIRED", "must be the number of a record in quarantine");
  const uint64_t program = record >> kProgramShift;
  const uint64_t own_number = record & ((uint64_t{1} << kProgramShift) - 1);
  std::string value;
  if (program < programs.all().size() && own_number > 0) {
    RETURN_IF_ERROR(
        programs.all()[program]->log().ReadQuarantine(own_number - 1, [&](const storage::QuarantineRow& row) {
          if (row.record == own_number) value = row.value;
          return false;
        }));
  }
  if (value.empty()) {
    return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_RECORD",
                     absl::StrCat("there is no record ", record, " in quarantine"),
                     "list the records in quarantine for their numbers");
  }
  log::v1::QuarantineEntry entry;
  if (!entry.ParseFromString(value)) return Damaged(record);
  v1::QuarantinedRecord found = ToRecord(programs, record, entry);
  found.set_raw(ToUtf8(entry.raw()));
  return found;
}

absl::StatusOr<int64_t> ExpireQuarantine(storage::EventLog& log, absl::Time rejected_before,
                                         const std::atomic<bool>& stopping) {
  const int64_t before_us = absl::ToUnixMicros(rejected_before);
  int64_t expired = 0;
  uint64_t after = 0;
  for (bool more = true; more && !stopping;) {
    more = false;
    std::vector<storage::QuarantineRow> batch;
    size_t bytes = 0;
    absl::Status damaged;
    RETURN_IF_ERROR(log.ReadQuarantine(after, [&](const storage::QuarantineRow& row) {
      after = row.record;
      log::v1::QuarantineEntry entry;
      if (!entry.ParseFromString(row.value)) {
        damaged = Damaged(row.record);
        return false;
      }
      if (!entry.raw().empty() && entry.rejected_at_us() < before_us) {
        entry.clear_raw();
        batch.push_back({.record = row.record, .value = entry.SerializeAsString()});
        bytes += row.value.size();
        more = bytes >= kExpiryBatchBytes;
      }
      return !more && !stopping;
    }));
    RETURN_IF_ERROR(damaged);
    RETURN_IF_ERROR(log.ReplaceQuarantine(batch));
    expired += static_cast<int64_t>(batch.size());
  }
  return expired;
}

}  // namespace partnermetrics
