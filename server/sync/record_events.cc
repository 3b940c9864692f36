#include "server/sync/record_events.h"

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/sync/texts.h"

namespace partnermetrics {

RecordReader::RecordReader(const ConnectorConfig& config, Programs& programs, ProgramRuntime& program,
                           std::string run_id)
    : program_id_(program.id()), source_(config.source), run_id_(std::move(run_id)) {
  {
    Engine::View view(program.engine());
    currency_ = view.catalog()->program().currency_code();
    prepare_.today = programs.Today(*view.catalog());
  }
  prepare_.program = program_id_;
  prepare_.source = source_;
  prepare_.currency = currency_;
  prepare_.pseudonymiser = &programs.pseudonymiser();
}

RecordEvents RecordReader::Read(const connectors::RecordView& record) const {
  RecordEvents read;
  v1::EventBatch batch;
  read.rejected = true;
  if (!record.reject.empty()) {
    read.fault = {std::string(record.field), std::string(record.reject), std::string(record.message)};
    return read;
  }
  if (!batch.ParseFromArray(record.events.data(), static_cast<int>(record.events.size()))) {
    read.fault = {"", "malformed_events", "the connector gave bytes that are no events; report this to its author"};
    return read;
  }
  read.rejected = false;
  read.stated = batch.events_size();
  const v1::Origin origin = OriginOf(record);
  for (v1::Event& event : *batch.mutable_events()) {
    *event.mutable_origin() = origin;
    std::variant<PreparedEvent, FieldError> prepared = PrepareStated(std::move(event));
    if (auto* good = std::get_if<PreparedEvent>(&prepared); good != nullptr) {
      read.events.push_back(std::move(*good));
      continue;
    }
    ++read.refused;
    const FieldError& error = std::get<FieldError>(prepared);
    if (!read.fault.has_value()) read.fault = {error.field, error.reason, error.description};
  }
  return read;
}

std::variant<PreparedEvent, FieldError> RecordReader::PrepareStated(v1::Event event) const {
  // Under the name of another source a plugin could replace or delete what that one stated.
  if (!event.source().empty() && event.source() != source_) {
    return FieldError{"source", "WRONG_SOURCE",
                      absl::StrCat("is '", PluginText(event.source()),
                                   "'; a connector states facts of its own source '", source_, "' alone")};
  }
  return Prepare(std::move(event), prepare_);
}

std::vector<PreparedEvent> RecordReader::PrepareOwn(std::vector<v1::Event> events) const {
  std::vector<PreparedEvent> own;
  for (v1::Event& event : events) {
    event.set_program(program_id_);
    event.mutable_origin()->set_run_id(run_id_);
    std::variant<PreparedEvent, FieldError> prepared = Prepare(std::move(event), prepare_);
    if (auto* good = std::get_if<PreparedEvent>(&prepared); good != nullptr) own.push_back(std::move(*good));
  }
  return own;
}

v1::Origin RecordReader::OriginOf(const connectors::RecordView& record) const {
  v1::Origin origin;
  origin.set_run_id(run_id_);
  origin.set_file(PluginText(record.file));
  origin.set_row(record.row);
  return origin;
}

}  // namespace partnermetrics
