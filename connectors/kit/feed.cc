#include "connectors/kit/feed.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace partnermetrics::kit {
namespace {

namespace fs = std::filesystem;

bool IsJsonLines(const std::string& name) {
  return absl::EndsWithIgnoreCase(name, ".jsonl") || absl::EndsWithIgnoreCase(name, ".ndjson");
}

bool IsText(const std::string& name) {
  return IsJsonLines(name) || absl::EndsWithIgnoreCase(name, ".csv") || absl::EndsWithIgnoreCase(name, ".tsv") ||
         absl::EndsWithIgnoreCase(name, ".txt");
}

// Where the lines of a text end; line ends inside quotes end none.
std::vector<std::size_t> LineEnds(const std::string& text) {
  std::vector<std::size_t> ends;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (text[i] == '\n' && !quoted) ends.push_back(i + 1);
  }
  if (!text.empty() && (ends.empty() || ends.back() != text.size())) ends.push_back(text.size());
  return ends;
}

std::string WithLineEnd(std::string text) {
  if (!text.empty() && text.back() != '\n') text.push_back('\n');
  return text;
}

}  // namespace

FeedFile::FeedFile(std::string content)
    : content_(std::make_shared<const std::string>(std::move(content))), head_(content_->size()) {}

std::size_t FeedFile::ReadAt(std::uint64_t offset, char* buffer, std::size_t size) const {
  std::size_t done = 0;
  while (done < size && offset < this->size()) {
    std::size_t at = static_cast<std::size_t>(offset), end = head_;
    if (offset >= head_) {
      at = head_ + static_cast<std::size_t>((offset - head_) % body_);
      end = head_ + body_;
    }
    const std::size_t part = std::min(size - done, end - at);
    std::memcpy(buffer + done, content_->data() + at, part);
    done += part;
    offset += part;
  }
  return done;
}

absl::StatusOr<Feed> Feed::Load(const std::string& folder) {
  Feed feed;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (!entry->is_regular_file()) continue;
    std::ifstream in(entry->path(), std::ios::binary);
    std::ostringstream content;
    if (in.peek() != std::ifstream::traits_type::eof()) content << in.rdbuf();
    if (in.bad()) return absl::NotFoundError(absl::StrCat(entry->path().string(), " cannot be read"));
    feed.files_.emplace(fs::relative(entry->path(), folder).generic_string(), FeedFile(content.str()));
  }
  if (error) return absl::NotFoundError(absl::StrCat(folder, ": ", error.message()));
  return feed;
}

Feed Feed::Amplified(std::uint64_t bytes) const {
  Feed feed = *this;
  const auto texts = std::count_if(files_.begin(), files_.end(), [](const auto& entry) { return IsText(entry.first); });
  if (texts > 0) bytes /= static_cast<std::uint64_t>(texts);
  for (auto& [name, file] : feed.files_) {
    if (!IsText(name) || file.size() == 0) continue;
    file = FeedFile(WithLineEnd(*file.content_));
    const std::size_t head = IsJsonLines(name) ? 0 : LineEnds(*file.content_).front();
    file.body_ = file.content_->size() - head;
    if (file.body_ == 0) continue;
    file.head_ = head;
    file.times_ = std::max<std::uint64_t>(1, bytes / file.body_ + 1);
  }
  return feed;
}

Feed Feed::Shortened(int part, int parts) const {
  Feed feed = *this;
  for (auto& [name, file] : feed.files_) {
    const std::vector<std::size_t> ends = LineEnds(*file.content_);
    if (!IsText(name) || ends.size() < 2) continue;
    const std::size_t lines =
        std::max<std::size_t>(1, ends.size() * static_cast<std::size_t>(part) / static_cast<std::size_t>(parts));
    file = FeedFile(file.content_->substr(0, ends[lines - 1]));
  }
  return feed;
}

Feed Feed::WithBadRows() const {
  Feed feed = *this;
  for (auto& [name, file] : feed.files_) {
    if (!IsText(name) || file.size() == 0) continue;
    file = FeedFile(absl::StrCat(WithLineEnd(*file.content_), IsJsonLines(name) ? "{\"broken\": \n" : "broken\n"));
  }
  return feed;
}

bool Feed::HasText() const {
  return std::any_of(files_.begin(), files_.end(), [](const auto& entry) {
    return IsText(entry.first) && LineEnds(*entry.second.content_).size() > 1;
  });
}

}  // namespace partnermetrics::kit
