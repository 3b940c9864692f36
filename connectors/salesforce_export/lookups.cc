#include "connectors/salesforce_export/lookups.h"

#include "connectors/salesforce_export/objects.h"
#include "connectors/sdk/readers/ids.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::ColumnBinder;
using sdk::CsvRecord;

struct CampaignColumns {
  explicit CampaignColumns(ColumnBinder* bind)
      : id(bind->Required("Id", {"Id"})),
        name(bind->Optional("Name", {"Name"})),
        type(bind->Optional("Type", {"Type"})),
        start(bind->Optional("StartDate", {"StartDate"})),
        changed(bind) {}
  int id, name, type, start;
  ChangeColumns changed;
};

struct FundColumns {
  explicit FundColumns(ColumnBinder* bind)
      : id(bind->Required("Id", {"Id"})),
        campaign(bind->Optional("CampaignId", {"CampaignId", "Campaign__c"})),
        partner(bind->Optional("partner", {"ChannelPartnerId", "Account__c", "Partner__c"})),
        deleted(bind->Optional("IsDeleted", {"IsDeleted"})),
        changed(bind) {}
  int id, campaign, partner, deleted;
  ChangeColumns changed;
};

struct StatusColumns {
  explicit StatusColumns(ColumnBinder* bind)
      : parent(bind->Required("ParentId", {"ParentId", "LeadId"})),
        field(bind->Required("Field", {"FieldName", "Field"})),
        value(bind->Required("NewValue", {"NewvalString", "NewValue"})),
        at(bind->Required("CreatedDate", {"CreatedDate"})),
        object(bind->Optional("ParentSobjectType", {"ParentSobjectType"})) {}

  // A history of one object names none.
  bool IsOfFundRequest(const CsvRecord& record) const {
    return record.IsBlank(object) || sdk::EqualsIgnoreCase(record.Cell(object), "PartnerFundRequest") ||
           sdk::EqualsIgnoreCase(record.Cell(object), "MDF_Request__c");
  }

  int parent, field, value, at, object;
};

struct CurrencyColumns {
  explicit CurrencyColumns(ColumnBinder* bind)
      : code(bind->Required("IsoCode", {"IsoCode"})), corporate(bind->Optional("IsCorporate", {"IsCorporate"})) {}
  int code, corporate;
};

// Rows with a fault are reported by who reads the object for its own sake.
sdk::Status LoadCampaigns(const Source& source, Lookups* lookups) {
  if (source.files.Of("CampaignMember").empty()) return {};
  return ForEachRow<CampaignColumns>(source, "Campaign", [&](CsvRecord* record, const CampaignColumns& columns) {
    std::string id = record->RequiredSalesforceId(columns.id);
    v1::EventKind kind = EventKindOf(record->Text(columns.type));
    std::optional<sdk::CivilDate> start = record->Date(columns.start);
    int64_t changed = columns.changed.Micros(record);
    if (!record->ok()) return;
    CampaignInfo info = {.changed = changed, .event = kind};
    if (kind != v1::EVENT_KIND_UNSPECIFIED) info.name = lookups->texts.Add(record->Text(columns.name));
    if (start) info.start = static_cast<int32_t>(sdk::DayNumber(*start));
    lookups->campaigns.Set(id, info);
  });
}

sdk::Status LoadFunds(const Source& source, const std::string& object, Lookups* lookups) {
  if (source.files.Of("Campaign").empty()) return {};
  return ForEachRow<FundColumns>(source, object, [&](CsvRecord* record, const FundColumns& columns) {
    std::string campaign = record->SalesforceId(columns.campaign);
    CampaignFunds funds = {PackedId::Of(record->RequiredSalesforceId(columns.id)).value_or(PackedId()),
                           PackedId::Of(record->SalesforceId(columns.partner)).value_or(PackedId()),
                           columns.changed.Micros(record)};
    if (record->Bool(columns.deleted) || !record->ok()) return;
    bool added = false;
    lookups->funds.TryAdd(campaign, funds, &added);
  });
}

sdk::Status LoadStatusTimes(const Source& source, const std::string& object, Lookups* lookups) {
  return ForEachRow<StatusColumns>(source, object, [&](CsvRecord* record, const StatusColumns& columns) {
    if (!sdk::EqualsIgnoreCase(record->Cell(columns.field), "Status")) return;
    std::string parent = record->RequiredSalesforceId(columns.parent);
    std::string value = record->Text(columns.value);
    std::optional<sdk::Instant> at = record->Time(columns.at);
    if (!record->ok() || !at) return;
    bool added = false;
    if (sdk::IsSalesforceId(parent, "00Q")) {
      if (!Contains(source.options.qualified_statuses, value)) return;
      sdk::Instant* known = lookups->qualified_at.TryAdd(parent, *at, &added);
      if (known != nullptr && *at < *known) *known = *at;
    } else if (columns.IsOfFundRequest(*record) && IsDecision(value)) {
      sdk::Instant* known = lookups->decided_at.TryAdd(parent, *at, &added);
      if (known != nullptr && *known < *at) *known = *at;
    }
  });
}

sdk::Status LoadCurrencies(const Source& source, Lookups* lookups) {
  lookups->corporate_currency = source.options.default_currency;
  lookups->dated_rates = !source.files.Of("DatedConversionRate").empty();
  return ForEachRow<CurrencyColumns>(source, "CurrencyType", [&](CsvRecord* record, const CurrencyColumns& columns) {
    std::string code = record->Currency(columns.code, "");
    if (record->Bool(columns.corporate) && record->ok()) lookups->corporate_currency = code;
  });
}

sdk::Result<bool> DealsCarryRegistrations(const Source& source) {
  for (const sdk::Input& input : source.files.Of("Opportunity")) {
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, source.files.Open(input));
    if (csv == nullptr) continue;
    ColumnBinder bind(csv->header(), "Opportunity", source.options.column_map);
    if (RegistrationColumns(&bind).present()) return true;
  }
  return false;
}

}  // namespace

sdk::Result<Lookups> Lookups::Load(const ExportFiles& files, const Options& options, sdk::Reporter& reporter) {
  Lookups lookups(options.lookup_bytes);
  const Source source = {files, options, reporter, *lookups.memory};
  PM_RETURN_IF_ERROR(lookups.partners.Load(source));
  PM_RETURN_IF_ERROR(LoadCampaigns(source, &lookups));
  for (const char* object : {"PartnerFundRequest", "MDF_Request__c"}) {
    PM_RETURN_IF_ERROR(LoadFunds(source, object, &lookups));
  }
  for (const char* object : {"LeadHistory", "PartnerFundRequestHistory", "EntityHistory"}) {
    PM_RETURN_IF_ERROR(LoadStatusTimes(source, object, &lookups));
  }
  PM_RETURN_IF_ERROR(LoadCurrencies(source, &lookups));
  PM_ASSIGN_OR_RETURN(lookups.deals_carry_registrations, DealsCarryRegistrations(source));
  return lookups;
}

v1::EventKind EventKindOf(const std::string& campaign_type) {
  std::string type = sdk::ToLower(campaign_type);
  auto says = [&type](const char* word) { return type.find(word) != std::string::npos; };
  if (says("webinar") || says("webcast") || says("online event")) return v1::EVENT_KIND_WEBINAR;
  if (says("trade show") || says("tradeshow")) return v1::EVENT_KIND_TRADE_SHOW;
  if (says("conference") || says("summit")) return v1::EVENT_KIND_CONFERENCE;
  if (says("workshop") || says("seminar") || says("training")) return v1::EVENT_KIND_WORKSHOP;
  return says("event") ? v1::EVENT_KIND_OTHER : v1::EVENT_KIND_UNSPECIFIED;
}

bool IsDecision(const std::string& status) {
  std::string text = sdk::ToLower(status);
  return text.find("approved") != std::string::npos || text.find("reject") != std::string::npos ||
         text.find("denied") != std::string::npos || text.find("declin") != std::string::npos;
}

}  // namespace partnermetrics::salesforce
