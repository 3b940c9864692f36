// Connectors that are broken on purpose, each in one way: BROKEN_<WAY> is defined. Every check of the kit must fail the
// one that was made for it; without a definition the connector is sound and must pass them all.
//
// It reads feed.csv (id, time, amount), which only grows: its state is the number of rows that are durable.
#include <charconv>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "connectors/sdk/readers/csv.h"
#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/numbers.h"
#include "connectors/sdk/readers/streams.h"
#include "partnermetrics/connector.h"
#include "partnermetrics/v1/event.pb.h"

namespace partnermetrics::kit {
namespace {

using sdk::Result;
using sdk::Status;

#ifdef BROKEN_SHORT_READS
// Takes the first short read for the end of the file.
class Bytes : public sdk::ByteStream {
 public:
  explicit Bytes(std::unique_ptr<sdk::ByteSource> file) : file_(std::move(file)) {}
  Result<std::size_t> Read(char* buffer, std::size_t size) override {
    if (ended_) return std::size_t{0};
    PM_ASSIGN_OR_RETURN(const std::size_t got, file_->ReadAt(offset_, buffer, size));
    ended_ = got < size;
    offset_ += got;
    return got;
  }

 private:
  std::unique_ptr<sdk::ByteSource> file_;
  std::uint64_t offset_ = 0;
  bool ended_ = false;
};
#elif defined(BROKEN_READ_ERRORS) || defined(BROKEN_TRUNCATION)
// Takes an error, or an end before the file's size, for the end of the file.
class Bytes : public sdk::ByteStream {
 public:
  explicit Bytes(std::unique_ptr<sdk::ByteSource> file) : file_(std::move(file)) {}
  Result<std::size_t> Read(char* buffer, std::size_t size) override {
    Result<std::size_t> got = file_->ReadAt(offset_, buffer, size);
#ifdef BROKEN_READ_ERRORS
    if (!got.ok()) return std::size_t{0};
#else
    if (!got.ok()) return got;
#endif
    offset_ += *got;
    return *got;
  }

 private:
  std::unique_ptr<sdk::ByteSource> file_;
  std::uint64_t offset_ = 0;
};
#else
using Bytes = sdk::FileStream;
#endif

[[maybe_unused]] std::uint64_t ToNumber(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

class Broken : public sdk::Connector {
 public:
  static constexpr char kName[] = BROKEN_NAME;
  static constexpr char kVersion[] = "1.0.0";

  static Description Describe() {
    return {
#ifdef BROKEN_DESCRIBE
        .summary = "",
#else
        .summary = "Reads costs.",
#endif
        .settings = {{.name = "token", .description = "A token", .secret = true},
                     {.name = "label", .description = "What the costs are for"}},
        .fact_kinds = {"cost"},
        .revision_rule = "The row's number.",
    };
  }

  Status Open(const Settings& settings) override {
    token_ = settings.Get("token");
    label_ = settings.Get("label");
    return {};
  }

  Status Check(Reader& reader, Reporter& reporter) override {
#ifdef BROKEN_CHECK
    volatile int* nowhere = nullptr;
    *nowhere = 1;
#endif
#ifdef BROKEN_HANGS
    while (true) std::this_thread::sleep_for(std::chrono::seconds(1));
#endif
    return reader.Open("feed.csv").status();
  }

  Status Read(std::string_view state, Reader& reader, Sink& sink) override {
#ifdef BROKEN_SECRETS
    sink.Log(sdk::Level::kInfo, "logging in with " + token_);
#endif
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::ByteSource> file, reader.Open("feed.csv"));
    sdk::CsvReader csv(std::make_unique<Bytes>(std::move(file)));
    PM_ASSIGN_OR_RETURN(const bool any, csv.ReadHeader());
    if (!any) return {};
#ifdef BROKEN_COLUMNS
    static int runs = 0;  // as a file's date would
    const std::string stream = "feed-" + std::to_string(++runs);
#else
    const std::string stream = "feed";
#endif
    std::vector<sdk::Column> columns;
    for (const std::string& name : csv.header().names()) columns.push_back({name, true});
    sink.Columns(stream, columns);
#ifdef BROKEN_GROWN
    const std::string after(state);  // the last time that was read: later rows of the same time are lost
#else
    const std::uint64_t durable = ToNumber(state);
#endif
    sdk::CsvRow row;
    while (true) {
      PM_ASSIGN_OR_RETURN(const bool more, csv.Next(&row));
      if (!more) return {};
#ifdef BROKEN_GROWN
      if (std::string(row.Cell(1)) <= after) continue;
#else
      if (row.number <= durable) continue;
#endif
#ifdef BROKEN_MEMORY
      kept_.emplace_back(row.raw);
#endif
      const Status status = ReadRow(row, sink);
#ifdef BROKEN_CANCEL
      if (status.code() == sdk::Code::kCancelled) std::this_thread::sleep_for(std::chrono::seconds(3));
#endif
      PM_RETURN_IF_ERROR(status);
    }
  }

 private:
  Status ReadRow(const sdk::CsvRow& row, Sink& sink) {
#ifdef BROKEN_PLACES
    const sdk::Place place{"feed.csv", 0, row.offset};
#else
    const sdk::Place place{"feed.csv", row.number, row.offset};
#endif
    const auto amount = sdk::ParseDecimal(row.Cell(2));
    const auto time = sdk::ParseTime(row.Cell(1));
    if (row.problem != nullptr || !amount || !time) {
#ifdef BROKEN_BAD_ROWS
      return {};
#else
      return sink.Reject(place, row.raw, "", row.problem == nullptr ? "bad_value" : row.problem, row.message);
#endif
    }
    v1::Event event;
#ifndef BROKEN_EVENTS
    event.set_record_id(row.Text(0));
#endif
    event.set_revision(static_cast<std::int64_t>(row.number));
#ifdef BROKEN_REPEATABLE
    static std::int64_t reads = 0;
    event.set_revision(++reads);
#endif
    v1::Cost* cost = event.mutable_cost();
    sdk::SetDate(time->date, cost->mutable_incurred_on());
    sdk::SetMoney(*amount, "USD", cost->mutable_amount());
    cost->set_description(label_);
    PM_RETURN_IF_ERROR(sink.Emit(place, row.raw, event));
#ifdef BROKEN_GROWN
    return sink.Checkpoint(row.Cell(1));
#elif defined(BROKEN_RESUME)
    return sink.Checkpoint(std::to_string(row.number + 1));
#else
    return sink.Checkpoint(std::to_string(row.number));
#endif
  }

  std::string token_, label_;
  std::vector<std::string> kept_;
};

// The table, with the mistakes that the SDK does not let one make.
namespace {

using Entry = sdk::internal::Entry<Broken>;

std::int32_t Open(const pm_host* host, const pm_setting* settings, std::size_t count, std::size_t setting_size,
                  void** instance, pm_error* error) {
#ifdef BROKEN_SETTINGS
  count = 0;  // looks at none
#endif
#ifdef BROKEN_OLD_HOST
  host->columns(host->ctx, "feed", nullptr, 0, sizeof(pm_column));  // without a look whether it is there
#endif
#ifdef BROKEN_STRIDE
  setting_size = sizeof(pm_setting);
#endif
  const std::int32_t code = Entry::Open(host, settings, count, setting_size, instance, error);
#ifdef BROKEN_OVERRUN
  if (code != PM_OK) std::strcpy(error->remedy, "try another setting");
#endif
  return code;
}

}  // namespace
}  // namespace partnermetrics::kit

extern "C" constinit const pm_connector partnermetrics_connector = {
    PM_MAGIC,
    PM_ABI_VERSION,
    sizeof(pm_connector),
    partnermetrics::kit::Broken::kName,
    partnermetrics::kit::Broken::kVersion,
    "broken on purpose",
    &partnermetrics::kit::Entry::Describe,
    &partnermetrics::kit::Open,
    &partnermetrics::sdk::internal::Check,
    &partnermetrics::sdk::internal::Read,
    &partnermetrics::sdk::internal::Close,
};
