// Events and facts from the wire, as callers and connectors send them: what passes the checks can be read in every way
// that the engine reads it.
#include "partnermetrics/v1/event.pb.h"
#include "server/facts/event_view.h"
#include "server/facts/fact_row.h"
#include "server/facts/validate.h"
#include "tests/fuzz/require.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace partnermetrics;  // NOLINT: a function of C
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  EventView view;
  if (view.Parse(bytes)) {
    FactRow row(*view.schema);
    FieldError error;
    for (const char* currency : {"", "USD"}) {
      if (row.Decode(view.fact, currency, &error)) {
        (void)ValidateFact(row, 20'000);
      } else {
        REQUIRE(!error.description.empty());
      }
    }
    for (const PartnerMention& mention : ReadMentions(*view.schema, view.fact)) {
      for (const ReferenceKey& key : mention.references) REQUIRE(!key.empty());
    }
  }
  // What protobuf takes and the envelope's check lets pass, the engine's own decoder must take too.
  v1::Event event;
  if (!event.ParseFromString(bytes) || ValidateEnvelope(event).has_value()) return 0;
  const std::string again = event.SerializeAsString();
  REQUIRE(view.Parse(again));
  REQUIRE(view.record_id == event.record_id() && view.revision == event.revision());
  return 0;
}
