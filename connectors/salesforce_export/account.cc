// Account: partner accounts become Partner facts, all others Customer facts.
#include "connectors/salesforce_export/objects.h"
#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::CsvRecord;

v1::PartnerType PartnerTypeOf(const std::string& text) {
  std::string type = sdk::ToLower(text);
  auto says = [&type](const char* word) { return type.find(word) != std::string::npos; };
  if (says("install")) return v1::PARTNER_TYPE_INSTALLER;
  if (says("distribut")) return v1::PARTNER_TYPE_DISTRIBUTOR;
  if (says("resell") || says("var")) return v1::PARTNER_TYPE_RESELLER;
  if (says("technolog") || says("isv") || says("integration")) return v1::PARTNER_TYPE_TECHNOLOGY;
  if (says("referral")) return v1::PARTNER_TYPE_REFERRAL;
  if (says("affiliate")) return v1::PARTNER_TYPE_AFFILIATE;
  return type.empty() || type == "partner" ? v1::PARTNER_TYPE_UNSPECIFIED : v1::PARTNER_TYPE_OTHER;
}

v1::PartnerStatus PartnerStatusOf(const std::string& text) {
  std::string status = sdk::ToLower(text);
  if (status.find("terminat") != std::string::npos) return v1::PARTNER_STATUS_TERMINATED;
  if (status.find("inactive") != std::string::npos) return v1::PARTNER_STATUS_INACTIVE;
  if (status.find("prospect") != std::string::npos) return v1::PARTNER_STATUS_PROSPECT;
  if (status.empty() || status.find("active") != std::string::npos) return v1::PARTNER_STATUS_ACTIVE;
  return v1::PARTNER_STATUS_UNSPECIFIED;
}

class AccountMapper : public ObjectMapper {
 public:
  AccountMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context),
        common_(bind),
        name_(bind->Required("Name", {"Name"})),
        master_(bind->Optional("MasterRecordId", {"MasterRecordId"})),
        type_(bind->Optional("partner_type", {"Partner_Type__c", "Type"})),
        tier_(bind->Optional("tier", {"Partner_Tier__c", "ChannelProgramLevelName", "Tier__c"})),
        region_(bind->Optional("region", {"Partner_Region__c", "Region__c", "Sales_Region__c"})),
        country_(bind->Optional("country", {"BillingCountryCode", "BillingCountry"})),
        manager_(bind->Optional("manager", {"Partner_Manager__c", "Channel_Manager__c", "OwnerId"})),
        website_(bind->Optional("website", {"Website"})),
        email_domain_(bind->Optional("email_domain", {"Email_Domain__c"})),
        parent_(bind->Optional("ParentId", {"ParentId"})),
        status_(bind->Optional("partner_status", {"Partner_Status__c"})),
        signed_(bind->Optional("signed_on", {"Partner_Signed_Date__c", "Partner_Start_Date__c"})),
        activated_(bind->Optional("activated_on", {"Partner_Activated_Date__c", "Onboarding_Completed_Date__c"})),
        terminated_(bind->Optional("terminated_on", {"Partner_End_Date__c", "Partner_Terminated_Date__c"})),
        industry_(bind->Optional("industry", {"Industry"})) {
    bind->Optional("IsPartner", {"IsPartner"});  // read by Partners
    constexpr std::string_view kLabel = "Account.label.";
    for (const auto& [field, columns] : context.options.column_map) {
      if (field.compare(0, kLabel.size(), kLabel) != 0) continue;
      std::string key = field.substr(kLabel.size());
      labels_.emplace_back(key, bind->Optional("label." + key, {}));
    }
  }

  void Map(CsvRecord* record, MappedRow* out) const override {
    v1::Event* event = Begin(record, common_, context_, out);
    std::string master = record->SalesforceId(master_);
    const Partners::Profile profile = context_.lookups.partners.Of(event->record_id());
    out->changed = std::max(out->changed, profile.changed);
    event->set_revision(std::max(event->revision(), out->changed));
    bool partner = context_.lookups.partners.IsPartner(event->record_id());
    // A merged partner stays, as an alias of the one that survived.
    if (partner && !master.empty()) event->set_deleted(false);
    if (partner) {
      MapPartner(record, profile, master, event->mutable_partner());
    } else {
      MapCustomer(record, event->mutable_customer());
    }
  }

 private:
  void MapPartner(CsvRecord* record, const Partners::Profile& profile, const std::string& master,
                  v1::Partner* partner) const {
    partner->set_name(record->Text(name_));
    partner->set_merged_into_id(master);
    partner->set_parent_id(record->SalesforceId(parent_));
    partner->set_type(PartnerTypeOf(record->Text(type_)));
    partner->set_tier(profile.tier.empty() ? record->Text(tier_) : profile.tier);
    partner->set_region(record->Text(region_));
    partner->set_country(record->Text(country_));
    partner->set_manager(context_.lookups.partners.UserName(record->Text(manager_)));
    partner->set_website(record->Text(website_));
    partner->set_status(PartnerStatusOf(record->Text(status_)));
    for (const std::string& domain :
         {sdk::WebDomain(record->Text(website_)), sdk::WebDomain(record->Text(email_domain_))}) {
      bool known = partner->domains_size() > 0 && partner->domains(0) == domain;
      if (!domain.empty() && !known && !sdk::IsFreeMailDomain(domain)) partner->add_domains(domain);
    }
    for (const std::string& email : profile.emails) partner->add_contact_emails(email);
    std::optional<sdk::CivilDate> signed_on = record->Date(signed_);
    if (!signed_on) signed_on = profile.contract_on;
    if (!signed_on) signed_on = record->Date(common_.created);
    if (signed_on) sdk::SetDate(*signed_on, partner->mutable_signed_on());
    if (auto on = record->Date(activated_)) sdk::SetDate(*on, partner->mutable_activated_on());
    if (auto on = record->Date(terminated_)) sdk::SetDate(*on, partner->mutable_terminated_on());
    if (!profile.program.empty()) AddLabel("program", profile.program, partner);
    for (const auto& [key, column] : labels_) {
      if (!record->IsBlank(column) && (key != "program" || profile.program.empty())) {
        AddLabel(key, record->Text(column), partner);
      }
    }
  }

  static void AddLabel(const std::string& key, const std::string& value, v1::Partner* partner) {
    v1::Label* label = partner->add_labels();
    label->set_key(key);
    label->set_value(value);
  }

  void MapCustomer(CsvRecord* record, v1::Customer* customer) const {
    customer->set_name(record->Text(name_));
    customer->set_country(record->Text(country_));
    customer->set_industry(record->Text(industry_));
    std::string domain = sdk::WebDomain(record->Text(website_));
    if (!sdk::IsFreeMailDomain(domain)) customer->set_domain(domain);
  }

  const MapperContext& context_;
  CommonColumns common_;
  int name_, master_, type_, tier_, region_, country_, manager_, website_, email_domain_, parent_, status_, signed_,
      activated_, terminated_, industry_;
  std::vector<std::pair<std::string, int>> labels_;
};

}  // namespace

std::unique_ptr<ObjectMapper> MakeAccountMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<AccountMapper>(bind, context);
}

}  // namespace partnermetrics::salesforce
