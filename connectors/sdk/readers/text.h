// Small helpers on text cells: trimming, null spellings, case, encodings, e-mail domains.
// All functions are pure and thread-safe.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_TEXT_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_TEXT_H_

#include <string>
#include <string_view>
#include <vector>

namespace partnermetrics::sdk {

// Without spaces, tabs, line ends and no-break spaces at both ends.
std::string_view Trim(std::string_view text);

// Trimmed; empty when the cell is blank or "#N/A", which load files use for null.
std::string_view CleanCell(std::string_view cell);

// ASCII letters in lower case, all else as it is.
std::string ToLower(std::string_view text);
std::string ToUpper(std::string_view text);

// Equal without regard to the case of ASCII letters.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

bool StartsWithIgnoreCase(std::string_view text, std::string_view prefix);
bool EndsWithIgnoreCase(std::string_view text, std::string_view suffix);

// Parts of a comma-separated setting, trimmed, without empty ones.
std::vector<std::string> SplitList(std::string_view text, char separator = ',');

bool IsUtf8(std::string_view text);

// The text itself when it is UTF-8, else its bytes read as ISO-8859-1. Latin-1 and not cp1252, because real files hold
// bytes that cp1252 leaves undefined. NUL bytes are removed.
std::string ToUtf8(std::string_view text);

// At most `size` bytes of the text, cut at a character boundary.
std::string_view Shorten(std::string_view text, size_t size);

// "www.Example.com/path" or "https://example.com" -> "example.com"; empty when there is no host in it.
std::string WebDomain(std::string_view website);

// "Jo@Example.com" -> "example.com"; empty when the text is no e-mail address.
std::string EmailDomain(std::string_view email);

// "Jo@Example.com" -> "jo@example.com"; empty when the text is no e-mail address.
std::string NormalizeEmail(std::string_view email);

// True for domains whose mailboxes anybody can get (gmail.com): they say nothing about the company.
bool IsFreeMailDomain(std::string_view domain);

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_TEXT_H_
