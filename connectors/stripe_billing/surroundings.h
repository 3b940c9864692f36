// What the other objects of a folder say about the one that is mapped: which invoice a payment was for, what a price
// comes to, how long a schedule holds.
//
// Gathered by reading the files before the first object is stated. Memory grows with the refunds, prices, coupons,
// products and schedules of the folder, and by 16 bytes for each payment of an invoice when there are charges that do
// not say what they were for; never with invoices, customers or subscriptions.
#ifndef PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_SURROUNDINGS_H_
#define PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_SURROUNDINGS_H_

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "connectors/sdk/readers/csv.h"
#include "connectors/sdk/readers/streams.h"
#include "connectors/stripe_billing/json_record.h"
#include "connectors/stripe_billing/pricing.h"
#include "partnermetrics/connector.h"

namespace partnermetrics::stripe {

// What a charge or payment intent was for.
struct Purpose {
  std::string invoice;
  std::string customer;
  bool one_off = false;   // it says itself that it is for no invoice
  bool is_there = false;  // the charge or payment intent itself is in the folder
};

class Surroundings {
 public:
  // Reads every JSON file, and the headers of the others.
  static sdk::Result<Surroundings> Read(const sdk::Inputs& inputs);

  // Names all that was read: with another file beside it, an object may mean something else.
  const std::string& fingerprint() const { return fingerprint_; }
  // True for a file with objects whose meaning other files can change: IsConnected().
  bool HasConnected(const sdk::Input& input) const { return connected_.count(input.name) > 0; }
  static bool IsConnected(const JsonRecord& record);

  bool has_invoices() const { return has_invoices_; }
  // Whether an invoices export of the dashboard is there.
  bool has_invoices_csv() const { return has_invoices_csv_; }
  // The purpose of a charge or payment intent that a refund names; null for others.
  const Purpose* PurposeOf(const std::string& payment) const { return Find(refunded_, payment); }
  // Whether an invoice of the folder was paid by this charge or payment intent. Asked only while knows_payments().
  bool PaidInvoice(std::string_view payment) const;
  // True when the folder says by what its invoices were paid, so that other charges are known to be for none.
  bool knows_payments() const { return knows_payments_; }

  const Price* FindPrice(const std::string& id) const { return Find(prices_, id); }
  const Coupon* FindCoupon(const std::string& id) const { return Find(coupons_, id); }
  // The name of a product; empty: not known.
  std::string ProductName(const std::string& id) const;
  // The second at which the schedule of a subscription let go of it; null: it has none in the folder, or still has it.
  const int64_t* Released(const std::string& subscription) const { return Find(released_, subscription); }

 private:
  template <typename Value>
  static const Value* Find(const std::unordered_map<std::string, Value>& map, const std::string& key) {
    const auto found = map.find(key);
    return found == map.end() ? nullptr : &found->second;
  }

  void Gather(const sdk::Input& input, JsonRecord record);
  void GatherLinks(const JsonRecord& record);
  void Link(const std::string& payment, const Purpose& purpose);

  std::string fingerprint_;
  std::unordered_set<std::string> connected_;
  bool has_invoices_ = false;
  bool has_invoices_csv_ = false;
  bool has_loose_charges_ = false;  // that do not say what they were for
  bool knows_payments_ = false;
  std::unordered_map<std::string, Purpose> refunded_;  // by charge or payment intent
  std::unordered_set<uint64_t> invoice_payments_;      // hashes of the ids of charges and payment intents
  std::unordered_map<std::string, Price> prices_;
  std::unordered_map<std::string, Coupon> coupons_;
  std::unordered_map<std::string, std::string> products_;
  std::unordered_map<std::string, int64_t> released_;
};

bool IsJson(const sdk::Input& input);
bool IsCsv(const sdk::Input& input);

// Opens a CSV file and reads its header; null when the file is empty.
sdk::Result<std::unique_ptr<sdk::CsvReader>> OpenCsv(const sdk::Inputs& inputs, const sdk::Input& input);

// An error of a reader knows the line; this adds the file.
sdk::Status InFile(const sdk::Input& input, const sdk::Status& status);

// Parses one object, without the envelope {"stream": …, "data": {…}} that some exporters put around it.
bool ParseItem(simdjson::dom::parser* parser, std::string_view text, Json* object);

}  // namespace partnermetrics::stripe

#endif  // PARTNERMETRICS_CONNECTORS_STRIPE_BILLING_SURROUNDINGS_H_
