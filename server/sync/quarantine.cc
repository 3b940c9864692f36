#include "server/sync/quarantine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/base/errors.h"
#include "server/sync/page_request.h"
#include "server/sync/texts.h"
#include "storage/mutex.h"

namespace partnermetrics {
namespace {

constexpr int kProgramShift = 48;
constexpr absl::string_view kBetween("\0", 1);  // parts of a fingerprint: no name holds it
constexpr uint64_t kOwnNumbers = (uint64_t{1} << kProgramShift) - 1;
// Erasing rewrites files of this order of size anyway.
constexpr size_t kEditBatchBytes = size_t{32} << 20;
constexpr size_t kExportBytes = size_t{1} << 20, kExportOverhead = 500;

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
  record.set_state(StateOf(entry));
  for (const log::v1::QuarantineStep& stored : entry.history()) {
    v1::QuarantineStep& step = *record.add_history();
    *step.mutable_done_at() = TimeUtil::MicrosecondsToTimestamp(stored.at_us());
    step.set_action(static_cast<v1::QuarantineAction>(stored.action()));
    step.set_run_id(stored.run_id());
    step.set_message(stored.message());
  }
  return record;
}

bool IsMeant(const log::v1::QuarantineEntry& entry, const QuarantineFilter& filter) {
  const v1::QuarantineState state =
      filter.state == v1::QUARANTINE_STATE_UNSPECIFIED ? v1::QUARANTINE_STATE_OPEN : filter.state;
  return StateOf(entry) == state && (filter.connector.empty() || entry.connector() == filter.connector) &&
         (filter.run_id.empty() || entry.origin().run_id() == filter.run_id) &&
         (filter.reason.empty() || entry.reason() == filter.reason);
}

// Filters of requests that list.
template <typename Request>
QuarantineFilter FilterOf(const Request& request) {
  QuarantineFilter filter;
  filter.connector = request.connector();
  filter.run_id = request.run_id();
  filter.reason = request.reason();
  filter.state = request.state();
  return filter;
}

}  // namespace

storage::QuarantineRow MakeQuarantineRow(absl::string_view connector, const v1::Origin& origin, absl::string_view raw,
                                         const Rejection& rejection, const Pseudonymiser& pseudonymiser,
                                         absl::Time now) {
  log::v1::QuarantineEntry entry;
  entry.set_connector(std::string(connector));
  *entry.mutable_origin() = origin;
  entry.set_field(PluginText(rejection.field));
  entry.set_reason(absl::AsciiStrToLower(PluginText(rejection.reason)));
  entry.set_message(PluginText(rejection.message));
  entry.set_rejected_at_us(absl::ToUnixMicros(now));
  entry.set_raw(std::string(raw.substr(0, kMaxRawBytes)));
  // Of all the text, also what is not kept. The message is left out: it may be worded anew.
  entry.set_fingerprint(
      pseudonymiser.Fingerprint(absl::StrCat(connector, kBetween, origin.file(), kBetween, origin.row(), kBetween,
                                             entry.field(), kBetween, entry.reason(), kBetween, raw)));
  storage::QuarantineRow row;
  row.value = entry.SerializeAsString();
  return row;
}

absl::Status ParseEntry(const std::string& value, uint64_t number, log::v1::QuarantineEntry& entry) {
  if (entry.ParseFromString(value)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("record ", number, " in quarantine is damaged"));
}

v1::QuarantineState StateOf(const log::v1::QuarantineEntry& entry) {
  return entry.state() == 0 ? v1::QUARANTINE_STATE_OPEN : static_cast<v1::QuarantineState>(entry.state());
}

absl::Status VisitQuarantine(const Programs& programs, const QuarantineFilter& filter, uint64_t after,
                             const std::function<bool(const FoundEntry&)>& visit) {
  const uint64_t first = filter.records.empty() ? after + 1 : std::max(after + 1, *filter.records.begin());
  bool more = true;
  for (size_t i = static_cast<size_t>(first >> kProgramShift); more && i < programs.all().size(); ++i) {
    const uint64_t own_first = i == first >> kProgramShift ? first & kOwnNumbers : 0;
    absl::Status damaged;
    const auto look = [&](const storage::QuarantineRow& row) {
      const uint64_t number = NumberFor(i, row.record);
      if (!filter.records.empty()) {
        more = number <= *filter.records.rbegin();
        if (!more || filter.records.count(number) == 0) return more;
      }
      log::v1::QuarantineEntry entry;
      damaged = ParseEntry(row.value, number, entry);
      if (!damaged.ok()) return false;
      if (IsMeant(entry, filter)) more = visit({i, row.record, number, entry});
      return more;
    };
    RETURN_IF_ERROR(programs.all()[i]->log().ReadQuarantine(own_first == 0 ? 0 : own_first - 1, look));
    RETURN_IF_ERROR(damaged);
  }
  return absl::OkStatus();
}

absl::Status EditQuarantine(storage::EventLog& log, uint64_t after,
                            const std::function<QuarantineEdit(uint64_t own_number, log::v1::QuarantineEntry&)>& edit) {
  static Mutex one_at_a_time;
  MutexLock lock(&one_at_a_time);
  for (bool more = true; more;) {
    more = false;
    std::vector<storage::QuarantineRow> batch;
    size_t bytes = 0;
    absl::Status damaged;
    RETURN_IF_ERROR(log.ReadQuarantine(after, [&](const storage::QuarantineRow& row) {
      after = row.record;
      log::v1::QuarantineEntry entry;
      damaged = ParseEntry(row.value, row.record, entry);
      if (!damaged.ok()) return false;
      const QuarantineEdit done = edit(row.record, entry);
      if (done == QuarantineEdit::kReplace) {
        batch.push_back({.record = row.record, .value = entry.SerializeAsString()});
        bytes += row.value.size();
        more = bytes >= kEditBatchBytes;
      }
      return !more && done != QuarantineEdit::kStop;
    }));
    RETURN_IF_ERROR(damaged);
    RETURN_IF_ERROR(log.ReplaceQuarantine(batch));
  }
  return absl::OkStatus();
}

absl::Status ChangeMeant(const Programs& programs, const QuarantineFilter& filter,
                         const std::function<void(log::v1::QuarantineEntry&)>& change) {
  const uint64_t first = filter.records.empty() ? 1 : *filter.records.begin();
  const uint64_t last = filter.records.empty() ? UINT64_MAX : *filter.records.rbegin();
  for (size_t i = first >> kProgramShift; i < programs.all().size(); ++i) {
    const uint64_t own_first = i == first >> kProgramShift ? first & kOwnNumbers : 0;
    const auto edit = [&](uint64_t own_number, log::v1::QuarantineEntry& entry) {
      const uint64_t number = NumberFor(i, own_number);
      if (number > last) return QuarantineEdit::kStop;
      if (!filter.records.empty() && filter.records.count(number) == 0) return QuarantineEdit::kKeep;
      if (!IsMeant(entry, filter)) return QuarantineEdit::kKeep;
      change(entry);
      return QuarantineEdit::kReplace;
    };
    RETURN_IF_ERROR(EditQuarantine(programs.all()[i]->log(), own_first == 0 ? 0 : own_first - 1, edit));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<log::v1::QuarantineEntry>> FindEntry(const Programs& programs, uint64_t record) {
  const uint64_t program = record >> kProgramShift;
  const uint64_t own_number = record & kOwnNumbers;
  if (program >= programs.all().size() || own_number == 0) return std::nullopt;
  std::optional<std::string> value;
  RETURN_IF_ERROR(programs.all()[program]->log().ReadQuarantine(own_number - 1, [&](const storage::QuarantineRow& row) {
    if (row.record == own_number) value = row.value;
    return false;
  }));
  if (!value.has_value()) return std::nullopt;
  log::v1::QuarantineEntry entry;
  RETURN_IF_ERROR(ParseEntry(*value, record, entry));
  return entry;
}

absl::StatusOr<v1::ListQuarantineResponse> ListQuarantine(const Programs& programs,
                                                          const v1::ListQuarantineRequest& request) {
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  uint64_t after = 0;  // number of the last entry of the page before
  if (!request.page_token().empty() && !absl::SimpleAtoi(request.page_token(), &after)) return BadPageToken();

  v1::ListQuarantineResponse response;
  bool more = false;
  RETURN_IF_ERROR(VisitQuarantine(programs, FilterOf(request), 0, [&](const FoundEntry& found) {
    response.set_total_size(response.total_size() + 1);
    if (found.number <= after) return true;
    more = response.records_size() == page_size;
    if (!more) *response.add_records() = ToRecord(programs, found.number, found.entry);
    return true;
  }));
  if (more) response.set_next_page_token(absl::StrCat(response.records(response.records_size() - 1).record()));
  return response;
}

absl::StatusOr<std::vector<v1::QuarantinedRecord>> ExportQuarantine(const Programs& programs,
                                                                    const v1::ExportQuarantineRequest& request,
                                                                    uint64_t after) {
  std::vector<v1::QuarantinedRecord> records;
  size_t bytes = 0;
  RETURN_IF_ERROR(VisitQuarantine(programs, FilterOf(request), after, [&](const FoundEntry& found) {
    const std::string raw = ToUtf8(found.entry.raw());
    bytes += raw.size() + kExportOverhead;
    records.push_back(ToRecord(programs, found.number, found.entry));
    records.back().set_raw(raw);
    return bytes < kExportBytes;
  }));
  return records;
}

absl::StatusOr<v1::QuarantinedRecord> GetQuarantinedRecord(const Programs& programs, uint64_t record) {
  if (record == 0) return InvalidField("record", "REQUIRED", "must be the number of a record in quarantine");
  ASSIGN_OR_RETURN(std::optional<log::v1::QuarantineEntry> entry, FindEntry(programs, record));
  if (!entry.has_value()) {
    return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_RECORD",
                     absl::StrCat("there is no record ", record, " in quarantine"),
                     "list the records in quarantine for their numbers");
  }
  v1::QuarantinedRecord found = ToRecord(programs, record, *entry);
  found.set_raw(ToUtf8(entry->raw()));
  return found;
}

absl::StatusOr<int64_t> ExpireQuarantine(storage::EventLog& log, absl::Time rejected_before,
                                         const std::atomic<bool>& stopping) {
  const int64_t before_us = absl::ToUnixMicros(rejected_before);
  int64_t expired = 0;
  RETURN_IF_ERROR(EditQuarantine(log, 0, [&](uint64_t, log::v1::QuarantineEntry& entry) {
    if (stopping) return QuarantineEdit::kStop;
    if (entry.raw().empty() || entry.rejected_at_us() >= before_us) return QuarantineEdit::kKeep;
    entry.clear_raw();
    ++expired;
    return QuarantineEdit::kReplace;
  }));
  return expired;
}

}  // namespace partnermetrics
