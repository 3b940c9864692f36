// Opportunity: Deal facts with the partners that Partner.csv and the attribution columns name.
#include <algorithm>

#include "connectors/salesforce_export/objects.h"
#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/ids.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::CsvRecord;

v1::DealKind DealKindOf(const std::string& text) {
  std::string type = sdk::ToLower(text);
  auto says = [&type](const char* word) { return type.find(word) != std::string::npos; };
  if (says("cross")) return v1::DEAL_KIND_CROSS_SELL;
  if (says("renewal") || says("replacement")) return v1::DEAL_KIND_RENEWAL;
  if (says("upgrade") || says("upsell") || says("add-on") || says("existing")) return v1::DEAL_KIND_UPSELL;
  if (says("new")) return v1::DEAL_KIND_NEW;
  return v1::DEAL_KIND_UNSPECIFIED;
}

// Which of two roles of one partner in one deal counts.
int Rank(v1::AttributionRole role) {
  switch (role) {
    case v1::ATTRIBUTION_ROLE_SOURCED:
      return 4;
    case v1::ATTRIBUTION_ROLE_INFLUENCED:
      return 3;
    case v1::ATTRIBUTION_ROLE_FULFILLED:
      return 2;
    case v1::ATTRIBUTION_ROLE_INTEGRATION:
      return 1;
    default:
      return 0;
  }
}

struct PartnerPart {
  std::string partner_id;
  v1::AttributionRole role = v1::ATTRIBUTION_ROLE_UNSPECIFIED;
  bool primary = false;
};

void AddPart(const PartnerPart& part, std::vector<PartnerPart>* parts) {
  for (PartnerPart& known : *parts) {
    if (known.partner_id != part.partner_id) continue;
    if (Rank(part.role) > Rank(known.role)) known.role = part.role;
    known.primary = known.primary || part.primary;
    return;
  }
  parts->push_back(part);
}

class OpportunityMapper : public ObjectMapper {
 public:
  OpportunityMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context),
        common_(bind),
        registration_(bind),
        account_(bind->Optional("AccountId", {"AccountId"})),
        name_(bind->Optional("Name", {"Name"})),
        stage_(bind->Required("StageName", {"StageName"})),
        amount_(bind->Required("Amount", {"Amount"})),
        currency_(bind->Optional("CurrencyIsoCode", {"CurrencyIsoCode"})),
        probability_(bind->Optional("Probability", {"Probability"})),
        close_(bind->Required("CloseDate", {"CloseDate"})),
        is_closed_(bind->Required("IsClosed", {"IsClosed"})),
        is_won_(bind->Required("IsWon", {"IsWon"})),
        stage_changed_(bind->Optional("LastStageChangeDate", {"LastStageChangeDate"})),
        type_(bind->Optional("Type", {"Type"})),
        forecast_(bind->Optional("forecast", {"ForecastCategoryName", "ForecastCategory"})),
        owner_(bind->Optional("OwnerId", {"OwnerId"})),
        lead_source_(bind->Optional("LeadSource", {"LeadSource"})),
        sourced_(bind->Optional("sourced", {"Sourced_Opp__c", "Partner_Sourced__c"})),
        loss_reason_(bind->Optional("loss_reason", {"Loss_Reason__c", "LossReason__c", "Closed_Lost_Reason__c"})),
        acv_(bind->Optional("acv", {"ACV__c", "Annual_Contract_Value__c"})),
        tcv_(bind->Optional("tcv", {"TCV__c", "Total_Contract_Value__c"})),
        product_(bind->Optional("product", {"Product__c"})),
        integration_(bind->Optional("integration", {"Integration__c"})),
        mdf_request_(bind->Optional("mdf_request", {"MDF_Request__c"})),
        partners_(bind->All("partner", {"PartnerAccountId", "PrimaryPartnerAccountId", "Partner__c",
                                        "Partner_Account__c", "Reseller__c", "Referral_Partner__c"})) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    v1::Event* event = Begin(record, common_, context_, out);
    v1::Deal* deal = event->mutable_deal();
    std::vector<DealPartner> links = context_.deals.Of(event->record_id());
    for (const DealPartner& link : links) out->changed = std::max(out->changed, link.changed);
    event->set_revision(std::max(event->revision(), out->changed));
    if (event->deleted()) return;
    MapValues(record, deal);
    MapOutcome(record, deal);
    deal->set_registration_status(RegistrationStatusOf(record->Text(registration_.status)));
    MapAttributions(record, links, deal);
    MapRegistration(record, event->record_id(), event->revision(), deal, out);
  }

 private:
  void MapValues(CsvRecord* record, v1::Deal* deal) const {
    deal->set_customer_id(record->SalesforceId(account_));
    deal->set_name(record->Text(name_));
    deal->set_stage(record->Text(stage_));
    deal->set_kind(DealKindOf(record->Text(type_)));
    deal->set_forecast_category(record->Text(forecast_));
    deal->set_owner(context_.lookups.partners.UserName(record->Text(owner_)));
    deal->set_lead_source(record->Text(lead_source_));
    deal->set_loss_reason(record->Text(loss_reason_));
    deal->set_product(record->Text(product_));
    deal->set_integration_id(record->Text(integration_));
    deal->set_mdf_activity_id(record->Text(mdf_request_));
    std::string currency = record->Currency(currency_, context_.options.default_currency);
    if (auto amount = record->Amount(amount_)) sdk::SetMoney(*amount, currency, deal->mutable_amount());
    if (auto amount = record->Amount(acv_)) sdk::SetMoney(*amount, currency, deal->mutable_acv());
    if (auto amount = record->Amount(tcv_)) sdk::SetMoney(*amount, currency, deal->mutable_tcv());
    if (auto percent = record->Amount(probability_)) {
      if (auto share = sdk::Scale(*percent, 1, 100)) sdk::SetDecimal(*share, deal->mutable_probability());
    }
    if (auto at = record->Time(common_.created)) sdk::SetInstant(*at, deal->mutable_created_at());
  }

  // Stage names are labels of an organisation; only the two flags say how a deal ended.
  void MapOutcome(CsvRecord* record, v1::Deal* deal) const {
    bool closed = record->Bool(is_closed_);
    bool won = record->Bool(is_won_);
    if (won && !closed) record->Fail(is_won_, "won_but_open", "the deal is won and not closed");
    deal->set_outcome(won ? v1::DEAL_OUTCOME_WON : closed ? v1::DEAL_OUTCOME_LOST : v1::DEAL_OUTCOME_OPEN);
    std::optional<sdk::CivilDate> close = record->Date(close_);
    if (close) sdk::SetDate(*close, closed ? deal->mutable_closed_on() : deal->mutable_expected_close_on());
    if (!closed) return;
    if (auto at = record->Time(stage_changed_)) sdk::SetInstant(*at, deal->mutable_closed_at());
  }

  // The deal's main partner is the one that registered it.
  void MapRegistration(CsvRecord* record, const std::string& id, int64_t revision, v1::Deal* deal,
                       MappedRow* out) const {
    v1::DealRegistration* registration = registration_.Map(record, id, revision, &out->events);
    if (registration == nullptr) return;
    if (registration->has_submitted_at()) *deal->mutable_registered_at() = registration->submitted_at();
    if (registration->has_submitted_on()) *deal->mutable_registered_on() = registration->submitted_on();
    if (registration->has_expires_on()) *deal->mutable_registration_expires_on() = registration->expires_on();
    registration->set_deal_id(id);
    registration->set_customer_id(deal->customer_id());
    if (deal->outcome() == v1::DEAL_OUTCOME_WON) *registration->mutable_won_on() = deal->closed_on();
    for (const v1::Attribution& attribution : deal->attributions()) {
      if (attribution.primary()) *registration->mutable_partner_refs() = attribution.partner_refs();
    }
  }

  // A partner in a column sourced the deal when the lead came from partners, a flag says so or its registration was
  // approved, else it influenced it. A row of Partner.csv says its role itself; the primary partner of a deal that came
  // from partners sourced it when no column names another.
  void MapAttributions(CsvRecord* record, const std::vector<DealPartner>& links, v1::Deal* deal) const {
    bool sourced = record->Bool(sourced_) || Contains(context_.options.sourced_lead_sources, deal->lead_source()) ||
                   deal->registration_status() == v1::REGISTRATION_STATUS_APPROVED;
    std::vector<PartnerPart> parts;
    for (int column : partners_) {
      std::string partner = record->SalesforceId(column);
      if (partner.empty()) continue;
      bool first = parts.empty();
      AddPart({partner, sourced && first ? v1::ATTRIBUTION_ROLE_SOURCED : v1::ATTRIBUTION_ROLE_INFLUENCED, false},
              &parts);
    }
    bool column_names_partner = !parts.empty();
    bool has_primary = false;
    for (const DealPartner& link : links) {
      std::string partner = sdk::SalesforceId(link.partner_id).value_or("");
      bool reverse_twin = link.mirrored && partner == deal->customer_id();
      if (link.deleted || reverse_twin) continue;
      v1::AttributionRole role = link.role;
      if (link.primary && sourced && !column_names_partner) role = v1::ATTRIBUTION_ROLE_SOURCED;
      AddPart({partner, role, link.primary && !has_primary}, &parts);
      has_primary = has_primary || link.primary;
    }
    if (!has_primary && !parts.empty()) parts.front().primary = true;
    for (const PartnerPart& part : parts) {
      v1::Attribution* attribution = deal->add_attributions();
      sdk::SetExternalId(part.partner_id, attribution->add_partner_refs());
      attribution->set_role(part.role);
      attribution->set_primary(part.primary);
    }
  }

  const MapperContext& context_;
  CommonColumns common_;
  RegistrationColumns registration_;
  int account_, name_, stage_, amount_, currency_, probability_, close_, is_closed_, is_won_, stage_changed_, type_,
      forecast_, owner_, lead_source_, sourced_, loss_reason_, acv_, tcv_, product_, integration_, mdf_request_;
  std::vector<int> partners_;
};

}  // namespace

std::unique_ptr<ObjectMapper> MakeOpportunityMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<OpportunityMapper>(bind, context);
}

}  // namespace partnermetrics::salesforce
