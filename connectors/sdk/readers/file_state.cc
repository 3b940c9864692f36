#include "connectors/sdk/readers/file_state.h"

#include <algorithm>
#include <charconv>

#include "connectors/sdk/readers/text.h"

namespace partnermetrics::sdk {
namespace {

constexpr std::string_view kVersion = "files-1";
// Of 17 characters each: keeps the state below its limit. Older files beyond are read again, which changes nothing.
constexpr size_t kMaxDone = 3'000;

// FNV-1a: the same in every build.
uint64_t Hash(std::string_view text, uint64_t hash = 14695981039346656037u) {
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return (hash ^ 0xFF) * 1099511628211u;
}

uint64_t Fingerprint(const Input& input) {
  uint64_t hash = Hash(input.name);
  hash = Hash(std::to_string(input.size), hash);
  return Hash(std::to_string(input.modified_unix_ns), hash);
}

}  // namespace

Result<FileState> FileState::Parse(std::string_view text, const Settings& settings) {
  FileState state;
  for (const auto& [name, value] : settings.values()) state.settings_ = Hash(value, Hash(name, state.settings_));
  if (text.empty()) return state;
  std::vector<std::string> words = SplitList(text, ' ');
  if (words.size() < 4 || words[0] != kVersion) return BadState("it is damaged or of another version");
  std::vector<uint64_t> numbers;
  for (size_t i = 1; i < words.size(); ++i) {
    uint64_t number = 0;
    const char* end = words[i].data() + words[i].size();
    if (std::from_chars(words[i].data(), end, number, 16).ptr != end) return BadState("it is damaged");
    numbers.push_back(number);
  }
  if (numbers[0] != state.settings_) return state;
  state.file_ = numbers[1];
  state.rows_ = numbers[2];
  state.done_.assign(numbers.begin() + 3, numbers.end());
  return state;
}

bool FileState::IsDone(const Input& input) const {
  return std::find(done_.begin(), done_.end(), Fingerprint(input)) != done_.end();
}

uint64_t FileState::Begin(const Input& input) {
  uint64_t file = Fingerprint(input);
  if (file != file_) rows_ = 0;
  file_ = file;
  return rows_;
}

void FileState::End() {
  if (done_.size() >= kMaxDone) done_.erase(done_.begin());
  done_.push_back(file_);
  file_ = 0;
  rows_ = 0;
}

std::string FileState::Serialize() const {
  std::string text(kVersion);
  auto add = [&text](uint64_t number) {
    char digits[16];
    char* end = std::to_chars(digits, digits + sizeof(digits), number, 16).ptr;
    text.append(" ").append(digits, static_cast<size_t>(end - digits));
  };
  add(settings_);
  add(file_);
  add(rows_);
  for (uint64_t file : done_) add(file);
  return text;
}

}  // namespace partnermetrics::sdk
