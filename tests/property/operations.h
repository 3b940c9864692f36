// What may happen to a programme in the engine's property tests: events of every kind, aliases, other definitions,
// restarts, and the definitions under which they happen.
#ifndef PARTNERMETRICS_TESTS_PROPERTY_OPERATIONS_H_
#define PARTNERMETRICS_TESTS_PROPERTY_OPERATIONS_H_

#include <gtest/gtest.h>
// rapidcheck's gtest glue needs gtest first.
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <ostream>

#include "partnermetrics/log/v1/log.pb.h"
#include "partnermetrics/v1/event.pb.h"

namespace partnermetrics {

// A programme with measures that between them use every feature of the engine; the variants differ in what a change of
// definitions may bring.
log::v1::Definitions TestDefinitions(int variant);

// One thing that happens. Small numbers choose from small sets, so that everything meets everything.
struct Operation {
  int programme = 0;  // of several side by side, the one to which it happens
  int what = 0;       // which kind of event, alias change or restart
  int id = 0;         // record
  int revision = 0;
  int sequence = 0;
  int partner = 0;  // reference
  int second = 0;   // second partner, role, root
  int day = 0;
  int length = 0;
  int amount = 0;
  int variant = 0;  // outcome, currency, missing fields
  bool deleted = false;
};

// For rapidcheck.
void showValue(const Operation& op, std::ostream& out);

enum What {
  kDeal,
  kDealAgain,
  kStage,
  kInvoice,
  kRefund,
  kProject,
  kCost,
  kPartner,
  kCustomer,
  kRate,
  kAlias,
  kDropAlias,
  kDefine,
  kRestart,
  kStep,
  kWhats
};

// Of up to this many programmes.
inline constexpr int kMostProgrammes = 3;

rc::Gen<Operation> AnyOperation();

// Partners 0..3 are named by external id, 4 by domain, 5 by a shared domain, 6 by an id nobody states, 7 not at all:
// false.
bool SetReference(v1::PartnerReference* reference, int partner);

v1::Event MakeEvent(const Operation& op);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_PROPERTY_OPERATIONS_H_
