#include "server/engine/generation.h"

#include <algorithm>

#include "absl/types/span.h"
#include "server/engine/money.h"
#include "server/engine/resolution.h"

namespace partnermetrics {
namespace {

bool SameSourcePrecedence(const v1::Program& a, const v1::Program& b) {
  return std::equal(a.source_precedence().begin(), a.source_precedence().end(), b.source_precedence().begin(),
                    b.source_precedence().end());
}

absl::flat_hash_set<std::string> SharedDomains(const v1::Program& program) {
  return {program.shared_domains().begin(), program.shared_domains().end()};
}

// Which measures of a catalogue another one has just so.
std::vector<bool> MeasuresIn(const Catalog& catalog, const Catalog& other) {
  absl::flat_hash_map<std::string, std::string> theirs;
  for (const v1::Measure& measure : other.definitions().measures()) {
    theirs[measure.id()] = measure.SerializeAsString();
  }
  std::vector<bool> same(catalog.measures().size());
  for (const v1::Measure& measure : catalog.definitions().measures()) {
    const auto it = theirs.find(measure.id());
    if (it == theirs.end() || it->second != measure.SerializeAsString()) continue;
    same[static_cast<size_t>(catalog.FindMeasure(measure.id())->index)] = true;
  }
  return same;
}

// Which segments of a programme another one does not declare just so.
std::vector<bool> SegmentsNotIn(const v1::Program& program, const v1::Program& other) {
  std::vector<bool> missing;
  for (const v1::SegmentAttribute& segment : program.segments()) {
    missing.push_back(
        std::none_of(other.segments().begin(), other.segments().end(), [&](const v1::SegmentAttribute& theirs) {
          return theirs.attribute() == segment.attribute() && theirs.membership() == segment.membership();
        }));
  }
  return missing;
}

bool AnyOf(const std::vector<bool>& flags) {
  return std::find(flags.begin(), flags.end(), true) != flags.end();
}

// What a catalogue counts that another one does not, and which kinds of fact this is about.
DefinitionsChange::Side SideOf(const Catalog& catalog, const Catalog& other, absl::flat_hash_set<int>& kinds) {
  DefinitionsChange::Side side;
  side.others = MeasuresIn(catalog, other);
  side.measures = side.others;
  side.measures.flip();
  side.segments = SegmentsNotIn(catalog.program(), other.program());
  side.any_measures = AnyOf(side.measures);
  side.any_segments = AnyOf(side.segments) && AnyOf(side.others);
  for (const CompiledMeasure& measure : catalog.measures()) {
    if (side.any_segments || side.measures[static_cast<size_t>(measure.index)]) kinds.insert(measure.fact->kind());
  }
  return side;
}

}  // namespace

Generation::Generation(const Keys& keys, StateOverlay& state, Interner& measure_names,
                       std::shared_ptr<const Catalog> definitions, uint64_t definitions_position)
    : catalog(std::move(definitions)),
      position(definitions_position),
      rates(keys, state),
      segments(keys, state),
      shared_domains(SharedDomains(catalog->program())) {
  rates.SetProgram(catalog->program());
  segments.SetProgram(catalog->program(), catalog->zone());
  for (const CompiledMeasure& measure : catalog->measures()) {
    measure_ids.push_back(measure_names.Id(measure.id));
    by_scope.push_back(measure.reads_role || measure.reads_credited);
  }
  // Numbered behind all measures: rows are kept by number, and few facts wait.
  for (const CompiledMeasure& measure : catalog->measures()) {
    parked_ids.push_back(measure_names.Id(ParkedRowName(measure.id)));
  }
}

DefinitionsChange::DefinitionsChange(const Catalog* old_catalog, const Catalog& new_catalog) {
  if (old_catalog == nullptr) return;
  const v1::Program &old = old_catalog->program(), &now = new_catalog.program();
  // Money and days of every fact depend on currency and zone, partners on the order of their sources.
  counts = old.currency_code() != now.currency_code() || old.time_zone() != now.time_zone() ||
           !SameSourcePrecedence(old, now);
  converts = counts || MaxRateAge(old) != MaxRateAge(now);
  resolves = converts || SharedDomains(old) != SharedDomains(now);
  before = SideOf(*old_catalog, new_catalog, kinds);
  after = SideOf(new_catalog, *old_catalog, kinds);
}

}  // namespace partnermetrics
