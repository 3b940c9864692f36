// Figures of real survey files as their README states them. No public Qualtrics file has an _NPS_GROUP column and no
// public SurveyMonkey file an NPS question: those are made by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/connectors/plugins/plugin_run.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

auto Responses(const PluginRun& run) {
  return run.Facts(&v1::Event::has_survey_response, &v1::Event::survey_response);
}

TEST(NpsSurvey, PlainSampleHasItsFiguresInBothSpellings) {
  for (const char* file : {"sudzilla_input_01.csv", "sudzilla_input_02.csv"}) {
    PluginRun run("nps_survey");
    run.AddSample(std::string("survey/plain/") + file);
    ASSERT_EQ(run.Read({{"survey_kind", "transactional"},
                        {"nps_column", "On a scale of 0-10, how would you rate Sudzilla?"},
                        {"column_map", R"({"comment": "...why?"})"},
                        {"date_order", "month_first"}}),
              PM_OK)
        << run.error();
    EXPECT_THAT(run.Rejections(), IsEmpty());
    int promoters = 0, detractors = 0;
    for (const v1::SurveyResponse* response : Responses(run)) {
      promoters += response->score() >= 9 ? 1 : 0;
      detractors += response->score() <= 6 ? 1 : 0;
      EXPECT_EQ(response->responded_on().year(), 2019);
      EXPECT_EQ(response->responded_on().month(), 11);
      EXPECT_FALSE(response->has_responded_at());  // the file states no zone
    }
    EXPECT_THAT(Responses(run), SizeIs(39));
    EXPECT_EQ(promoters, 8);
    EXPECT_EQ(detractors, 22);
    EXPECT_EQ(Responses(run)[0]->comment(), "Bad service");
  }
}

TEST(NpsSurvey, ARangeOfZeroToTenIsNoProof) {
  PluginRun run("nps_survey");
  run.AddSample("survey/plain/sudzilla_input_01.csv");
  EXPECT_EQ(run.Read({{"survey_kind", "transactional"}}), PM_SOURCE);
  EXPECT_THAT(run.error(), HasSubstr("not known which column is the score"));
  ASSERT_EQ(run.Check({{"survey_kind", "transactional"}}), PM_OK);
  EXPECT_TRUE(run.HasProblem("sudzilla_input_01.csv", "not known which column is the score"));
}

TEST(NpsSurvey, SurveyMonkeySampleHasAllRespondents) {
  PluginRun run("nps_survey");
  run.AddSample("survey/surveymonkey/StarWars.csv");
  constexpr char kQuestion[] =
      "Please rank the Star Wars films in order of preference with 1 being your favorite film in the franchise and 6 "
      "being your least favorite film. - Star Wars: Episode I  The Phantom Menace";
  ASSERT_EQ(run.Read({{"survey_kind", "program"}, {"score_columns", std::string("{\"") + kQuestion + "\": \"1-6\"}"}}),
            PM_OK)
      << run.error();
  EXPECT_THAT(run.Rejections(), IsEmpty());
  EXPECT_THAT(run.records(), SizeIs(1186));
  EXPECT_EQ(Responses(run).size() + static_cast<size_t>(run.Skips()["not_answered"]), 1186u);
  EXPECT_EQ(run.records()[0].row, 1u);
  EXPECT_EQ(run.events()[0].record_id(), "3292879998");
  EXPECT_EQ(Responses(run)[0]->score(), 3);
  EXPECT_EQ(Responses(run)[0]->scale_max(), 6);
}

TEST(NpsSurvey, QualtricsSamplesOfBothLayouts) {
  PluginRun current("nps_survey");
  current.AddSample("survey/qualtrics/sample.csv");
  SettingMap settings = {{"survey_kind", "partner_nps"}, {"nps_column", "This is a multiple choice question."}};
  ASSERT_EQ(current.Read(settings), PM_OK) << current.error();
  EXPECT_THAT(current.Rejections(), IsEmpty());
  EXPECT_THAT(current.records(), SizeIs(1));

  PluginRun legacy("nps_survey");
  legacy.AddSample("survey/qualtrics/sample_legacy.csv");
  ASSERT_EQ(legacy.Read(settings), PM_OK) << legacy.error();
  ASSERT_THAT(legacy.events(), SizeIs(1));
  EXPECT_EQ(legacy.events()[0].record_id(), "R_2YPOQ602ER1jkf1");
  EXPECT_EQ(Responses(legacy)[0]->score(), 2);
}

// Hand-made: three header rows, the second with line ends and in German, a zone, every status.
constexpr char kQualtrics[] =
    "StartDate,EndDate,Status,Progress,Finished,RecordedDate,ResponseId,RecipientEmail,ExternalReference,"
    "DistributionChannel,Q1_NPS_GROUP,Q1,Q1_TEXT,AccountId\n"
    "Anfangsdatum,Enddatum,Antworttyp,Fortschritt,Beendet,Erfassungsdatum,Antwort-ID,E-Mail,Externe Referenz,Kanal,"
    "\"Wie wahrscheinlich?\n- Gruppe\",\"Wie wahrscheinlich?\",Warum?,Konto\n"
    "\"{\"\"ImportId\"\":\"\"startDate\"\",\"\"timeZone\"\":\"\"America/Denver\"\"}\",{},{},{},{},{},{},{},{},{},{},"
    "{},{},{}\n"
    "2026-01-01 10:00:00,2026-01-01 10:01:00,0,100,1,2026-01-01 10:01:00,R_000000000000001,Jo@Helios.example,,email,"
    "3,9,Great,0015f00000AAAAB\n"
    "2026-01-01 10:00:00,2026-01-01 10:01:00,1,100,1,2026-01-01 10:01:00,R_000000000000002,,,preview,3,10,,\n"
    "2026-01-01 10:00:00,2026-01-01 10:01:00,0,40,0,2026-01-01 10:01:00,R_000000000000003,,,email,3,10,,\n"
    "2026-01-01 10:00:00,2026-01-01 10:01:00,IP Address,100,True,2026-07-01 10:01:00,R_000000000000004,,,email,"
    "Passive,,,\n"
    "2026-01-01 10:00:00,2026-01-01 10:01:00,0,100,1,2026-01-01 10:01:00,R_000000000000005,,,email,,11,,\n"
    "2026-01-01 10:00:00,2026-01-01 10:01:00,0,100,1,2026-01-01 10:01:00,R_000000000000006,,,email,1,9,,\n"
    "2026-01-01 10:00:00,2026-01-01 10:01:00,0,100,1,2026-01-01 10:01:00,R_000000000000007,,,email,,,,\n";

TEST(NpsSurvey, QualtricsNpsQuestionIsFoundByItsGroup) {
  PluginRun run("nps_survey");
  run.AddFile("nps.csv", kQualtrics);
  ASSERT_EQ(run.Read({{"survey_kind", "partner_nps"}}), PM_OK) << run.error();
  EXPECT_THAT(run.Skips(),
              UnorderedElementsAre(Pair("preview_test_or_spam", 1), Pair("unfinished", 1), Pair("not_answered", 1)));
  EXPECT_THAT(run.Rejections(),
              ElementsAre("nps.csv:5:Q1:score_out_of_range", "nps.csv:6:Q1_NPS_GROUP:group_contradicts_score"));
  auto responses = Responses(run);
  ASSERT_THAT(responses, SizeIs(2));
  EXPECT_EQ(responses[0]->score(), 9);
  EXPECT_EQ(responses[0]->nps_group(), v1::NPS_GROUP_PROMOTER);
  EXPECT_EQ(responses[0]->comment(), "Great");
  EXPECT_EQ(responses[0]->respondent(), "jo@helios.example");
  EXPECT_EQ(responses[0]->responded_at().seconds(), 1'767'286'860);  // 10:01 in Denver is 17:01 UTC
  ASSERT_EQ(responses[0]->partner_refs_size(), 3);
  EXPECT_EQ(responses[0]->partner_refs(0).external().id(), "0015f00000AAAABAA5");
  EXPECT_EQ(responses[0]->partner_refs(2).domain(), "helios.example");
  EXPECT_FALSE(responses[1]->has_score());  // only the group is known
  EXPECT_EQ(responses[1]->nps_group(), v1::NPS_GROUP_PASSIVE);
  ASSERT_EQ(run.Read({{"survey_kind", "partner_nps"}, {"allow_partial", "true"}}), PM_OK) << run.error();
  EXPECT_THAT(Responses(run), SizeIs(3));
}

// Hand-made after the documented layout.
TEST(NpsSurvey, SurveyMonkeyNpsQuestion) {
  PluginRun run("nps_survey");
  run.AddFile("answers.csv",
              "Respondent ID,Collector ID,Start Date,End Date,Email Address,Custom Data 1,How likely?,,Why?\n"
              ",,,,,,Response,Other,Open-Ended Response\n"
              "1001,1,02/24/2026 02:10:00 AM,02/24/2026 02:18:00 PM,a@helios.example,P-7,10 - Extremely likely,,Good\n"
              "1002,1,02/24/2026 02:10:00 AM,02/24/2026 02:18:00 PM,b@gmail.com,,0,,\n");
  ASSERT_EQ(run.Read({{"survey_kind", "partner_nps"},
                      {"nps_column", "How likely?"},
                      {"column_map", R"({"comment": "Why?"})"},
                      {"time_zone", "Europe/Berlin"},
                      {"date_order", "month_first"}}),
            PM_OK)
      << run.error();
  EXPECT_THAT(run.Rejections(), IsEmpty());
  auto responses = Responses(run);
  ASSERT_THAT(responses, SizeIs(2));
  EXPECT_EQ(responses[0]->score(), 10);
  EXPECT_EQ(responses[0]->comment(), "Good");
  EXPECT_EQ(responses[0]->partner_refs(0).external().id(), "P-7");
  EXPECT_EQ(responses[0]->responded_at().seconds(), 1'771'939'080);  // 13:18 UTC
  EXPECT_EQ(responses[1]->score(), 0);
  EXPECT_TRUE(responses[1]->has_score());
  EXPECT_EQ(responses[1]->partner_refs_size(), 1);
}

// Traps of survey exports (docs/connectors.md). All files are hand-made.

std::string Qualtrics(const std::string& rows) {
  return "ResponseId,Status,Finished,RecordedDate,Q1_NPS_GROUP,Q1,Q1_TEXT\n"
         "Antwort-ID,Antworttyp,Beendet,Erfassungsdatum,Gruppe,Frage,Warum?\n"
         "\"{\"\"ImportId\"\":\"\"_recordId\"\"}\",{},{},{},{},{},{}\n" +
         rows;
}

TEST(NpsSurvey, BooleansOfEverySpelling) {
  PluginRun run("nps_survey");
  run.AddFile("q.csv", Qualtrics("R_1,0,1,2026-01-01 10:00:00,3,9,\n"
                                 "R_2,0,TRUE,2026-01-01 10:00:00,3,9,\n"
                                 "R_3,0,True,2026-01-01 10:00:00,3,9,\n"
                                 "R_4,0,false,2026-01-01 10:00:00,3,9,\n"
                                 "R_5,0,0,2026-01-01 10:00:00,3,9,\n"
                                 "R_6,0,maybe,2026-01-01 10:00:00,3,9,\n"));
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_THAT(Responses(run), SizeIs(3));
  EXPECT_THAT(run.Skips(), ElementsAre(Pair("unfinished", 2)));
  EXPECT_THAT(run.Rejections(), ElementsAre("q.csv:6:Finished:bad_boolean"));
}

TEST(NpsSurvey, BytesOfNoEncodingAreReadAsLatin1) {
  PluginRun run("nps_survey");
  run.AddFile("q.csv", Qualtrics("R_1,0,1,2026-01-01 10:00:00,3,9,Tr\xE8s bien \x81\n"));  // cp1252 has no 0x81
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_EQ(Responses(run).at(0)->comment(), "Tr\u00E8s bien \u0081");
}

TEST(NpsSurvey, QualtricsImportIdsInSingleQuotes) {
  PluginRun run("nps_survey");
  run.AddFile("q.csv",
              "ResponseID,RecordedDate,Q1\nid,date,How likely?\n"
              "\"{'ImportId': 'responseId'}\",\"{'ImportId': 'recordedDate', 'timeZone': 'Australia/Canberra'}\","
              "{'ImportId': 'QID1'}\nR_1,2026-01-01 10:00:00,9\n");
  ASSERT_EQ(run.Read({{"nps_column", "How likely?"}}), PM_OK) << run.error();
  ASSERT_THAT(Responses(run), SizeIs(1));
  EXPECT_EQ(Responses(run)[0]->responded_at().seconds(), 1'767'222'000);  // 23:00 UTC of the day before
}

TEST(NpsSurvey, AFileOfPreviewsHasNoAnswers) {
  std::string rows;
  for (const char* status : {"1", "2", "8", "9", "12", "17", "40", "Survey Preview", "Survey Test", "Spam", "256"}) {
    rows += std::string("R_") + status + "," + status + ",1,2026-01-01 10:00:00,3,9,\n";
  }
  PluginRun run("nps_survey");
  run.AddFile("q.csv", Qualtrics(rows));
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_THAT(run.events(), IsEmpty());
  EXPECT_THAT(run.Skips(), ElementsAre(Pair("preview_test_or_spam", 11)));
}

TEST(NpsSurvey, ColumnsAreToldAndScoresAreAmongThoseThatAreRead) {
  PluginRun run("nps_survey");
  run.AddFile("wave 7.csv", "Response ID,Date,Score,Mood\n1,2026-01-01,10,good\n");
  ASSERT_EQ(run.Read({{"survey_kind", "transactional"}, {"nps_column", "Score"}}), PM_OK) << run.error();
  EXPECT_THAT(run.host().columns.at("wave #.csv"),
              ElementsAre(Pair("Date", true), Pair("Mood", false), Pair("Response ID", true), Pair("Score", true)));
}

TEST(NpsSurvey, OtherScalesAreNoNps) {
  PluginRun run("nps_survey");
  run.AddFile("a.csv", "Response ID,Date,How was it?\n1,2026-01-01,10\n2,2026-01-01,0\n");
  ASSERT_EQ(run.Read({{"survey_kind", "transactional"}, {"score_columns", R"({"How was it?": "1-10"})"}}), PM_OK);
  ASSERT_THAT(Responses(run), SizeIs(1));
  EXPECT_EQ(Responses(run)[0]->scale_min(), 1);  // the server counts groups only from 0 to 10
  EXPECT_EQ(Responses(run)[0]->nps_group(), v1::NPS_GROUP_UNSPECIFIED);
  EXPECT_THAT(run.Rejections(), ElementsAre("a.csv:2:How was it?:score_out_of_range"));
}

TEST(NpsSurvey, RepeatedHeadersKeepTheirColumns) {
  PluginRun run("nps_survey");
  run.AddFile("typeform.csv", "#,How likely?,How likely?,,,Submit Date (UTC)\nt1,3,9,x,y,2026-01-01 10:00:00\n");
  EXPECT_EQ(run.Read({{"nps_column", "How likely?"}}), PM_SOURCE);
  EXPECT_THAT(run.error(), HasSubstr("there are 2 columns \"How likely?\""));
  ASSERT_EQ(run.Read({{"nps_column", "How likely?#2"}}), PM_OK) << run.error();
  EXPECT_EQ(Responses(run).at(0)->score(), 9);
  EXPECT_EQ(run.events()[0].record_id(), "t1");
  EXPECT_EQ(run.Read({{"nps_column", "How likely?#3"}}), PM_SOURCE);
}

TEST(NpsSurvey, ReSavedByASpreadsheet) {
  PluginRun run("nps_survey");
  run.AddFile("q.csv",
              "\xEF\xBB\xBFResponseId;Status;Finished;RecordedDate;Q1\r\nid;type;done;date;How likely?\r\n"
              "R_1;IP Address;TRUE;23/2/26 8:55;9\r\n");
  ASSERT_EQ(run.Read({{"nps_column", "Q1"}, {"date_order", "day_first"}}), PM_OK) << run.error();
  ASSERT_THAT(Responses(run), SizeIs(1));
  EXPECT_EQ(Responses(run)[0]->responded_on().day(), 23);
  EXPECT_EQ(Responses(run)[0]->responded_on().month(), 2);
  ASSERT_EQ(run.Read({{"nps_column", "Q1"}}), PM_OK) << run.error();
  EXPECT_THAT(run.Rejections(), ElementsAre("q.csv:1:RecordedDate:bad_time"));  // February or a 23rd month?
}

TEST(NpsSurvey, AnswersFromBefore1970AreRejected) {
  PluginRun run("nps_survey");
  run.AddFile("q.csv", Qualtrics("R_1,0,1,0026-01-01 10:00:00,3,9,\n"));
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_THAT(run.Rejections(), ElementsAre("q.csv:1:RecordedDate:bad_time"));
}

TEST(NpsSurvey, WorkbooksAreNamedAndNotRead) {
  PluginRun run("nps_survey");
  run.AddFile("answers.xlsx", "PK\x03\x04");
  ASSERT_EQ(run.Read(), PM_OK) << run.error();
  EXPECT_TRUE(run.HasProblem("answers.xlsx", "the file is not read"));
}

TEST(NpsSurvey, SettingsAreChecked) {
  PluginRun run("nps_survey");
  run.AddFile("nps.csv", kQualtrics);
  EXPECT_EQ(run.Read({{"survey_kind", "horoscope"}}), PM_BAD_SETTING);
  EXPECT_EQ(run.Read(), PM_OK);
  EXPECT_EQ(run.Read({{"survey_kind", "partner_nps"}, {"nps_column", "Q9"}}), PM_SOURCE);
  EXPECT_THAT(run.error(), HasSubstr("Q9"));
}

}  // namespace
}  // namespace partnermetrics
