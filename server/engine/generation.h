// Definitions as facts are resolved and counted by them. While definitions are replaced there are two of these.
//
// Thread-safety: none; it belongs to the applier.
#ifndef PARTNERMETRICS_SERVER_ENGINE_GENERATION_H_
#define PARTNERMETRICS_SERVER_ENGINE_GENERATION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/strip.h"
#include "server/catalog/catalog.h"
#include "server/engine/interner.h"
#include "server/engine/rate_table.h"
#include "server/engine/segment_table.h"
#include "server/engine/stored_fact.h"
#include "server/facts/event_view.h"

namespace partnermetrics {

// What the partners that a fact names make of it, before anything else is considered.
struct Mentioned {
  Resolution resolution;
  bool nobody = false;
};

struct Generation {
  // Without definitions.
  Generation(const Keys& keys, StateOverlay& state) : rates(keys, state), segments(keys, state) {}
  Generation(const Keys& keys, StateOverlay& state, Interner& measure_names, std::shared_ptr<const Catalog> definitions,
             uint64_t definitions_position);

  // A domain that the programme shares leads to nobody.
  bool IsShared(absl::string_view reference) const {
    return absl::ConsumePrefix(&reference, "domain:") && shared_domains.contains(reference);
  }
  // Forgets what was looked up: the batch that it may come from is discarded.
  void Forget() {
    rates.Forget();
    segments.Forget();
    mentioned.clear();
  }

  std::shared_ptr<const Catalog> catalog;  // null before the first definitions
  uint64_t position = 0;                   // of the record that brought them
  RateTable rates;
  SegmentTable segments;
  absl::flat_hash_set<std::string> shared_domains;
  // By AppendMentionBytes: most facts name the same partners as others. Holds until a reference leads elsewhere.
  absl::flat_hash_map<std::string, Mentioned> mentioned;
  std::vector<uint32_t> measure_ids;  // by index in the catalogue
  std::vector<uint32_t> parked_ids;   // likewise: of the row that counts facts whose money waits
  std::vector<bool> by_scope;         // likewise: whether the measure differs by scope, as it reads role or share
};

// What differs between definitions and those that replace them.
struct DefinitionsChange {
  // What only the one or only the other count.
  struct Side {
    std::vector<bool> measures;  // by index in their catalogue
    std::vector<bool> others;    // those that both count
    std::vector<bool> segments;  // among those of their programme: in these the others count otherwise, too
    bool any_measures = false;
    bool any_segments = false;
  };
  DefinitionsChange() = default;
  // From none: everything.
  DefinitionsChange(const Catalog* old_catalog, const Catalog& new_catalog);

  bool resolves = true;  // facts may be resolved otherwise
  bool counts = true;    // all facts count otherwise
  bool converts = true;  // money may be converted otherwise
  Side before, after;
  absl::flat_hash_set<int> kinds;  // of fact that these are about
};

// How far facts and then partners were taken over to other definitions: up to and with these keys of the state.
struct MigrationPlace {
  std::string fact, partner;
  friend bool operator==(const MigrationPlace& a, const MigrationPlace& b) {
    return a.fact == b.fact && a.partner == b.partner;
  }
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_GENERATION_H_
