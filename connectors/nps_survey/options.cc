#include "connectors/nps_survey/answers.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::survey {
namespace {

using sdk::BadSetting;

const std::map<std::string, v1::SurveyKind>& SurveyKinds() {
  static const std::map<std::string, v1::SurveyKind> kKinds = {
      {"partner_nps", v1::SURVEY_KIND_PARTNER_NPS}, {"partner_csat", v1::SURVEY_KIND_PARTNER_CSAT},
      {"support", v1::SURVEY_KIND_SUPPORT},         {"program", v1::SURVEY_KIND_PROGRAM},
      {"integration", v1::SURVEY_KIND_INTEGRATION}, {"homeowner_nps", v1::SURVEY_KIND_HOMEOWNER_NPS},
      {"onboarding", v1::SURVEY_KIND_ONBOARDING},   {"transactional", v1::SURVEY_KIND_TRANSACTIONAL},
  };
  return kKinds;
}

// "1-5".
sdk::Result<ScoreScale> ParseScale(const std::string& text) {
  size_t dash = text.find('-');
  std::optional<int64_t> min = sdk::ParseInteger(text.substr(0, dash));
  std::optional<int64_t> max;
  if (dash != std::string::npos) max = sdk::ParseInteger(text.substr(dash + 1));
  if (!min || !max || *min < 0 || *max <= *min || *max > 1000) {
    return BadSetting("score_columns", "\"" + text + "\" is no scale", "write it as 1-5");
  }
  return ScoreScale{static_cast<int>(*min), static_cast<int>(*max)};
}

}  // namespace

std::vector<sdk::SettingSpec> Options::Specs() {
  return {
      {.name = "survey_kind",
       .description = "What the survey asks about: partner_nps, partner_csat, support, program, integration, "
                      "homeowner_nps, onboarding or transactional",
       .default_value = "partner_nps"},
      {.name = "nps_column",
       .description =
           "Name or wording of the question that is answered from 0 to 10. Needed unless the file has a "
           "column whose name ends in _NPS_GROUP; it is never guessed from the range of the answers. Of several "
           "columns with this name, the second is NAME#2"},
      {.name = "score_columns",
       .description = "Further or other scores with their scale, as JSON: {\"How was the training?\": \"1-5\"}"},
      {.name = "column_map",
       .description = "Columns by field, as JSON. Fields: id, responded, email, respondent, comment, wave, partner, "
                      "customer, ticket, integration, status, finished. Example: {\"partner\": \"AccountId\"}"},
      {.name = "survey_name", .description = "Name of the survey"},
      {.name = "wave", .description = "Wave of all answers, when no column states it: 2025-Q1"},
      {.name = "respondent_side",
       .description = "partner or end_customer; answers of partners are also linked by e-mail address and domain. "
                      "Blank: end_customer for homeowner_nps, else partner"},
      {.name = "time_zone",
       .description =
           "Zone of the file's times, when it does not state one: Europe/Berlin. Blank: only the day counts"},
      {.name = "date_order", .description = "How 02/03/24 is read: month_first or day_first"},
      {.name = "allow_partial",
       .description = "true: unfinished answers count when the score is there",
       .default_value = "false"},
  };
}

sdk::Result<Options> Options::Parse(const sdk::Settings& settings) {
  Options options;
  std::string kind = settings.Get("survey_kind");
  auto known = SurveyKinds().find(sdk::ToLower(kind));
  if (known == SurveyKinds().end()) {
    return BadSetting("survey_kind", "\"" + kind + "\" is no kind of survey", "see the setting's description");
  }
  options.survey = known->second;
  std::string side = settings.Get("respondent_side");
  if (side.empty()) side = options.survey == v1::SURVEY_KIND_HOMEOWNER_NPS ? "end_customer" : "partner";
  if (side != "partner" && side != "end_customer") {
    return BadSetting("respondent_side", "\"" + side + "\" is no side", "use partner or end_customer");
  }
  options.side = side == "partner" ? v1::RESPONDENT_SIDE_PARTNER : v1::RESPONDENT_SIDE_END_CUSTOMER;
  options.survey_name = settings.Get("survey_name");
  options.wave = settings.Get("wave");
  options.nps_column = settings.Get("nps_column");
  PM_ASSIGN_OR_RETURN(sdk::NameLists scores, sdk::ParseNameLists("score_columns", settings.Get("score_columns")));
  for (const auto& [column, scales] : scores) {
    PM_ASSIGN_OR_RETURN(ScoreScale scale, ParseScale(scales.empty() ? "" : scales.front()));
    options.score_columns.emplace_back(column, scale);
  }
  PM_ASSIGN_OR_RETURN(options.column_map, sdk::ParseNameLists("column_map", settings.Get("column_map")));
  PM_ASSIGN_OR_RETURN(options.cells, sdk::ParseCellFormat(settings));
  options.zone_is_set = !settings.Get("time_zone").empty();
  PM_ASSIGN_OR_RETURN(options.allow_partial, settings.GetBool("allow_partial", false));
  return options;
}

}  // namespace partnermetrics::survey
