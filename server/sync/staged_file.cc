#include "server/sync/staged_file.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/base/errors.h"
#include "server/facts/event_view.h"

namespace partnermetrics {
namespace {

absl::Status Damaged() {
  return absl::DataLossError("the staged run's file is damaged");
}

absl::StatusOr<PreparedEvent> ToPrepared(const log::v1::StagedEvent& staged) {
  EventView view;
  if (!view.Parse(staged.event())) return Damaged();
  PreparedEvent event;
  event.id = {view.schema->kind(), std::string(view.source), std::string(view.record_id)};
  event.revision = view.revision;
  event.deleted = view.deleted;
  event.payload = staged.event();
  for (const log::v1::StagedPersonalValue& value : staged.personal()) {
    event.personal.push_back({value.subject(), value.key(), value.value()});
  }
  return event;
}

}  // namespace

absl::Status StagedWriter::Append(const WriteRequest& request, const std::optional<std::string>& state) {
  log::v1::StagedPage page;
  for (const PreparedEvent& event : request.events) {
    log::v1::StagedEvent& staged = *page.add_events();
    staged.set_event(event.payload);
    for (const storage::PersonalRow& row : event.personal) {
      log::v1::StagedPersonalValue& value = *staged.add_personal();
      value.set_subject(row.subject);
      value.set_key(row.key);
      value.set_value(row.value);
    }
  }
  for (const storage::QuarantineRow& row : request.quarantine) page.add_quarantine(row.value);
  if (state.has_value()) page.set_state(*state);
  const std::string bytes = page.SerializeAsString();
  if (bytes.empty()) return absl::OkStatus();  // skipped records alone
  RETURN_IF_ERROR(CheckRoom(bytes.size()));
  return file_->Append(bytes);
}

absl::Status StagedWriter::CheckRoom(uint64_t bytes) const {
  if (file_->bytes() + bytes > max_bytes_) {
    return MakeError(absl::StatusCode::kResourceExhausted, "STAGED_RUN_TOO_LARGE",
                     absl::StrCat("a staged run may read at most ", max_bytes_ >> 20, " MiB"),
                     "run it without --stage, or raise plugin_limits.staged_mb");
  }
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder_, error);
  if (error || space.available >= min_free_bytes_ + bytes) return absl::OkStatus();
  return RetryLater(absl::StatusCode::kResourceExhausted, "DISK_FULL",
                    absl::StrCat("only ", space.available >> 20, " MiB are left on the disk of the data folder"),
                    60'000);
}

absl::StatusOr<std::unique_ptr<StagedWriter>> StagedFiles::Begin(const std::string& run_id) const {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (!error) std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot make ", folder_, ": ", error.message()));
  ASSIGN_OR_RETURN(auto file, storage::FrameWriter::Create(PathOf(run_id)));
  return std::make_unique<StagedWriter>(std::move(file), folder_, options_.max_bytes, options_.min_free_bytes);
}

absl::StatusOr<StagedContent> StagedFiles::Read(const std::string& run_id) const {
  StagedContent content;
  RETURN_IF_ERROR(storage::ReadFrames(PathOf(run_id), [&](absl::string_view frame) -> absl::Status {
    log::v1::StagedPage page;
    if (!page.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) return Damaged();
    for (const log::v1::StagedEvent& staged : page.events()) {
      ASSIGN_OR_RETURN(PreparedEvent event, ToPrepared(staged));
      content.events.push_back(std::move(event));
    }
    for (const std::string& entry : page.quarantine()) content.quarantine.push_back({.record = 0, .value = entry});
    if (page.has_state()) content.state = page.state();
    return absl::OkStatus();
  }));
  return content;
}

void StagedFiles::Remove(const std::string& run_id) const {
  std::error_code error;
  std::filesystem::remove(PathOf(run_id), error);
}

std::vector<std::string> StagedFiles::List() const {
  std::vector<std::string> runs;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder_, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (std::all_of(name.begin(), name.end(), absl::ascii_isxdigit)) runs.push_back(absl::HexStringToBytes(name));
  }
  std::sort(runs.begin(), runs.end());
  return runs;
}

// Names of connectors may hold anything.
std::string StagedFiles::PathOf(const std::string& run_id) const {
  return absl::StrCat(folder_, "/", absl::BytesToHexString(run_id));
}

}  // namespace partnermetrics
