// Who is a partner, and what objects beside the account say about it: its tier, its people, its first contract. Read
// into memory before everything else: about 150 bytes for each partner, each of its people and each user. Deals,
// customers and histories are never held whole.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PARTNERS_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PARTNERS_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

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

  static sdk::Result<Partners> Load(const Source& source);

  // True when any signal says that the account is a partner.
  bool IsPartner(const std::string& account_id) const { return profiles_.count(account_id) > 0; }
  // An empty one for accounts that are no partner.
  const Profile& Of(const std::string& account_id) const;
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
  void AddEmail(const std::string& account, const std::string& email, int64_t changed);

  std::unordered_map<std::string, Profile> profiles_;  // by account id
  // Person -> account of its partner, both without check characters: such texts need no memory of their own.
  std::unordered_map<std::string, std::string> people_;
  std::unordered_map<std::string, std::string> user_names_;
  uint64_t bad_rows_ = 0;
};

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PARTNERS_H_
