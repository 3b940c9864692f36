#include "connectors/table/json_list.h"

#include <simdjson.h>

#include <algorithm>
#include <optional>

#include "connectors/sdk/readers/text.h"

namespace partnermetrics::table {
namespace {

using simdjson::SUCCESS;

// The text of a member; nothing when it is missing or null.
std::optional<std::string> TextAt(simdjson::dom::element object, std::string_view path) {
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    simdjson::dom::element member;
    if (object[path.substr(0, dot)].get(member) != SUCCESS || member.is_null()) return std::nullopt;
    object = member;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  std::string_view text;
  if (object.get(text) == SUCCESS) return std::string(sdk::Trim(text));
  return simdjson::minify(object);  // numbers as written, lists and objects as JSON
}

}  // namespace

Picked PickFromList(std::string_view list, std::string_view key, std::string_view value, std::string_view wanted,
                    std::string* text) {
  simdjson::dom::parser parser;
  simdjson::dom::array elements;
  if (parser.parse(list.data(), list.size()).get(elements) != SUCCESS) return Picked::kNoList;
  for (const simdjson::dom::element element : elements) {
    if (!element.is_object()) return Picked::kNoList;
    if (TextAt(element, key) != value) continue;
    std::optional<std::string> found = TextAt(element, wanted);
    if (!found) return Picked::kNothing;
    *text = *std::move(found);
    return Picked::kFound;
  }
  return Picked::kNothing;
}

}  // namespace partnermetrics::table
