#include "server/actions/own_facts.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "server/base/errors.h"
#include "server/engine/partner_entity.h"
#include "server/ingest/prepare.h"

namespace partnermetrics {
namespace {

// Events of one request to the writer.
constexpr size_t kWriteEvents = 1'000;

}  // namespace

absl::StatusOr<uint64_t> StateOwnFacts(const Programs& programs, ProgramRuntime& program, absl::string_view actor,
                                       std::vector<v1::Event> events) {
  uint64_t position = 0;
  for (size_t first = 0; first < events.size(); first += kWriteEvents) {
    WriteRequest write;
    write.actor = std::string(actor);
    for (size_t i = first; i < std::min(events.size(), first + kWriteEvents); ++i) {
      v1::Event& event = events[i];
      std::shared_ptr<const Catalog> catalog;
      {
        Engine::View view(program.engine());
        catalog = view.catalog();
        ASSIGN_OR_RETURN(const auto standing,
                         view.Fact({static_cast<int>(event.fact_case()), event.source(), event.record_id()}));
        event.set_revision(standing.has_value() ? standing->version.revision + 1 : 1);
      }
      auto prepared = Prepare(std::move(event), {program.id(), kOwnSource, catalog->program().currency_code(),
                                                 programs.Today(*catalog), &programs.pseudonymiser()});
      if (const auto* error = std::get_if<FieldError>(&prepared); error != nullptr) return InvalidFields({*error});
      write.events.push_back(std::move(std::get<PreparedEvent>(prepared)));
    }
    const WriteResult result = program.writer().Write(std::move(write), /*wait_for_room=*/true);
    RETURN_IF_ERROR(result.status);
    position = result.position;
  }
  return position;
}

}  // namespace partnermetrics
