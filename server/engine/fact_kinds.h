// The kinds of facts that the engine itself knows the meaning of.
#ifndef PARTNERMETRICS_SERVER_ENGINE_FACT_KINDS_H_
#define PARTNERMETRICS_SERVER_ENGINE_FACT_KINDS_H_

#include "server/engine/keys.h"
#include "server/facts/fact_schema.h"

namespace partnermetrics {

inline const FactSchema& SchemaOf(const FactId& id) {
  return *FactSchemas::Get().FindByNumber(id.kind);
}

inline const FactSchema& TargetSchema() {
  static const FactSchema& schema = *FactSchemas::Get().Find("target");
  return schema;
}

inline int PartnerKind() {
  static const int kind = FactSchemas::Get().Find("partner")->kind();
  return kind;
}

inline int CustomerKind() {
  static const int kind = FactSchemas::Get().Find("customer")->kind();
  return kind;
}

inline int DealKind() {
  static const int kind = FactSchemas::Get().Find("deal")->kind();
  return kind;
}

inline int RateKind() {
  static const int kind = FactSchemas::Get().Find("fx_rate")->kind();
  return kind;
}

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_FACT_KINDS_H_
