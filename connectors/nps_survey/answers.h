// Maps the rows of a survey file to SurveyResponse facts.
#ifndef PARTNERMETRICS_CONNECTORS_NPS_SURVEY_ANSWERS_H_
#define PARTNERMETRICS_CONNECTORS_NPS_SURVEY_ANSWERS_H_

#include <map>
#include <string>
#include <vector>

#include "connectors/nps_survey/layout.h"
#include "connectors/sdk/readers/columns.h"
#include "connectors/sdk/readers/record.h"
#include "connectors/sdk/readers/row_ids.h"
#include "partnermetrics/connector.h"
#include "partnermetrics/v1/event.pb.h"

namespace partnermetrics::survey {

struct ScoreScale {
  int min = 0;
  int max = 10;
};

struct Options {
  v1::SurveyKind survey = v1::SURVEY_KIND_UNSPECIFIED;
  v1::RespondentSide side = v1::RESPONDENT_SIDE_PARTNER;
  std::string survey_name;
  std::string wave;
  std::string nps_column;
  std::vector<std::pair<std::string, ScoreScale>> score_columns;
  sdk::NameLists column_map;
  sdk::CellFormat cells;
  bool zone_is_set = false;
  bool allow_partial = false;

  static std::vector<sdk::SettingSpec> Specs();
  static sdk::Result<Options> Parse(const sdk::Settings& settings);
};

class AnswerMapper {
 public:
  // Fails when a score column is missing or, without setting, no column is known to be the NPS question.
  static sdk::Result<AnswerMapper> Make(const Options& options, const Layout& layout, int64_t file_micros);

  // Maps one answer. Returns the rule by which it is left out, or null. Faults stay in the record.
  const char* Map(sdk::CsvRecord* record, std::string_view raw, v1::EventBatch* events);

  // Of the file, and whether they are read.
  const std::vector<sdk::Column>& columns() const { return columns_; }

 private:
  struct ScoreColumn {
    int score = -1;  // -1: the file has only the group
    int group = -1;
    ScoreScale scale;
    std::string suffix;  // of the record id, for the second and further ones
  };

  AnswerMapper(const Options& options, const Layout& layout, int64_t file_micros);
  sdk::Status FindScores(const Layout& layout);
  void MarkRead(const Layout& layout, int index);
  const char* Filter(sdk::CsvRecord* record) const;
  std::string RecordId(const sdk::CsvRecord& record, std::string_view raw);
  void MapRespondent(const sdk::CsvRecord& record, v1::SurveyResponse* response) const;
  // True when the question was answered.
  bool MapScore(sdk::CsvRecord* record, const ScoreColumn& column, v1::SurveyResponse* response) const;

  const Options* options_;
  int64_t file_micros_;
  sdk::TimeZone zone_;
  bool zone_known_ = false;
  int id_, status_, finished_, channel_, responded_, email_, respondent_, comment_, wave_, customer_, ticket_,
      integration_;
  std::vector<int> partners_;
  std::vector<ScoreColumn> scores_;
  std::vector<sdk::Column> columns_;
  sdk::RowIds row_ids_;
};

}  // namespace partnermetrics::survey

#endif  // PARTNERMETRICS_CONNECTORS_NPS_SURVEY_ANSWERS_H_
