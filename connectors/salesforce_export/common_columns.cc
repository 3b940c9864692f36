// Columns that several objects share.
#include "connectors/salesforce_export/objects.h"
#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

v1::RegistrationDecision DecisionOf(const std::string& text) {
  switch (RegistrationStatusOf(text)) {
    case v1::REGISTRATION_STATUS_SUBMITTED:
      return v1::REGISTRATION_DECISION_PENDING;
    case v1::REGISTRATION_STATUS_APPROVED:
      return v1::REGISTRATION_DECISION_APPROVED;
    case v1::REGISTRATION_STATUS_REJECTED:
      return sdk::StartsWithIgnoreCase(text, "with") ? v1::REGISTRATION_DECISION_WITHDRAWN
                                                     : v1::REGISTRATION_DECISION_REJECTED;
    case v1::REGISTRATION_STATUS_EXPIRED:
      return v1::REGISTRATION_DECISION_EXPIRED;
    default:
      return v1::REGISTRATION_DECISION_UNSPECIFIED;
  }
}

}  // namespace

CommonColumns::CommonColumns(sdk::ColumnBinder* bind)
    : id(bind->Required("Id", {"Id"})),
      is_deleted(bind->Optional("IsDeleted", {"IsDeleted"})),
      created(bind->Optional("CreatedDate", {"CreatedDate"})),
      changed(bind) {}

RegistrationColumns::RegistrationColumns(sdk::ColumnBinder* bind)
    : registered(bind->Optional("registered", {"Deal_Registration_Date__c", "Registered_Date__c",
                                               "Registration_Date__c", "Deal_Reg_Submitted__c"})),
      status(bind->Optional("registration_status",
                            {"Deal_Registration_Status__c", "Registration_Status__c", "Deal_Reg_Status__c"})),
      decided(bind->Optional("registration_decided", {"Registration_Decision_Date__c", "Registration_Approved_Date__c",
                                                      "Deal_Registration_Approved_Date__c"})),
      expires(bind->Optional("registration_expires", {"Registration_Expiration__c", "Registration_Expires__c",
                                                      "Deal_Registration_Expiration__c"})) {}

v1::RegistrationStatus RegistrationStatusOf(const std::string& text) {
  std::string status = sdk::ToLower(text);
  auto says = [&status](const char* word) { return status.find(word) != std::string::npos; };
  if (status.empty()) return v1::REGISTRATION_STATUS_UNSPECIFIED;
  if (says("expired")) return v1::REGISTRATION_STATUS_EXPIRED;
  if (says("reject") || says("denied") || says("declined") || says("withdrawn")) {
    return v1::REGISTRATION_STATUS_REJECTED;
  }
  if (says("approved") || says("accepted") || says("registered") || says("won")) {
    return v1::REGISTRATION_STATUS_APPROVED;
  }
  if (says("submitted") || says("pending") || says("review") || says("new")) return v1::REGISTRATION_STATUS_SUBMITTED;
  return v1::REGISTRATION_STATUS_UNSPECIFIED;
}

v1::DealRegistration* RegistrationColumns::Map(sdk::CsvRecord* record, const std::string& record_id, int64_t revision,
                                               v1::EventBatch* events) const {
  if (record->IsBlank(registered) && record->IsBlank(status)) return nullptr;
  v1::DealRegistration* registration = AddEvent(events, record_id, revision)->mutable_deal_registration();
  if (std::optional<sdk::ParsedTime> at = record->LocalTime(registered)) {
    // Weekly exports write 00:00:00 behind every date: midnight says nothing about the time.
    if (at->has_time && (at->second_of_day != 0 || at->utc_offset_seconds)) {
      if (auto instant = record->Time(registered)) sdk::SetInstant(*instant, registration->mutable_submitted_at());
    } else {
      sdk::SetDate(at->date, registration->mutable_submitted_on());
    }
  }
  if (auto at = record->Time(decided)) sdk::SetInstant(*at, registration->mutable_decided_at());
  if (auto on = record->Date(expires)) sdk::SetDate(*on, registration->mutable_expires_on());
  registration->set_decision(DecisionOf(record->Text(status)));
  return registration;
}

v1::Event* AddEvent(v1::EventBatch* events, const std::string& record_id, int64_t revision) {
  v1::Event* event = events->add_events();
  event->set_record_id(record_id);
  event->set_revision(revision);
  return event;
}

v1::Event* Begin(sdk::CsvRecord* record, const CommonColumns& columns, const MapperContext& context, MappedRow* out) {
  out->changed = columns.changed.Micros(record);
  int64_t revision = out->changed > 0 ? out->changed : context.file_micros;
  v1::Event* event = AddEvent(&out->events, record->RequiredSalesforceId(columns.id), revision);
  event->set_deleted(record->Bool(columns.is_deleted));
  return event;
}

bool AddPartner(const std::string& account_id, const MapperContext& context,
                google::protobuf::RepeatedPtrField<v1::PartnerReference>* refs) {
  if (!context.lookups.partners.IsPartner(account_id)) return false;
  sdk::SetExternalId(account_id, refs->Add());
  return true;
}

}  // namespace partnermetrics::salesforce
