// What a run knows before it states its first event: partners and their people, campaigns, decisions, currencies.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_LOOKUPS_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_LOOKUPS_H_

#include <optional>
#include <string>
#include <unordered_map>

#include "connectors/salesforce_export/partners.h"
#include "partnermetrics/v1/engaging.pb.h"

namespace partnermetrics::salesforce {

// A campaign as its members need it.
struct CampaignInfo {
  std::string name;
  std::optional<sdk::CivilDate> start;
  v1::EventKind event = v1::EVENT_KIND_UNSPECIFIED;  // unspecified: it is no event
  int64_t changed = 0;                               // microseconds since 1970
};

// The request for funds that paid for a campaign.
struct CampaignFunds {
  std::string request_id;
  std::string partner_id;
  int64_t changed = 0;
};

struct Lookups {
  static sdk::Result<Lookups> Load(const Source& source);

  Partners partners;
  std::unordered_map<std::string, CampaignInfo> campaigns;  // by campaign id
  std::unordered_map<std::string, CampaignFunds> funds;     // by campaign id
  // When a lead's status first was a qualified one, and when that of a request for funds last was a decision. By ids
  // without their check characters: such texts need no memory of their own.
  std::unordered_map<std::string, sdk::Instant> qualified_at;
  std::unordered_map<std::string, sdk::Instant> decided_at;
  std::string corporate_currency;  // in which rates are stated; empty: not known
  bool dated_rates = false;
  bool deals_carry_registrations = false;
};

// The kind of event that a campaign's type names; unspecified for types that are none.
v1::EventKind EventKindOf(const std::string& campaign_type);
// True for a status of a request for funds that is a decision.
bool IsDecision(const std::string& status);

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_LOOKUPS_H_
