// The slow path that the fast one is checked against: all cells of a programme from its final facts alone.
//
// It knows nothing of what the engine stored besides facts, aliases and what partners' records stated over time: who
// the partners are, in which segments they were, what parts hang on what, whose the customers are, which rate converts
// whose money and what each day counts is worked out anew.
#ifndef PARTNERMETRICS_SERVER_ENGINE_BRUTE_FORCE_H_
#define PARTNERMETRICS_SERVER_ENGINE_BRUTE_FORCE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/engine/engine.h"

namespace partnermetrics {

// A fact as it stands in the end; deleted ones are left out.
struct FinalFact {
  FactId id;
  std::string fact;
};

struct AdminAlias {
  ReferenceKey reference;
  std::string partner_id;
};

// What each record of a partner stated of its attributes, in the order in which the server learned it.
using AttributeHistory = std::map<FactId, std::vector<AttributeStatement>>;

// Scope, row, day, and the key of an entry.
using CellKey = std::tuple<std::string, std::string, Day, std::string>;
using CellMap = std::map<CellKey, DayCell>;

CellMap BruteForceCells(const Catalog& catalog, const std::vector<FinalFact>& facts,
                        const std::vector<AdminAlias>& aliases, const AttributeHistory& attributes);

struct CellDifference {
  CellKey key;
  DayCell served, recomputed;
};

struct Verification {
  uint64_t position = 0;
  int64_t facts = 0;
  int64_t cells = 0;
  std::vector<CellDifference> differences;  // at most `max_differences`
};

// Compares what the engine serves with the slow path. With a scope ("program", "partner:…") only its cells.
absl::StatusOr<Verification> VerifyCells(const Engine::View& view, absl::string_view scope, size_t max_differences);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_BRUTE_FORCE_H_
