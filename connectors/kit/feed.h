// The recorded files that the kit offers to a plugin, and variations of them: longer, cut, with bad rows.
//
//   ASSIGN_OR_RETURN(Feed feed, Feed::Load("testdata"));
//   Feed longer = feed.Amplified(64 << 20);
//
// Copies share the bytes. Immutable; any thread may read.
#ifndef PARTNERMETRICS_CONNECTORS_KIT_FEED_H_
#define PARTNERMETRICS_CONNECTORS_KIT_FEED_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace partnermetrics::kit {

// A file: a head, and a body that stands `times` times behind it.
class FeedFile {
 public:
  explicit FeedFile(std::string content);

  std::uint64_t size() const { return head_ + body_ * times_; }
  std::size_t ReadAt(std::uint64_t offset, char* buffer, std::size_t size) const;

 private:
  friend class Feed;

  std::shared_ptr<const std::string> content_;
  std::size_t head_;
  std::size_t body_ = 0;
  std::uint64_t times_ = 1;
};

class Feed {
 public:
  // All regular files of a folder, those of its folders too.
  static absl::StatusOr<Feed> Load(const std::string& folder);

  const std::map<std::string, FeedFile>& files() const { return files_; }

  // Text files (.csv, .tsv, .txt, .jsonl, .ndjson) with their lines after the first repeated, JSON lines with all of
  // them, until together they have about `bytes`. Others stay as they are.
  Feed Amplified(std::uint64_t bytes) const;
  // Text files with only the first `part` of `parts` of their lines, and at least one.
  Feed Shortened(int part, int parts) const;
  // Text files with one more row at their end that no reader can understand.
  Feed WithBadRows() const;
  // True when there is a text file with two lines or more.
  bool HasText() const;

 private:
  std::map<std::string, FeedFile> files_;
};

}  // namespace partnermetrics::kit

#endif  // PARTNERMETRICS_CONNECTORS_KIT_FEED_H_
