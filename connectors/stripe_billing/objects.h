// What each Stripe object becomes.
#ifndef PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_OBJECTS_H_
#define PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_OBJECTS_H_

#include <string>
#include <unordered_map>
#include <vector>

#include "connectors/stripe_billing/json_record.h"
#include "partnermetrics/v1/event.pb.h"

namespace partnermetrics::stripe {

struct Options {
  std::vector<std::string> partner_keys;  // of metadata, most trusted first
  std::vector<std::string> deal_keys;
  bool link_by_email = true;
  bool include_test_mode = false;
};

struct MapContext {
  const Options& options;
  // Charge or payment intent -> invoice, for the refunds of this folder.
  const std::unordered_map<std::string, std::string>& invoice_of_payment;
  int64_t file_micros = 0;  // revision of objects without any time
};

// Maps one API object. Returns the rule by which it is left out, or null. Faults stay in the record.
const char* MapObject(JsonRecord* record, const MapContext& context, v1::EventBatch* events);

// References of an object to a partner, from its metadata.
void AddMetadataReferences(Json metadata, const Options& options,
                           google::protobuf::RepeatedPtrField<v1::PartnerReference>* references);

// The e-mail address and its domain as references; not those of free mailboxes.
void AddEmailReferences(const std::string& email, google::protobuf::RepeatedPtrField<v1::PartnerReference>* references);
void AddValueReferences(const std::string& key, const std::string& value,
                        google::protobuf::RepeatedPtrField<v1::PartnerReference>* references);

// Monthly value of all items after discounts; nothing when the price of an item is not in the object (tiers, usage).
std::optional<sdk::Decimal> MonthlyValue(JsonRecord* record, const std::string& currency);

}  // namespace partnermetrics::stripe

#endif  // PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_OBJECTS_H_
