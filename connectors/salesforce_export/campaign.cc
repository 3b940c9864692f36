// Campaign: MarketingActivity facts of campaigns with a partner. CampaignMember: EventInvitation facts of a partner's
// people in campaigns that are events.
#include <algorithm>

#include "connectors/salesforce_export/objects.h"
#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/ids.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::CsvRecord;

v1::MarketingActivityKind ActivityKindOf(const std::string& campaign_type) {
  if (EventKindOf(campaign_type) != v1::EVENT_KIND_UNSPECIFIED) return v1::MARKETING_ACTIVITY_KIND_EVENT;
  std::string type = sdk::ToLower(campaign_type);
  auto says = [&type](const char* word) { return type.find(word) != std::string::npos; };
  if (type.empty()) return v1::MARKETING_ACTIVITY_KIND_UNSPECIFIED;
  if (says("email") || says("e-mail")) return v1::MARKETING_ACTIVITY_KIND_EMAIL_CAMPAIGN;
  if (says("advert") || says("banner") || says("search")) return v1::MARKETING_ACTIVITY_KIND_ADVERTISING;
  if (says("social")) return v1::MARKETING_ACTIVITY_KIND_SOCIAL;
  if (says("content") || says("paper") || says("public relations")) return v1::MARKETING_ACTIVITY_KIND_CONTENT;
  return v1::MARKETING_ACTIVITY_KIND_OTHER;
}

class CampaignMapper : public ObjectMapper {
 public:
  CampaignMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context),
        common_(bind),
        name_(bind->Required("Name", {"Name"})),
        type_(bind->Optional("Type", {"Type"})),
        start_(bind->Optional("StartDate", {"StartDate"})),
        end_(bind->Optional("EndDate", {"EndDate"})),
        cost_(bind->Optional("ActualCost", {"ActualCost"})),
        leads_(bind->Optional("leads", {"NumberOfLeads"})),
        currency_(bind->Optional("CurrencyIsoCode", {"CurrencyIsoCode"})),
        partners_(bind->All("partner", {"Partner__c", "Partner_Account__c", "Channel_Partner__c"})) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    v1::Event* event = Begin(record, common_, context_, out);
    v1::MarketingActivity* activity = event->mutable_marketing_activity();
    if (event->deleted()) return;
    MapPartner(record, event, out);
    // A campaign of ours alone is no co-marketing.
    if (activity->partner_refs().empty()) out->skip = "no_partner";
    activity->set_name(record->Text(name_));
    activity->set_kind(ActivityKindOf(record->Text(type_)));
    if (auto on = record->Date(start_)) sdk::SetDate(*on, activity->mutable_started_on());
    if (auto on = record->Date(end_)) sdk::SetDate(*on, activity->mutable_ended_on());
    std::string currency = record->Currency(currency_, context_.options.default_currency);
    if (auto cost = record->Amount(cost_)) sdk::SetMoney(*cost, currency, activity->mutable_cost());
    if (auto leads = record->Integer(leads_)) activity->set_leads(*leads);
  }

 private:
  // The partner that a column names, else that of the request for funds which paid for the campaign.
  void MapPartner(CsvRecord* record, v1::Event* event, MappedRow* out) const {
    v1::MarketingActivity* activity = event->mutable_marketing_activity();
    for (int column : partners_) {
      std::string partner = record->SalesforceId(column);
      if (partner.empty()) continue;
      sdk::SetExternalId(partner, activity->add_partner_refs());
      break;
    }
    const CampaignFunds* funds = context_.lookups.funds.Find(event->record_id());
    if (funds == nullptr) return;
    activity->set_mdf_request_id(FullId(funds->request_id));
    if (activity->partner_refs().empty() && !funds->partner_id.empty()) {
      sdk::SetExternalId(FullId(funds->partner_id), activity->add_partner_refs());
    }
    out->changed = std::max(out->changed, funds->changed);
    event->set_revision(std::max(event->revision(), out->changed));
  }

  static std::string FullId(const PackedId& id) { return sdk::SalesforceId(id.Text()).value_or(""); }

  const MapperContext& context_;
  CommonColumns common_;
  int name_, type_, start_, end_, cost_, leads_, currency_;
  std::vector<int> partners_;
};

class CampaignMemberMapper : public ObjectMapper {
 public:
  CampaignMemberMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context),
        common_(bind),
        campaign_(bind->Required("CampaignId", {"CampaignId"})),
        contact_(bind->Optional("ContactId", {"ContactId"})),
        lead_(bind->Optional("LeadId", {"LeadId"})),
        status_(bind->Optional("Status", {"Status"})),
        responded_(bind->Required("HasResponded", {"HasResponded"})) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    v1::Event* event = Begin(record, common_, context_, out);
    v1::EventInvitation* invitation = event->mutable_event_invitation();
    if (event->deleted()) return;
    std::string campaign_id = record->RequiredSalesforceId(campaign_);
    std::string person = record->SalesforceId(contact_);
    if (person.empty()) person = record->SalesforceId(lead_);
    bool responded = record->Bool(responded_);
    const CampaignInfo* campaign = context_.lookups.campaigns.Find(campaign_id);
    if (campaign == nullptr) {
      out->skip = "unknown_campaign";
    } else if (campaign->event == v1::EVENT_KIND_UNSPECIFIED) {
      out->skip = "no_event";
    } else if (!AddPartner(context_.lookups.partners.OfPerson(person), context_, invitation->mutable_partner_refs())) {
      out->skip = "no_partner";
    } else {
      out->changed = std::max(out->changed, campaign->changed);
      event->set_revision(std::max(event->revision(), out->changed));
      invitation->set_event_id(campaign_id);
      invitation->set_event_name(std::string(context_.lookups.texts.At(campaign->name)));
      invitation->set_event_kind(campaign->event);
      if (campaign->start != CampaignInfo::kNoDay) {
        sdk::SetDate(sdk::UtcDate({campaign->start * int64_t{86'400}}), invitation->mutable_event_on());
      }
      invitation->set_person(person);
      invitation->set_attended(Attended(record->Text(status_), responded));
    }
  }

 private:
  // A status that says so decides; of others the programme's own flag "responded".
  static bool Attended(const std::string& text, bool responded) {
    std::string status = sdk::ToLower(text);
    auto says = [&status](const char* word) { return status.find(word) != std::string::npos; };
    if (says("no show") || says("no-show") || says("not attend") || says("did not") || says("declined") ||
        says("cancel") || says("registered") || says("invited")) {
      return false;
    }
    return says("attended") || responded;
  }

  const MapperContext& context_;
  CommonColumns common_;
  int campaign_, contact_, lead_, status_, responded_;
};

}  // namespace

std::unique_ptr<ObjectMapper> MakeCampaignMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<CampaignMapper>(bind, context);
}

std::unique_ptr<ObjectMapper> MakeCampaignMemberMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<CampaignMemberMapper>(bind, context);
}

}  // namespace partnermetrics::salesforce
