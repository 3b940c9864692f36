// Reporter and Sink: how a connector's records become pages.
#include <algorithm>
#include <utility>

#include "partnermetrics/connector.h"

namespace partnermetrics::sdk {
namespace {

constexpr std::size_t kPageBytes = 256U << 10U;    // a page ends at the first checkpoint after this
constexpr std::size_t kPageRecords = 4096;         // or this
constexpr std::size_t kHardPageBytes = 2U << 20U;  // or without one after this
constexpr std::size_t kRawBytes = 256U << 10U;     // of one record; the rest is cut off
constexpr std::size_t kTextBytes = 4096;           // of a message or a file name
constexpr std::size_t kEventBytes = 1U << 20U;     // of one record

pm_bytes Bytes(const std::string& buffer, std::size_t offset, std::size_t size) {
  return {reinterpret_cast<const std::uint8_t*>(buffer.data()) + offset, size};
}

}  // namespace

bool Reporter::Cancelled() const {
  return host_->cancelled(host_->ctx) != 0;
}

void Reporter::Progress(std::uint64_t done, std::uint64_t total, const std::string& unit) {
  host_->progress(host_->ctx, done, total, unit.c_str());
}

void Reporter::Log(Level level, const std::string& message) {
  host_->log(host_->ctx, static_cast<std::int32_t>(level), message.c_str());
}

void Reporter::Problem(Level level, const std::string& where, const std::string& message, const std::string& remedy) {
  host_->problem(host_->ctx, static_cast<std::int32_t>(level), where.c_str(), message.c_str(), remedy.c_str());
}

void Reporter::Columns(const std::string& stream, const std::vector<Column>& columns) {
  if (!PM_HAS(host_, pm_host, columns)) {
    std::string unread;
    for (const Column& column : columns) {
      if (!column.read) unread += (unread.empty() ? "" : ", ") + column.name;
    }
    if (!unread.empty()) Problem(Level::kInfo, stream, "columns that are not read: " + unread);
    return;
  }
  std::vector<pm_column> list;
  list.reserve(columns.size());
  for (const Column& column : columns) list.push_back({column.name.c_str(), column.read ? 1 : 0});
  host_->columns(host_->ctx, stream.c_str(), list.data(), list.size(), sizeof(pm_column));
}

Status Sink::EmitSerialized(const Place& place, std::string_view raw, std::string_view events) {
  if (events.size() > kEventBytes) {
    return Reject(place, raw, {}, "record_too_large", "the events of this record are larger than 1 MiB");
  }
  Record record;
  PM_RETURN_IF_ERROR(Begin(place, raw, events.size(), &record));
  record.events = buffer_.size();
  record.events_size = events.size();
  buffer_ += events;
  return Append(record);
}

Status Sink::Reject(const Place& place, std::string_view raw, std::string_view field, std::string_view reason,
                    std::string_view message) {
  Record record;
  PM_RETURN_IF_ERROR(Begin(place, raw, 0, &record));
  record.reject = PutText(reason.empty() ? "rejected" : reason);
  if (!field.empty()) record.field = PutText(field);
  if (!message.empty()) record.message = PutText(message);
  return Append(record);
}

Status Sink::Skip(const Place& place, std::string_view rule) {
  Record record;
  PM_RETURN_IF_ERROR(Begin(place, {}, 0, &record));
  record.skip = PutText(rule.empty() ? "skipped" : rule);
  return Append(record);
}

Status Sink::Checkpoint(std::string_view state) {
  if (!status_.ok()) return status_;
  state_.assign(state);
  state_is_current_ = true;
  return PageFull() ? Flush(&state_) : status_;
}

bool Sink::PageFull() const {
  return buffer_.size() >= kPageBytes || records_.size() >= kPageRecords;
}

Status Sink::Commit(std::string_view state) {
  PM_RETURN_IF_ERROR(Checkpoint(state));
  return state_is_current_ ? Flush(&state_) : status_;
}

Status Sink::Complete(const std::string& fact_kind) {
  if (!status_.ok()) return status_;
  pm_error error = {};
  error.struct_size = sizeof(error);
  const std::int32_t code = host_->complete(host_->ctx, fact_kind.c_str(), &error);
  if (code != PM_OK) status_ = Status(static_cast<Code>(code), error.where, error.message, error.remedy);
  return status_;
}

Status Sink::Finish() {
  if (!status_.ok()) return status_;
  if (state_is_current_) return Flush(&state_);
  return records_.empty() ? status_ : Flush(nullptr);
}

// Starts a record: looks whether the run goes on, makes room and writes what every kind of record has.
Status Sink::Begin(const Place& place, std::string_view raw, std::size_t payload, Record* record) {
  if (!status_.ok()) return status_;
  if (Cancelled()) return status_ = sdk::Cancelled();
  if (raw.size() > kRawBytes) raw = raw.substr(0, kRawBytes);
  const bool crowded = buffer_.size() + raw.size() + payload > kHardPageBytes || records_.size() >= PM_PAGE_MAX_RECORDS;
  if (crowded && !records_.empty()) PM_RETURN_IF_ERROR(Flush(state_is_current_ ? &state_ : nullptr));
  if (buffer_.empty()) buffer_.push_back('\0');  // so that offset 0 can mean "none"
  if (file_offset_ == 0 || last_file_ != place.file) {
    last_file_ = place.file;
    file_offset_ = PutText(place.file);
  }
  record->file = file_offset_;
  record->row = place.row;
  record->offset = place.offset;
  record->raw = buffer_.size();
  record->raw_size = raw.size();
  buffer_ += raw;
  return {};
}

Status Sink::Append(const Record& record) {
  records_.push_back(record);
  state_is_current_ = false;
  return status_;
}

std::size_t Sink::PutText(std::string_view text) {
  const std::size_t offset = buffer_.size();
  buffer_ += text.substr(0, kTextBytes);
  std::replace(buffer_.begin() + static_cast<std::ptrdiff_t>(offset), buffer_.end(), '\0', ' ');
  buffer_.push_back('\0');
  return offset;
}

Status Sink::Flush(const std::string* state) {
  std::vector<pm_record> page(records_.size());
  const auto text = [this](std::size_t offset) { return offset == 0 ? nullptr : buffer_.data() + offset; };
  for (std::size_t i = 0; i < page.size(); ++i) {
    const Record& from = records_[i];
    page[i] = {Bytes(buffer_, from.events, from.events_size),
               Bytes(buffer_, from.raw, from.raw_size),
               text(from.file),
               from.row,
               from.offset,
               text(from.reject),
               text(from.skip),
               text(from.field),
               text(from.message)};
  }
  pm_bytes state_bytes = {};
  if (state != nullptr) state_bytes = Bytes(*state, 0, state->size());
  pm_error error = {};
  error.struct_size = sizeof(error);
  const std::int32_t code = host_->commit(host_->ctx, page.data(), page.size(), sizeof(pm_record),
                                          state == nullptr ? nullptr : &state_bytes, &error);
  if (code != PM_OK) status_ = Status(static_cast<Code>(code), error.where, error.message, error.remedy);
  records_.clear();
  buffer_.clear();
  file_offset_ = 0;
  state_is_current_ = false;
  return status_;
}

}  // namespace partnermetrics::sdk
