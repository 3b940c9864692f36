// PartnerFundRequest (or the custom object MDF_Request__c): MdfRequest facts. PartnerFundClaim: MdfSpend facts.
#include <algorithm>

#include "connectors/salesforce_export/objects.h"
#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::CsvRecord;

v1::MdfDecision DecisionOf(const std::string& text) {
  std::string status = sdk::ToLower(text);
  auto says = [&status](const char* word) { return status.find(word) != std::string::npos; };
  if (says("withdrawn") || says("cancel")) return v1::MDF_DECISION_WITHDRAWN;
  if (says("pending") || says("submitted") || says("review")) return v1::MDF_DECISION_PENDING;
  if (says("reject") || says("denied") || says("declin")) return v1::MDF_DECISION_REJECTED;
  if (says("approved") || says("paid") || says("complete")) return v1::MDF_DECISION_APPROVED;
  return v1::MDF_DECISION_UNSPECIFIED;
}

class FundRequestMapper : public ObjectMapper {
 public:
  FundRequestMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context),
        common_(bind),
        partner_(bind->Required("partner", {"ChannelPartnerId", "Account__c", "Partner__c"})),
        status_(bind->Required("Status", {"Status", "Approval_Status__c", "Status__c"})),
        requested_(bind->Optional("requested_amount",
                                  {"RequestedAmount", "Requested_Reimbursement_Amount__c", "Requested_Amount__c"})),
        approved_(bind->Optional("approved_amount", {"Amount", "Approved_Amount__c"})),
        spent_(bind->Optional("spent_amount", {"Actual_Program_Cost__c"})),
        activity_(bind->Optional("activity", {"Activity", "Activity__c", "Activity_Type__c"})),
        activity_on_(bind->Optional("activity_on", {"Activity_Date__c"})),
        decided_(bind->Optional("decided", {"Approval_Date__c", "Decision_Date__c"})),
        modified_(bind->Optional("LastModifiedDate", {"LastModifiedDate"})),
        currency_(bind->Optional("CurrencyIsoCode", {"CurrencyIsoCode"})) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    v1::Event* event = Begin(record, common_, context_, out);
    v1::MdfRequest* request = event->mutable_mdf_request();
    // Nobody has asked for a draft's money; one that was taken back to a draft is no request any more.
    bool draft = sdk::EqualsIgnoreCase(record->Cell(status_), "Draft");
    if (event->deleted() || draft) {
      event->set_deleted(true);
      if (spent_ >= 0) MapSpend(record, event->record_id(), nullptr, out);
      return;
    }
    std::string partner = record->SalesforceId(partner_);
    if (!partner.empty()) sdk::SetExternalId(partner, request->add_partner_refs());
    request->set_decision(DecisionOf(record->Text(status_)));
    request->set_activity(record->Text(activity_));
    if (auto on = record->Date(activity_on_)) sdk::SetDate(*on, request->mutable_activity_on());
    if (auto at = record->Time(common_.created)) sdk::SetInstant(*at, request->mutable_requested_at());
    MapDecision(record, event->record_id(), request);
    std::string currency = record->Currency(currency_, context_.options.default_currency);
    if (auto amount = record->Amount(requested_)) {
      sdk::SetMoney(*amount, currency, request->mutable_requested_amount());
    }
    // Amount is what was approved, and a proposal until then.
    bool approved = request->decision() == v1::MDF_DECISION_APPROVED;
    auto amount = record->Amount(approved_);
    if (amount && approved) sdk::SetMoney(*amount, currency, request->mutable_approved_amount());
    if (spent_ >= 0) MapSpend(record, event->record_id(), approved ? request : nullptr, out);
  }

 private:
  // Without a column or history of its own the last change of a decided request is the nearest that an export knows.
  void MapDecision(CsvRecord* record, const std::string& id, v1::MdfRequest* request) const {
    bool decided = request->decision() == v1::MDF_DECISION_APPROVED || request->decision() == v1::MDF_DECISION_REJECTED;
    if (!decided) return;
    std::optional<sdk::Instant> at = record->Time(decided_);
    const sdk::Instant* known = context_.lookups.decided_at.Find(id);
    if (!at && known != nullptr) at = *known;
    if (!at) at = record->Time(modified_);
    if (at) sdk::SetInstant(*at, request->mutable_decided_at());
  }

  // The custom object states its spending itself; null: nothing was spent.
  void MapSpend(CsvRecord* record, const std::string& id, const v1::MdfRequest* request, MappedRow* out) const {
    int64_t revision = out->events.events(0).revision();
    v1::Event* event = AddEvent(&out->events, id, revision);
    v1::MdfSpend* spend = event->mutable_mdf_spend();
    std::optional<sdk::Decimal> amount = record->Amount(spent_);
    if (request == nullptr || !amount || amount->IsZero()) {
      event->set_deleted(true);
      return;
    }
    spend->set_root_id(id);
    if (request->has_activity_on()) *spend->mutable_spent_on() = request->activity_on();
    sdk::SetMoney(*amount, record->Currency(currency_, context_.options.default_currency), spend->mutable_amount());
  }

  const MapperContext& context_;
  CommonColumns common_;
  int partner_, status_, requested_, approved_, spent_, activity_, activity_on_, decided_, modified_, currency_;
};

class FundClaimMapper : public ObjectMapper {
 public:
  FundClaimMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context),
        common_(bind),
        request_(bind->Required("RequestId", {"RequestId"})),
        partner_(bind->Optional("partner", {"ChannelPartnerId"})),
        status_(bind->Required("Status", {"Status"})),
        amount_(bind->Required("Amount", {"Amount"})),
        paid_(bind->Optional("paid_on", {"Paid_Date__c", "Payment_Date__c"})),
        modified_(bind->Optional("LastModifiedDate", {"LastModifiedDate"})),
        currency_(bind->Optional("CurrencyIsoCode", {"CurrencyIsoCode"})) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    v1::Event* event = Begin(record, common_, context_, out);
    v1::MdfSpend* spend = event->mutable_mdf_spend();
    // Only what was paid is spent; a claim that lost the status is no spending any more.
    if (event->deleted() || !sdk::EqualsIgnoreCase(record->Cell(status_), "Paid")) {
      event->set_deleted(true);
      return;
    }
    spend->set_root_id(record->RequiredSalesforceId(request_));
    std::string partner = record->SalesforceId(partner_);
    if (!partner.empty()) sdk::SetExternalId(partner, spend->add_partner_refs());
    auto on = record->Date(paid_);
    if (!on) on = record->Date(modified_);
    if (on) sdk::SetDate(*on, spend->mutable_spent_on());
    std::string currency = record->Currency(currency_, context_.options.default_currency);
    if (auto amount = record->Amount(amount_)) sdk::SetMoney(*amount, currency, spend->mutable_amount());
  }

 private:
  const MapperContext& context_;
  CommonColumns common_;
  int request_, partner_, status_, amount_, paid_, modified_, currency_;
};

}  // namespace

std::unique_ptr<ObjectMapper> MakeFundRequestMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<FundRequestMapper>(bind, context);
}

std::unique_ptr<ObjectMapper> MakeFundClaimMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<FundClaimMapper>(bind, context);
}

}  // namespace partnermetrics::salesforce
