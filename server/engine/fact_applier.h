// What an event does to the state: the old content is taken back, the new one counted, with all that hangs on it.
#ifndef PARTNERMETRICS_SERVER_ENGINE_FACT_APPLIER_H_
#define PARTNERMETRICS_SERVER_ENGINE_FACT_APPLIER_H_

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
#include "server/engine/customer_partners.h"
#include "server/engine/header.h"
#include "server/engine/interner.h"
#include "server/engine/keys.h"
#include "server/engine/partner_entity.h"
#include "server/engine/rate_table.h"
#include "server/engine/resolution.h"
#include "server/engine/segment_table.h"
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

  // Measures to count for from now on.
  void SetCatalog(std::shared_ptr<const Catalog> catalog);

  // `stored_at_us`: when the event was stored.
  absl::StatusOr<Applied> Apply(const EventView& event, FactVersion version, uint64_t position, int64_t stored_at_us,
                                Header& header);

  // Adds or removes a claim on a reference and resolves anew the facts that name it. Returns their number.
  absl::StatusOr<int64_t> ChangeClaims(const std::vector<ReferenceKey>& references, const AliasClaim& claim, bool add,
                                       Header& header);

  // Resolves anew the facts that name one of the references. Returns how many count for another partner now.
  absl::StatusOr<int64_t> ResolveFactsNaming(const std::vector<ReferenceKey>& references, Header& header);

  // When definitions changed by which money is converted: empties the index of money, and then for each fact converts
  // its money by those in force and enters it again.
  absl::Status ForgetMoney();
  absl::Status EnterMoneyAgain(const FactId& id, Header& header);

  // When the programme's time zone changed, in which deals are won: forgets the won deals; then enters a fact again, if
  // it is one; and then resolves anew what takes its partners from a customer.
  absl::Status ForgetWonDeals() { return won_deals_.Clear(); }
  absl::Status EnterWonDeal(const FactId& id, const StoredFact& fact);
  absl::Status ResolveCustomersOf(const FactId& id, Header& header);

  // Counts a fact (sign +1) or takes it back (-1) in part: for measures and segments that are new.
  absl::Status CountFor(const FactId& id, const StoredFact& fact, int sign, const CountFilter& filter);

  // Counts (or takes back) a partner as an entity.
  absl::Status CountPartner(const std::string& partner_id, int sign, const CountFilter& filter);

  absl::StatusOr<std::optional<StoredFact>> Get(const FactId& id) const;

  // Before what was applied is published, or when it is forgotten.
  absl::Status EndBatch();
  void Discard() {
    fact_counts_.clear();
    rates_.Forget();
    segments_.Forget();
  }

 private:
  struct Part {
    FactId id;
    StoredFact before, after;
  };
  // How contributions are made.
  struct Contributing {
    int sign = 1;
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

  // Replaces a fact's content and/or resolution: takes back, stores, counts, its parts included.
  absl::Status Replace(const FactId& id, const std::optional<StoredFact>& before, const StoredFact& after,
                       Header& header);
  // Replace for facts that state a partner: the entities concerned are counted anew, references may lead elsewhere.
  absl::Status ReplacePartner(const FactId& id, const std::optional<StoredFact>& before, const StoredFact& after,
                              int64_t stored_at_us, Header& header);
  // Replace for facts that state a rate: the money that it has to do with is converted anew.
  absl::Status ReplaceRate(const FactId& id, const std::optional<StoredFact>& before, const StoredFact& after,
                           Header& header);
  // Adds (sign +1) or takes back (-1) what a fact counts: cells, targets, counters, the list of unresolved facts.
  absl::Status Count(const FactId& id, const StoredFact& fact, const StoredFact* root, int sign, Header& header);
  absl::Status CountCells(const FactId& id, const StoredFact& fact, const StoredFact* root, int sign,
                          const CountFilter& filter);
  absl::Status CountTarget(const FactId& id, const StoredFact& fact, int sign);
  void Store(const FactId& id, const StoredFact& fact);
  void IndexReferences(const FactId& id, const FactSchema& schema, absl::string_view before, absl::string_view after);
  absl::Status IndexCustomer(const FactId& id, const FactSchema& schema, absl::string_view fact, bool add);
  absl::Status IndexPart(const FactId& id, const FactSchema& schema, absl::string_view fact, bool add);
  absl::Status IndexPartner(const FactId& id, const std::optional<StoredFact>& before, const StoredFact& after,
                            Header& header);
  // Counts a fact in some scopes.
  absl::Status Contribute(absl::Span<const uint32_t> scopes, const FactId& id, const EvalContext& context,
                          const Contributing& how);

  // fact_applier_segments.cc. The segments that a fact of these partners counts in.
  absl::StatusOr<Segments> SegmentsOf(const Resolution& resolution, const std::vector<bool>* wanted);
  // Remembers the segments of partners whose records are about to change; then counts their facts in those that they
  // are in now.
  absl::Status RememberSegments(const std::set<std::string>& partners);
  absl::Status MoveSegments(const std::set<std::string>& partners);
  absl::Status CollectFactsOf(const std::string& partner, std::set<FactId>& facts);

  // The parts of a root; `is_new`: it was not there before.
  absl::StatusOr<std::vector<FactId>> PartsOf(const FactId& root, bool is_new, const Header& header) const;
  // fact_applier_customers.cc. The customer that a fact names and inherits from; nothing for others.
  std::optional<FactId> CustomerOf(const FactId& id, const FactSchema& schema, absl::string_view fact);
  // What is taken from a customer, and of that what it has from its deals.
  absl::StatusOr<CustomerPartners> PartnersOf(const FactId& customer) const;
  absl::StatusOr<CustomerPartners> PartnersByDeals(const FactId& customer) const;
  // What a fact that names no partner takes from its customer; a customer has that itself.
  absl::StatusOr<Resolution> Inherit(const FactId& id, const FactSchema& schema, absl::string_view fact);
  // The customer and day of a won deal that has partners.
  std::optional<std::pair<FactId, WonDeal>> WonDealOf(const FactId& id, const StoredFact& fact);
  // After a customer or a deal was replaced: resolves anew what takes its partners from it.
  absl::Status FollowCustomer(const FactId& id, const StoredFact* before, const StoredFact& after, Header& header);
  absl::Status FollowDeal(const FactId& id, const StoredFact* before, const StoredFact& after, Header& header);
  // Resolves anew the facts that take their partners from a customer; those of its deals the customer, too.
  absl::Status ResolveFactsOf(const FactId& customer, Header& header);
  absl::Status ResolveCustomer(const FactId& customer, Header& header);
  // The id of a part's root; nothing for whole facts and parts that name none.
  std::optional<FactId> RootOf(const FactId& id, const FactSchema& schema, absl::string_view fact);
  absl::StatusOr<Resolution> Resolve(const FactId& id, const FactSchema& schema, const StoredFact& fact,
                                     const std::optional<FactId>& root_id, const StoredFact* root);
  absl::Status ResolveAgain(const FactId& id, Header& header, int64_t& moved);
  // Adds to a resolution the rates of the fact's money, and whether some of it waits.
  absl::Status ResolveMoney(const FactSchema& schema, absl::string_view fact, Resolution& resolution);
  // Adds or removes the fact's entries in the index of money.
  void IndexMoney(const FactId& id, const FactSchema& schema, const StoredFact& fact, bool add);
  // Converts the fact's money by the rates that are in force now.
  absl::Status ConvertAgain(const FactId& id, Header& header);

  FactRow& Row(const FactSchema& schema);

  const Keys& keys_;
  StateOverlay& state_;
  CellTable& cells_;
  AliasTable& aliases_;
  RateTable rates_;
  WonDeals won_deals_;
  SegmentTable segments_;
  Interner& scopes_;
  Interner& measure_names_;
  const uint32_t business_, direct_, program_;
  std::shared_ptr<const Catalog> catalog_;
  std::vector<uint32_t> measure_ids_;  // by index in the catalogue
  std::vector<uint32_t> parked_ids_;   // likewise: of the row that counts facts whose money waits
  std::vector<bool> by_scope_;         // likewise: whether the measure differs by scope, as it reads role or share
  std::vector<bool> is_root_;          // by kind: whether parts may hang on it
  absl::flat_hash_map<std::string, int64_t> fact_counts_;    // partner → facts more, or less, in this batch
  std::vector<RowContribution> contributions_;               // reused
  std::vector<EntryContribution> entries_;                   // reused
  absl::flat_hash_map<int, std::unique_ptr<FactRow>> rows_;  // one per kind, reused
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_FACT_APPLIER_H_
