#include "connectors/stripe_billing/objects.h"

#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/ids.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::stripe {
namespace {

const char* MapCustomer(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  v1::Event* event = AddEvent(*record, record->Newest({"created"}), context, events);
  event->set_deleted(record->Bool("deleted"));
  v1::Customer* customer = event->mutable_customer();
  const std::string email = sdk::NormalizeEmail(record->Text("email"));
  SetCustomerName(record->Text("name"), email, customer);
  customer->set_country(record->Text("address.country"));
  if (auto metadata = record->Find("metadata")) {
    AddMetadataReferences(*metadata, context.options, customer->mutable_partner_refs());
  }
  if (context.options.link_by_email) AddEmailReferences(email, customer->mutable_partner_refs());
  return nullptr;
}

using Mapper = const char* (*)(JsonRecord*, const MapContext&, v1::EventBatch*);

Mapper MapperOf(const std::string& object) {
  if (object == "customer") return &MapCustomer;
  if (object == "invoice") return &MapInvoice;
  if (object == "refund") return &MapRefund;
  if (object == "credit_note") return &MapCreditNote;
  if (object == "charge") return &MapCharge;
  if (object == "subscription") return &MapSubscription;
  if (object == "subscription_schedule") return &MapSchedule;
  return nullptr;
}

}  // namespace

const char* MapObject(JsonRecord* record, const MapContext& context, v1::EventBatch* events) {
  std::string object = record->Text("object");
  if (object.empty()) record->Fail("object", "not_a_stripe_object", "it does not say what it is");
  Mapper mapper = MapperOf(object);
  if (mapper == nullptr) return "other_object";
  if (!record->Bool("livemode", true) && !context.options.include_test_mode) return "test_mode";
  if (record->Text("id").empty()) record->Fail("id", "missing_id", "the object has no id");
  return mapper(record, context, events);
}

v1::Event* AddEvent(const JsonRecord& record, int64_t revision, const MapContext& context, v1::EventBatch* events) {
  v1::Event* event = events->add_events();
  event->set_record_id(record.Text("id"));
  event->set_revision(revision > 0 ? revision : context.file_micros);
  return event;
}

void SetCustomerName(const std::string& name, const std::string& email, v1::Customer* customer) {
  const std::string domain = sdk::EmailDomain(email);
  const bool free_mail = sdk::IsFreeMailDomain(domain);
  (free_mail ? customer->mutable_person_name() : customer->mutable_name())->assign(name);
  if (!free_mail) customer->set_domain(domain);
}

void AddValueReferences(const std::string& key, const std::string& value, References* references) {
  if (value.empty()) return;
  std::optional<std::string> salesforce = sdk::SalesforceId(value);
  if (key == "partner_id") references->Add()->set_partner_id(value);
  sdk::SetExternalId(salesforce && !salesforce->empty() ? *salesforce : value, references->Add());
}

void AddMetadataReferences(Json metadata, const Options& options, References* references) {
  for (const std::string& key : options.partner_keys) {
    AddValueReferences(key, JsonRecord::Text(metadata, key), references);
  }
}

void AddEmailReferences(const std::string& email, References* references) {
  std::string address = sdk::NormalizeEmail(email);
  if (address.empty()) return;
  references->Add()->set_email(address);
  std::string domain = sdk::EmailDomain(address);
  if (!sdk::IsFreeMailDomain(domain)) references->Add()->set_domain(domain);
}

}  // namespace partnermetrics::stripe
