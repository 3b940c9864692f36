#include "server/ingest/prepare.h"

#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "server/facts/event_view.h"
#include "server/facts/validate.h"

namespace partnermetrics {
namespace {

FactRow& ScratchRow(const FactSchema& schema) {
  thread_local absl::flat_hash_map<int, std::unique_ptr<FactRow>> rows;
  auto& row = rows[schema.kind()];
  if (row == nullptr) row = std::make_unique<FactRow>(schema);
  return *row;
}

// Puts the kind before a field of the fact: "amount" becomes "deal.amount".
FieldError InFact(const FactSchema& schema, FieldError error) {
  error.field = absl::StrCat(schema.name(), ".", error.field);
  return error;
}

}  // namespace

std::variant<PreparedEvent, FieldError> Prepare(v1::Event&& event, const PrepareContext& context) {
  if (!event.program().empty() && event.program() != context.program) {
    return FieldError{"program", "WRONG_PROGRAM",
                      absl::StrCat("is '", event.program(), "' in a request for '", context.program, "'")};
  }
  event.set_program(std::string(context.program));
  if (event.source().empty()) event.set_source(std::string(context.source));
  if (auto error = ValidateEnvelope(event); error.has_value()) return *std::move(error);

  PreparedEvent prepared;
  if (event.deleted()) {
    // Only the kind is left: the content of a deleted fact is ignored and need not be kept.
    const auto* field = v1::Event::descriptor()->FindFieldByNumber(static_cast<int>(event.fact_case()));
    event.GetReflection()->MutableMessage(&event, field)->Clear();
  } else {
    context.pseudonymiser->Split(event, prepared.personal);
  }
  prepared.payload = event.SerializeAsString();

  EventView view;
  if (!view.Parse(prepared.payload)) return FieldError{"event", "MALFORMED", "is no valid event"};
  prepared.id = {view.schema->kind(), event.source(), event.record_id()};
  prepared.revision = event.revision();
  prepared.deleted = event.deleted();
  if (!prepared.deleted) {
    FactRow& row = ScratchRow(*view.schema);
    FieldError malformed;
    if (!row.Decode(view.fact, context.currency, &malformed)) return InFact(*view.schema, std::move(malformed));
    if (auto error = ValidateFact(row, context.today); error.has_value()) {
      return InFact(*view.schema, *std::move(error));
    }
  }
  return prepared;
}

}  // namespace partnermetrics
