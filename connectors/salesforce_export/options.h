// The settings of the plugin, parsed.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_OPTIONS_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_OPTIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "connectors/sdk/readers/columns.h"
#include "connectors/sdk/readers/record.h"
#include "partnermetrics/connector.h"
#include "partnermetrics/v1/selling.pb.h"

namespace partnermetrics::salesforce {

struct Options {
  sdk::CellFormat cells;
  sdk::NameLists column_map;                            // "Opportunity.partner" -> columns
  std::map<std::string, std::string> file_map;          // file name in lower case -> object
  std::map<std::string, v1::AttributionRole> role_map;  // Partner.Role in lower case -> role
  std::vector<std::string> partner_types;               // Account.Type of partners
  std::vector<std::string> sourced_lead_sources;        // LeadSource of deals that a partner originated
  std::vector<std::string> qualified_statuses;          // Lead.Status of qualified leads
  std::string default_currency;                         // for exports without CurrencyIsoCode; empty: the programme's
  bool complete_export = false;
  int64_t overlap_micros = 0;
  size_t memory_bytes = 0;  // for rows that are joined
  size_t lookup_bytes = 0;  // for what is looked up
  std::string fingerprint;  // changes with any setting: incremental reading then starts anew

  static std::vector<sdk::SettingSpec> Specs();
  static sdk::Result<Options> Parse(const sdk::Settings& settings);
};

// True when the list has the text, in any case.
bool Contains(const std::vector<std::string>& list, const std::string& text);

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_OPTIONS_H_
