// How a survey tool laid out its CSV file: which rows are header, what the columns are called, which zone its times
// have.
//
// Told by content: Qualtrics files state an ImportId in their third row (or are of the older exporter, with columns
// V1 … V10), SurveyMonkey files have two header rows, all others one.
#ifndef PARTNERMETRICS_CONNECTORS_NPS_SURVEY_LAYOUT_H_
#define PARTNERMETRICS_CONNECTORS_NPS_SURVEY_LAYOUT_H_

#include <string>
#include <vector>

#include "connectors/sdk/readers/csv.h"

namespace partnermetrics::survey {

enum class Tool { kPlain, kQualtrics, kSurveyMonkey };

struct Layout {
  Tool tool = Tool::kPlain;
  size_t header_rows = 1;
  // One name for each column: the export tag, the question, or "question - choice".
  sdk::CsvHeader columns;
  // What the columns ask, where the tool says it beside the name; else empty.
  std::vector<std::string> questions;
  // IANA name of the zone of the file's times; empty when the file does not state it.
  std::string time_zone;

  // The columns of this name or question, or the one that "name#2" counts among them.
  std::vector<int> Find(const std::string& name) const;
};

// Reads the header rows of a file. The reader stands behind them only as far as it had to look: open the file again and
// pass over header_rows - 1 rows after the header.
sdk::Result<Layout> DetectLayout(sdk::CsvReader* csv);

}  // namespace partnermetrics::survey

#endif  // PARTNERMETRICS_CONNECTORS_NPS_SURVEY_LAYOUT_H_
