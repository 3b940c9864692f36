// The log: the append-only truth of one programme. Everything else can be rebuilt from it.
//
//   LogBatch batch;
//   batch.records.push_back({.type = RecordType::kEvent, .appended_at_us = now, .payload = event_bytes});
//   ASSIGN_OR_RETURN(uint64_t position, log->Append(batch));   // durable now
//
// Appends come from one thread at a time; reads may come from any thread at any time.
#ifndef PARTNERMETRICS_STORAGE_EVENT_LOG_H_
#define PARTNERMETRICS_STORAGE_EVENT_LOG_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace partnermetrics::storage {

// What a record holds. The numbers are stored and never change.
enum class RecordType : uint8_t {
  kEvent = 1,            // partnermetrics.v1.Event
  kDefinitions = 2,      // partnermetrics.log.v1.Definitions
  kAlias = 3,            // partnermetrics.log.v1.AliasChange
  kRunBegin = 4,         // partnermetrics.log.v1.RunBegin
  kRunPage = 5,          // partnermetrics.log.v1.RunPage
  kRunEnd = 6,           // partnermetrics.log.v1.RunEnd
  kJobStep = 7,          // partnermetrics.log.v1.JobStep
  kPeriodValues = 8,     // partnermetrics.log.v1.PeriodValues
  kPeriodStatement = 9,  // partnermetrics.log.v1.PeriodStatement
};

struct LogRecord {
  uint64_t position = 0;  // given by Append: 1, 2, 3 … without gaps
  RecordType type = RecordType::kEvent;
  int64_t appended_at_us = 0;  // wall clock at append, microseconds since 1970
  uint64_t sequence = 0;       // run or writer sequence: orders equal source revisions
  std::string actor;           // who appended: "connector:salesforce", "service:billing"
  std::string payload;
};

// Personal data of one subject, split off from an event. Kept beside the log, erasable.
struct PersonalRow {
  std::string subject;  // pseudonym of the person, or the fact's key when no person is named
  std::string key;      // fact and field: "survey/survey_response/R_1/comment"
  std::string value;
};

struct QuarantineRow {
  uint64_t record = 0;  // given by Append: 1, 2, 3 …
  std::string value;    // partnermetrics.log.v1.QuarantineEntry
};

// What one Append makes durable: all of it or nothing.
struct LogBatch {
  std::vector<LogRecord> records;
  std::vector<PersonalRow> personal;
  std::vector<QuarantineRow> quarantine;
};

class EventLog {
 public:
  virtual ~EventLog() = default;

  // Appends the batch with one fsync and sets the positions in it. Returns the position of the last record (of the
  // log's end when the batch has no records). UNAVAILABLE: it is unknown whether the batch is stored;
  // RESOURCE_EXHAUSTED: the disk is (nearly) full and nothing was stored; FAILED_PRECONDITION: an earlier error closed
  // the log for writing.
  virtual absl::StatusOr<uint64_t> Append(LogBatch& batch) = 0;

  // Position of the last durable record; 0 for an empty log.
  virtual uint64_t last_position() const = 0;

  // Calls `visit` with the records after `after` in order, until it returns false or the end. DATA_LOSS on a record
  // that is missing, fails its checksum or has a newer format.
  virtual absl::Status Read(uint64_t after, const std::function<bool(const LogRecord&)>& visit) const = 0;

  // The record at a position; NOT_FOUND when the log has none there, else errors as Read.
  virtual absl::StatusOr<LogRecord> Get(uint64_t position) const = 0;

  // Personal rows of a subject, by key.
  virtual absl::Status ReadPersonal(absl::string_view subject,
                                    const std::function<bool(const PersonalRow&)>& visit) const = 0;

  // Personal rows of all subjects, by subject and key: those behind a subject and key, which may be empty.
  virtual absl::Status ReadAllPersonal(absl::string_view after_subject, absl::string_view after_key,
                                       const std::function<bool(const PersonalRow&)>& visit) const = 0;

  // Deletes personal rows, from the files too; their values do not matter. Errors as Append. From any thread.
  virtual absl::Status ErasePersonal(absl::Span<const PersonalRow> rows) = 0;

  // Quarantined records after `after`, by number.
  virtual absl::Status ReadQuarantine(uint64_t after, const std::function<bool(const QuarantineRow&)>& visit) const = 0;

  // Replaces the values of existing quarantine rows; durable when it returns, and the old values are gone from the
  // files. NOT_FOUND, and nothing is replaced, when one does not exist; else errors as Append. From any thread.
  virtual absl::Status ReplaceQuarantine(absl::Span<const QuarantineRow> rows) = 0;
};

}  // namespace partnermetrics::storage

#endif  // PARTNERMETRICS_STORAGE_EVENT_LOG_H_
