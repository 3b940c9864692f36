#include "connectors/nps_survey/answers.h"

#include <algorithm>

#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/ids.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::survey {
namespace {

using sdk::CsvRecord;

constexpr std::string_view kGroupSuffix = "_NPS_GROUP";

enum class Verdict { kReal, kNotReal, kUnknown };

// Qualtrics' codes and labels: previews, tests, spam and synthetic answers look like data and are none.
Verdict JudgeStatus(const std::string& status) {
  static const std::map<std::string, Verdict> kStatuses = {
      {"0", Verdict::kReal},       {"ip address", Verdict::kReal}, {"ip-adresse", Verdict::kReal},
      {"4", Verdict::kReal},       {"imported", Verdict::kReal},   {"16", Verdict::kReal},
      {"offline", Verdict::kReal}, {"32", Verdict::kReal},         {"ex", Verdict::kReal},
      {"48", Verdict::kReal},      {"ex offline", Verdict::kReal}, {"1", Verdict::kNotReal},
      {"2", Verdict::kNotReal},    {"8", Verdict::kNotReal},       {"9", Verdict::kNotReal},
      {"12", Verdict::kNotReal},   {"17", Verdict::kNotReal},      {"40", Verdict::kNotReal},
      {"132", Verdict::kNotReal},  {"256", Verdict::kNotReal},
  };
  std::string key = sdk::ToLower(status);
  auto known = kStatuses.find(key);
  if (known != kStatuses.end()) return known->second;
  for (const char* word : {"preview", "test", "spam", "synthetic", "reimported"}) {
    if (key.find(word) != std::string::npos) return Verdict::kNotReal;
  }
  return Verdict::kUnknown;
}

v1::NpsGroup GroupOf(const std::string& text) {
  std::string group = sdk::ToLower(text);
  if (group == "1" || group.compare(0, 9, "detractor") == 0) return v1::NPS_GROUP_DETRACTOR;
  if (group == "2" || group.compare(0, 7, "passive") == 0) return v1::NPS_GROUP_PASSIVE;
  if (group == "3" || group.compare(0, 8, "promoter") == 0) return v1::NPS_GROUP_PROMOTER;
  return v1::NPS_GROUP_UNSPECIFIED;
}

v1::NpsGroup GroupOfScore(int64_t score) {
  return score >= 9 ? v1::NPS_GROUP_PROMOTER : score >= 7 ? v1::NPS_GROUP_PASSIVE : v1::NPS_GROUP_DETRACTOR;
}

// "7", "7.0" and labels such as "10 - Extremely likely".
std::optional<int64_t> ParseScore(std::string_view text) {
  std::optional<int64_t> score = sdk::ParseInteger(text);
  if (score) return score;
  size_t digits = text.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos || text[digits] != ' ') return std::nullopt;
  return sdk::ParseInteger(text.substr(0, digits));
}

}  // namespace

AnswerMapper::AnswerMapper(const Options& options, const Layout& layout, int64_t file_micros)
    : options_(&options), file_micros_(file_micros), zone_(options.cells.zone), zone_known_(options.zone_is_set) {
  sdk::ColumnBinder bind(layout.columns, "", options.column_map);
  id_ = bind.Optional(
      "id", {"ResponseId", "ResponseID", "Respondent ID", "RespondentID", "Response ID", "response_id", "Token", "#"});
  status_ = bind.Optional(
      "status", layout.tool == Tool::kQualtrics ? std::vector<std::string>{"Status"} : std::vector<std::string>{});
  finished_ = bind.Optional("finished", {"Finished"});
  channel_ = bind.Optional("channel", {"DistributionChannel"});
  responded_ = bind.Optional(
      "responded", {"RecordedDate", "EndDate", "End Date", "Submit Date (UTC)", "Responded At", "Timestamp", "Date"});
  email_ = bind.Optional("email", {"RecipientEmail", "EmailAddress", "Email Address", "Email"});
  respondent_ = bind.Optional("respondent", {"ExternalReference", "ExternalDataReference", "Custom Data 1"});
  comment_ = bind.Optional("comment", {});
  wave_ = bind.Optional("wave", {"Wave"});
  customer_ = bind.Optional("customer", {"CustomerId"});
  ticket_ = bind.Optional("ticket", {"TicketId", "CaseId"});
  integration_ = bind.Optional("integration", {"IntegrationId"});
  partners_ = bind.All("partner", {"PartnerId", "Partner ID", "partner_id", "AccountId", "Account ID", "account_id",
                                   "ExternalReference", "ExternalDataReference", "Custom Data 1"});
  columns_ = bind.Columns();
  if (layout.time_zone.empty()) return;
  if (std::optional<sdk::TimeZone> zone = sdk::TimeZone::Load(layout.time_zone)) {
    zone_ = *zone;
    zone_known_ = true;
  }
}

sdk::Result<AnswerMapper> AnswerMapper::Make(const Options& options, const Layout& layout, int64_t file_micros) {
  AnswerMapper mapper(options, layout, file_micros);
  PM_RETURN_IF_ERROR(mapper.FindScores(layout));
  return mapper;
}

sdk::Status AnswerMapper::FindScores(const Layout& layout) {
  const auto find = [&layout](const char* setting, const std::string& name) -> sdk::Result<int> {
    const std::vector<int> found = layout.Find(name);
    if (found.size() == 1) return found[0];
    std::string quoted = "\"" + name + "\"";
    if (!found.empty()) {
      return sdk::SourceError("", "there are " + std::to_string(found.size()) + " columns " + quoted,
                              std::string("say which in the setting ") + setting + ": \"" + name + "#2\"");
    }
    return sdk::SourceError("", "the column " + quoted + " is missing", std::string("correct the setting ") + setting);
  };
  ScoreColumn nps;
  if (!options_->nps_column.empty()) {
    PM_ASSIGN_OR_RETURN(nps.score, find("nps_column", options_->nps_column));
    nps.group = layout.columns.Find(layout.columns.names()[static_cast<size_t>(nps.score)] + std::string(kGroupSuffix));
    scores_.push_back(nps);
  } else {
    std::vector<std::string> tags;
    for (const std::string& name : layout.columns.names()) {
      if (!sdk::EndsWithIgnoreCase(name, kGroupSuffix)) continue;
      tags.push_back(name.substr(0, name.size() - kGroupSuffix.size()));
      nps.group = layout.columns.Find(name);
      nps.score = layout.columns.Find(tags.back());
    }
    if (tags.size() > 1) {
      return sdk::SourceError("", "there are several NPS questions: " + sdk::JoinNames(tags),
                              "say which in the setting nps_column");
    }
    if (tags.size() == 1) scores_.push_back(nps);
  }
  for (const auto& [name, scale] : options_->score_columns) {
    ScoreColumn column;
    PM_ASSIGN_OR_RETURN(column.score, find("score_columns", name));
    column.scale = scale;
    if (!scores_.empty()) column.suffix.append("/").append(name);
    scores_.push_back(column);
  }
  if (scores_.empty()) {
    return sdk::SourceError("", "it is not known which column is the score",
                            "name it in the setting nps_column or score_columns");
  }
  // The follow-up question of an NPS question has its tag with _TEXT.
  if (comment_ < 0 && scores_.front().score >= 0) {
    comment_ = layout.columns.Find(layout.columns.names()[static_cast<size_t>(scores_.front().score)] + "_TEXT");
  }
  MarkRead(layout, comment_);
  for (const ScoreColumn& column : scores_) {
    MarkRead(layout, column.score);
    MarkRead(layout, column.group);
  }
  return {};
}

void AnswerMapper::MarkRead(const Layout& layout, int index) {
  if (index < 0) return;
  for (sdk::Column& column : columns_) {
    column.read = column.read || column.name == layout.columns.names()[static_cast<size_t>(index)];
  }
}

// Answers without id get one from the row's text; equal rows are numbered.
std::string AnswerMapper::RecordId(const CsvRecord& record, std::string_view raw) {
  std::string id = record.Text(id_);
  return id.empty() ? row_ids_.Next(raw) : id;
}

const char* AnswerMapper::Filter(CsvRecord* record) const {
  std::string status = record->Text(status_);
  Verdict verdict = status.empty() ? Verdict::kReal : JudgeStatus(status);
  if (verdict == Verdict::kUnknown)
    record->Fail(status_, "unknown_status", "the status \"" + status + "\" is not known");
  if (verdict == Verdict::kNotReal) return "preview_test_or_spam";
  std::string_view channel = record->Cell(channel_);
  if (sdk::EqualsIgnoreCase(channel, "preview") || sdk::EqualsIgnoreCase(channel, "test"))
    return "preview_test_or_spam";
  bool finished = record->IsBlank(finished_) || record->Bool(finished_);
  return finished || options_->allow_partial ? nullptr : "unfinished";
}

void AnswerMapper::MapRespondent(const CsvRecord& record, v1::SurveyResponse* response) const {
  std::string email = sdk::NormalizeEmail(record.Text(email_));
  response->set_respondent(email.empty() ? record.Text(respondent_) : email);
  response->set_respondent_side(options_->side);
  response->set_customer_id(record.Text(customer_));
  for (int column : partners_) {
    std::string value = record.Text(column);
    if (value.empty()) continue;
    std::optional<std::string> salesforce = sdk::SalesforceId(value);
    sdk::SetExternalId(salesforce && !salesforce->empty() ? *salesforce : value, response->add_partner_refs());
  }
  if (options_->side != v1::RESPONDENT_SIDE_PARTNER || email.empty()) return;
  response->add_partner_refs()->set_email(email);
  std::string domain = sdk::EmailDomain(email);
  if (!sdk::IsFreeMailDomain(domain)) response->add_partner_refs()->set_domain(domain);
}

bool AnswerMapper::MapScore(CsvRecord* record, const ScoreColumn& column, v1::SurveyResponse* response) const {
  v1::NpsGroup group = GroupOf(record->Text(column.group));
  if (group == v1::NPS_GROUP_UNSPECIFIED && !record->IsBlank(column.group)) {
    record->Fail(column.group, "bad_nps_group", "it is no group of the Net Promoter Score");
  }
  response->set_nps_group(group);
  response->set_scale_min(column.scale.min);
  response->set_scale_max(column.scale.max);
  if (record->IsBlank(column.score)) return group != v1::NPS_GROUP_UNSPECIFIED;
  std::optional<int64_t> score = ParseScore(record->Cell(column.score));
  if (!score) {
    record->Fail(column.score, "bad_score", "\"" + record->Text(column.score) + "\" is no whole number");
    return true;
  }
  if (*score < column.scale.min || *score > column.scale.max) {
    record->Fail(
        column.score, "score_out_of_range",
        "the score is not from " + std::to_string(column.scale.min) + " to " + std::to_string(column.scale.max));
    return true;
  }
  if (group != v1::NPS_GROUP_UNSPECIFIED && group != GroupOfScore(*score)) {
    record->Fail(column.group, "group_contradicts_score", "score and group of the Net Promoter Score disagree");
  }
  response->set_score(static_cast<int32_t>(*score));
  return true;
}

const char* AnswerMapper::Map(CsvRecord* record, std::string_view raw, v1::EventBatch* events) {
  std::string id = RecordId(*record, raw);
  const char* skip = Filter(record);
  if (skip != nullptr || !record->ok()) return skip;
  std::optional<sdk::ParsedTime> time = record->LocalTime(responded_);
  int64_t revision = time ? zone_.ToInstant(*time).Micros() : file_micros_;
  if (revision < 0) record->Fail(responded_, "bad_time", "no answer is from before 1970");
  for (const ScoreColumn& column : scores_) {
    v1::Event event;
    v1::SurveyResponse* response = event.mutable_survey_response();
    if (!MapScore(record, column, response)) continue;
    event.set_record_id(id + column.suffix);
    event.set_revision(revision);
    response->set_survey(options_->survey);
    response->set_survey_name(options_->survey_name);
    std::string wave = record->Text(wave_);
    response->set_wave(wave.empty() ? options_->wave : wave);
    response->set_comment(record->Text(comment_));
    response->set_ticket_id(record->Text(ticket_));
    response->set_integration_id(record->Text(integration_));
    MapRespondent(*record, response);
    if (time) {
      bool instant = time->has_time && (zone_known_ || time->utc_offset_seconds);
      if (instant) {
        sdk::SetInstant(zone_.ToInstant(*time), response->mutable_responded_at());
      } else {
        sdk::SetDate(time->date, response->mutable_responded_on());
      }
    }
    *events->add_events() = std::move(event);
  }
  return events->events_size() > 0 || !record->ok() ? nullptr : "not_answered";
}

}  // namespace partnermetrics::survey
