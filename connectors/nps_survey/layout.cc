#include "connectors/nps_survey/layout.h"

#include <algorithm>

#include "connectors/sdk/readers/numbers.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::survey {
namespace {

using Cells = std::vector<std::string>;

// "V1" … "V10": names of the older Qualtrics exporter, which has the real ones in its second row.
bool IsNumbered(const std::string& name) {
  return name.size() >= 2 && name[0] == 'V' && name.find_first_not_of("0123456789", 1) == std::string::npos;
}

bool IsResponseLabel(const std::string& label) {
  return label.empty() || sdk::EqualsIgnoreCase(label, "Response") ||
         sdk::EqualsIgnoreCase(label, "Open-Ended Response");
}

bool HasImportIds(const Cells& row) {
  return !row.empty() && !row[0].empty() && row[0].front() == '{' && row[0].find("ImportId") != std::string::npos;
}

// {"ImportId":"startDate","timeZone":"America/Denver"}; older files have single quotes.
std::string ZoneOf(const Cells& row) {
  for (const std::string& cell : row) {
    size_t key = cell.find("timeZone");
    if (key == std::string::npos) continue;
    size_t begin = cell.find_first_of("\"'", cell.find(':', key));
    size_t end = begin == std::string::npos ? begin : cell.find_first_of("\"'", begin + 1);
    if (end != std::string::npos) return cell.substr(begin + 1, end - begin - 1);
  }
  return "";
}

// Blank names belong to the question on their left; the second row tells them apart.
Cells SurveyMonkeyNames(const Cells& questions, const Cells& labels) {
  Cells names;
  std::string question;
  for (size_t i = 0; i < questions.size(); ++i) {
    bool first = !questions[i].empty();
    if (first) question = questions[i];
    const std::string label = i < labels.size() ? labels[i] : "";
    names.push_back(question);
    if (!first || !IsResponseLabel(label)) names.back().append(" - ").append(label);
  }
  return names;
}

sdk::Result<Cells> NextCells(sdk::CsvReader* csv) {
  sdk::CsvRow row;
  PM_ASSIGN_OR_RETURN(bool more, csv->Next(&row));
  Cells cells;
  if (!more || row.problem != nullptr) return cells;
  for (std::string_view cell : row.cells) cells.push_back(sdk::ToUtf8(sdk::Trim(cell)));
  return cells;
}

}  // namespace

std::vector<int> Layout::Find(const std::string& name) const {
  std::vector<int> found;
  for (const Cells* texts : {&columns.names(), &questions}) {
    for (size_t i = 0; i < texts->size() && i < columns.size(); ++i) {
      if (sdk::EqualsIgnoreCase((*texts)[i], name)) found.push_back(static_cast<int>(i));
    }
    if (!found.empty()) return found;
  }
  const size_t hash = name.rfind('#');
  if (hash == std::string::npos || hash == 0) return found;
  const std::optional<int64_t> number = sdk::ParseInteger(name.substr(hash + 1));
  found = Find(name.substr(0, hash));
  const bool counts = number && *number >= 1 && *number <= static_cast<int64_t>(found.size());
  return counts ? std::vector<int>{found[static_cast<size_t>(*number - 1)]} : std::vector<int>();
}

sdk::Result<Layout> DetectLayout(sdk::CsvReader* csv) {
  Layout layout;
  const sdk::CsvHeader& header = csv->header();
  layout.columns = header;
  PM_ASSIGN_OR_RETURN(Cells second, NextCells(csv));
  PM_ASSIGN_OR_RETURN(Cells third, NextCells(csv));
  if (HasImportIds(third)) {
    layout.tool = Tool::kQualtrics;
    layout.header_rows = 3;
    layout.questions = second;
    layout.time_zone = ZoneOf(third);
  } else if (std::count_if(header.names().begin(), header.names().end(), IsNumbered) >= 5 && !second.empty()) {
    layout.tool = Tool::kQualtrics;
    layout.header_rows = 2;
    layout.questions = second;
    Cells names = header.names();
    for (size_t i = 0; i < names.size() && i < second.size(); ++i) {
      if (IsNumbered(names[i])) names[i] = second[i];
    }
    layout.columns = sdk::CsvHeader(std::move(names));
  } else if (header.FindAny({"ResponseId", "ResponseID"}) >= 0 && header.Find("RecordedDate") >= 0) {
    // Workbooks saved as CSV lack the import ids; answers begin with R_ or FS_.
    size_t id = static_cast<size_t>(header.FindAny({"ResponseId", "ResponseID"}));
    bool answer = id < second.size() && (second[id].compare(0, 2, "R_") == 0 || second[id].compare(0, 3, "FS_") == 0);
    layout.tool = Tool::kQualtrics;
    layout.header_rows = answer || second.empty() ? 1 : 2;
    if (!answer) layout.questions = second;
  } else if (header.FindAny({"Respondent ID", "RespondentID"}) >= 0 && !second.empty() && second[0].empty()) {
    layout.tool = Tool::kSurveyMonkey;
    layout.header_rows = 2;
    layout.questions = header.names();
    layout.columns = sdk::CsvHeader(SurveyMonkeyNames(header.names(), second));
  }
  return layout;
}

}  // namespace partnermetrics::survey
