// Salesforce record ids.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_IDS_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_IDS_H_

#include <optional>
#include <string>
#include <string_view>

namespace partnermetrics::sdk {

// The 18-character form of a 15- or 18-character id. An empty string for null: blank, "#N/A" or the null id
// 000000000000000AAA that weekly exports write. Nothing when the text is no id, or when its check characters are wrong
// (upper- and lower-case letters got lost, for example in a spreadsheet).
std::optional<std::string> SalesforceId(std::string_view text);

// True when the text is an id of the object with this key prefix ("001": Account), in either form.
bool IsSalesforceId(std::string_view text, std::string_view key_prefix);

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_IDS_H_
