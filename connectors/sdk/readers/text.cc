#include "connectors/sdk/readers/text.h"

#include <simdjson.h>

#include <algorithm>

namespace partnermetrics::sdk {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}
char Upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
}

bool IsSpace(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '\0';
}

constexpr std::string_view kNoBreakSpace = "\xC2\xA0";

bool IsDomain(std::string_view text) {
  if (text.size() < 3 || text.size() > 253 || text.find('.') == std::string_view::npos) return false;
  if (text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || (c & 0x80) != 0;
  });
}

}  // namespace

std::string_view Trim(std::string_view text) {
  while (!text.empty()) {
    if (IsSpace(text.front())) {
      text.remove_prefix(1);
    } else if (text.substr(0, 2) == kNoBreakSpace) {
      text.remove_prefix(2);
    } else {
      break;
    }
  }
  while (!text.empty()) {
    if (IsSpace(text.back())) {
      text.remove_suffix(1);
    } else if (text.size() >= 2 && text.substr(text.size() - 2) == kNoBreakSpace) {
      text.remove_suffix(2);
    } else {
      break;
    }
  }
  return text;
}

std::string_view CleanCell(std::string_view cell) {
  cell = Trim(cell);
  return cell == "#N/A" ? std::string_view() : cell;
}

std::string ToLower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), Lower);
  return result;
}

std::string ToUpper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), Upper);
  return result;
}

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Lower(x) == Lower(y); });
}

bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && EqualsIgnoreCase(text.substr(0, prefix.size()), prefix);
}

bool EndsWithIgnoreCase(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() && EqualsIgnoreCase(text.substr(text.size() - suffix.size()), suffix);
}

std::vector<std::string> SplitList(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    std::string_view part = Trim(text.substr(0, end));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool IsUtf8(std::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size());
}

std::string ToUtf8(std::string_view text) {
  bool utf8 = IsUtf8(text);
  if (utf8 && text.find('\0') == std::string_view::npos) return std::string(text);
  std::string result;
  result.reserve(text.size());
  for (char c : text) {
    if (c == '\0') continue;
    unsigned char byte = static_cast<unsigned char>(c);
    if (utf8 || byte < 0x80) {
      result += c;
    } else {
      result += static_cast<char>(0xC0 | (byte >> 6));
      result += static_cast<char>(0x80 | (byte & 0x3F));
    }
  }
  return result;
}

std::string_view Shorten(std::string_view text, size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

std::string WebDomain(std::string_view website) {
  std::string text = ToLower(Trim(website));
  size_t scheme = text.find("://");
  if (scheme != std::string::npos) text.erase(0, scheme + 3);
  text.erase(std::min(text.find_first_of("/?#"), text.size()));
  size_t user = text.rfind('@');
  if (user != std::string::npos) text.erase(0, user + 1);
  text.erase(std::min(text.find(':'), text.size()));
  if (text.compare(0, 4, "www.") == 0) text.erase(0, 4);
  return IsDomain(text) ? text : "";
}

std::string NormalizeEmail(std::string_view email) {
  std::string text = ToLower(Trim(email));
  size_t at = text.find('@');
  if (at == 0 || at == std::string::npos || text.find('@', at + 1) != std::string::npos) return "";
  if (text.find_first_of(" <>,;\"\t\r\n") != std::string::npos || text.size() > 254) return "";
  return IsDomain(std::string_view(text).substr(at + 1)) ? text : "";
}

std::string EmailDomain(std::string_view email) {
  std::string text = NormalizeEmail(email);
  return text.empty() ? "" : text.substr(text.find('@') + 1);
}

bool IsFreeMailDomain(std::string_view domain) {
  static constexpr std::string_view kDomains[] = {
      "gmail.com",     "googlemail.com", "outlook.com", "hotmail.com",   "live.com",       "msn.com",
      "yahoo.com",     "ymail.com",      "icloud.com",  "me.com",        "mac.com",        "aol.com",
      "gmx.de",        "gmx.net",        "gmx.com",     "web.de",        "t-online.de",    "freenet.de",
      "mail.com",      "protonmail.com", "proton.me",   "pm.me",         "zoho.com",       "yandex.com",
      "yandex.ru",     "mail.ru",        "qq.com",      "163.com",       "126.com",        "naver.com",
      "hotmail.co.uk", "yahoo.co.uk",    "hotmail.fr",  "yahoo.fr",      "orange.fr",      "wanadoo.fr",
      "free.fr",       "laposte.net",    "libero.it",   "hotmail.it",    "uol.com.br",     "bol.com.br",
      "comcast.net",   "verizon.net",    "att.net",     "sbcglobal.net", "rediffmail.com", "fastmail.com",
      "hey.com"};
  return std::any_of(std::begin(kDomains), std::end(kDomains),
                     [domain](std::string_view known) { return EqualsIgnoreCase(domain, known); });
}

}  // namespace partnermetrics::sdk
