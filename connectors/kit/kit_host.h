// The host table as the kit offers it: it keeps what a plugin hands over, looks whether the rules of the header are
// kept, and can be made to fail in every way that a server may.
#ifndef PARTNERMETRICS_CONNECTORS_KIT_KIT_HOST_H_
#define PARTNERMETRICS_CONNECTORS_KIT_KIT_HOST_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connectors/kit/feed.h"
#include "partnermetrics/connector_abi.h"

namespace partnermetrics::kit {

struct Record {
  std::string events, raw, file, reject, skip, field, message;
  std::uint64_t row = 0, offset = 0;

  bool operator==(const Record&) const = default;
};

struct Page {
  std::size_t first = 0, end = 0;  // of its records
  std::optional<std::string> state;
};

struct Finding {
  std::int32_t level = PM_INFO;
  std::string where, message, remedy;
};

// The columns of a stream as they were told.
struct Columns {
  std::string stream;
  std::vector<std::pair<std::string, bool>> columns;

  bool operator==(const Columns&) const = default;
};

struct HostFaults {
  bool short_reads = false;                              // reads give a few bytes at a time
  std::optional<std::uint64_t> fail_at = {};             // reading a file from this offset on is an error
  std::optional<std::uint64_t> end_at = {};              // files end here although they are longer
  std::optional<std::size_t> cancel_after_records = {};  // the run shall stop once so many were handed over
  bool odd_sizes = false;    // structs of another size than this header's, as of a newer host
  bool first_host = false;   // the table ends where that of the first hosts did
  bool keep_records = true;  // else they are only counted
};

class KitHost {
 public:
  explicit KitHost(Feed feed, HostFaults faults = {});
  KitHost(const KitHost&) = delete;
  KitHost& operator=(const KitHost&) = delete;

  const pm_host* table() const { return table_; }

  std::vector<Record> records;
  std::vector<Page> pages;
  std::vector<std::string> complete;
  std::vector<Finding> problems;
  std::vector<std::string> logs;
  std::vector<Columns> columns;
  std::vector<std::string> violations;  // of the header's rules
  std::size_t record_count = 0;
  std::size_t commits_after_cancel = 0;

 private:
  struct Calls;
  // As a newer server might have it: members behind those that this header knows.
  struct NewerTable {
    pm_host table;
    void (*unknown)();
  };

  bool Cancelled() const { return faults_.cancel_after_records && record_count >= *faults_.cancel_after_records; }
  void Violation(std::string text);
  void Take(const pm_record& record);
  void Take(const Columns& columns);
  std::int32_t Fail(pm_error* error, std::int32_t code, const std::string& where, const std::string& message);

  const Feed feed_;
  const HostFaults faults_;
  std::vector<std::string> names_;  // of the files, in order
  NewerTable newer_;
  const pm_host* table_;
};

}  // namespace partnermetrics::kit

#endif  // PARTNERMETRICS_CONNECTORS_KIT_KIT_HOST_H_
