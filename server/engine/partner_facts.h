// The facts of a partner and kind, without reading the other facts of the kind.
//
// No index of its own leads to them, which every fact would have to pay for: the references that the partner claims
// lead to the facts that name them, these to the customers that have their partners from them, those to the facts that
// have theirs from the customer, and roots to their parts.
//
// Thread-safety: that of the functions it is given.
#ifndef PARTNERMETRICS_SERVER_ENGINE_PARTNER_FACTS_H_
#define PARTNERMETRICS_SERVER_ENGINE_PARTNER_FACTS_H_

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/engine/keys.h"
#include "server/engine/stored_fact.h"
#include "server/facts/event_view.h"
#include "server/facts/fact_schema.h"

namespace partnermetrics {

// Visits an index's entry; false ends the scan. Keys are whole.
using VisitIndex = std::function<bool(absl::string_view key, absl::string_view value)>;

// References and customers whose facts may still count for partners to whom these led before.
struct UnsettledFacts {
  // Adds what the prefix of an index's entries stands for, when it is one of the two.
  void Add(const Keys& keys, absl::string_view prefix);

  std::vector<ReferenceKey> references;
  std::vector<FactId> customers;
};

class PartnerFactsReader {
 public:
  using Scan = std::function<absl::Status(const std::string& prefix, const VisitIndex& visit)>;
  using GetFact = std::function<absl::StatusOr<std::optional<StoredFact>>(const FactId& id)>;

  PartnerFactsReader(const Keys& keys, Scan scan, GetFact get, UnsettledFacts unsettled = {})
      : keys_(keys), scan_(std::move(scan)), get_(std::move(get)), unsettled_(std::move(unsettled)) {}

  // The facts of the kind that count for the partner. Not for the kind "partner".
  absl::StatusOr<std::set<FactId>> Find(absl::string_view partner_id, const FactSchema& schema);

 private:
  // Facts that may count for the partner, and maybe others.
  absl::Status AddCandidates(absl::string_view partner_id, const FactSchema& schema, std::set<FactId>& facts);
  absl::Status AddNaming(const std::vector<ReferenceKey>& references, const FactSchema& schema,
                         std::set<FactId>& facts) const;
  // Those of the kind that an index holds under `under`.
  absl::Status AddIndexed(const std::string& under, const FactSchema& schema, std::set<FactId>& facts) const;
  absl::Status AddOfCustomers(absl::string_view partner_id, const std::vector<ReferenceKey>& references,
                              const FactSchema& schema, std::set<FactId>& facts) const;

  const Keys& keys_;
  const Scan scan_;
  const GetFact get_;
  const UnsettledFacts unsettled_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_PARTNER_FACTS_H_
