#include "connectors/kit/kit_host.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace partnermetrics::kit {
namespace {

constexpr std::int64_t kModified = 1'767'225'600'000'000'000;  // 2026-01-01, of every file: golden files stay the same
constexpr std::size_t kMaxViolations = 20;

std::string Bytes(const pm_bytes& bytes) {
  return bytes.size == 0 ? std::string() : std::string(reinterpret_cast<const char*>(bytes.data), bytes.size);
}
std::string Text(const char* text) {
  return text == nullptr ? "" : text;
}

}  // namespace

// The functions of the table.
struct KitHost::Calls {
  static KitHost& Self(void* ctx) { return *static_cast<KitHost*>(ctx); }

  static std::int32_t Commit(void* ctx, const pm_record* records, std::size_t count, std::size_t record_size,
                             const pm_bytes* state, pm_error* error) {
    KitHost& self = Self(ctx);
    if (self.Cancelled()) {
      ++self.commits_after_cancel;
      return self.Fail(error, PM_CANCELLED, "", "the run was cancelled");
    }
    if (count > PM_PAGE_MAX_RECORDS) self.Violation(absl::StrCat("a page has ", count, " records"));
    if (record_size < sizeof(pm_record)) {
      self.Violation(absl::StrCat("record_size is ", record_size));
      return PM_INTERNAL;
    }
    Page page{self.record_count, self.record_count + count, std::nullopt};
    std::size_t bytes = 0;
    const char* at = reinterpret_cast<const char*>(records);
    for (std::size_t i = 0; i < count; ++i, at += record_size) {
      const auto& record = *reinterpret_cast<const pm_record*>(at);
      bytes += record.events.size + record.raw.size;
      self.Take(record);
    }
    if (bytes > PM_PAGE_MAX_BYTES) self.Violation(absl::StrCat("a page has ", bytes, " bytes"));
    if (state != nullptr) {
      page.state = Bytes(*state);
      if (state->size > PM_STATE_MAX_BYTES) self.Violation(absl::StrCat("a state has ", state->size, " bytes"));
    }
    if (self.faults_.keep_records) self.pages.push_back(std::move(page));
    return PM_OK;
  }
  static std::int32_t Complete(void* ctx, const char* kind, pm_error*) {
    Self(ctx).complete.emplace_back(Text(kind));
    return PM_OK;
  }
  static std::int32_t Cancelled(void* ctx) { return Self(ctx).Cancelled() ? 1 : 0; }
  static void Progress(void*, std::uint64_t, std::uint64_t, const char*) {}
  static void Log(void* ctx, std::int32_t, const char* message) { Self(ctx).logs.push_back(Text(message)); }
  static void Problem(void* ctx, std::int32_t level, const char* where, const char* message, const char* remedy) {
    Self(ctx).problems.push_back({level, Text(where), Text(message), Text(remedy)});
  }

  static void Describe(const KitHost& self, const std::string& name, pm_file* out) {
    if (PM_HAS(out, pm_file, size)) out->size = self.feed_.files().at(name).size();
    if (PM_HAS(out, pm_file, modified_unix_ns)) out->modified_unix_ns = kModified;
    if (PM_HAS(out, pm_file, name)) std::snprintf(out->name, sizeof(out->name), "%s", name.c_str());
  }
  static std::int32_t List(void* ctx, std::uint64_t index, pm_file* out, pm_error*) {
    KitHost& self = Self(ctx);
    if (index >= self.names_.size()) return PM_END;
    Describe(self, self.names_[index], out);
    return PM_OK;
  }
  // A handle is the file's index, from 1.
  static std::int32_t Open(void* ctx, const char* name, pm_file* out, std::uint64_t* handle, pm_error* error) {
    KitHost& self = Self(ctx);
    const auto found = std::find(self.names_.begin(), self.names_.end(), Text(name));
    if (found == self.names_.end()) return self.Fail(error, PM_SOURCE, Text(name), "there is no such file");
    *handle = static_cast<std::uint64_t>(found - self.names_.begin()) + 1;
    if (out != nullptr) Describe(self, *found, out);
    return PM_OK;
  }
  static std::int32_t ReadAt(void* ctx, std::uint64_t handle, std::uint64_t offset, void* buffer, std::size_t size,
                             std::size_t* got, pm_error* error) {
    KitHost& self = Self(ctx);
    *got = 0;
    if (handle == 0 || handle > self.names_.size()) {
      self.Violation("a handle was read that is not open");
      return self.Fail(error, PM_INTERNAL, "", "bad handle");
    }
    const std::string& name = self.names_[handle - 1];
    if (self.faults_.fail_at && offset + size > *self.faults_.fail_at) {
      return self.Fail(error, PM_SOURCE, name, "input/output error");
    }
    if (self.faults_.end_at) {
      if (offset >= *self.faults_.end_at) return PM_OK;
      size = std::min<std::uint64_t>(size, *self.faults_.end_at - offset);
    }
    if (self.faults_.short_reads) size = std::min<std::size_t>(size, 1 + offset % 61);
    *got = self.feed_.files().at(name).ReadAt(offset, static_cast<char*>(buffer), size);
    return PM_OK;
  }
  static void Close(void*, std::uint64_t) {}
  static void TakeColumns(void* ctx, const char* stream, const pm_column* columns, std::size_t count,
                          std::size_t column_size) {
    Columns told{Text(stream), {}};
    if (column_size < sizeof(pm_column)) return Self(ctx).Violation(absl::StrCat("column_size is ", column_size));
    const char* at = reinterpret_cast<const char*>(columns);
    for (std::size_t i = 0; i < count; ++i, at += column_size) {
      const auto& column = *reinterpret_cast<const pm_column*>(at);
      told.columns.emplace_back(Text(column.name), column.read != 0);
    }
    Self(ctx).Take(told);
  }
};

KitHost::KitHost(Feed feed, HostFaults faults) : feed_(std::move(feed)), faults_(faults) {
  for (const auto& [name, file] : feed_.files()) names_.push_back(name);
  std::size_t size = faults_.odd_sizes ? sizeof(NewerTable) : sizeof(pm_host);
  if (faults_.first_host) size = offsetof(pm_host, columns);
  newer_ = {{PM_MAGIC, PM_ABI_VERSION, size, this, &Calls::Commit, &Calls::Complete, &Calls::Cancelled,
             &Calls::Progress, &Calls::Log, &Calls::Problem, &Calls::List, &Calls::Open, &Calls::ReadAt, &Calls::Close,
             faults_.first_host ? nullptr : &Calls::TakeColumns},
            nullptr};
  table_ = &newer_.table;
}

void KitHost::Violation(std::string text) {
  if (violations.size() < kMaxViolations) violations.push_back(std::move(text));
}

void KitHost::Take(const pm_record& record) {
  ++record_count;
  if (!faults_.keep_records) return;
  const bool rejected = record.reject != nullptr, skipped = record.skip != nullptr;
  const std::string place = absl::StrCat(Text(record.file), ":", record.row);
  if ((record.events.size > 0) + rejected + skipped != 1) {
    Violation(absl::StrCat(place, " is not exactly one of events, a rejection and a skip"));
  }
  if (Text(record.file).empty() || record.row == 0) Violation(absl::StrCat("a record has no place: \"", place, "\""));
  if ((rejected && Text(record.reject).empty()) || (skipped && Text(record.skip).empty())) {
    Violation(absl::StrCat(place, " gives an empty reason or rule"));
  }
  records.push_back({Bytes(record.events), Bytes(record.raw), Text(record.file), Text(record.reject), Text(record.skip),
                     Text(record.field), Text(record.message), record.row, record.offset});
}

void KitHost::Take(const Columns& told) {
  if (told.stream.empty()) Violation("columns are told of a stream without a name");
  for (const auto& [name, read] : told.columns) {
    if (name.empty()) Violation(absl::StrCat("a column of the stream ", told.stream, " has no name"));
  }
  columns.push_back(told);
}

std::int32_t KitHost::Fail(pm_error* error, std::int32_t code, const std::string& where, const std::string& message) {
  if (error == nullptr) return code;
  if (PM_HAS(error, pm_error, where)) std::snprintf(error->where, sizeof(error->where), "%s", where.c_str());
  if (PM_HAS(error, pm_error, message)) std::snprintf(error->message, sizeof(error->message), "%s", message.c_str());
  return code;
}

}  // namespace partnermetrics::kit
