// What an event does to the state: the old content is taken back, the new one counted, with all that hangs on it.
#ifndef PARTNERMETRICS_SERVER_ENGINE_FACT_APPLIER_H_
#define PARTNERMETRICS_SERVER_ENGINE_FACT_APPLIER_H_

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/catalog/catalog.h"
#include "server/engine/alias_table.h"
#include "server/engine/cells.h"
#include "server/engine/counted_difference.h"
#include "server/engine/customer_partners.h"
#include "server/engine/entry_set.h"
#include "server/engine/fact_scan.h"
#include "server/engine/generation.h"
#include "server/engine/header.h"
#include "server/engine/interner.h"
#include "server/engine/keys.h"
#include "server/engine/partner_entity.h"
#include "server/engine/resolution.h"
#include "server/engine/segment_moves.h"
#include "server/engine/segments.h"
#include "server/engine/state_overlay.h"
#include "server/engine/stored_fact.h"
#include "server/facts/event_view.h"
#include "server/facts/fact_row.h"

namespace partnermetrics {

struct Applied {
  Effect effect = Effect::kNone;
  bool unresolved = false;
  bool parked = false;
  int64_t moved_facts = 0;  // facts that count for another partner now
  uint64_t job = 0;         // of the facts that are still to be looked at; 0: none are
};

// Entries of an index that name facts, each behind `fact_at` bytes of its key: those before `end` that begin with
// `prefix`, from `next` on.
struct FactRange {
  std::string prefix, next, end;  // end: empty for that of the prefix
  size_t fact_at = 0;
};

// What of a fact is counted: by index in the catalogue and among the programme's segments; null: all.
struct CountFilter {
  const std::vector<bool>* measures = nullptr;
  const std::vector<bool>* segments = nullptr;
  bool whole = true;  // in business, programme, direct part and those of the partners, too
};

class FactApplier {
 public:
  FactApplier(const Keys& keys, StateOverlay& state, CellTable& cells, AliasTable& aliases, Interner& scopes,
              Interner& measures);

  // The definitions in force, and what they are known by: the position of the record that brought them.
  void SetDefinitions(std::shared_ptr<const Catalog> catalog, uint64_t position);
  const std::shared_ptr<const Catalog>& catalog() const { return now_->catalog; }
  uint64_t definitions() const { return now_->position; }

  // `stored_at_us`: when the event was stored.
  absl::StatusOr<Applied> Apply(const EventView& event, FactVersion version, uint64_t position, int64_t stored_at_us,
                                Header& header);

  // Adds or removes a claim on references. The facts that name one which leads elsewhere now are to be settled.
  absl::Status ChangeClaims(const std::vector<ReferenceKey>& references, const AliasClaim& claim, bool add);

  // What was applied may concern further facts: by an alias, an exchange rate, a customer's first deal. Looks at up to
  // `most` of them and resolves anew those for which something changed; settling one again changes nothing, so that
  // neither their order nor what happens to them meanwhile matters. Gives how many it looked at; the rest stays in
  // unsettled().
  absl::StatusOr<int64_t> Settle(int64_t most, Header& header);
  std::deque<FactRange>& unsettled() { return unsettled_; }
  // What open jobs will settle.
  void SetWaiting(std::vector<FactRange> ranges) { waiting_ = std::move(ranges); }
  // Facts that were resolved otherwise by Settle since the last call.
  int64_t TakeMoved() { return std::exchange(moved_, 0); }
  // Counts entries of a range, up to `most`, and takes them out of it. Fewer: there are no more.
  absl::StatusOr<int64_t> CountEntries(FactRange& range, int64_t most) const;
  // Whether a range stands for the facts of a partner that are to be counted in other segments. It has one entry.
  bool IsSegmentMove(const FactRange& range) const { return segment_moves_.IsPrefix(range.prefix); }
  // What Settle will count for all of that.
  absl::StatusOr<int64_t> SizeOfSegmentMove(const FactRange& range, const Header& header) const;
  // Which partners' segments are moved, as the state has it.
  absl::Status LoadSegmentMoves() {
    segment_scan_.reset();
    return segment_moves_.Load();
  }

  // fact_applier_migrate.cc. Other definitions come into force fact by fact, in the order of their keys, and then
  // partner by partner: what stands at or before the place that is reached is resolved and counted by the next
  // definitions, all else by those in force.
  void BeginMigration(std::shared_ptr<const Catalog> catalog, uint64_t position, MigrationPlace place);
  bool is_migrating() const { return next_ != nullptr; }
  const MigrationPlace& migrated() const { return migrated_; }
  // Takes up to `most` facts or partners over to the next definitions. Gives how many; fewer: all are.
  absl::StatusOr<int64_t> Migrate(int64_t most, Header& header);
  // When all are: the next definitions are those in force.
  void EndMigration();
  // What changes by the definitions that replace those in force; nothing while none do.
  std::optional<DefinitionsChange> Changing() const {
    return next_ == nullptr ? std::nullopt : std::optional<DefinitionsChange>(change_);
  }

  absl::StatusOr<std::optional<StoredFact>> Get(const FactId& id) const;

  // Before what was applied is published, or when it is forgotten.
  absl::Status EndBatch();
  void Discard() {
    fact_counts_.clear();
    unsettled_.clear();
    moved_ = 0;
    difference_.Forget();
    now_->Forget();
    if (next_ != nullptr) next_->Forget();
  }

 private:
  struct Part {
    FactId id;
    StoredFact before, after;
  };
  // How contributions are made.
  struct Contributing {
    int sign = 1;
    CountedAs as = CountedAs::kEverywhere;
    const std::vector<bool>* measures = nullptr;  // null: all
    std::optional<bool> by_scope;    // only measures that differ by scope, or only those that do not; unset: all
    const DayRange* days = nullptr;  // only on these days; null: on all
  };
  struct SegmentCount {
    uint32_t scope = 0;
    SegmentPiece piece;
  };
  // The segments in which a fact counts whatever the day, and those in which it counts on some days.
  struct Segments {
    std::vector<SegmentCount> always, at_times;
  };

  // The definitions by which a fact is resolved and counted, and those of a partner as an entity.
  Generation& GenerationOf(const FactId& id);
  Generation& GenerationOf(const std::string& partner_id);

  // Replaces a fact's content, its resolution and the definitions by which it was counted until now: takes back,
  // stores, counts, its parts included.
  absl::Status Replace(const FactId& id, const StoredFact* before, const StoredFact& after, Generation& from,
                       Header& header);
  // Replace for facts that state a partner: the entities concerned are counted anew, references may lead elsewhere.
  absl::Status ReplacePartner(const FactId& id, const std::optional<StoredFact>& before, const StoredFact& after,
                              int64_t stored_at_us, Header& header);
  // Replace for facts that state a rate: the money that it has to do with is to be converted anew.
  absl::Status ReplaceRate(const FactId& id, const std::optional<StoredFact>& before, const StoredFact& after,
                           Header& header);
  // Adds (sign +1) or takes back (-1) what a fact counts: cells, targets, counters, the list of unresolved facts.
  absl::Status Count(Generation& by, const FactId& id, const StoredFact& fact, const StoredFact* root, int sign,
                     Header& header);
  absl::Status CountCells(Generation& by, const FactId& id, const StoredFact& fact, const StoredFact* root, int sign,
                          const CountFilter& filter);
  // What a fact counts by, and with what root; no fact: nothing.
  struct Counted {
    Generation* by = nullptr;
    const StoredFact* fact = nullptr;
    const StoredFact* root = nullptr;
  };
  // Count(-1) of what it was and Count(+1) of what it is; what both count alike touches no cell.
  absl::Status CountAgain(const FactId& id, const Counted& before, const Counted& now, Header& header);
  // A partner as an entity, of all records that state it; nothing when none does.
  absl::StatusOr<std::optional<StoredFact>> EntityOf(const Generation& by, const std::string& partner_id);
  absl::Status CountPartner(const std::string& partner_id, int sign);
  // Takes back what only the definitions in force count and counts what only the next ones do.
  absl::Status CountChange(const FactId& id, const StoredFact& fact);
  absl::Status CountChange(const FactId& id, const StoredFact& fact, const StoredFact* root);
  absl::StatusOr<int64_t> MigrateFacts(int64_t most, Header& header);
  absl::Status MigrateFact(const FactId& id, const StoredFact& before, Header& header);
  absl::StatusOr<int64_t> MigratePartners(int64_t most);
  absl::Status CountTarget(const FactId& id, const StoredFact& fact, int sign);
  void Store(const FactId& id, const StoredFact& fact);
  void IndexReferences(const FactId& id, const FactSchema& schema, absl::string_view before, absl::string_view after);
  void IndexCustomer(const FactId& id, const FactSchema& schema, absl::string_view before, absl::string_view after);
  absl::Status IndexPart(const FactId& id, const FactSchema& schema, absl::string_view before, absl::string_view after);
  absl::Status IndexPartner(const FactId& id, const std::optional<StoredFact>& before, const StoredFact& after,
                            Header& header);
  // Counts a fact in some scopes.
  absl::Status Contribute(const Generation& by, absl::Span<const uint32_t> scopes, const FactId& id,
                          const EvalContext& context, const Contributing& how);

  // fact_applier_segments.cc. The segments that a fact of these partners counts in.
  absl::StatusOr<Segments> SegmentsOf(Generation& by, const FactId& id, const Resolution& resolution,
                                      const std::vector<bool>* wanted);
  // What the records of partners say that are about to change; nothing when no segments are declared. Then: the facts
  // of those that are in other segments now are to be settled.
  using PartnerStatements = std::map<std::string, std::vector<StatementsOfRecord>>;
  absl::StatusOr<PartnerStatements> StatementsOf(const std::set<std::string>& partners);
  absl::Status MoveSegments(PartnerStatements before);
  // Counts facts of a partner in its segments as they are now. Gives how many it looked at, by what they cost; when
  // that is less than `most` it was all.
  absl::StatusOr<int64_t> MoveFacts(const std::string& partner, int64_t most);
  absl::StatusOr<int64_t> MoveCollected(const std::string& partner, const std::set<FactId>& facts);
  absl::StatusOr<int64_t> MoveScanned(const std::string& partner, int64_t most);
  // The facts of a partner; nothing when they cannot be found by looking at `most` entries and facts.
  absl::StatusOr<std::optional<std::set<FactId>>> CollectFactsOf(const std::string& partner, int64_t most);
  // The segments that a partner moves in, by the definitions in force and by the next ones.
  struct MovedSegments {
    std::vector<bool> now, next;
  };
  absl::StatusOr<MovedSegments> MovedSegmentsOf(const std::string& partner);
  // Counts (sign +1) a fact in these segments, or takes it back (-1).
  absl::Status CountInSegments(const FactId& id, const StoredFact& fact, int sign, const MovedSegments& segments);

  // The parts of a root; `is_new`: it was not there before.
  absl::StatusOr<std::vector<FactId>> PartsOf(const FactId& root, bool is_new, const Header& header) const;
  // fact_applier_customers.cc. The customer that a fact names and inherits from; nothing for others.
  std::optional<FactId> CustomerOf(const FactId& id, const FactSchema& schema, absl::string_view fact);
  // What is taken from a customer, and of that what it has from its deals.
  absl::StatusOr<CustomerPartners> PartnersOf(const FactId& customer) const;
  absl::StatusOr<CustomerPartners> PartnersByDeals(const FactId& customer) const;
  // What a fact that names no partner takes from its customer; a customer has that itself.
  absl::StatusOr<Resolution> Inherit(const Generation& by, const FactId& id, const FactSchema& schema,
                                     absl::string_view fact);
  // The customer and day of a won deal that has partners.
  std::optional<std::pair<FactId, WonDeal>> WonDealOf(const Generation& by, const FactId& id, const StoredFact& fact);
  // After a customer or a deal was replaced: what takes its partners from it is to be settled.
  absl::Status FollowCustomer(const FactId& id, const StoredFact* before, const StoredFact& after);
  absl::Status FollowDeal(const FactId& id, const StoredFact* before, const StoredFact& after, const Generation& from,
                          Header& header);
  // The facts that take their partners from a customer are to be settled; with those of its deals the customer, too.
  absl::Status UnsettleFactsOf(const FactId& customer);
  absl::Status ResolveCustomer(const FactId& customer, Header& header);
  // The id of a part's root; nothing for whole facts and parts that name none.
  std::optional<FactId> RootOf(const FactId& id, const FactSchema& schema, absl::string_view fact);
  absl::StatusOr<Resolution> Resolve(Generation& by, const FactId& id, const FactSchema& schema, const StoredFact& fact,
                                     const std::optional<FactId>& root_id, const StoredFact* root);
  // Without the money: what is said of it here is of no use.
  absl::StatusOr<Resolution> ResolvePartners(Generation& by, const FactId& id, const FactSchema& schema,
                                             const StoredFact& fact, const std::optional<FactId>& root_id,
                                             const StoredFact* root);
  // Of the partners that a fact names.
  absl::StatusOr<const Mentioned*> ResolveMentioned(Generation& by, const FactSchema& schema, absl::string_view fact);
  absl::Status ResolveAgain(const FactId& id, Header& header);
  // Adds to a resolution the rates of the fact's money, and whether some of it waits.
  absl::Status ResolveMoney(Generation& by, const FactSchema& schema, absl::string_view fact, Resolution& resolution);
  // Adds or removes the fact's entries in the index of money.
  void IndexMoney(const Generation& by, const FactId& id, const FactSchema& schema, const StoredFact& fact, bool add);
  // A fact's root, and nothing for facts that have none.
  absl::StatusOr<std::optional<StoredFact>> GetRoot(const std::optional<FactId>& root_id) const;

  FactRow& Row(const FactSchema& schema);

  const Keys& keys_;
  StateOverlay& state_;
  CellTable& cells_;
  AliasTable& aliases_;
  EntrySets parts_, won_deals_;
  Interner& scopes_;
  Interner& measure_names_;
  const uint32_t business_, direct_, program_;
  std::unique_ptr<Generation> now_;   // the definitions in force
  std::unique_ptr<Generation> next_;  // those that replace them; null: none do
  DefinitionsChange change_;          // between the two
  MigrationPlace migrated_;           // up to where the next ones hold
  std::optional<FactScan> scan_;      // of the facts behind it
  std::deque<FactRange> unsettled_;   // what may be resolved otherwise now
  std::vector<FactRange> waiting_;    // likewise, of open jobs
  SegmentMoves segment_moves_;
  std::optional<FactScan> segment_scan_;  // of the facts of the one of them that is gone on with
  int64_t moved_ = 0;
  std::vector<bool> is_root_;                                // by kind: whether parts may hang on it
  absl::flat_hash_map<std::string, int64_t> fact_counts_;    // partner → facts more, or less, in this batch
  std::string mention_bytes_;                                // reused
  StoredFact scanned_;                                       // reused
  CountedDifference difference_;                             // of the fact that is replaced
  std::vector<RowContribution> contributions_;               // reused
  std::vector<EntryContribution> entries_;                   // reused
  absl::flat_hash_map<int, std::unique_ptr<FactRow>> rows_;  // one per kind, reused
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_FACT_APPLIER_H_
