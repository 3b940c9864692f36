#include "server/ingest/partner_history.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "server/base/errors.h"
#include "server/engine/customer_partners.h"
#include "server/engine/entry_set.h"
#include "server/engine/fact_kinds.h"
#include "server/engine/id_list.h"
#include "server/engine/partner_facts.h"
#include "server/engine/partners.h"
#include "server/engine/resolution.h"
#include "server/facts/event_view.h"
#include "server/facts/fact_row.h"
#include "server/ingest/scratch.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

// Whose records are looked up under one view of the state.
constexpr size_t kFactsAtOnce = 500;

absl::Status ForEachEntryOf(const Engine::View& view, const EntryTables& tables, const std::string& owner,
                            const VisitEntry& visit) {
  const auto scan = [&](Index index, const VisitIndex& visit_index) {
    return view.ScanIndex(index, owner, [&](absl::string_view key, absl::string_view value) {
      return visit_index(key.substr(owner.size()), value);
    });
  };
  return ForEachEntry(tables, scan, visit);
}

// Gathers facts, their parts, and their records until a position. Looks at the state again and again for a short time:
// entries of indexes that are taken back meanwhile are found among those that were.
class Gatherer {
 public:
  Gatherer(Engine& engine, const storage::EventLog& log, uint64_t until) : engine_(engine), log_(log), until_(until) {}

  absl::Status AddSettings() {
    std::vector<uint64_t> positions;
    {
      const Engine::View view(engine_);
      RETURN_IF_ERROR(view.ScanIndex(Index::kSettings, "", [&](absl::string_view key, absl::string_view) {
        positions.push_back(storage::ByteReader(key).KeyU64());
        return true;
      }));
    }
    return AddRecords(positions);
  }

  // All facts of a kind.
  absl::Status AddKind(int kind) {
    {
      const Engine::View view(engine_);
      RETURN_IF_ERROR(view.ScanFacts(kind, [&](const FactId& id, const StoredFact&) {
        Want(id);
        return true;
      }));
    }
    return Take();
  }

  // Some fact of each kind, if there was one by then.
  absl::Status AddSomeOfEachKind() {
    {
      const Engine::View view(engine_);
      for (const auto& [kind, stored_at] : view.header().fresh_at_us) {
        absl::Status found;
        RETURN_IF_ERROR(view.ScanFacts(kind, [&](const FactId& id, const StoredFact& fact) {
          absl::StatusOr<std::vector<uint64_t>> positions = PositionsOf(view, id, fact);
          found = positions.status();
          if (!found.ok() || positions->empty()) return found.ok();
          Want(id);
          return false;
        }));
        RETURN_IF_ERROR(found);
      }
    }
    return Take();
  }

  // The facts that name a reference, or did.
  absl::Status AddNaming(const ReferenceKey& reference) {
    std::string prefix;
    storage::ByteWriter(&prefix).KeyString(reference);
    {
      const Engine::View view(engine_);
      RETURN_IF_ERROR(WantIndexed(view, Index::kReference, prefix));
    }
    return Take();
  }

  // What the customers of these facts have: the partners of a customer depend on all its deals.
  absl::Status AddCustomers() {
    const std::set<FactId> customers = Customers();
    {
      const Engine::View view(engine_);
      for (const FactId& customer : customers) {
        const std::string prefix = FactBytes(customer);
        Want(customer);
        RETURN_IF_ERROR(WantIndexed(view, Index::kCustomerFacts, prefix));
        RETURN_IF_ERROR(WantLeft(view, Index::kWonDeals, prefix));
        RETURN_IF_ERROR(ForEachEntryOf(view, kWonDealTables, prefix, [&](absl::string_view entry) -> absl::Status {
          ASSIGN_OR_RETURN(const WonDeal won, DecodeWonDeal(entry));
          Want(won.deal);
          return absl::OkStatus();
        }));
      }
    }
    return Take();
  }

  std::vector<storage::LogRecord> records() const {
    std::vector<storage::LogRecord> records;
    for (const auto& [position, record] : records_) records.push_back(record);
    return records;
  }

 private:
  void Want(const FactId& id) {
    if (facts_.insert(id).second) wanted_.push_back(id);
  }

  // The facts of an index's entries, and those that it had.
  absl::Status WantIndexed(const Engine::View& view, Index index, const std::string& prefix) {
    RETURN_IF_ERROR(WantUnder(view, index, prefix));
    return WantLeft(view, index, prefix);
  }
  absl::Status WantLeft(const Engine::View& view, Index index, const std::string& prefix) {
    return WantUnder(view, Index::kLeft, static_cast<char>(index) + prefix);
  }
  absl::Status WantUnder(const Engine::View& view, Index index, const std::string& prefix) {
    return view.ScanIndex(index, prefix, [&](absl::string_view key, absl::string_view) {
      storage::ByteReader reader(key.substr(prefix.size()));
      Want(Keys::ReadFactId(reader));
      return true;
    });
  }

  absl::Status WantPartsOf(const Engine::View& view, const FactId& root) {
    const std::string prefix = FactBytes(root);
    RETURN_IF_ERROR(ForEachEntryOf(view, kPartTables, prefix, [&](absl::string_view entry) -> absl::Status {
      ASSIGN_OR_RETURN(const FactId part, DecodeId(entry));
      Want(part);
      return absl::OkStatus();
    }));
    return WantLeft(view, Index::kParts, prefix);
  }

  // Reads the records of the facts that are wanted, and of their parts.
  absl::Status Take() {
    while (!wanted_.empty()) {
      std::vector<uint64_t> positions;
      {
        const Engine::View view(engine_);
        for (size_t i = 0; i < kFactsAtOnce && !wanted_.empty(); ++i) {
          const FactId id = std::move(wanted_.back());
          wanted_.pop_back();
          ASSIGN_OR_RETURN(const std::optional<StoredFact> fact, view.Fact(id));
          if (fact.has_value()) {
            ASSIGN_OR_RETURN(const std::vector<uint64_t> own, PositionsOf(view, id, *fact));
            positions.insert(positions.end(), own.begin(), own.end());
          }
          RETURN_IF_ERROR(WantPartsOf(view, id));
        }
      }
      RETURN_IF_ERROR(AddRecords(positions));
    }
    return absl::OkStatus();
  }

  // Those of its records that were stored by then.
  absl::StatusOr<std::vector<uint64_t>> PositionsOf(const Engine::View& view, const FactId& id,
                                                    const StoredFact& fact) const {
    std::vector<uint64_t> positions;
    const std::string prefix = FactBytes(id);
    RETURN_IF_ERROR(view.ScanIndex(Index::kHistory, prefix, [&](absl::string_view key, absl::string_view) {
      const uint64_t position = storage::ByteReader(key.substr(prefix.size())).KeyU64();
      if (position <= until_) positions.push_back(position);
      return true;
    }));
    if (fact.position <= until_) positions.push_back(fact.position);
    return positions;
  }

  absl::Status AddRecords(const std::vector<uint64_t>& positions) {
    for (const uint64_t position : positions) {
      if (position > until_ || records_.count(position) > 0) continue;
      ASSIGN_OR_RETURN(records_[position], log_.Get(position));
    }
    return absl::OkStatus();
  }

  // Customers among the facts, and those that deals named.
  std::set<FactId> Customers() const {
    const FactSchema& deals = *FactSchemas::Get().FindByNumber(DealKind());
    std::set<FactId> customers;
    FactRow row(deals);
    FieldError error;
    for (const auto& [position, record] : records_) {
      EventView event;
      const bool is_event = record.type == storage::RecordType::kEvent && event.Parse(record.payload);
      if (!is_event || event.deleted) continue;
      if (event.schema->kind() == CustomerKind()) {
        customers.insert({CustomerKind(), std::string(event.source), std::string(event.record_id)});
      } else if (event.schema->kind() == DealKind() && row.Decode(event.fact, "", &error)) {
        const Value& customer = row[deals.customer_slot()];
        if (customer.is_null()) continue;
        customers.insert({CustomerKind(), std::string(event.source), std::string(customer.text)});
      }
    }
    return customers;
  }

  Engine& engine_;
  const storage::EventLog& log_;
  const uint64_t until_;
  std::set<FactId> facts_;
  std::vector<FactId> wanted_;  // of facts_, those whose records are still to be read
  std::map<uint64_t, storage::LogRecord> records_;
};

}  // namespace

absl::StatusOr<PartnerHistory> ReadPartnerHistory(Engine& engine, const storage::EventLog& log, uint64_t position,
                                                  const std::string& name) {
  PartnerHistory history;
  Gatherer gatherer(engine, log, position);
  RETURN_IF_ERROR(gatherer.AddSettings());
  for (const int kind : {PartnerKind(), RateKind(), TargetSchema().kind()}) RETURN_IF_ERROR(gatherer.AddKind(kind));

  // Who the partner was then, and what led to it.
  ASSIGN_OR_RETURN(const std::unique_ptr<Scratch> partners, Scratch::Of(engine.program(), log, gatherer.records()));
  std::vector<ReferenceKey> references;
  {
    const Engine::View then(partners->engine());
    ASSIGN_OR_RETURN(history.partner_id, FindPartner(then, name));
    std::string prefix;
    storage::ByteWriter(&prefix).KeyString(history.partner_id);
    RETURN_IF_ERROR(then.ScanIndex(Index::kClaimed, prefix, [&](absl::string_view key, absl::string_view) {
      references.push_back(storage::ByteReader(key.substr(prefix.size())).KeyString());
      return true;
    }));
  }
  for (const ReferenceKey& reference : references) RETURN_IF_ERROR(gatherer.AddNaming(reference));
  RETURN_IF_ERROR(gatherer.AddCustomers());
  RETURN_IF_ERROR(gatherer.AddSomeOfEachKind());
  history.records = gatherer.records();
  return history;
}

}  // namespace partnermetrics
