#include "server/queries/partner_suggestions.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/facts/event_view.h"
#include "server/facts/fact_schema.h"

namespace partnermetrics {
namespace {

constexpr size_t kMostSuggestions = 3;
constexpr int kSameDomain = 95, kSameName = 90, kSameId = 85, kNestedDomain = 80, kOtherEnding = 60;
constexpr int kFurtherReason = 3, kHighest = 99;
constexpr double kLeastSimilarity = 0.5;
// A word that so many partners have ("solar") tells nothing.
constexpr size_t kCommonWord = 500;
constexpr size_t kShortestLabel = 4;

const std::set<absl::string_view>& LegalForms() {
  static const auto* const kForms = new std::set<absl::string_view>(
      {"ab",  "ag",           "as", "bv",      "co",  "company", "corp", "corporation", "gmbh",
       "inc", "incorporated", "kg", "limited", "llc", "llp",     "ltd",  "nv",          "oy",
       "plc", "pty",          "sa", "sarl",    "sas", "se",      "spa",  "srl",         "the"});
  return *kForms;
}

// "acme solar" of "ACME-Solar, LLC.".
std::string PlainName(absl::string_view name) {
  std::vector<std::string> words;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty() && LegalForms().count(word) == 0) words.push_back(word);
    word.clear();
  };
  for (const char c : name) {
    if (c == '.' || c == '\'') continue;  // "S.A.", "Joe's"
    const bool letter = absl::ascii_isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80;
    if (letter) {
      word.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    } else {
      end_word();
    }
  }
  end_word();
  return absl::StrJoin(words, " ");
}

// Pairs of neighbouring letters, without blanks, sorted.
std::vector<std::string> LetterPairs(const std::string& plain) {
  const std::string letters = absl::StrReplaceAll(plain, {{" ", ""}});
  std::vector<std::string> pairs;
  for (size_t i = 0; i + 1 < letters.size(); ++i) pairs.push_back(letters.substr(i, 2));
  std::sort(pairs.begin(), pairs.end());
  return pairs;
}

// Twice the pairs in common by all pairs of both: 1 for the same letters, 0 for nothing in common.
double Similarity(const std::string& a, const std::string& b) {
  const std::vector<std::string> of_a = LetterPairs(a), of_b = LetterPairs(b);
  if (of_a.empty() || of_b.empty()) return 0;
  std::vector<std::string> common;
  std::set_intersection(of_a.begin(), of_a.end(), of_b.begin(), of_b.end(), std::back_inserter(common));
  return 2.0 * static_cast<double>(common.size()) / static_cast<double>(of_a.size() + of_b.size());
}

// "acme" of "www.acme.co.uk"; empty when it is too short to tell anything.
std::string LabelOf(absl::string_view domain) {
  std::vector<absl::string_view> parts = absl::StrSplit(domain, '.');
  if (parts.size() < 2) return "";
  parts.pop_back();
  static const auto* const kSecondLevel = new std::set<absl::string_view>({"ac", "co", "com", "net", "org"});
  if (parts.size() > 1 && kSecondLevel->count(parts.back()) > 0) parts.pop_back();
  return parts.back().size() >= kShortestLabel ? std::string(parts.back()) : "";
}

void AddDomain(absl::string_view domain, std::vector<std::string>& domains) {
  std::string lower = absl::AsciiStrToLower(absl::StripPrefix(domain, "www."));
  if (!lower.empty() && std::find(domains.begin(), domains.end(), lower) == domains.end()) {
    domains.push_back(std::move(lower));
  }
}

// What a fact says about the company behind it.
absl::Status AddEvidence(const Engine::View& view, const FactId& id, ReferenceEvidence& evidence) {
  ASSIGN_OR_RETURN(const std::optional<StoredFact> fact, view.Fact(id));
  if (!fact.has_value() || fact->deleted) return absl::OkStatus();
  v1::Customer customer;
  if (id.kind != v1::Event::kCustomerFieldNumber || !customer.ParseFromString(fact->fact)) return absl::OkStatus();
  if (!customer.name().empty()) evidence.names.push_back(customer.name());
  AddDomain(customer.domain(), evidence.domains);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ReferenceEvidence> EvidenceOf(const Engine::View& view, const UnresolvedGroup& group) {
  ReferenceEvidence evidence;
  const std::pair<absl::string_view, absl::string_view> kind_and_rest =
      absl::StrSplit(group.reference, absl::MaxSplits(':', 1));
  if (kind_and_rest.first == "domain") AddDomain(kind_and_rest.second, evidence.domains);
  if (kind_and_rest.first == "external") {
    const std::pair<std::string, std::string> external = absl::StrSplit(kind_and_rest.second, absl::MaxSplits(':', 1));
    // Some sources name partners by their names.
    evidence.names.push_back(external.second);
    RETURN_IF_ERROR(AddEvidence(view, {v1::Event::kCustomerFieldNumber, external.first, external.second}, evidence));
    ASSIGN_OR_RETURN(const std::vector<AliasClaim> claims, view.Claims(absl::StrCat("external::", external.second)));
    evidence.same_id = WinnerOf(claims);
  }
  RETURN_IF_ERROR(AddEvidence(view, group.example, evidence));
  ASSIGN_OR_RETURN(const std::optional<StoredFact> example, view.Fact(group.example));
  const FactSchema* schema = FactSchemas::Get().FindByNumber(group.example.kind);
  if (!example.has_value() || schema == nullptr) return evidence;
  for (const PartnerMention& mention : ReadMentions(*schema, example->fact)) {
    const auto& references = mention.references;
    if (std::find(references.begin(), references.end(), group.reference) == references.end()) continue;
    for (absl::string_view reference : references) {
      if (absl::ConsumePrefix(&reference, "domain:")) AddDomain(reference, evidence.domains);
    }
  }
  return evidence;
}

// What speaks for each partner.
class PartnerSuggester::Ranking {
 public:
  void Add(size_t partner, int score, std::string reason) {
    std::map<std::string, int>& reasons = found_[partner];
    int& known = reasons[std::move(reason)];
    known = std::max(known, score);
  }
  // Score and reason of each, the highest first; of equal ones that with the lower number.
  std::vector<std::pair<size_t, std::pair<int, std::string>>> Sorted() const {
    std::vector<std::pair<size_t, std::pair<int, std::string>>> sorted;
    for (const auto& [partner, reasons] : found_) {
      const auto best = std::max_element(reasons.begin(), reasons.end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
      const int further = kFurtherReason * static_cast<int>(reasons.size() - 1);
      sorted.push_back({partner, {std::min(kHighest, best->second + further), best->first}});
    }
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.second.first > b.second.first; });
    return sorted;
  }

 private:
  std::map<size_t, std::map<std::string, int>> found_;  // partner → reason → score
};

PartnerSuggester::PartnerSuggester(const std::vector<PartnerRecord>& partners) {
  for (const PartnerRecord& record : partners) {
    v1::Partner fields;
    if (!fields.ParseFromString(record.fields)) continue;
    const size_t number = partners_.size();
    Known known = {record.partner_id, fields.name(), PlainName(fields.name()), {}};
    for (const std::string& domain : fields.domains()) AddDomain(domain, known.domains);
    const std::set<std::string> words = absl::StrSplit(known.plain_name, ' ', absl::SkipEmpty());
    for (const std::string& word : words) by_word_[word].push_back(number);
    for (const std::string& domain : known.domains) {
      by_domain_[domain].push_back(number);
      if (const std::string label = LabelOf(domain); !label.empty()) by_label_[label].push_back(number);
    }
    by_id_[record.partner_id] = number;
    partners_.push_back(std::move(known));
  }
}

void PartnerSuggester::Compare(const std::string& name, Ranking& ranking) const {
  const std::string plain = PlainName(name);
  std::set<size_t> candidates;
  const std::vector<std::string> words = absl::StrSplit(plain, ' ', absl::SkipEmpty());
  for (const std::string& word : words) {
    const auto it = by_word_.find(word);
    if (it != by_word_.end() && it->second.size() <= kCommonWord) {
      candidates.insert(it->second.begin(), it->second.end());
    }
  }
  for (const size_t candidate : candidates) {
    const Known& known = partners_[candidate];
    if (known.plain_name == plain) {
      ranking.Add(candidate, kSameName, absl::StrCat("same name '", name, "'"));
      continue;
    }
    const double similarity = Similarity(plain, known.plain_name);
    if (similarity < kLeastSimilarity) continue;
    ranking.Add(candidate, static_cast<int>(79 * similarity), absl::StrCat("similar name '", name, "'"));
  }
}

void PartnerSuggester::CompareDomain(const std::string& domain, Ranking& ranking) const {
  const std::string label = LabelOf(domain);
  std::set<size_t> candidates;
  const auto add = [&](const Index& index, absl::string_view key) {
    if (const auto it = index.find(key); it != index.end()) candidates.insert(it->second.begin(), it->second.end());
  };
  add(by_label_, label);
  for (absl::string_view above = domain; absl::StrContains(above, '.'); above.remove_prefix(above.find('.') + 1)) {
    add(by_domain_, above);
  }
  const auto below = [](const std::string& inner, const std::string& outer) {
    return absl::EndsWith(inner, absl::StrCat(".", outer));
  };
  for (const size_t candidate : candidates) {
    for (const std::string& own : partners_[candidate].domains) {
      if (own == domain) {
        ranking.Add(candidate, kSameDomain, absl::StrCat("same domain ", own));
      } else if (below(domain, own) || below(own, domain)) {
        ranking.Add(candidate, kNestedDomain, absl::StrCat("domain ", domain, " belongs with ", own));
      } else if (!label.empty() && LabelOf(own) == label) {
        ranking.Add(candidate, kOtherEnding, absl::StrCat("similar domain ", own));
      }
    }
  }
}

std::vector<v1::PartnerSuggestion> PartnerSuggester::Suggest(const ReferenceEvidence& evidence) const {
  Ranking ranking;
  for (const std::string& name : evidence.names) Compare(name, ranking);
  for (const std::string& domain : evidence.domains) CompareDomain(domain, ranking);
  if (const auto it = by_id_.find(evidence.same_id); it != by_id_.end()) {
    ranking.Add(it->second, kSameId, "the same id in another source");
  }
  std::vector<v1::PartnerSuggestion> suggestions;
  for (const auto& [partner, score] : ranking.Sorted()) {
    if (suggestions.size() == kMostSuggestions) break;
    v1::PartnerSuggestion& suggestion = suggestions.emplace_back();
    suggestion.set_partner_id(partners_[partner].partner_id);
    suggestion.set_name(partners_[partner].name);
    suggestion.set_score(score.first);
    suggestion.set_reason(score.second);
  }
  return suggestions;
}

std::string ConfirmCommand(absl::string_view program, absl::string_view partner_id, absl::string_view reference) {
  if (absl::StartsWith(reference, "email:")) return "";
  std::string alias(reference);
  if (absl::ConsumePrefix(&reference, "partner:")) alias = absl::StrCat("id:", reference);
  const auto quoted = [](absl::string_view word) -> std::string {
    const auto plain = [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("_@%+=:,./-", c);
    };
    if (!word.empty() && std::all_of(word.begin(), word.end(), plain)) return std::string(word);
    return absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'");
  };
  return absl::StrCat("partnerctl partner alias add",
                      program.empty() ? "" : absl::StrCat(" --program ", quoted(program)), " --partner-id ",
                      quoted(partner_id), " --alias ", quoted(alias));
}

}  // namespace partnermetrics
