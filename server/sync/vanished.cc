#include "server/sync/vanished.h"

#include "server/base/errors.h"
#include "server/facts/fact_schema.h"

namespace partnermetrics {
namespace {

// The revision is that of the fact: the delete wins by the run's sequence, and so does the record that comes back.
v1::Event DeleteOf(const FactId& id, const StoredFact& fact) {
  v1::Event event;
  event.set_source(id.source);
  event.set_record_id(id.record_id);
  event.set_revision(fact.version.revision);
  event.set_deleted(true);
  event.GetReflection()->MutableMessage(&event, v1::Event::descriptor()->FindFieldByNumber(id.kind));
  return event;
}

}  // namespace

absl::StatusOr<std::vector<VanishedKind>> FindVanished(ProgramRuntime& program, const std::string& source,
                                                       const std::vector<std::string>& kinds, const SeenFacts& seen,
                                                       uint64_t sequence) {
  std::vector<VanishedKind> vanished;
  for (const std::string& kind : kinds) {
    const FactSchema* schema = FactSchemas::Get().Find(kind);
    if (schema == nullptr) {
      return absl::InvalidArgumentError("the connector says that it stated every '" + kind + "', which is no kind");
    }
    VanishedKind& of_kind = vanished.emplace_back();
    of_kind.kind = kind;
    Engine::View view(program.engine());
    RETURN_IF_ERROR(view.ScanFacts(schema->kind(), [&](const FactId& id, const StoredFact& fact) {
      if (id.source != source || fact.deleted) return true;
      ++of_kind.facts;
      if (fact.version.sequence <= sequence && !seen.Has(id)) of_kind.deletes.push_back(DeleteOf(id, fact));
      return true;
    }));
  }
  return vanished;
}

}  // namespace partnermetrics
