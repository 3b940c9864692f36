// Keys of the state's tables. Every key begins with the programme: programmes share nothing. docs/formats.md has them
// all.
#ifndef PARTNERMETRICS_SERVER_ENGINE_KEYS_H_
#define PARTNERMETRICS_SERVER_ENGINE_KEYS_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/civil.h"
#include "storage/bytes.h"

namespace partnermetrics {

// A fact within its programme.
struct FactId {
  int kind = 0;
  std::string source;
  std::string record_id;
  friend bool operator==(const FactId& a, const FactId& b) {
    return a.kind == b.kind && a.source == b.source && a.record_id == b.record_id;
  }
  friend bool operator<(const FactId& a, const FactId& b) {
    if (a.kind != b.kind) return a.kind < b.kind;
    return a.source != b.source ? a.source < b.source : a.record_id < b.record_id;
  }
  template <typename H>
  friend H AbslHashValue(H h, const FactId& id) {
    return H::combine(std::move(h), id.kind, id.source, id.record_id);
  }
};

// Tables within StateTable::kIndexes. The letters are stored and never change.
enum class Index : char {
  kAlias = 'A',           // reference → claims
  kAdminAlias = 'B',      // partner, reference → nothing: what admins added
  kCustomerFacts = 'K',   // customer, fact → nothing: facts that take the customer's partners
  kFollowed = 'G',        // customer → nothing: a fact took its partners at some time; without this none does
  kClaimed = 'L',         // partner, reference → nothing: the references that it claims
  kDefinitions = 'D',     // → log.v1.Definitions
  kJob = 'J',             // position of the record that opened it → log.v1.JobRecord
  kJobDefinitions = 'I',  // likewise → log.v1.Definitions, until they are in force
  kSettings = 'E',        // position → nothing: records that change definitions or aliases
  kFactCount = 'F',       // partner → facts that count for it
  kHistory = 'H',         // fact, position → nothing: records about the fact that do not state its content now
  kMoney = 'M',           // currency, money date, fact → nothing: money in another currency than the programme's
  kRun = 'N',             // run → its record
  kRunState = 'O',        // connector → state to go on from
  kColumns = 'o',         // connector → columns of its source
  kParts = 'C',           // root → ids of the first of its parts
  kLaterParts = 'c',      // root, part → nothing: the others of them
  kPartner = 'P',         // partner → facts that state it
  kPeriod = 'Q',          // id of a closed period → log.v1.PeriodRecord
  kReference = 'R',       // reference, fact → nothing: who names this reference
  kTarget = 'T',          // scope, metric, kind, period, fact → value
  kSegmentMove = 'S',     // partner → what its facts are still counted by, while they are moved to other segments
  kUnresolved = 'U',      // reference, fact → nothing: unresolved facts by their most trusted reference
  kAttributes = 'V',      // record that states a partner → what its attributes were, and since when
  kWonDeals = 'W',        // customer → days and ids of the first of its won deals that have partners
  kLaterWonDeals = 'Z',   // customer, day, deal → nothing: the others of them
  kLeft = 'Y',            // letter and key of an entry that names a fact and is no more → nothing
  kRate = 'X',            // pair of currencies, day, fact that states it → which way and the rate
};

// Builds the keys of one programme.
class Keys {
 public:
  explicit Keys(absl::string_view program) { storage::ByteWriter(&program_).KeyString(program); }

  const std::string& program() const { return program_; }
  std::string Header() const { return program_ + "header"; }

  std::string FactKind(int kind) const {
    std::string key = program_;
    storage::ByteWriter(&key).Fixed32(static_cast<uint32_t>(kind));
    return key;
  }
  std::string Fact(int kind, absl::string_view source, absl::string_view record_id) const {
    std::string key = program_;
    storage::ByteWriter(&key).Fixed32(static_cast<uint32_t>(kind)).KeyString(source).KeyString(record_id);
    return key;
  }
  std::string Fact(const FactId& id) const { return Fact(id.kind, id.source, id.record_id); }
  // Reads a fact's id from what follows the programme in its key.
  static FactId ReadFactId(storage::ByteReader& reader) {
    FactId id;
    id.kind = static_cast<int>(reader.Fixed32());
    id.source = reader.KeyString();
    id.record_id = reader.KeyString();
    return id;
  }
  FactId ReadFactKey(absl::string_view key) const {
    storage::ByteReader reader(key.substr(program_.size()));
    return ReadFactId(reader);
  }

  // Cells of a scope, up to the year.
  std::string Cells(absl::string_view scope) const {
    std::string key = program_;
    storage::ByteWriter(&key).KeyString(scope);
    return key;
  }

  std::string Of(Index index) const { return program_ + static_cast<char>(index); }
  std::string Of(Index index, absl::string_view name) const {
    std::string key = Of(index);
    storage::ByteWriter(&key).KeyString(name);
    return key;
  }
  std::string Of(Index index, absl::string_view name, const FactId& fact) const {
    std::string key = Of(index, name);
    AppendFact(key, fact);
    return key;
  }
  std::string Of(Index index, const FactId& fact) const {
    std::string key = Of(index);
    AppendFact(key, fact);
    return key;
  }
  std::string History(const FactId& fact, uint64_t position) const {
    std::string key = Of(Index::kHistory);
    AppendFact(key, fact);
    storage::ByteWriter(&key).KeyU64(position);
    return key;
  }
  // What remains of an entry of kReference, kCustomerFacts, kParts or kWonDeals that was taken back: the key that led
  // to the fact, whole or up to it.
  std::string Left(absl::string_view entry, const FactId& fact) const {
    std::string key = Left(entry);
    AppendFact(key, fact);
    return key;
  }
  std::string Left(absl::string_view entry) const {
    return absl::StrCat(Of(Index::kLeft), entry.substr(program_.size()));
  }
  std::string Settings(uint64_t position) const {
    std::string key = Of(Index::kSettings);
    storage::ByteWriter(&key).KeyU64(position);
    return key;
  }
  // Money in a currency from its day on; the fact may follow.
  std::string Money(absl::string_view currency, Day day) const {
    std::string key = Of(Index::kMoney, currency);
    storage::ByteWriter(&key).KeyI32(day);
    return key;
  }
  // Rates between two currencies, whichever is given first.
  std::string Rates(absl::string_view a, absl::string_view b) const {
    std::string key = Of(Index::kRate, a < b ? a : b);
    storage::ByteWriter(&key).KeyString(a < b ? b : a);
    return key;
  }
  // Targets of a metric in a scope for one period; the fact that states it may follow.
  std::string Target(absl::string_view scope, absl::string_view metric, int kind, Day first, Day last) const {
    std::string key = Of(Index::kTarget, scope);
    storage::ByteWriter(&key).KeyString(metric).Fixed32(static_cast<uint32_t>(kind)).KeyI32(first).KeyI32(last);
    return key;
  }

  // A job by its position.
  std::string Job(uint64_t position) const {
    std::string key = Of(Index::kJob);
    storage::ByteWriter(&key).KeyU64(position);
    return key;
  }
  // The definitions that a job brings into force.
  std::string JobDefinitions(uint64_t position) const {
    std::string key = Of(Index::kJobDefinitions);
    storage::ByteWriter(&key).KeyU64(position);
    return key;
  }

  static void AppendFact(std::string& key, const FactId& fact) {
    storage::ByteWriter(&key)
        .Fixed32(static_cast<uint32_t>(fact.kind))
        .KeyString(fact.source)
        .KeyString(fact.record_id);
  }

 private:
  std::string program_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_KEYS_H_
