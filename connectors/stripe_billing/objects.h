// What each Stripe object becomes.
#ifndef PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_OBJECTS_H_
#define PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_OBJECTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "connectors/stripe_billing/json_record.h"
#include "connectors/stripe_billing/surroundings.h"
#include "partnermetrics/v1/event.pb.h"

namespace partnermetrics::stripe {

using References = google::protobuf::RepeatedPtrField<v1::PartnerReference>;

// What the column Amount of a subscriptions export is for a quantity above 1.
enum class CsvAmount { kUnknown, kPerUnit, kTotal };

struct Options {
  std::vector<std::string> partner_keys;  // of metadata, most trusted first
  std::vector<std::string> deal_keys;
  bool link_by_email = true;
  bool include_test_mode = false;
  CsvAmount csv_amount = CsvAmount::kUnknown;
};

// What the people of an export should know: counts of objects that lack what another export has.
struct Gaps {
  uint64_t refunds = 0;        // whose payment nothing tells about
  uint64_t charges = 0;        // likewise
  uint64_t subscriptions = 0;  // whose monthly value is not known
};

struct MapContext {
  const Options& options;
  const Surroundings& surroundings;
  int64_t file_micros = 0;  // revision of objects without any time
  Gaps* gaps = nullptr;
};

// Maps one API object. Returns the rule by which it is left out, or null. Faults stay in the record.
const char* MapObject(JsonRecord* record, const MapContext& context, v1::EventBatch* events);

// The mappings of single kinds, with MapObject's result.
const char* MapInvoice(JsonRecord* record, const MapContext& context, v1::EventBatch* events);
const char* MapCharge(JsonRecord* record, const MapContext& context, v1::EventBatch* events);
const char* MapRefund(JsonRecord* record, const MapContext& context, v1::EventBatch* events);
const char* MapCreditNote(JsonRecord* record, const MapContext& context, v1::EventBatch* events);
const char* MapSubscription(JsonRecord* record, const MapContext& context, v1::EventBatch* events);
const char* MapSchedule(JsonRecord* record, const MapContext& context, v1::EventBatch* events);

// An event about the object; its revision is that of the file when the object states no time.
v1::Event* AddEvent(const JsonRecord& record, int64_t revision, const MapContext& context, v1::EventBatch* events);

v1::InvoiceStatus InvoiceStatusOf(const std::string& status);
v1::SubscriptionStatus SubscriptionStatusOf(const std::string& status);

// A name beside a free mailbox is most likely a person's.
void SetCustomerName(const std::string& name, const std::string& email, v1::Customer* customer);

// References of an object to a partner, from its metadata.
void AddMetadataReferences(Json metadata, const Options& options, References* references);
// The e-mail address and its domain as references; no domain of free mailboxes.
void AddEmailReferences(const std::string& email, References* references);
void AddValueReferences(const std::string& key, const std::string& value, References* references);

}  // namespace partnermetrics::stripe

#endif  // PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_OBJECTS_H_
