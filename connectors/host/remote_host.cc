#include "connectors/host/remote_host.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace partnermetrics::connectors {
namespace {

// Members of a plugin's record that this host knows of.
constexpr std::size_t kMinRecordSize = offsetof(pm_record, message) + sizeof(const char*);

template <std::size_t kSize>
void Copy(absl::string_view from, char (&to)[kSize]) {
  const std::size_t size = std::min(from.size(), kSize - 1);
  std::memcpy(to, from.data(), size);
  to[size] = '\0';
}

std::string Text(const char* text) {
  return text == nullptr ? std::string() : std::string(text);
}

void Fill(const FileEntry& file, pm_file* out) {
  if (PM_HAS(out, pm_file, size)) out->size = file.size;
  if (PM_HAS(out, pm_file, modified_unix_ns)) out->modified_unix_ns = file.modified_unix_ns;
  if (PM_HAS(out, pm_file, name)) Copy(file.name, out->name);
}

bool Stat(int fd, FileEntry* out) {
  struct stat stat = {};
  if (::fstat(fd, &stat) != 0) return false;
  out->size = static_cast<std::uint64_t>(stat.st_size);
  out->modified_unix_ns = stat.st_mtim.tv_sec * 1'000'000'000LL + stat.st_mtim.tv_nsec;
  return true;
}

std::size_t SizeOf(const pm_record& record) {
  std::size_t size = record.events.size + record.raw.size;
  for (const char* text : {record.file, record.reject, record.skip, record.field, record.message}) {
    if (text != nullptr) size += std::strlen(text);
  }
  return size;
}

}  // namespace

std::int32_t SetError(pm_error* error, std::int32_t code, absl::string_view where, absl::string_view message,
                      absl::string_view remedy) {
  if (error != nullptr) {
    if (PM_HAS(error, pm_error, where)) Copy(where, error->where);
    if (PM_HAS(error, pm_error, message)) Copy(message, error->message);
    if (PM_HAS(error, pm_error, remedy)) Copy(remedy, error->remedy);
  }
  return code;
}

// Each is called by the plugin, so none may let an exception out: noexcept ends the process with a reason in its log.
struct RemoteHost::Calls {
  static RemoteHost* Self(void* ctx) { return static_cast<RemoteHost*>(ctx); }

  static std::int32_t Commit(void* ctx, const pm_record* records, std::size_t count, std::size_t record_size,
                             const pm_bytes* state, pm_error* error) noexcept {
    return Self(ctx)->Commit(records, count, record_size, state, error);
  }
  static std::int32_t Complete(void* ctx, const char* fact_kind, pm_error* error) noexcept {
    if (fact_kind == nullptr) return SetError(error, PM_INTERNAL, "complete", "the fact kind is NULL", "");
    Self(ctx)->channel_->Send(EncodeComplete(fact_kind));
    return PM_OK;
  }
  static std::int32_t Cancelled(void* ctx) noexcept {
    Self(ctx)->channel_->SendAlive();
    return Self(ctx)->channel_->cancelled() ? 1 : 0;
  }
  static void Progress(void* ctx, std::uint64_t done, std::uint64_t total, const char* unit) noexcept {
    Self(ctx)->channel_->Send(Encode(connectors::Progress{done, total, Text(unit)}));
  }
  static void Log(void* ctx, std::int32_t level, const char* message) noexcept {
    Self(ctx)->channel_->Send(Encode(LogLine{level, Text(message)}));
  }
  static void Problem(void* ctx, std::int32_t level, const char* where, const char* message,
                      const char* remedy) noexcept {
    Self(ctx)->channel_->Send(Encode(connectors::Problem{level, Text(where), Text(message), Text(remedy)}));
  }
  static void Columns(void* ctx, const char* stream, const pm_column* columns, std::size_t count,
                      std::size_t column_size) noexcept {
    Self(ctx)->Columns(stream, columns, count, column_size);
  }
  static std::int32_t List(void* ctx, std::uint64_t index, pm_file* out, pm_error* error) noexcept {
    return Self(ctx)->List(index, out, error);
  }
  static std::int32_t Open(void* ctx, const char* name, pm_file* out, std::uint64_t* handle, pm_error* error) noexcept {
    return Self(ctx)->Open(name, out, handle, error);
  }
  static std::int32_t ReadAt(void* ctx, std::uint64_t handle, std::uint64_t offset, void* buffer, std::size_t size,
                             std::size_t* got, pm_error* error) noexcept {
    return Self(ctx)->ReadAt(handle, offset, buffer, size, got, error);
  }
  static void Close(void* ctx, std::uint64_t handle) noexcept { Self(ctx)->Close(handle); }
};

RemoteHost::RemoteHost(Channel* channel)
    : channel_(channel),
      table_{PM_MAGIC,         PM_ABI_VERSION,    sizeof(pm_host),  this,          &Calls::Commit,
             &Calls::Complete, &Calls::Cancelled, &Calls::Progress, &Calls::Log,   &Calls::Problem,
             &Calls::List,     &Calls::Open,      &Calls::ReadAt,   &Calls::Close, &Calls::Columns} {}

std::string RemoteHost::ChangedFile() {
  for (const auto& [handle, file] : open_) {
    if (HasChanged(file)) break;
  }
  return changed_;
}

std::int32_t RemoteHost::Commit(const pm_record* records, std::size_t count, std::size_t record_size,
                                const pm_bytes* state, pm_error* error) {
  if (channel_->cancelled()) return SetError(error, PM_CANCELLED, "", "the run was cancelled", "");
  if (record_size < kMinRecordSize) {
    return SetError(error, PM_INTERNAL, "commit", "record_size is not sizeof(pm_record)", "rebuild the plugin");
  }
  std::size_t size = 0;
  std::vector<pm_record> page(std::min<std::size_t>(count, PM_PAGE_MAX_RECORDS));
  for (std::size_t i = 0; i < page.size() && size <= PM_PAGE_MAX_BYTES; ++i) {
    std::memcpy(&page[i], reinterpret_cast<const char*>(records) + i * record_size, sizeof(pm_record));
    size += SizeOf(page[i]);
  }
  if (count > PM_PAGE_MAX_RECORDS || size > PM_PAGE_MAX_BYTES) {
    return SetError(
        error, PM_LIMIT, "commit",
        absl::StrCat("a page has more than ", PM_PAGE_MAX_BYTES, " bytes or ", PM_PAGE_MAX_RECORDS, " records"),
        "commit smaller pages");
  }
  if (state != nullptr && state->size > PM_STATE_MAX_BYTES) {
    return SetError(error, PM_LIMIT, "commit", absl::StrCat("a state has more than ", PM_STATE_MAX_BYTES, " bytes"),
                    "keep positions in the state, not records");
  }
  ReportBytesRead();
  channel_->SendPage(EncodePage(page, state));
  return PM_OK;
}

void RemoteHost::ReportBytesRead() {
  std::uint64_t done = 0, total = 0;
  for (const auto& [name, bytes] : reached_) done += bytes;
  for (const FileEntry& file : files_) total += file.size;
  if (done > 0) channel_->Send(Encode(connectors::Progress{done, all_files_ ? total : 0, "bytes"}));
}

void RemoteHost::Columns(const char* stream, const pm_column* columns, std::size_t count, std::size_t column_size) {
  if (column_size < sizeof(pm_column)) return;
  connectors::Columns told;
  told.stream = Text(stream);
  std::size_t size = told.stream.size();
  const char* at = reinterpret_cast<const char*>(columns);
  for (std::size_t i = 0; i < count && size < PM_PAGE_MAX_BYTES; ++i, at += column_size) {
    const auto& column = *reinterpret_cast<const pm_column*>(at);
    told.columns.emplace_back(Text(column.name), column.read != 0);
    size += told.columns.back().first.size() + sizeof(column);
  }
  channel_->Send(Encode(told));
}

std::int32_t RemoteHost::List(std::uint64_t index, pm_file* out, pm_error* error) {
  while (index >= files_.size() && !all_files_) {
    channel_->Send(EncodeList(files_.size()));
    absl::StatusOr<Files> more = DecodeFiles(channel_->Await(FrameType::kFiles));
    if (!more.ok()) return SetError(error, PM_INTERNAL, "list", more.status().message(), "");
    all_files_ = more->last || more->files.empty();
    std::move(more->files.begin(), more->files.end(), std::back_inserter(files_));
  }
  if (index >= files_.size()) return PM_END;
  Fill(files_[index], out);
  return PM_OK;
}

std::int32_t RemoteHost::Open(const char* name, pm_file* out, std::uint64_t* handle, pm_error* error) {
  if (name == nullptr) return SetError(error, PM_INTERNAL, "open", "the name is NULL", "");
  channel_->Send(EncodeOpen(name));
  OpenFile file;
  const absl::StatusOr<Opened> opened = DecodeOpened(channel_->Await(FrameType::kOpened, &file.descriptor));
  if (!opened.ok()) return SetError(error, PM_INTERNAL, name, opened.status().message(), "");
  if (opened->code != PM_OK) return SetError(error, opened->code, name, opened->message, opened->remedy);
  if (!file.descriptor.valid()) {
    return SetError(error, PM_LIMIT, name, "the plugin has too many files open", "close files before opening others");
  }
  file.opened.name = name;
  if (!Stat(file.descriptor.get(), &file.opened)) return SetError(error, PM_SOURCE, name, std::strerror(errno), "");
  if (out != nullptr) Fill(file.opened, out);
  *handle = ++last_handle_;
  open_.emplace(*handle, std::move(file));
  return PM_OK;
}

std::int32_t RemoteHost::ReadAt(std::uint64_t handle, std::uint64_t offset, void* buffer, std::size_t size,
                                std::size_t* got, pm_error* error) {
  channel_->SendAlive();
  *got = 0;
  const auto found = open_.find(handle);
  if (found == open_.end()) return SetError(error, PM_INTERNAL, "read_at", "the handle is not open", "");
  const OpenFile& file = found->second;
  ssize_t read = 0;
  do {
    read = ::pread(file.descriptor.get(), buffer, size, static_cast<off_t>(offset));
  } while (read < 0 && errno == EINTR);
  if (read < 0) return SetError(error, PM_SOURCE, file.opened.name, std::strerror(errno), "");
  if (read == 0 && HasChanged(file)) {
    return SetError(error, PM_SOURCE, file.opened.name, "the file changed while it was read",
                    "run again once the export is written");
  }
  *got = static_cast<std::size_t>(read);
  std::uint64_t& reached = reached_[file.opened.name];
  reached = std::max(reached, offset + *got);
  return PM_OK;
}

void RemoteHost::Close(std::uint64_t handle) {
  const auto found = open_.find(handle);
  if (found == open_.end()) return;
  HasChanged(found->second);
  open_.erase(found);
}

// Remembers a file that changed: the run must fail even when the plugin takes no notice.
bool RemoteHost::HasChanged(const OpenFile& file) {
  FileEntry now;
  const bool changed = !Stat(file.descriptor.get(), &now) || now.size != file.opened.size ||
                       now.modified_unix_ns != file.opened.modified_unix_ns;
  if (changed) changed_ = file.opened.name;
  return changed;
}

}  // namespace partnermetrics::connectors
