// Partners that an unknown reference may mean: by the domain, name and id that the facts behind it tell.
//
//   const PartnerSuggester suggester(records);
//   std::vector<v1::PartnerSuggestion> found = suggester.Suggest({.names = {"ACME Solar LLC"}, .domains =
//   {"acme.com"}});
//
// Suggestions are never acted on by themselves. The same evidence and partners give the same suggestions in the same
// order: by score, then by id.
//
//   95  one of its domains is the same          90  its name is the same, but for case, punctuation and legal form
//   85  its id in another source is the same    80  one of its domains is above or below: emea.acme.com, acme.com
//   60  a domain with another ending: acme.de   40 to 79  its name is similar: the share of pairs of letters in common
//
// Several of these count as the best of them and 3 for each other, at most 99.
//
// Thread-compatible; immutable once made.
#ifndef PARTNERMETRICS_SERVER_QUERIES_PARTNER_SUGGESTIONS_H_
#define PARTNERMETRICS_SERVER_QUERIES_PARTNER_SUGGESTIONS_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "partnermetrics/v1/partner_service.pb.h"
#include "server/engine/engine.h"
#include "server/engine/partners.h"
#include "server/queries/partner_records.h"

namespace partnermetrics {

// What is known of whoever a reference means.
struct ReferenceEvidence {
  std::vector<std::string> names = {};
  std::vector<std::string> domains = {};
  std::string same_id = {};  // partner that has the reference's id in another source; empty: none
};

// From the reference itself, the fact that is given as its example, and the customer that it names.
absl::StatusOr<ReferenceEvidence> EvidenceOf(const Engine::View& view, const UnresolvedGroup& group);

class PartnerSuggester {
 public:
  explicit PartnerSuggester(const std::vector<PartnerRecord>& partners);

  // The best three.
  std::vector<v1::PartnerSuggestion> Suggest(const ReferenceEvidence& evidence) const;

 private:
  struct Known {
    std::string partner_id, name;
    std::string plain_name;  // without case, punctuation and legal form
    std::vector<std::string> domains;
  };
  class Ranking;
  void Compare(const std::string& name, Ranking& ranking) const;
  void CompareDomain(const std::string& domain, Ranking& ranking) const;

  std::vector<Known> partners_;
  using Index = absl::flat_hash_map<std::string, std::vector<size_t>>;
  Index by_word_, by_domain_, by_label_;  // word of the name; domain; its part before the ending
  absl::flat_hash_map<std::string, size_t> by_id_;
};

// Command that has the reference lead to the partner, for a shell; empty for the pseudonym of a person.
std::string ConfirmCommand(absl::string_view program, absl::string_view partner_id, absl::string_view reference);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_QUERIES_PARTNER_SUGGESTIONS_H_
