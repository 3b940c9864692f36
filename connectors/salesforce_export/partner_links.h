// What other objects of the export say about partners: who is one, its tier, its part in deals, the names of users.
// Read into memory before the accounts and deals, which need it: about 100 bytes for each row of Partner.csv and for
// each partner. Deals, customers and histories are never held.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PARTNER_LINKS_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PARTNER_LINKS_H_

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "connectors/salesforce_export/export_files.h"
#include "connectors/salesforce_export/options.h"

namespace partnermetrics::salesforce {

// A row of Partner.csv (or OpportunityPartner.csv) that links a partner to a deal.
struct DealPartner {
  std::string deal_id;
  std::string partner_id;
  std::string role;
  bool primary = false;
  bool deleted = false;
  bool mirrored = false;  // has a twin that points the other way
  int64_t changed = 0;    // microseconds since 1970
};

class PartnerLinks {
 public:
  static sdk::Result<PartnerLinks> Load(const ExportFiles& files, const Options& options, sdk::Reporter& reporter);

  // True when any signal says that the account is a partner.
  bool IsPartner(const std::string& account_id) const { return partners_.count(account_id) > 0; }
  // When a signal outside of the account's own row first said so, or changed its tier; 0 when none did.
  int64_t ChangedAt(const std::string& account_id) const;
  // Level of the channel programme; empty when the account is in none.
  std::string Tier(const std::string& account_id) const;
  // The partners of a deal, also links that were deleted.
  std::vector<DealPartner> OfDeal(const std::string& deal_id) const;
  // The user's name, or the id itself when the export has no users.
  std::string UserName(const std::string& user_id) const;

 private:
  struct Signals {
    int64_t changed = 0;
    std::string tier;
  };

  sdk::Status LoadDealPartners(const ExportFiles& files, const std::string& object, const Options& options);
  sdk::Status LoadMembers(const ExportFiles& files, const Options& options);
  sdk::Status LoadUsers(const ExportFiles& files, const Options& options);
  sdk::Status LoadAccounts(const ExportFiles& files, const Options& options);

  std::unordered_map<std::string, Signals> partners_;  // by account id
  std::vector<DealPartner> deal_partners_;             // by deal
  std::unordered_map<std::string, std::string> user_names_;
  uint64_t bad_rows_ = 0;  // of objects that are read only here
};

// The newest of SystemModstamp, LastModifiedDate and CreatedDate of a row, in microseconds since 1970; 0: none.
class ChangeColumns {
 public:
  explicit ChangeColumns(sdk::ColumnBinder* bind);
  int64_t Micros(sdk::CsvRecord* record) const;
  bool present() const { return !columns_.empty(); }

 private:
  std::vector<int> columns_;  // in order of preference
};

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_PARTNER_LINKS_H_
