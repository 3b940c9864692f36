// Facts that a partner might have: the contributions that they would make, to its scope and to those of the whole, in
// place of those that the facts of the same names make.
//
//   SupposedFacts facts(view, programs, program.id(), partner, scope);
//   RETURN_IF_ERROR(facts.Add(request.facts()));
//   for (const auto& [row, contributions] : facts.contributions()) source.Suppose(row, contributions);
//
// Thread-compatible; the view outlives it.
#ifndef PARTNERMETRICS_SERVER_QUERIES_SUPPOSED_FACTS_H_
#define PARTNERMETRICS_SERVER_QUERIES_SUPPOSED_FACTS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/repeated_field.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/engine/engine.h"
#include "server/ingest/programs.h"
#include "server/queries/engine_source.h"

namespace partnermetrics {

class SupposedFacts {
 public:
  using Contributions = std::map<RowKey, std::vector<EngineSource::Supposed>>;

  // `scope` is the partner's.
  SupposedFacts(const Engine::View& view, const Programs& programs, std::string program, std::string partner,
                ScopeIndex scope)
      : view_(view),
        programs_(programs),
        program_(std::move(program)),
        partner_(std::move(partner)),
        scope_(scope),
        catalog_(view.catalog()) {}

  // INVALID_ARGUMENT with the field at fault.
  absl::Status Add(const google::protobuf::RepeatedPtrField<v1::Event>& events);

  const Contributions& contributions() const { return contributions_; }

 private:
  absl::StatusOr<StoredFact> ReadEvent(const v1::Event& event, int index, FactId& id) const;
  // The fact as it would be, else as it is.
  absl::StatusOr<std::optional<StoredFact>> Get(const FactId& id, bool as_it_is) const;
  // Adds (+1) or takes back (-1) what a fact counts.
  absl::Status Count(const FactId& id, const StoredFact& fact, bool as_it_is, int sign);
  void Contribute(const FactId& id, const EvalContext& context, int sign, absl::Span<const ScopeIndex> scopes);

  const Engine::View& view_;
  const Programs& programs_;
  const std::string program_, partner_;
  const ScopeIndex scope_;
  const std::shared_ptr<const Catalog> catalog_;
  std::map<FactId, StoredFact> facts_;
  Contributions contributions_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_SUPPOSED_FACTS_H_
