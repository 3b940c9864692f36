// Who is a partner, and what objects beside the account say about it: its tier, its people, its first contract. Read
// into memory before everything else, in tables that are small and counted (docs/salesforce_export.md has the figures).
// Deals, customers and histories are never held whole.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PARTNERS_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PARTNERS_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "connectors/salesforce_export/id_table.h"
#include "connectors/salesforce_export/rows.h"

namespace partnermetrics::salesforce {

class Partners {
 public:
  // What is known of a partner from outside of its account's row.
  struct Profile {
    int64_t changed = 0;  // newest change of what is below, and the first signal that it is a partner; 0: none
    std::string tier;     // level of the channel programme
    std::string program;  // name of that programme
    std::optional<sdk::CivilDate> contract_on;  // first day of its first contract
    std::set<std::string> emails;               // of its contacts and users
  };

  explicit Partners(LookupMemory* memory);

  sdk::Status Load(const Source& source);

  // True when any signal says that the account is a partner.
  bool IsPartner(const std::string& account_id) const { return places_.Has(account_id); }
  // An empty one for accounts that are no partner.
  Profile Of(const std::string& account_id) const;
  // The account of the partner that a contact, user or lead belongs to; empty: to none.
  std::string OfPerson(const std::string& person_id) const;
  // Rows of contacts, users and memberships that cannot be read.
  uint64_t bad_rows() const { return bad_rows_; }
  // The user's name, or the id itself when the export has no users.
  std::string UserName(const std::string& user_id) const;

 private:
  sdk::Status LoadDealPartners(const Source& source, const std::string& object);
  sdk::Status LoadAccounts(const Source& source);
  sdk::Status LoadMembers(const Source& source);
  sdk::Status LoadContracts(const Source& source);
  sdk::Status LoadContacts(const Source& source);
  sdk::Status LoadUsers(const Source& source);
  sdk::Status LoadLeads(const Source& source);
  // A row of an object that is read only here can be used.
  bool Usable(const sdk::CsvRecord& record);
  // A contact, user or lead of a partner.
  void AddPerson(const std::string& id, const std::string& account);
  void AddEmail(const std::string& account, const std::string& email, int64_t changed);

  // A profile as it is kept, its e-mails apart.
  struct Kept {
    PackedId account;
    uint32_t tier = 0, program = 0;  // texts
    int32_t contract_day = kNoContract;
    int64_t changed = 0;
    int64_t rank = INT64_MIN;  // of its highest membership
  };
  struct Email {
    uint32_t partner, text;
    auto operator<=>(const Email& other) const = default;
  };
  static constexpr int32_t kNoContract = INT32_MAX;

  // The partner of the account; it becomes one when it is none yet. Null for texts that are no id.
  Kept* Add(const std::string& account, bool* added = nullptr);
  Kept* Find(const std::string& account);

  LookupMemory* memory_;
  std::deque<Kept> partners_;
  IdTable<uint32_t> places_;  // account -> place of its partner
  IdTable<uint32_t> people_;  // person -> place of its partner
  IdTable<uint32_t> user_names_;
  std::deque<Email> emails_;  // by partner, in the order of reading
  Texts texts_;
  uint64_t bad_rows_ = 0;
};

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PARTNERS_H_
