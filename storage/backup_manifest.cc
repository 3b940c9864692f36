#include "storage/backup_manifest.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "storage/files.h"
#include "storage/status_macros.h"

namespace partnermetrics::storage {
namespace {

constexpr int kFormat = 1;
constexpr char kManifestTitle[] = "partnermetrics backup";
constexpr char kErasuresTitle[] = "partnermetrics erasures";
constexpr char kManifestSuffix[] = ".backup";

std::string Head(absl::string_view title) {
  return absl::StrCat(title, "\nformat ", kFormat, "\ncompatible ", kFormat, "\n");
}

// The lines behind the head.
absl::StatusOr<std::vector<std::string>> Lines(absl::string_view content, absl::string_view title) {
  const std::optional<std::string> body = Unseal(content);
  if (!body.has_value()) return absl::DataLossError("its checksum does not fit");
  std::vector<std::string> lines = absl::StrSplit(*body, '\n');
  int compatible = 0;
  const bool known = lines.size() >= 4 && lines[0] == title &&
                     absl::SimpleAtoi(absl::string_view(lines[2]).substr(lines[2].find(' ') + 1), &compatible);
  if (!known) return absl::DataLossError(absl::StrCat("it is no file of the kind '", title, "'"));
  if (compatible > kFormat) {
    return absl::FailedPreconditionError(absl::StrCat("it needs a program of format ", compatible, " or later"));
  }
  lines.erase(lines.begin(), lines.begin() + 3);
  lines.pop_back();  // behind the last newline
  return lines;
}

// Reads the words of a line after its name.
class Words {
 public:
  explicit Words(absl::string_view line) : words_(absl::StrSplit(line, ' ')) {}

  absl::string_view name() const { return words_[0]; }
  template <typename Number>
  Words& Read(Number& number) {
    ok_ = ok_ && next_ < words_.size() && absl::SimpleAtoi(words_[next_], &number);
    ++next_;
    return *this;
  }
  Words& Read(std::string& text) {
    ok_ = ok_ && next_ < words_.size() && absl::CUnescape(words_[next_], &text);
    ++next_;
    return *this;
  }
  bool ok() const { return ok_ && next_ == words_.size(); }

 private:
  const std::vector<absl::string_view> words_;
  size_t next_ = 1;
  bool ok_ = true;
};

// A word without spaces and line breaks.
std::string Word(absl::string_view text) {
  std::string word;
  for (const char c : absl::CEscape(text)) word += c == ' ' ? std::string("\\040") : std::string(1, c);
  return word;
}

}  // namespace

std::string ManifestName(uint64_t number) {
  return absl::StrFormat("%06d%s", number, kManifestSuffix);
}

std::string KeyName(uint64_t number) {
  return absl::StrFormat("%06d.key", number);
}

std::string EncodeManifest(const Backup& backup) {
  std::string body = Head(kManifestTitle);
  absl::StrAppend(&body, "number ", backup.number, "\ncreated_at_us ", backup.created_at_us, "\nlog ", backup.log_id,
                  "\nstate ", backup.state_id, "\nbytes ", backup.bytes, "\nerasures ", backup.erasures, "\nkey ",
                  backup.key_checksum, "\nkey_check ", Word(backup.key_check), "\n");
  for (const auto& [program, position] : backup.positions) {
    absl::StrAppend(&body, "program ", position, " ", Word(program), "\n");
  }
  return Seal(body);
}

absl::StatusOr<Backup> DecodeManifest(absl::string_view content) {
  ASSIGN_OR_RETURN(const std::vector<std::string> lines, Lines(content, kManifestTitle));
  Backup backup;
  for (const std::string& line : lines) {
    Words words(line);
    const absl::string_view name = words.name();
    if (name == "number") words.Read(backup.number);
    if (name == "created_at_us") words.Read(backup.created_at_us);
    if (name == "log") words.Read(backup.log_id);
    if (name == "state") words.Read(backup.state_id);
    if (name == "bytes") words.Read(backup.bytes);
    if (name == "erasures") words.Read(backup.erasures);
    if (name == "key") words.Read(backup.key_checksum);
    if (name == "key_check") words.Read(backup.key_check);
    if (name == "program") {
      auto& [program, position] = backup.positions.emplace_back();
      words.Read(position).Read(program);
    }
    if (!words.ok()) return absl::DataLossError(absl::StrCat("the line '", line, "' makes no sense"));
  }
  if (backup.number == 0 || backup.log_id == 0 || backup.state_id == 0) return absl::DataLossError("lines are missing");
  return backup;
}

std::string EncodeErasures(const std::vector<Erasure>& erasures) {
  std::string body = Head(kErasuresTitle);
  for (const Erasure& erasure : erasures) {
    absl::StrAppend(&body, "erasure ", erasure.number, " ", erasure.erased_at_us, " ", Word(erasure.program), " ",
                    Word(erasure.subject), "\n");
  }
  return Seal(body);
}

absl::StatusOr<std::vector<Erasure>> DecodeErasures(absl::string_view content) {
  ASSIGN_OR_RETURN(const std::vector<std::string> lines, Lines(content, kErasuresTitle));
  std::vector<Erasure> erasures;
  for (const std::string& line : lines) {
    Erasure& erasure = erasures.emplace_back();
    Words words(line);
    words.Read(erasure.number).Read(erasure.erased_at_us).Read(erasure.program).Read(erasure.subject);
    if (!words.ok() || erasure.number != erasures.size() + erasures.front().number - 1) {
      return absl::DataLossError(absl::StrCat("the line '", line, "' makes no sense"));
    }
  }
  return erasures;
}

absl::StatusOr<std::vector<Erasure>> ReadErasures(const std::string& path) {
  const std::optional<std::string> content = ReadFile(path);
  if (!content.has_value()) return std::vector<Erasure>();
  absl::StatusOr<std::vector<Erasure>> erasures = DecodeErasures(*content);
  if (erasures.ok()) return erasures;
  return absl::Status(erasures.status().code(),
                      absl::StrCat(path, " cannot be used: ", erasures.status().message(),
                                   ". It says whose data must not come back; restore it from a copy."));
}

absl::StatusOr<std::vector<Backup>> ReadManifests(const std::string& folder) {
  std::vector<Backup> backups;
  std::error_code error;
  for (std::filesystem::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
    uint64_t number = 0;
    const std::filesystem::path& path = file->path();
    if (path.extension() != kManifestSuffix || !absl::SimpleAtoi(path.stem().string(), &number)) continue;
    const std::optional<std::string> content = ReadFile(path.string());
    if (!content.has_value() && !std::filesystem::exists(path, error)) continue;  // deleted meanwhile
    absl::StatusOr<Backup> backup = DecodeManifest(content.value_or(""));
    Backup& listed = backups.emplace_back();
    if (backup.ok()) {
      listed = *std::move(backup);
      if (listed.number != number) listed.damage = "it has the name of another backup";
    } else {
      listed.damage = std::string(backup.status().message());
      // When it was made, to a second or two: it expires like the others.
      const auto age = std::filesystem::file_time_type::clock::now() - std::filesystem::last_write_time(path, error);
      listed.created_at_us = absl::ToUnixMicros(absl::Now() - absl::FromChrono(age));
    }
    listed.number = number;
  }
  if (error) return absl::InternalError(absl::StrCat("cannot read the folder ", folder, ": ", error.message()));
  std::sort(backups.begin(), backups.end(), [](const Backup& a, const Backup& b) { return a.number < b.number; });
  return backups;
}

}  // namespace partnermetrics::storage
