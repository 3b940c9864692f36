// Lead: Lead facts, and DealRegistration facts where leads carry registrations.
#include "connectors/salesforce_export/objects.h"
#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::CsvRecord;

class LeadMapper : public ObjectMapper {
 public:
  LeadMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context),
        common_(bind),
        registration_(bind),
        company_(bind->Optional("Company", {"Company"})),
        name_(bind->Optional("Name", {"Name"})),
        first_(bind->Optional("FirstName", {"FirstName"})),
        last_(bind->Optional("LastName", {"LastName"})),
        email_(bind->Optional("Email", {"Email"})),
        phone_(bind->Optional("Phone", {"Phone"})),
        source_(bind->Optional("LeadSource", {"LeadSource"})),
        status_(bind->Required("Status", {"Status"})),
        industry_(bind->Optional("Industry", {"Industry"})),
        employees_(bind->Optional("NumberOfEmployees", {"NumberOfEmployees"})),
        budget_(bind->Optional("budget", {"Budget__c"})),
        currency_(bind->Optional("CurrencyIsoCode", {"CurrencyIsoCode"})),
        owner_(bind->Optional("OwnerId", {"OwnerId"})),
        is_converted_(bind->Required("IsConverted", {"IsConverted"})),
        converted_(bind->Optional("ConvertedDate", {"ConvertedDate"})),
        account_(bind->Optional("ConvertedAccountId", {"ConvertedAccountId"})),
        deal_(bind->Optional("ConvertedOpportunityId", {"ConvertedOpportunityId"})),
        qualified_(bind->Optional("qualified", {"Qualified_Date__c", "Qualified_At__c"})),
        modified_(bind->Optional("LastModifiedDate", {"LastModifiedDate"})),
        partners_(
            bind->All("partner", {"PartnerAccountId", "Partner__c", "Partner_Account__c", "Referral_Partner__c"})) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    v1::Event* event = Begin(record, common_, context_, out);
    v1::Lead* lead = event->mutable_lead();
    if (event->deleted()) return;
    MapValues(record, lead);
    MapConversion(record, event->record_id(), lead);
    // A converted lead passes its registration on to the opportunity.
    if (!lead->deal_id().empty() && context_.lookups.deals_carry_registrations) return;
    v1::DealRegistration* registration = registration_.Map(record, event->record_id(), event->revision(), &out->events);
    if (registration == nullptr) return;
    *registration->mutable_partner_refs() = lead->partner_refs();
    registration->set_customer_id(lead->customer_id());
    registration->set_deal_id(lead->deal_id());
  }

 private:
  void MapValues(CsvRecord* record, v1::Lead* lead) const {
    for (int column : partners_) {
      std::string partner = record->SalesforceId(column);
      if (partner.empty()) continue;
      sdk::SetExternalId(partner, lead->add_partner_refs());
      break;
    }
    lead->set_company(record->Text(company_));
    std::string name = record->Text(name_);
    if (name.empty()) name = record->Text(first_) + (record->IsBlank(first_) ? "" : " ") + record->Text(last_);
    lead->set_contact_name(name);
    lead->set_contact_email(record->Text(email_));
    lead->set_contact_phone(record->Text(phone_));
    lead->set_source(SourceOf(record->Text(source_)));
    lead->set_status(record->Text(status_));
    lead->set_industry(record->Text(industry_));
    lead->set_owner(context_.lookups.partners.UserName(record->Text(owner_)));
    if (auto employees = record->Integer(employees_)) lead->set_employees(*employees);
    std::string currency = record->Currency(currency_, context_.options.default_currency);
    if (auto budget = record->Amount(budget_)) sdk::SetMoney(*budget, currency, lead->mutable_budget());
    if (auto at = record->Time(common_.created)) sdk::SetInstant(*at, lead->mutable_created_at());
  }

  // IsConverted alone says whether a lead was converted: statuses named "Closed - Converted" lie.
  void MapConversion(CsvRecord* record, const std::string& id, v1::Lead* lead) const {
    std::optional<sdk::Instant> qualified = record->Time(qualified_);
    const sdk::Instant* known = context_.lookups.qualified_at.Find(id);
    if (!qualified && known != nullptr) qualified = *known;
    // Without a column or history of its own the last change is the nearest that an export knows.
    bool by_status = Contains(context_.options.qualified_statuses, lead->status());
    if (!qualified && by_status) qualified = record->Time(modified_);
    if (qualified) sdk::SetInstant(*qualified, lead->mutable_qualified_at());
    if (!record->Bool(is_converted_)) return;
    if (auto on = record->Date(converted_)) sdk::SetDate(*on, lead->mutable_converted_on());
    lead->set_customer_id(record->SalesforceId(account_));
    lead->set_deal_id(record->SalesforceId(deal_));
  }

  v1::LeadSource SourceOf(const std::string& text) const {
    std::string source = sdk::ToLower(text);
    if (source.empty()) return v1::LEAD_SOURCE_UNSPECIFIED;
    if (source.find("referral") != std::string::npos) return v1::LEAD_SOURCE_REFERRAL;
    if (source.find("affiliate") != std::string::npos) return v1::LEAD_SOURCE_AFFILIATE;
    bool partner = Contains(context_.options.sourced_lead_sources, text);
    return partner ? v1::LEAD_SOURCE_PARTNER_SOURCED : v1::LEAD_SOURCE_OTHER;
  }

  const MapperContext& context_;
  CommonColumns common_;
  RegistrationColumns registration_;
  int company_, name_, first_, last_, email_, phone_, source_, status_, industry_, employees_, budget_, currency_,
      owner_, is_converted_, converted_, account_, deal_, qualified_, modified_;
  std::vector<int> partners_;
};

}  // namespace

std::unique_ptr<ObjectMapper> MakeLeadMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<LeadMapper>(bind, context);
}

}  // namespace partnermetrics::salesforce
