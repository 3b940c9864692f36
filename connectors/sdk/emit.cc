// Emit for the generated classes of the events. Apart from sink.cc, so that a plugin that gives serialised events links
// no generated code.
#include <string>

#include "partnermetrics/connector.h"
#include "partnermetrics/v1/event.pb.h"

namespace partnermetrics::sdk {

Status Sink::Emit(const Place& place, std::string_view raw, const v1::EventBatch& events) {
  serialized_.clear();
  if (!events.AppendToString(&serialized_)) return status_ = InternalError("the events could not be serialised");
  return EmitSerialized(place, raw, serialized_);
}

Status Sink::Emit(const Place& place, std::string_view raw, const v1::Event& event) {
  v1::EventBatch batch;
  *batch.add_events() = event;
  return Emit(place, raw, batch);
}

}  // namespace partnermetrics::sdk
