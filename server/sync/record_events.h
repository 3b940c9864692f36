// The events of a record that a plugin read, ready for the log, or why it has none.
//
//   RecordReader reader(config, programs, program, "crm-000012");
//   RecordEvents found = reader.Read(record);
//   if (found.fault.has_value()) …   // into quarantine, with the events that are good beside it
//
// Thread-compatible; the programmes outlive it.
#ifndef PARTNERMETRICS_SERVER_SYNC_RECORD_EVENTS_H_
#define PARTNERMETRICS_SERVER_SYNC_RECORD_EVENTS_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "connectors/host/frames.h"
#include "server/ingest/prepare.h"
#include "server/ingest/programs.h"
#include "server/sync/connector_config.h"

namespace partnermetrics {

struct RecordFault {
  std::string field, reason, message;
};

struct RecordEvents {
  std::vector<PreparedEvent> events;
  bool rejected = false;             // by the plugin, or it gave bytes that are no events
  int stated = 0;                    // events of the record, refused ones included
  int refused = 0;                   // of them, by the server
  std::optional<RecordFault> fault;  // the first; why the record goes to quarantine
};

class RecordReader {
 public:
  RecordReader(const ConnectorConfig& config, Programs& programs, ProgramRuntime& program, std::string run_id);
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  // Not for records that the plugin skipped.
  RecordEvents Read(const connectors::RecordView& record) const;
  // Events that the server itself states about the connector's source.
  std::vector<PreparedEvent> PrepareOwn(std::vector<v1::Event> events) const;
  v1::Origin OriginOf(const connectors::RecordView& record) const;

 private:
  std::variant<PreparedEvent, FieldError> PrepareStated(v1::Event event) const;

  const std::string program_id_, source_, run_id_;
  std::string currency_;
  PrepareContext prepare_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_RECORD_EVENTS_H_
