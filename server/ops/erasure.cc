#include "server/ops/erasure.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/base/errors.h"

namespace partnermetrics {
namespace {

using storage::PersonalRow;
using storage::QuarantineRow;

// Shorter values ("Bob", "7") would be found in the text of other records too; longer ones are comments, which the raw
// text holds beside the name or address that finds it.
constexpr size_t kMinSearchedBytes = 6;
constexpr size_t kMaxSearchedBytes = 100;
// Erasing rewrites files of this order of size anyway.
constexpr size_t kBatchBytes = size_t{32} << 20;
constexpr char kErasedMessage[] = "erased with a person's data";

// Pseudonyms ignore case; ids of records do not.
std::string Exactly(absl::string_view prefix, absl::string_view text) {
  return absl::StrCat(prefix, absl::BytesToHexString(text));
}
std::string FactName(absl::string_view fact) {
  return Exactly("fact:", fact);
}
std::string RecordName(absl::string_view record_id) {
  return Exactly("record:", record_id);
}

// "survey/survey_response/R_1" and "survey_response.comment" of the key of a personal row.
std::pair<absl::string_view, absl::string_view> SplitKey(absl::string_view key) {
  const size_t slash = key.rfind('/');
  return slash == absl::string_view::npos ? std::pair(key, absl::string_view())
                                          : std::pair(key.substr(0, slash), key.substr(slash + 1));
}

// Whether the field is in a list ("partner.contact_emails.3"): its elements may be about different persons.
bool InList(absl::string_view path) {
  for (const absl::string_view part : absl::StrSplit(path, '.')) {
    if (!part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return absl::ascii_isdigit(c); })) {
      return true;
    }
  }
  return false;
}

// Whether the value stands in the text, not as part of a longer word: not "ann@…" of "joann@…".
bool HoldsWord(absl::string_view text, absl::string_view value) {
  const auto in_word = [](char c) { return absl::ascii_isalnum(c) || static_cast<unsigned char>(c) >= 0x80; };
  for (size_t at = text.find(value); at != absl::string_view::npos; at = text.find(value, at + 1)) {
    const size_t end = at + value.size();
    if ((at == 0 || !in_word(text[at - 1])) && (end == text.size() || !in_word(text[end]))) return true;
  }
  return false;
}

// Finds the subject in personal rows and texts.
class Finder {
 public:
  Finder(const Pseudonymiser& pseudonymiser, const ErasureSubject& subject)
      : pseudonymiser_(pseudonymiser), subject_(subject) {}

  // Takes the rows of one fact under one subject.
  void AddGroup(std::vector<PersonalRow>& group) {
    if (group.empty()) return;
    const absl::string_view fact = SplitKey(group.front().key).first;
    const bool all = Names(FactName(fact));
    bool about_subject = subject_.Has(group.front().subject);
    for (const PersonalRow& row : group) {
      about_subject = about_subject || (!InList(SplitKey(row.key).second) && Names(row.value));
    }
    for (PersonalRow& row : group) {
      if (!all && !(about_subject && !InList(SplitKey(row.key).second)) && !Names(row.value)) continue;
      if (row.value.size() >= kMinSearchedBytes && row.value.size() <= kMaxSearchedBytes) searched_.insert(row.value);
      row.value.clear();
      rows_.push_back(std::move(row));
    }
    group.clear();
  }

  // Whether a text holds an erased value, or a word that is the subject's.
  bool IsIn(absl::string_view text) const {
    const auto holds = [text](const std::string& value) { return HoldsWord(text, value); };
    if (std::any_of(searched_.begin(), searched_.end(), holds)) return true;
    // Fields of a CSV or JSON record; then what looks like an address within one.
    for (const absl::string_view field : absl::StrSplit(text, absl::ByAnyChar(",;|\t\r\n\"'{}[]"))) {
      const absl::string_view word = absl::StripAsciiWhitespace(field);
      if (!word.empty() && (Names(word) || Names(RecordName(word)))) return true;
    }
    for (const absl::string_view word : absl::StrSplit(text, absl::ByAnyChar(" ,;:|\t\r\n\"'()<>[]{}=&/\\"))) {
      if (absl::StrContains(word, "@") && Names(absl::StripSuffix(word, "."))) return true;
    }
    return false;
  }

  const std::vector<PersonalRow>& rows() const { return rows_; }

 private:
  bool Names(absl::string_view text) const { return subject_.Has(pseudonymiser_.Pseudonym(text)); }

  const Pseudonymiser& pseudonymiser_;
  const ErasureSubject& subject_;
  std::vector<PersonalRow> rows_;  // without their values
  absl::flat_hash_set<std::string> searched_;
};

absl::Status FindRows(const storage::EventLog& log, Finder& finder) {
  std::vector<PersonalRow> group;
  const auto same = [](const PersonalRow& a, const PersonalRow& b) {
    return a.subject == b.subject && SplitKey(a.key).first == SplitKey(b.key).first;
  };
  RETURN_IF_ERROR(log.ReadAllPersonal("", "", [&](const PersonalRow& row) {
    if (!group.empty() && !same(group.front(), row)) finder.AddGroup(group);
    group.push_back(row);
    return true;
  }));
  finder.AddGroup(group);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> EraseQuarantined(storage::EventLog& log, const Finder& finder) {
  int64_t erased = 0;
  uint64_t after = 0;
  for (bool more = true; more;) {
    more = false;
    std::vector<QuarantineRow> batch;
    size_t bytes = 0;
    absl::Status damaged;
    RETURN_IF_ERROR(log.ReadQuarantine(after, [&](const QuarantineRow& row) {
      after = row.record;
      log::v1::QuarantineEntry entry;
      if (!entry.ParseFromString(row.value)) {
        damaged = absl::DataLossError(absl::StrCat("record ", row.record, " in quarantine is damaged"));
        return false;
      }
      // Only the first bytes of a message may quote the record, and it is short.
      if (!finder.IsIn(entry.raw()) && !finder.IsIn(entry.message())) return true;
      entry.clear_raw();
      entry.set_message(kErasedMessage);
      batch.push_back({.record = row.record, .value = entry.SerializeAsString()});
      bytes += row.value.size();
      more = bytes >= kBatchBytes;
      return !more;
    }));
    RETURN_IF_ERROR(damaged);
    RETURN_IF_ERROR(log.ReplaceQuarantine(batch));
    erased += static_cast<int64_t>(batch.size());
  }
  return erased;
}

}  // namespace

ErasureSubject::ErasureSubject(absl::string_view text) {
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) pseudonyms_.emplace(word);
}

std::string ErasureSubject::text() const {
  std::vector<std::string> words(pseudonyms_.begin(), pseudonyms_.end());
  std::sort(words.begin(), words.end());
  return absl::StrJoin(words, " ");
}

ErasureSubject PersonSubject(const Pseudonymiser& pseudonymiser, absl::string_view person) {
  return ErasureSubject(pseudonymiser.Pseudonym(person));
}

ErasureSubject RecordSubject(const Pseudonymiser& pseudonymiser, absl::string_view source, absl::string_view kind,
                             absl::string_view record_id) {
  ErasureSubject subject(pseudonymiser.Pseudonym(FactName(absl::StrCat(source, "/", kind, "/", record_id))));
  subject.Add(pseudonymiser.Pseudonym(RecordName(record_id)));
  return subject;
}

absl::StatusOr<ErasureCounts> ErasePersonalData(storage::EventLog& log, const Pseudonymiser& pseudonymiser,
                                                const ErasureSubject& subject) {
  Finder finder(pseudonymiser, subject);
  RETURN_IF_ERROR(FindRows(log, finder));
  // The quarantine first: what is searched there comes from the rows, also when this is repeated after an error.
  ErasureCounts counts;
  ASSIGN_OR_RETURN(counts.quarantined_records, EraseQuarantined(log, finder));
  RETURN_IF_ERROR(log.ErasePersonal(finder.rows()));
  counts.personal_values = static_cast<int64_t>(finder.rows().size());
  return counts;
}

}  // namespace partnermetrics
