// Partners as readers see them: one entity per company, from what all sources state.
#ifndef PARTNERMETRICS_SERVER_ENGINE_PARTNERS_H_
#define PARTNERMETRICS_SERVER_ENGINE_PARTNERS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/v1/partner.pb.h"
#include "server/engine/engine.h"

namespace partnermetrics {

struct PartnerState {
  std::string partner_id;
  v1::Partner fields;                // of each field what the first source that states it says
  std::vector<std::string> sources;  // best first
  std::vector<std::string> aliases;  // references that lead to it, by name
  int64_t facts = 0;
  uint64_t version = 0;  // position of the newest record that states it
};

// The partner; nothing when no source states it.
absl::StatusOr<std::optional<PartnerState>> ReadPartner(const Engine::View& view, absl::string_view partner_id);

// Its fields alone, which is much less to read.
absl::StatusOr<std::optional<v1::Partner>> ReadPartnerFields(const Engine::View& view, absl::string_view partner_id);

// All ids, in order.
absl::StatusOr<std::vector<std::string>> PartnerIds(const Engine::View& view);

// The partner that people mean: by canonical id, else by an external id, domain or name that leads to one partner only.
// NOT_FOUND says what was tried; FAILED_PRECONDITION names the candidates when there are several.
absl::StatusOr<std::string> FindPartner(const Engine::View& view, absl::string_view name);

// Unresolved facts by the reference they wait for.
struct UnresolvedGroup {
  ReferenceKey reference;
  int64_t facts = 0;
  FactId example;
};
absl::StatusOr<std::vector<UnresolvedGroup>> UnresolvedReferences(const Engine::View& view);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_ENGINE_PARTNERS_H_
