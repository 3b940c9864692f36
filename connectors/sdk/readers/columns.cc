#include "connectors/sdk/readers/columns.h"

#include <simdjson.h>

#include <algorithm>

#include "connectors/sdk/readers/text.h"

namespace partnermetrics::sdk {

Result<NameLists> ParseNameLists(const std::string& setting, const std::string& json) {
  NameLists lists;
  if (Trim(json).empty()) return lists;
  Status bad = BadSetting(setting, "it is not a JSON object of strings or lists of strings",
                          R"(write it as {"name": ["Column"], "other": "Column"})");
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (parser.parse(json).get(object) != simdjson::SUCCESS) return bad;
  for (auto [key, value] : object) {
    std::vector<std::string>& names = lists[std::string(key)];
    std::string_view name;
    simdjson::dom::array array;
    if (value.get(name) == simdjson::SUCCESS) {
      names.emplace_back(name);
    } else if (value.get(array) == simdjson::SUCCESS) {
      for (simdjson::dom::element element : array) {
        if (element.get(name) != simdjson::SUCCESS) return bad;
        names.emplace_back(name);
      }
    } else {
      return bad;
    }
  }
  return lists;
}

ColumnBinder::ColumnBinder(const CsvHeader& header, std::string prefix, const NameLists& column_map)
    : header_(header), prefix_(std::move(prefix)), column_map_(column_map), read_(header.size()) {
  if (!prefix_.empty()) prefix_ += '.';
}

std::vector<int> ColumnBinder::All(const std::string& field, const std::vector<std::string>& usual) {
  std::vector<int> columns;
  auto add = [&](int column) {
    if (column < 0) return;
    read_[static_cast<size_t>(column)] = true;
    if (std::find(columns.begin(), columns.end(), column) == columns.end()) columns.push_back(column);
  };
  auto mapped = column_map_.find(prefix_ + field);
  if (mapped != column_map_.end()) {
    for (const std::string& name : mapped->second) {
      int column = header_.Find(name);
      if (column < 0) unmapped_.push_back(name);
      add(column);
    }
  }
  for (const std::string& name : usual) add(header_.Find(name));
  return columns;
}

int ColumnBinder::Optional(const std::string& field, const std::vector<std::string>& usual) {
  std::vector<int> columns = All(field, usual);
  return columns.empty() ? -1 : columns.front();
}

int ColumnBinder::Required(const std::string& field, const std::vector<std::string>& usual) {
  int column = Optional(field, usual);
  if (column < 0) missing_.push_back(usual.empty() ? field : usual.front());
  return column;
}

std::vector<Column> ColumnBinder::Columns() const {
  std::vector<Column> columns;
  for (size_t i = 0; i < read_.size(); ++i) {
    if (!header_.names()[i].empty()) columns.push_back({header_.names()[i], read_[i]});
  }
  return columns;
}

std::string StreamName(std::string_view base_name) {
  std::string name;
  for (const char c : base_name) {
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_digit) name.push_back(c);
    if (is_digit && (name.empty() || name.back() != '#')) name.push_back('#');
  }
  return name;
}

std::string JoinNames(const std::vector<std::string>& names, size_t most) {
  std::string text;
  for (size_t i = 0; i < names.size() && i < most; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > most) text += " and " + std::to_string(names.size() - most) + " more";
  return text;
}

}  // namespace partnermetrics::sdk
