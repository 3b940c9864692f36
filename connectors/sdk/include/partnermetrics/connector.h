// The C++ wrapper for connector plugins: derive from Connector, state records as events, export the class.
//
//   #include "partnermetrics/connector.h"
//   #include "partnermetrics/v1/event.pb.h"
//
//   class Logins : public partnermetrics::sdk::Connector {
//    public:
//     static constexpr char kName[] = "logins";
//     static constexpr char kVersion[] = "1.0.0";
//     static Description Describe() { return {.summary = "Reads portal logins.", .fact_kinds = {"portal_session"}}; }
//     Status Read(std::string_view state, Reader& reader, Sink& sink) override {
//       ... for each row:
//         PM_RETURN_IF_ERROR(sink.Emit({file, row, offset}, raw_row, event));
//         PM_RETURN_IF_ERROR(sink.Checkpoint(MakeState(row)));
//       return sink.Complete("portal_session");
//     }
//   };
//   PARTNERMETRICS_CONNECTOR(Logins)
//
// Built with partnermetrics_add_connector() of CMake, which also generates the events' classes. The wrapper checks the
// settings against the description, gathers records into pages and lets no exception leave the plugin.
//
// One thread: the host calls one function of an instance at a time, and Reader and Sink belong to that call's thread;
// only Cancelled and Log may be called from others.
#ifndef PARTNERMETRICS_CONNECTOR_H_
#define PARTNERMETRICS_CONNECTOR_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "partnermetrics/connector_abi.h"
#include "partnermetrics/status.h"

namespace partnermetrics::v1 {
class Event;
class EventBatch;
}  // namespace partnermetrics::v1

namespace partnermetrics::sdk {

// How a source tells of deleted records.
enum class DeleteModel { kNone, kMarked, kSnapshot };

struct SettingSpec {
  std::string name;
  std::string description;  // meaning, form and an example
  bool required = false;
  bool secret = false;  // never shown
  std::string default_value = {};
};

// What a connector says about itself; its name and version come from the class.
struct Description {
  std::string summary;  // what it reads, in one sentence
  std::vector<SettingSpec> settings = {};
  std::vector<std::string> fact_kinds = {};  // "deal", "invoice"
  DeleteModel delete_model = DeleteModel::kNone;
  std::string revision_rule = {};  // how revisions are made, in one sentence
};

// The settings of an instance, defaults of the description filled in. Names are known and required ones are there.
class Settings {
 public:
  Settings() = default;
  explicit Settings(std::map<std::string, std::string> values) : values_(std::move(values)) {}

  // The value; nothing when it was not given and has no default.
  std::optional<std::string> Find(const std::string& name) const;
  std::string Get(const std::string& name, std::string_view otherwise = {}) const;
  // "true" or "false", or a BadSetting.
  Result<bool> GetBool(const std::string& name, bool otherwise) const;
  const std::map<std::string, std::string>& values() const { return values_; }

 private:
  std::map<std::string, std::string> values_;
};

// Bytes that can be read at any offset: a file of the source, or a piece of memory in tests.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual const std::string& name() const = 0;
  virtual std::uint64_t size() const = 0;
  // Reads up to `size` bytes; fewer are normal, 0 is the end.
  virtual Result<std::size_t> ReadAt(std::uint64_t offset, void* buffer, std::size_t size) = 0;
};

struct FileInfo {
  std::string name;  // relative to the connector's folder
  std::uint64_t size = 0;
  std::int64_t modified_unix_ns = 0;
};

// The files of the connector's folder.
class Reader {
 public:
  explicit Reader(const pm_host* host) : host_(host) {}

  // All files, ordered by name, the same during one run.
  Result<std::vector<FileInfo>> List();
  // Opens a regular file inside the folder. It must not outlive the call of Check or Read.
  Result<std::unique_ptr<ByteSource>> Open(const std::string& name);

 private:
  const pm_host* host_;
};

enum class Level : std::int32_t { kDebug = PM_DEBUG, kInfo = PM_INFO, kWarning = PM_WARNING, kError = PM_ERROR };

// A column of the source, and whether the connector reads it.
struct Column {
  std::string name;
  bool read = false;
};

// What a connector tells people.
class Reporter {
 public:
  explicit Reporter(const pm_host* host) : host_(host) {}

  // True when the run shall stop: return Cancelled() soon. Sink does this check with every record.
  bool Cancelled() const;
  // How far the run is: Progress(3, 10, "files"). total 0: not known.
  void Progress(std::uint64_t done, std::uint64_t total, const std::string& unit);
  void Log(Level level, const std::string& message);
  // A finding of Check, or something odd in the source: Problem(kWarning, "Account.csv:Foo__c", "unknown column", "…").
  void Problem(Level level, const std::string& where, const std::string& message, const std::string& remedy = {});
  // The columns of a stream, once Read opened it: Columns("Account", bind.Columns()). A stream is a file or an object
  // under the name that it has in every export (StreamName); the server says what changed since the last run.
  void Columns(const std::string& stream, const std::vector<Column>& columns);

 protected:
  const pm_host* host_;
};

// Where a record was read.
struct Place {
  std::string_view file;     // as listed; "a.zip!Account.csv" inside archives
  std::uint64_t row = 0;     // row or object number, from 1
  std::uint64_t offset = 0;  // byte offset in the file
};

// Takes the records of a run, each exactly once and in source order, and hands them to the server in pages. Every
// record of the source is emitted, rejected or skipped, so that a run's accounting adds up. After an error every
// further call returns the same error: return it.
class Sink : public Reporter {
 public:
  explicit Sink(const pm_host* host) : Reporter(host) {}

  // The record at `place` became these events. `raw` is kept only when the server refuses the record.
  Status Emit(const Place& place, std::string_view raw, const v1::EventBatch& events);
  Status Emit(const Place& place, std::string_view raw, const v1::Event& event);
  // As Emit, of a serialised EventBatch: for connectors that do without the generated classes.
  Status EmitSerialized(const Place& place, std::string_view raw, std::string_view events);
  // The record is bad: it goes to quarantine. `reason` is a short code ("bad_date"), `message` is for people.
  Status Reject(const Place& place, std::string_view raw, std::string_view field, std::string_view reason,
                std::string_view message);
  // The record is left out on purpose, by a rule with a name ("test_mode").
  Status Skip(const Place& place, std::string_view rule);

  // Says that reading can go on from `state` after the records given so far. Call it after every record or group of
  // records: pages end only here when they can (a page is atomic together with its state). Up to 64 KiB.
  Status Checkpoint(std::string_view state);
  // True when the next Checkpoint ends the page; for states that are costly to make.
  bool PageFull() const;
  // Ends the page now, with this state.
  Status Commit(std::string_view state);
  // This run, from scratch, has stated every fact of the kind.
  Status Complete(const std::string& fact_kind);

  // Hands over what is left; the wrapper calls it after Read.
  Status Finish();

 private:
  // A record of the page; texts and bytes are offsets into buffer_, which moves while it grows.
  struct Record {
    std::size_t events = 0, events_size = 0, raw = 0, raw_size = 0;
    std::size_t file = 0, reject = 0, skip = 0, field = 0, message = 0;  // 0: none
    std::uint64_t row = 0, offset = 0;
  };

  Status Begin(const Place& place, std::string_view raw, std::size_t payload, Record* record);
  Status Append(const Record& record);
  std::size_t PutText(std::string_view text);
  Status Flush(const std::string* state);

  std::string serialized_;  // events of the present record
  std::string buffer_;
  std::vector<Record> records_;
  std::size_t file_offset_ = 0;  // of the last file name in buffer_
  std::string last_file_;
  std::string state_;
  bool state_is_current_ = false;  // no record came after state_
  Status status_;
};

// A connector: one instance per run.
class Connector {
 public:
  using Description = sdk::Description;
  using Settings = sdk::Settings;
  using Status = sdk::Status;
  using Reader = sdk::Reader;
  using Reporter = sdk::Reporter;
  using Sink = sdk::Sink;

  virtual ~Connector() = default;

  // Takes and checks the settings; reads no file.
  virtual Status Open(const Settings& settings) { return {}; }
  // Looks whether a run would work and reports every problem, errors by Level::kError.
  virtual Status Check(Reader& reader, Reporter& reporter) { return {}; }
  // Reads the source from `state` (empty: from the start) to its end.
  virtual Status Read(std::string_view state, Reader& reader, Sink& sink) = 0;
};

// What stands between the table of the ABI and a Connector; used by the macro alone.
namespace internal {

using Factory = std::unique_ptr<Connector> (*)();

struct Plugin {
  const char* name;
  const char* version;
  Description (*describe)();
  Factory make;
};

pm_bytes Describe(const Plugin& plugin) noexcept;
std::int32_t Open(const Plugin& plugin, const pm_host* host, const pm_setting* settings, std::size_t count,
                  std::size_t setting_size, void** instance, pm_error* error) noexcept;
std::int32_t Check(void* instance, pm_error* error) noexcept;
std::int32_t Read(void* instance, const pm_bytes* state, pm_error* error) noexcept;
void Close(void* instance) noexcept;

template <typename T>
struct Entry {
  static std::unique_ptr<Connector> Make() { return std::make_unique<T>(); }
  static constexpr Plugin kPlugin = {T::kName, T::kVersion, &T::Describe, &Make};
  static pm_bytes Describe() noexcept { return internal::Describe(kPlugin); }
  static std::int32_t Open(const pm_host* host, const pm_setting* settings, std::size_t count, std::size_t setting_size,
                           void** instance, pm_error* error) noexcept {
    return internal::Open(kPlugin, host, settings, count, setting_size, instance, error);
  }
};

}  // namespace internal
}  // namespace partnermetrics::sdk

// Exports a connector: once per plugin, outside of any namespace.
#define PARTNERMETRICS_CONNECTOR(Class)                                \
  extern "C" constinit const pm_connector partnermetrics_connector = { \
      PM_MAGIC,                                                        \
      PM_ABI_VERSION,                                                  \
      sizeof(pm_connector),                                            \
      Class::kName,                                                    \
      Class::kVersion,                                                 \
      "C++ SDK 1, " __VERSION__,                                       \
      &::partnermetrics::sdk::internal::Entry<Class>::Describe,        \
      &::partnermetrics::sdk::internal::Entry<Class>::Open,            \
      &::partnermetrics::sdk::internal::Check,                         \
      &::partnermetrics::sdk::internal::Read,                          \
      &::partnermetrics::sdk::internal::Close,                         \
  };

#endif  // PARTNERMETRICS_CONNECTOR_H_
