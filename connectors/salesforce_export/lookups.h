// What a run knows before it states its first event: partners and their people, campaigns, decisions, currencies.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_LOOKUPS_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_LOOKUPS_H_

#include <memory>
#include <optional>
#include <string>

#include "connectors/salesforce_export/partners.h"
#include "partnermetrics/v1/engaging.pb.h"

namespace partnermetrics::salesforce {

// A campaign as its members need it.
struct CampaignInfo {
  static constexpr int32_t kNoDay = INT32_MAX;

  int64_t changed = 0;                               // microseconds since 1970
  uint32_t name = 0;                                 // one of Lookups::texts; only of events
  int32_t start = kNoDay;                            // in days since 1970
  v1::EventKind event = v1::EVENT_KIND_UNSPECIFIED;  // unspecified: it is no event
};

// The request for funds that paid for a campaign.
struct CampaignFunds {
  PackedId request_id;
  PackedId partner_id;
  int64_t changed = 0;
};

struct Lookups {
  // With nothing in them, and so much memory at most.
  explicit Lookups(size_t most_bytes)
      : memory(std::make_unique<LookupMemory>(most_bytes)),
        partners(memory.get()),
        texts(memory.get()),
        campaigns(memory.get()),
        funds(memory.get()),
        qualified_at(memory.get()),
        decided_at(memory.get()) {}

  static sdk::Result<Lookups> Load(const ExportFiles& files, const Options& options, sdk::Reporter& reporter);

  std::unique_ptr<LookupMemory> memory;
  Partners partners;
  Texts texts;
  IdTable<CampaignInfo> campaigns;
  IdTable<CampaignFunds> funds;  // by campaign
  // When a lead's status first was a qualified one, and when that of a request for funds last was a decision.
  IdTable<sdk::Instant> qualified_at;
  IdTable<sdk::Instant> decided_at;
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
