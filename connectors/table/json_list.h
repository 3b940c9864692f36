// Lists within the objects of a JSON feed: answers of a form, each with the question it belongs to.
#ifndef PARTNERMETRICS_CONNECTORS_TABLE_JSON_LIST_H_
#define PARTNERMETRICS_CONNECTORS_TABLE_JSON_LIST_H_

#include <string>
#include <string_view>

namespace partnermetrics::table {

enum class Picked { kFound, kNothing, kNoList };

// The text of the member `wanted` of the first object in a JSON list whose member `key` has this text. Members are
// named by path: "field.ref". PickFromList(R"([{"q":"nps","n":9}])", "q", "nps", "n", &text) gives "9".
Picked PickFromList(std::string_view list, std::string_view key, std::string_view value, std::string_view wanted,
                    std::string* text);

}  // namespace partnermetrics::table

#endif  // PARTNERMETRICS_CONNECTORS_TABLE_JSON_LIST_H_
