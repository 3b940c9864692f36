#include "connectors/table/time_format.h"

#include <algorithm>
#include <array>

#include "connectors/sdk/readers/text.h"

namespace partnermetrics::table {
namespace {

constexpr std::array<std::string_view, 18> kTokens = {"YYYY", "YY", "MMM", "MM", "M",  "DD", "D",   "HH", "H",
                                                      "hh",   "h",  "mm",  "m",  "ss", "s",  "SSS", "Z",  "a"};
constexpr std::array<std::string_view, 12> kMonths = {"january",   "february", "march",    "april",
                                                      "may",       "june",     "july",     "august",
                                                      "september", "october",  "november", "december"};

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

// Takes the next token, or a literal character, off the format; empty token: the literal stands in `literal`.
std::string_view TakeToken(std::string_view* format, std::string_view* literal) {
  if (format->front() == '[') {
    const size_t end = std::min(format->find(']'), format->size());
    *literal = format->substr(1, end - 1);
    format->remove_prefix(std::min(end + 1, format->size()));
    return {};
  }
  for (const std::string_view token : kTokens) {
    if (format->substr(0, token.size()) != token) continue;
    format->remove_prefix(token.size());
    return token;
  }
  *literal = format->substr(0, 1);
  format->remove_prefix(1);
  return {};
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  bool Take(std::string_view token) {
    if (token == "YYYY") return Number(4, 4, &time_.date.year);
    if (token == "YY") return TwoDigitYear();
    if (token == "MMM") return Month();
    if (token == "SSS") return Fraction();
    if (token == "Z") return Offset();
    if (token == "a") return HalfDay();
    int* const part = token[0] == 'M'                      ? &time_.date.month
                      : token[0] == 'D'                    ? &time_.date.day
                      : token[0] == 'H' || token[0] == 'h' ? &hour_
                      : token[0] == 'm'                    ? &minute_
                                                           : &second_;
    if (part == &hour_) time_.has_time = true;
    return Number(token.size(), 2, part);
  }

  bool TakeLiteral(std::string_view literal) {
    if (text_.substr(0, literal.size()) != literal) return false;
    text_.remove_prefix(literal.size());
    return true;
  }

  std::optional<sdk::ParsedTime> Finish() {
    if (half_day_) {
      if (hour_ < 1 || hour_ > 12) return std::nullopt;
      hour_ = hour_ % 12 + *half_day_;
    }
    if (!text_.empty() || !sdk::IsValid(time_.date) || hour_ > 23 || minute_ > 59 || second_ > 59) return std::nullopt;
    time_.second_of_day = hour_ * 3600 + minute_ * 60 + second_;
    return time_;
  }

 private:
  bool Number(size_t least, size_t most, int* out) {
    size_t size = 0;
    *out = 0;
    while (size < most && size < text_.size() && IsDigit(text_[size])) *out = *out * 10 + (text_[size++] - '0');
    text_.remove_prefix(size);
    return size >= least;
  }
  bool TwoDigitYear() {
    if (!Number(2, 2, &time_.date.year)) return false;
    time_.date.year += time_.date.year < 70 ? 2000 : 1900;
    return true;
  }
  bool Month() {
    size_t size = 0;
    while (size < text_.size() && IsLetter(text_[size])) ++size;
    const std::string word = sdk::ToLower(text_.substr(0, size));
    if (size < 3) return false;
    for (size_t i = 0; i < kMonths.size(); ++i) {
      if (word != kMonths[i].substr(0, size)) continue;
      time_.date.month = static_cast<int>(i) + 1;
      text_.remove_prefix(size);
      return true;
    }
    return false;
  }
  bool Fraction() {
    size_t size = 0;
    for (int place = 100'000'000; size < text_.size() && IsDigit(text_[size]); ++size, place /= 10) {
      time_.nanos += (text_[size] - '0') * place;
    }
    text_.remove_prefix(size);
    return size > 0;
  }
  bool Offset() {
    if (text_.substr(0, 1) == "Z") {
      text_.remove_prefix(1);
      time_.utc_offset_seconds = 0;
      return true;
    }
    if (text_.empty() || (text_[0] != '+' && text_[0] != '-')) return false;
    const int sign = text_[0] == '-' ? -1 : 1;
    text_.remove_prefix(1);
    int hours = 0, minutes = 0;
    if (!Number(2, 2, &hours)) return false;
    if (text_.substr(0, 1) == ":") text_.remove_prefix(1);
    if (!text_.empty() && !Number(2, 2, &minutes)) return false;
    if (hours > 14 || minutes > 59) return false;
    time_.utc_offset_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
  }
  bool HalfDay() {
    const std::string word = sdk::ToLower(text_.substr(0, 2));
    if (word != "am" && word != "pm") return false;
    half_day_ = word == "pm" ? 12 : 0;
    text_.remove_prefix(2);
    return true;
  }

  std::string_view text_;
  sdk::ParsedTime time_;
  int hour_ = 0, minute_ = 0, second_ = 0;
  std::optional<int> half_day_;
};

}  // namespace

std::string CheckTimeFormat(std::string_view format, bool time) {
  bool year = false, month = false, day = false, hour = false;
  while (!format.empty()) {
    std::string_view literal;
    const std::string_view token = TakeToken(&format, &literal);
    if (token.empty() && literal.size() == 1 && IsLetter(literal[0]) && literal != "T") {
      return "the letter " + std::string(literal) +
             " means nothing in a format; put it into [brackets] when it is meant";
    }
    year = year || (!token.empty() && token[0] == 'Y');
    month = month || (!token.empty() && token[0] == 'M');
    day = day || (!token.empty() && token[0] == 'D');
    hour = hour || (!token.empty() && (token[0] == 'H' || token[0] == 'h'));
  }
  if (!year || !month || !day) return "a format needs a year (YYYY), a month (MM) and a day (DD)";
  if (time && !hour) return "a format for time() needs hours (HH)";
  return "";
}

std::optional<sdk::ParsedTime> ParseTimeAs(std::string_view text, std::string_view format) {
  Parser parser(text);
  while (!format.empty()) {
    std::string_view literal;
    const std::string_view token = TakeToken(&format, &literal);
    if (token.empty() ? !parser.TakeLiteral(literal) : !parser.Take(token)) return std::nullopt;
  }
  return parser.Finish();
}

}  // namespace partnermetrics::table
