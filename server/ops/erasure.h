// Erases what the log of a programme keeps about a person beside its records: personal rows, and the raw text of
// quarantined records that names them. The records and the state hold pseudonyms only, so no number changes.
//
//   const ErasureSubject subject = PersonSubject(pseudonymiser, "ann@example.com");
//   ASSIGN_OR_RETURN(ErasureCounts counts, ErasePersonalData(log, pseudonymiser, subject));
//
// Functions are free of state; any thread.
#ifndef PARTNERMETRICS_SERVER_OPS_ERASURE_H_
#define PARTNERMETRICS_SERVER_OPS_ERASURE_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/facts/personal.h"
#include "storage/event_log.h"

namespace partnermetrics {

// Whose data, as keyed pseudonyms: it can be kept for later without saying who it is.
class ErasureSubject {
 public:
  // From and to text.
  explicit ErasureSubject(absl::string_view text);
  std::string text() const;

  void Add(std::string pseudonym) { pseudonyms_.insert(std::move(pseudonym)); }
  bool Has(const std::string& pseudonym) const { return pseudonyms_.contains(pseudonym); }

 private:
  absl::flat_hash_set<std::string> pseudonyms_;
};

// A person, by what identifies them in the sources: an e-mail address, a user name.
ErasureSubject PersonSubject(const Pseudonymiser& pseudonymiser, absl::string_view person);
// What one record says about persons.
ErasureSubject RecordSubject(const Pseudonymiser& pseudonymiser, absl::string_view source, absl::string_view kind,
                             absl::string_view record_id);

struct ErasureCounts {
  int64_t personal_values = 0;
  int64_t quarantined_records = 0;
};

// Durable, and gone from the files, when it returns. Errors as EventLog::Append; it can be repeated.
absl::StatusOr<ErasureCounts> ErasePersonalData(storage::EventLog& log, const Pseudonymiser& pseudonymiser,
                                                const ErasureSubject& subject);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_OPS_ERASURE_H_
