// A host table that keeps what a plugin hands over; for tests of the wrapper without a process.
#ifndef PARTNERMETRICS_TESTS_CONNECTORS_SDK_FAKE_HOST_H_
#define PARTNERMETRICS_TESTS_CONNECTORS_SDK_FAKE_HOST_H_

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "partnermetrics/connector_abi.h"

namespace partnermetrics::sdk {

class FakeHost {
 public:
  struct Record {
    std::string events, raw, file;
    std::uint64_t row = 0, offset = 0;
    std::optional<std::string> reject, skip, field, message;
  };
  struct Page {
    std::vector<Record> records;
    std::optional<std::string> state;
    std::size_t bytes = 0;
  };

  struct Finding {
    std::int32_t level = 0;
    std::string where, message;
  };

  const pm_host* table() const { return &table_; }
  // Ends the table where that of the first hosts did.
  void BeOld() { table_.struct_size = offsetof(pm_host, columns); }

  std::vector<Page> pages;
  std::vector<std::string> complete;
  std::vector<Finding> problems;
  std::map<std::string, std::map<std::string, bool>> columns;  // that were told by stream, and whether any is read
  std::map<std::string, std::string> files;
  std::int32_t commit_code = PM_OK;
  bool is_cancelled = false;

 private:
  static FakeHost* Self(void* ctx) { return static_cast<FakeHost*>(ctx); }
  static std::string ToString(const pm_bytes& bytes) { return {reinterpret_cast<const char*>(bytes.data), bytes.size}; }
  static std::optional<std::string> ToText(const char* text) {
    return text == nullptr ? std::nullopt : std::optional<std::string>(text);
  }

  static std::int32_t Commit(void* ctx, const pm_record* records, std::size_t count, std::size_t record_size,
                             const pm_bytes* state, pm_error* error) {
    if (Self(ctx)->commit_code != PM_OK) {
      std::strcpy(error->message, "refused");
      return Self(ctx)->commit_code;
    }
    Page page;
    if (record_size != sizeof(pm_record)) return PM_INTERNAL;
    for (std::size_t i = 0; i < count; ++i) {
      const pm_record& r = records[i];
      page.records.push_back({ToString(r.events), ToString(r.raw), r.file, r.row, r.offset, ToText(r.reject),
                              ToText(r.skip), ToText(r.field), ToText(r.message)});
      page.bytes += r.events.size + r.raw.size;
    }
    if (state != nullptr) page.state = ToString(*state);
    Self(ctx)->pages.push_back(std::move(page));
    return PM_OK;
  }
  static std::int32_t Complete(void* ctx, const char* kind, pm_error*) {
    Self(ctx)->complete.emplace_back(kind);
    return PM_OK;
  }
  static std::int32_t Cancelled(void* ctx) { return Self(ctx)->is_cancelled ? 1 : 0; }
  static void Progress(void*, std::uint64_t, std::uint64_t, const char*) {}
  static void Log(void*, std::int32_t, const char*) {}
  static void Problem(void* ctx, std::int32_t level, const char* where, const char* message, const char*) {
    Self(ctx)->problems.push_back({level, where, message});
  }
  static std::int32_t List(void* ctx, std::uint64_t index, pm_file* out, pm_error*) {
    if (index >= Self(ctx)->files.size()) return PM_END;
    const auto file = std::next(Self(ctx)->files.begin(), static_cast<std::ptrdiff_t>(index));
    std::strcpy(out->name, file->first.c_str());
    out->size = file->second.size();
    return PM_OK;
  }
  // A handle is the file's index, from 1.
  static std::int32_t Open(void* ctx, const char* name, pm_file* out, std::uint64_t* handle, pm_error* error) {
    const auto found = Self(ctx)->files.find(name);
    if (found == Self(ctx)->files.end()) {
      std::strcpy(error->where, name);
      std::strcpy(error->message, "does not exist");
      return PM_SOURCE;
    }
    *handle = static_cast<std::uint64_t>(std::distance(Self(ctx)->files.begin(), found)) + 1;
    out->size = found->second.size();
    return PM_OK;
  }
  static std::int32_t ReadAt(void* ctx, std::uint64_t handle, std::uint64_t offset, void* buffer, std::size_t size,
                             std::size_t* got, pm_error*) {
    const auto file = std::next(Self(ctx)->files.begin(), static_cast<std::ptrdiff_t>(handle - 1));
    *got = offset >= file->second.size() ? 0 : std::min(size, file->second.size() - offset);
    std::memcpy(buffer, file->second.data() + std::min<std::size_t>(offset, file->second.size()), *got);
    return PM_OK;
  }
  static void Close(void*, std::uint64_t) {}
  static void TakeColumns(void* ctx, const char* stream, const pm_column* columns, std::size_t count, std::size_t) {
    std::map<std::string, bool>& told = Self(ctx)->columns[stream];
    for (std::size_t i = 0; i < count; ++i) told[columns[i].name] |= columns[i].read != 0;
  }

  pm_host table_ = {PM_MAGIC, PM_ABI_VERSION, sizeof(pm_host), this,  &Commit, &Complete, &Cancelled,  &Progress,
                    &Log,     &Problem,       &List,           &Open, &ReadAt, &Close,    &TakeColumns};
};

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_TESTS_CONNECTORS_SDK_FAKE_HOST_H_
