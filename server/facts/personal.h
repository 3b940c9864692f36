// Splits personal data off events before they enter the log.
#ifndef PARTNERMETRICS_SERVER_FACTS_PERSONAL_H_
#define PARTNERMETRICS_SERVER_FACTS_PERSONAL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "partnermetrics/v1/event.pb.h"
#include "storage/event_log.h"

namespace partnermetrics {

// Makes keyed pseudonyms: the same value gives the same pseudonym, and nobody without the key can go back or guess.
class Pseudonymiser {
 public:
  explicit Pseudonymiser(std::string key) : key_(std::move(key)) {}

  // "~" and 22 characters: 128 bits of HMAC-SHA256 of the value in lower case without outer spaces. A pseudonym is its
  // own pseudonym, so that splitting twice changes nothing.
  std::string Pseudonym(absl::string_view value) const;

  // 64 bits of HMAC-SHA256 of the bytes as they are: by them they are known again, but not found out.
  uint64_t Fingerprint(absl::string_view bytes) const;

  // Splits the personal fields of an event, as their options say: pseudonyms stay in the event, values go to `rows`.
  void Split(v1::Event& event, std::vector<storage::PersonalRow>& rows) const;

  // Replaces the personal fields of any other message by pseudonyms, or clears them, and forgets the values.
  void Redact(google::protobuf::Message& message) const;

 private:
  void SplitMessage(google::protobuf::Message& message, const std::string& path,
                    std::vector<storage::PersonalRow>* rows, std::string& subject) const;

  std::string key_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_FACTS_PERSONAL_H_
