#include "connectors/salesforce_export/options.h"

#include <algorithm>

#include "connectors/salesforce_export/hash.h"
#include "connectors/sdk/readers/numbers.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::BadSetting;

const std::map<std::string, v1::AttributionRole>& RoleNames() {
  static const std::map<std::string, v1::AttributionRole> kNames = {
      {"SOURCED", v1::ATTRIBUTION_ROLE_SOURCED},     {"INFLUENCED", v1::ATTRIBUTION_ROLE_INFLUENCED},
      {"FULFILLED", v1::ATTRIBUTION_ROLE_FULFILLED}, {"INTEGRATION", v1::ATTRIBUTION_ROLE_INTEGRATION},
      {"NONE", v1::ATTRIBUTION_ROLE_UNSPECIFIED},
  };
  return kNames;
}

// What Salesforce's stock roles, and common additions to them, mean for attribution.
std::map<std::string, v1::AttributionRole> UsualRoles() {
  return {
      {"referral", v1::ATTRIBUTION_ROLE_SOURCED},
      {"referral partner", v1::ATTRIBUTION_ROLE_SOURCED},
      {"lead source", v1::ATTRIBUTION_ROLE_SOURCED},
      {"sourced", v1::ATTRIBUTION_ROLE_SOURCED},
      {"influenced", v1::ATTRIBUTION_ROLE_INFLUENCED},
      {"consultant", v1::ATTRIBUTION_ROLE_INFLUENCED},
      {"agency", v1::ATTRIBUTION_ROLE_INFLUENCED},
      {"advertiser", v1::ATTRIBUTION_ROLE_INFLUENCED},
      {"lender", v1::ATTRIBUTION_ROLE_INFLUENCED},
      {"reseller", v1::ATTRIBUTION_ROLE_FULFILLED},
      {"var/reseller", v1::ATTRIBUTION_ROLE_FULFILLED},
      {"distributor", v1::ATTRIBUTION_ROLE_FULFILLED},
      {"dealer", v1::ATTRIBUTION_ROLE_FULFILLED},
      {"broker", v1::ATTRIBUTION_ROLE_FULFILLED},
      {"installer", v1::ATTRIBUTION_ROLE_FULFILLED},
      {"system integrator", v1::ATTRIBUTION_ROLE_FULFILLED},
      {"implementation partner", v1::ATTRIBUTION_ROLE_FULFILLED},
      {"technology partner", v1::ATTRIBUTION_ROLE_INTEGRATION},
      {"vendor", v1::ATTRIBUTION_ROLE_INTEGRATION},
      {"supplier", v1::ATTRIBUTION_ROLE_INTEGRATION},
      {"subcontractor", v1::ATTRIBUTION_ROLE_INFLUENCED},
  };
}

std::string Fingerprint(const std::map<std::string, std::string>& values) {
  uint64_t hash = kHashBegin;
  for (const auto& [name, value] : values) {
    // With the byte 0 behind each.
    for (const std::string* text : {&name, &value}) hash = Hash({text->c_str(), text->size() + 1}, hash);
  }
  return std::to_string(hash);
}

sdk::Result<int64_t> Number(const sdk::Settings& settings, const std::string& name, int64_t least) {
  std::optional<int64_t> value = sdk::ParseInteger(settings.Get(name));
  if (!value || *value < least) {
    return BadSetting(name, "it is no whole number of at least " + std::to_string(least));
  }
  return *value;
}

}  // namespace

std::vector<sdk::SettingSpec> Options::Specs() {
  return {
      {.name = "column_map",
       .description = "Columns of your organisation by field, as JSON; they come before the usual ones. Fields: "
                      "Opportunity.partner (all that are filled in count), .sourced, .registered, "
                      ".registration_status, .registration_decided, .registration_expires, .loss_reason, .acv, .tcv, "
                      ".product, .integration, .mdf_request; Account.partner_type, .tier, .region, .manager, "
                      ".partner_status, .signed_on, .activated_on, .terminated_on, .email_domain, .label.KEY; "
                      "Lead.partner, .qualified, .budget, .registration_status, .registered; Case.first_response; "
                      "Campaign.partner, .leads; Contract.renewed_on; PartnerFundRequest.activity_on, .decided; "
                      "PartnerFundClaim.paid_on. "
                      R"(Example: {"Opportunity.partner": ["Partner__c"], "Account.label.vertical": "Vertical__c"})"},
      {.name = "file_map",
       .description = "Objects of files that are not named after them, as JSON: {\"accountData.csv\": \"Account\"}"},
      {.name = "role_map",
       .description = "Attribution by Partner.Role, as JSON; SOURCED, INFLUENCED, FULFILLED, INTEGRATION or NONE: "
                      "{\"Reseller\": \"FULFILLED\"}"},
      {.name = "partner_types",
       .description = "Account types that are partners, separated by commas",
       .default_value = "Partner, Reseller, Channel Partner / Reseller, Installation Partner, Technology Partner, "
                        "Referral Partner, Distributor"},
      {.name = "sourced_lead_sources",
       .description = "Lead sources of deals that the named partner originated, separated by commas",
       .default_value = "Partner, Partner Referral, Channel"},
      {.name = "qualified_statuses",
       .description = "Lead statuses that mean qualified, separated by commas",
       .default_value = "Qualified"},
      {.name = "default_currency",
       .description = "Currency of exports without the column CurrencyIsoCode: EUR. Blank: the programme's"},
      {.name = "time_zone",
       .description = "Zone of times that state none. Weekly exports are in UTC, reports in the user's zone",
       .default_value = "UTC"},
      {.name = "date_order",
       .description = "How 02/03/24 is read: month_first or day_first. Without it such dates are rejected"},
      {.name = "number_style", .description = "plain, 1,234.5 or 1.234,5", .default_value = "plain"},
      {.name = "complete_export",
       .description = "true: the folder always holds a complete export, so records that it lacks were deleted. Every "
                      "run then reads everything",
       .default_value = "false"},
      {.name = "overlap_seconds",
       .description = "How far an incremental run goes back behind the newest change it knows",
       .default_value = "600"},
      {.name = "memory_megabytes",
       .description = "Memory for rows that belong together and may stand anywhere: the histories of deals and their "
                      "partners. When they need more, their files are read several times",
       .default_value = "256"},
      {.name = "lookup_megabytes",
       .description = "Memory, up to 4000, for partners, their people, users and campaigns, which are looked up while "
                      "everything else is read. A run that needs more fails and says so",
       .default_value = "512"},
  };
}

sdk::Result<Options> Options::Parse(const sdk::Settings& settings) {
  Options options;
  PM_ASSIGN_OR_RETURN(options.cells, sdk::ParseCellFormat(settings));
  PM_ASSIGN_OR_RETURN(options.column_map, sdk::ParseNameLists("column_map", settings.Get("column_map")));
  PM_ASSIGN_OR_RETURN(sdk::NameLists files, sdk::ParseNameLists("file_map", settings.Get("file_map")));
  for (const auto& [file, objects] : files) {
    if (objects.size() != 1) return BadSetting("file_map", "\"" + file + "\" needs one object");
    options.file_map[sdk::ToLower(file)] = objects.front();
  }
  options.role_map = UsualRoles();
  PM_ASSIGN_OR_RETURN(sdk::NameLists roles, sdk::ParseNameLists("role_map", settings.Get("role_map")));
  for (const auto& [role, names] : roles) {
    auto known = names.size() == 1 ? RoleNames().find(sdk::ToUpper(names.front())) : RoleNames().end();
    if (known == RoleNames().end()) {
      return BadSetting("role_map", "\"" + role + "\" is mapped to an unknown role",
                        "use SOURCED, INFLUENCED, FULFILLED, INTEGRATION or NONE");
    }
    options.role_map[sdk::ToLower(role)] = known->second;
  }
  options.partner_types = sdk::SplitList(settings.Get("partner_types"));
  options.sourced_lead_sources = sdk::SplitList(settings.Get("sourced_lead_sources"));
  options.qualified_statuses = sdk::SplitList(settings.Get("qualified_statuses"));
  std::string currency = settings.Get("default_currency");
  options.default_currency = sdk::CurrencyCode(currency);
  if (!currency.empty() && options.default_currency.empty()) {
    return BadSetting("default_currency", "\"" + currency + "\" is no currency of ISO 4217", "use a code such as EUR");
  }
  PM_ASSIGN_OR_RETURN(options.complete_export, settings.GetBool("complete_export", false));
  PM_ASSIGN_OR_RETURN(int64_t overlap_seconds, Number(settings, "overlap_seconds", 0));
  options.overlap_micros = overlap_seconds * 1'000'000;
  PM_ASSIGN_OR_RETURN(int64_t megabytes, Number(settings, "memory_megabytes", 1));
  options.memory_bytes = static_cast<size_t>(megabytes) << 20;
  PM_ASSIGN_OR_RETURN(int64_t lookup_megabytes, Number(settings, "lookup_megabytes", 1));
  if (lookup_megabytes > 4000) return BadSetting("lookup_megabytes", "it is more than 4000");
  options.lookup_bytes = static_cast<size_t>(lookup_megabytes) << 20;
  options.fingerprint = Fingerprint(settings.values());
  return options;
}

bool Contains(const std::vector<std::string>& list, const std::string& text) {
  return std::any_of(list.begin(), list.end(),
                     [&text](const std::string& entry) { return sdk::EqualsIgnoreCase(entry, text); });
}

}  // namespace partnermetrics::salesforce
