// The plugin table: the shipped sample mappings, what expressions do, and what is said about wrong mappings.
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

class TableTest : public ::testing::Test {
 protected:
  void ReadSample(const std::string& name) {
    run_.AddFolder(std::filesystem::path(PM_SOURCE_DIR) / "connectors/table/samples" / name);
    ASSERT_EQ(run_.Check(), PM_OK) << run_.error();
    for (const auto& problem : run_.host().problems) {
      EXPECT_LT(problem.level, PM_WARNING) << problem.where << ": " << problem.message;
    }
    ASSERT_EQ(run_.Read(), PM_OK) << run_.error();
  }
  // Reads one row of the columns a to e with a mapping of partners.
  int32_t ReadRow(const std::string& fields, const std::string& row) {
    run_.AddFile("mapping.textproto", "targets { files: \"*.csv\" kind: \"partner\" record_id: \"a\" " + fields + " }");
    run_.AddFile("feed.csv", "a,b,c,d,e\n" + row + "\n");
    return run_.Read();
  }
  // The value that an expression gives for the row, as text; "reason: message" for a fault.
  std::string Evaluate(const std::string& expression, const std::string& row = "id,x,,,") {
    std::string quoted;
    for (const char c : expression) quoted += c == '"' ? std::string("\\\"") : std::string(1, c);
    if (ReadRow("fields { name: 'name' value: \"" + quoted + "\" }", row) != PM_OK) return run_.error();
    if (run_.events().empty()) return *run_.records().at(0).reject + ": " + run_.records().at(0).message.value_or("");
    return run_.events()[0].partner().name();
  }
  // What the check says about a mapping.
  std::vector<std::string> Errors(const std::string& mapping) {
    run_.AddFile("mapping.textproto", mapping);
    run_.AddFile("feed.csv", "a,b,Partner Id\n1,2,3\n");
    run_.host().problems.clear();
    EXPECT_EQ(run_.Check(), PM_OK);
    std::vector<std::string> errors;
    for (const auto& problem : run_.host().problems) {
      if (problem.level == PM_ERROR) errors.push_back(problem.where + "|" + problem.message);
    }
    return errors;
  }

  PluginRun run_{"table"};
};

std::string Date(const v1::Date& date) {
  return std::to_string(date.year()) + "-" + std::to_string(date.month()) + "-" + std::to_string(date.day());
}

TEST_F(TableTest, PortalLogins) {
  ReadSample("portal_logins");
  auto sessions = run_.Facts(&v1::Event::has_portal_session, &v1::Event::portal_session);
  ASSERT_THAT(sessions, SizeIs(2));
  EXPECT_EQ(sessions[0]->started_at().seconds(), 1772435702);  // 08:15:02 in Berlin
  EXPECT_EQ(sessions[0]->duration_seconds(), 720);
  EXPECT_EQ(sessions[0]->user(), "ana.ruiz@cascadia.example");
  ASSERT_THAT(sessions[0]->partner_refs(), SizeIs(2));
  EXPECT_EQ(sessions[0]->partner_refs(0).external().id(), "P-01");
  ASSERT_THAT(sessions[1]->partner_refs(), SizeIs(1));
  EXPECT_EQ(sessions[1]->partner_refs(0).domain(), "brightpath.example");
  EXPECT_THAT(run_.Skips(), ElementsAre(Pair("when", 1)));
  EXPECT_THAT(run_.Rejections(), ElementsAre("logins-2026-03.csv:4:login_time:bad_time"));
  const std::map<std::string, bool>& columns = run_.host().columns.at("logins-#-#.csv");
  EXPECT_FALSE(columns.at("client"));
  EXPECT_TRUE(columns.at("session"));
}

TEST_F(TableTest, Training) {
  ReadSample("training");
  auto assignments = run_.Facts(&v1::Event::has_training_assignment, &v1::Event::training_assignment);
  ASSERT_THAT(assignments, SizeIs(3));
  EXPECT_EQ(run_.events()[0].record_id(), "L-7/SALES-101");
  EXPECT_TRUE(assignments[0]->required());
  EXPECT_FALSE(assignments[2]->required());
  EXPECT_EQ(Date(assignments[0]->completed_on()), "2026-2-3");
  EXPECT_FALSE(assignments[1]->has_completed_on());
  EXPECT_EQ(Date(assignments[2]->retired_on()), "2026-3-1");
}

TEST_F(TableTest, CertificationsFromAnAnswerOfAnApi) {
  ReadSample("certifications");
  auto certifications = run_.Facts(&v1::Event::has_certification, &v1::Event::certification);
  ASSERT_THAT(certifications, SizeIs(2));
  EXPECT_EQ(certifications[0]->track(), "sales");
  EXPECT_EQ(Date(certifications[0]->expires_on()), "2028-1-15");  // a day after the last valid one
  EXPECT_FALSE(certifications[1]->has_certified_on());
  EXPECT_EQ(run_.events()[0].record_id(), "501");
  EXPECT_EQ(run_.events()[0].revision(), 1769904000000000);
  EXPECT_TRUE(run_.events()[2].deleted());
  EXPECT_EQ(run_.events()[2].record_id(), "503");
  EXPECT_THAT(run_.Rejections(), ElementsAre("certificates.json:4:updated:bad_time"));
  auto requirements = run_.Facts(&v1::Event::has_certification_requirement, &v1::Event::certification_requirement);
  ASSERT_THAT(requirements, SizeIs(3));
  EXPECT_EQ(requirements[1]->people(), 2);
}

TEST_F(TableTest, MilestonesWhereOneRowStatesTwoFacts) {
  ReadSample("milestones");
  auto projects = run_.Facts(&v1::Event::has_project, &v1::Event::project);
  ASSERT_THAT(projects, SizeIs(3));
  EXPECT_EQ(Date(projects[0]->m2_approved_on()), "2026-3-10");
  EXPECT_EQ(Date(projects[0]->pto_on()), "2026-3-1");
  EXPECT_FALSE(projects[1]->has_m2_approved_on());
  auto submissions = run_.Facts(&v1::Event::has_milestone_submission, &v1::Event::milestone_submission);
  ASSERT_THAT(submissions, SizeIs(4));
  EXPECT_EQ(submissions[1]->decision(), v1::MILESTONE_DECISION_REJECTED);
  EXPECT_EQ(submissions[3]->decision(), v1::MILESTONE_DECISION_PENDING);
  auto rejections = run_.Facts(&v1::Event::has_rejection, &v1::Event::rejection);
  ASSERT_THAT(rejections, SizeIs(1));
  EXPECT_EQ(rejections[0]->root_id(), "LR-101");
  EXPECT_EQ(Date(rejections[0]->resubmitted_on()), "2026-2-9");
  EXPECT_THAT(run_.Rejections(), ElementsAre("submissions.csv:5:milestone:bad_value"));
}

TEST_F(TableTest, TargetsUnderAHeadingWithEuropeanNumbers) {
  ReadSample("targets");
  auto targets = run_.Facts(&v1::Event::has_target, &v1::Event::target);
  ASSERT_THAT(targets, SizeIs(5));
  EXPECT_EQ(targets[0]->kind(), v1::TARGET_KIND_QUOTA);
  EXPECT_EQ(targets[0]->value().units(), 500000);
  EXPECT_EQ(targets[1]->kind(), v1::TARGET_KIND_FORECAST);
  EXPECT_EQ(Cents(targets[1]->value()), 42500050);
  EXPECT_EQ(Date(targets[1]->period_end_on()), "2026-3-31");
  EXPECT_THAT(targets[3]->partner_refs(), IsEmpty());
}

TEST_F(TableTest, RatesWithoutAHeader) {
  ReadSample("rates");
  auto rates = run_.Facts(&v1::Event::has_fx_rate, &v1::Event::fx_rate);
  ASSERT_THAT(rates, SizeIs(3));
  EXPECT_EQ(rates[0]->to_currency(), "USD");
  EXPECT_EQ(rates[0]->rate().nanos(), 81500000);
  EXPECT_THAT(run_.Rejections(), ElementsAre("rates.csv:4:rate:bad_number"));
}

TEST_F(TableTest, TicketsInJsonLines) {
  ReadSample("tickets");
  auto tickets = run_.Facts(&v1::Event::has_support_ticket, &v1::Event::support_ticket);
  ASSERT_THAT(tickets, SizeIs(2));
  EXPECT_EQ(tickets[0]->status(), v1::TICKET_STATUS_RESOLVED);
  EXPECT_EQ(tickets[0]->priority(), v1::TICKET_PRIORITY_HIGH);
  EXPECT_TRUE(tickets[0]->escalated());
  EXPECT_FALSE(tickets[1]->escalated());
  EXPECT_EQ(tickets[0]->resolved_at().seconds() - tickets[0]->opened_at().seconds(), 23 * 3600);
  EXPECT_EQ(tickets[0]->partner_refs(0).external().id(), "P-01");
  ASSERT_THAT(tickets[1]->partner_refs(), SizeIs(1));  // anybody can have a mailbox there: no domain
  EXPECT_EQ(tickets[1]->partner_refs(0).email(), "kim@gmail.com");
  EXPECT_THAT(run_.Rejections(), ElementsAre("tickets.jsonl:3:priority:bad_value", "tickets.jsonl:4::bad_json"));
  EXPECT_TRUE(run_.records()[2].message->find("LOW, NORMAL, HIGH, URGENT") != std::string::npos);
}

TEST_F(TableTest, EventAttendanceOfRowsWithoutId) {
  ReadSample("events");
  auto invitations = run_.Facts(&v1::Event::has_event_invitation, &v1::Event::event_invitation);
  ASSERT_THAT(invitations, SizeIs(3));
  EXPECT_EQ(invitations[0]->event_id(), "ev42");
  EXPECT_EQ(Date(invitations[0]->event_on()), "2026-2-3");
  EXPECT_TRUE(invitations[0]->attended());
  EXPECT_TRUE(invitations[1]->has_attended());
  EXPECT_EQ(run_.events()[2].record_id(), run_.events()[1].record_id() + "-2");
  EXPECT_THAT(run_.Rejections(), ElementsAre("attendees-ev42.csv:4:Attended:bad_boolean"));
}

TEST_F(TableTest, MarketDevelopmentFunds) {
  ReadSample("mdf");
  auto requests = run_.Facts(&v1::Event::has_mdf_request, &v1::Event::mdf_request);
  ASSERT_THAT(requests, SizeIs(2));
  EXPECT_EQ(requests[0]->decision(), v1::MDF_DECISION_APPROVED);
  EXPECT_EQ(requests[0]->requested_amount().units(), 12500);
  EXPECT_EQ(requests[0]->requested_amount().currency_code(), "USD");  // of the formats
  EXPECT_EQ(requests[1]->requested_amount().currency_code(), "EUR");
  EXPECT_EQ(requests[1]->decision(), v1::MDF_DECISION_PENDING);
  EXPECT_EQ(requests[0]->requested_at().seconds(), 1767623400);  // 09:30 in New York
  auto spends = run_.Facts(&v1::Event::has_mdf_spend, &v1::Event::mdf_spend);
  ASSERT_THAT(spends, SizeIs(1));
  EXPECT_EQ(Cents(spends[0]->amount()), 625050);
  EXPECT_THAT(run_.Rejections(),
              ElementsAre("mdf_claims.csv:2:request:missing_value", "mdf_requests.csv:3:currency:unknown_currency"));
}

// Hand-made in the shape of the Responses API.
TEST_F(TableTest, TypeformAnswersAreFoundByTheirQuestion) {
  ReadSample("typeform");
  auto responses = run_.Facts(&v1::Event::has_survey_response, &v1::Event::survey_response);
  ASSERT_THAT(responses, SizeIs(2));
  EXPECT_EQ(responses[0]->score(), 9);  // not the answer before it, which is of another question
  EXPECT_EQ(responses[0]->comment(), "Quick answers");
  EXPECT_EQ(responses[0]->respondent(), "ana.ruiz@cascadia.example");
  EXPECT_EQ(responses[0]->partner_refs(0).external().id(), "P-01");
  EXPECT_EQ(responses[1]->score(), 0);
  EXPECT_TRUE(responses[1]->has_score());
  EXPECT_EQ(responses[1]->respondent(), "kim@gmail.com");  // asked for in the form
  EXPECT_THAT(responses[1]->partner_refs(), IsEmpty());
  EXPECT_EQ(run_.Skips()["when"], 1);  // opened and not sent
}

// In the shape of ten public test records of the API.
TEST_F(TableTest, DelightedScoresHaveTheScaleOfTheirSurvey) {
  ReadSample("delighted");
  auto responses = run_.Facts(&v1::Event::has_survey_response, &v1::Event::survey_response);
  ASSERT_THAT(responses, SizeIs(3));
  EXPECT_EQ(responses[0]->survey(), v1::SURVEY_KIND_PARTNER_NPS);
  EXPECT_EQ(responses[0]->score(), 8);
  EXPECT_EQ(responses[0]->scale_max(), 10);
  EXPECT_EQ(responses[0]->respondent(), "980285131");
  EXPECT_EQ(responses[1]->respondent(), "ana.ruiz@cascadia.example");  // a person that was expanded
  EXPECT_EQ(run_.events()[1].revision(), 1'641'389'700'000'000);       // scored anew
  EXPECT_EQ(responses[2]->survey(), v1::SURVEY_KIND_PARTNER_CSAT);
  EXPECT_EQ(responses[2]->scale_min(), 1);
  EXPECT_EQ(responses[2]->scale_max(), 5);
  EXPECT_EQ(run_.Skips()["when"], 1);  // smileys have no scale of ours
}

// Hand-made in the shape of the lists of the API.
TEST_F(TableTest, ChargebeeBillsInMinorUnits) {
  ReadSample("chargebee");
  auto invoices = run_.Facts(&v1::Event::has_invoice, &v1::Event::invoice);
  ASSERT_THAT(invoices, SizeIs(2));
  EXPECT_EQ(Cents(invoices[0]->amount()), 100'00);  // without tax
  EXPECT_EQ(Cents(invoices[0]->amount_due()), 119'00);
  EXPECT_EQ(invoices[0]->status(), v1::INVOICE_STATUS_PAID);
  EXPECT_EQ(invoices[0]->revenue_kind(), v1::REVENUE_KIND_NEW);
  EXPECT_EQ(invoices[0]->paid_at().seconds(), 1'770'500'000);
  EXPECT_EQ(invoices[1]->amount().units(), 5000);  // yen have no minor unit
  EXPECT_EQ(invoices[1]->amount_paid().units(), 2000);
  EXPECT_FALSE(invoices[1]->has_paid_at());
  EXPECT_EQ(run_.Skips()["when"], 1);  // pending
  auto subscriptions = run_.Facts(&v1::Event::has_subscription, &v1::Event::subscription);
  ASSERT_THAT(subscriptions, SizeIs(2));
  EXPECT_EQ(Cents(subscriptions[0]->mrr()), 100'00);
  EXPECT_FALSE(subscriptions[0]->has_ends_at());
  EXPECT_EQ(subscriptions[1]->ends_at().seconds(), 1'765'000'000);
  auto notes = run_.Facts(&v1::Event::has_credit_note, &v1::Event::credit_note);
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_EQ(notes[0]->root_id(), "INV-1");
  auto customers = run_.Facts(&v1::Event::has_customer, &v1::Event::customer);
  ASSERT_THAT(customers, SizeIs(1));  // the other one is deleted
  EXPECT_EQ(customers[0]->domain(), "cascadia.example");
}

TEST_F(TableTest, Expressions) {
  EXPECT_EQ(Evaluate("b + '-' + a"), "x-id");
  EXPECT_EQ(Evaluate("b + c"), "");  // null of a blank column
  EXPECT_EQ(Evaluate("b + coalesce(c, '')"), "x");
  EXPECT_EQ(Evaluate("coalesce(c, d, b)"), "x");
  EXPECT_EQ(Evaluate("has(c) ? 'yes' : 'no'"), "no");
  EXPECT_EQ(Evaluate("b in ['w', 'x']"), "true");
  EXPECT_EQ(Evaluate("c == 'x' && false"), "false");
  EXPECT_EQ(Evaluate("c == 'x' || b == 'x'"), "true");
  EXPECT_EQ(Evaluate("!(b == 'x')"), "false");
  EXPECT_EQ(Evaluate("number(b) * 2 - 0.5", "id,12.25,,,"), "24");
  EXPECT_EQ(Evaluate("number(b, '1.234,5') / 4", "id,\"1.000,5\",,,"), "250.125");
  EXPECT_EQ(Evaluate("number(b) / 0", "id,1,,,"), "");
  EXPECT_EQ(Evaluate("upper(trim(b)) + lower('Q')"), "Xq");
  EXPECT_EQ(Evaluate("replace(b, '-', '/')", "id,1-2-3,,,"), "1/2/3");
  EXPECT_EQ(Evaluate("part(b, '-', 2) + part(b, '-', -1)", "id,1-2-3,,,"), "23");
  EXPECT_EQ(Evaluate("part(b, '-', 4)", "id,1-2-3,,,"), "");
  EXPECT_EQ(Evaluate("substring(b, 2, 3)", "id,abcdef,,,"), "bcd");
  EXPECT_EQ(Evaluate("b.startsWith('ab') && b.endsWith('ef') && b.contains('cd')", "id,abcdef,,,"), "true");
  EXPECT_EQ(Evaluate("email(b)", "id,Jo@Example.com,,,"), "jo@example.com");
  EXPECT_EQ(Evaluate("web_domain(b)", "id,https://www.Example.com/x,,,"), "example.com");
  EXPECT_EQ(Evaluate("salesforce_id(b)", "id,001A000001LyRcX,,,"), "001A000001LyRcXIAV");
  EXPECT_EQ(Evaluate("date(b, 'MMM D, YYYY') + days(1)", "id,\"Feb 28, 2024\",,,"), "2024-02-29");
  EXPECT_EQ(Evaluate("date(b) - days(60)", "id,2026-03-01,,,"), "2025-12-31");
  EXPECT_EQ(Evaluate("date(b) < date('2026-03-02')", "id,2026-03-01,,,"), "true");
  EXPECT_EQ(Evaluate("micros(time(b, 'YYYY-MM-DDTHH:mm:ss.SSSZ'))", "id,1970-01-01T01:00:00.5+01:00,,,"), "500000");
  EXPECT_EQ(Evaluate("micros(epoch(b))", "id,1717598562123,,,"), "1717598562123000");
  EXPECT_EQ(Evaluate("bool(b) ? a : c", "id,Yes,,,"), "id");
  EXPECT_EQ(Evaluate("pick(b, 'q', 'nps', 'v.n')", R"(id,"[{""q"":""ease""},{""q"":""nps"",""v"":{""n"":9}}]",,,)"),
            "9");
  EXPECT_EQ(Evaluate("pick(b, 'q', 'csat', 'n')", R"(id,"[{""q"":""nps"",""n"":9}]",,,)"), "");
  EXPECT_EQ(Evaluate("pick(b, 'q', 'nps', 'n')", "id,9,,,"), "bad_list: \"9\" is no JSON list of objects");
  EXPECT_EQ(Evaluate("file_name()"), "feed.csv");
  EXPECT_EQ(Evaluate("col('b')"), "x");
}

TEST_F(TableTest, CellsThatCannotBeReadAreRejectedWithTheirColumn) {
  EXPECT_EQ(Evaluate("number(b)"), "bad_number: \"x\" is no number");
  EXPECT_EQ(run_.Rejections(), std::vector<std::string>{"feed.csv:1:b:bad_number"});
  EXPECT_EQ(Evaluate("date(b)", "id,02/03/2026,,,"), "bad_date: \"02/03/2026\" is no date");
  EXPECT_EQ(Evaluate("date(b, 'DD/MM/YYYY')", "id,31/02/2026,,,"), "bad_date: \"31/02/2026\" is no date as DD/MM/YYYY");
  EXPECT_EQ(Evaluate("micros(time(b))", "id,2026-03-02,,,"), "bad_time: \"2026-03-02\" is no date with a time of day");
  EXPECT_EQ(Evaluate("bool(b)"), "bad_boolean: \"x\" is no boolean");
  EXPECT_EQ(Evaluate("b", ",x,,,"), "missing_id: the row has no record id");
  EXPECT_EQ(Evaluate("b", "id,x,,"), "wrong_column_count: expected 5 columns, found 4");
}

TEST_F(TableTest, FieldsOfEveryType) {
  ASSERT_EQ(ReadRow("fields { name: 'status' value: 'b' values { from: 'Live' to: 'active' } }"
                    "fields { name: 'signed_on' value: 'c' }"
                    "fields { name: 'domains' value: 'd' } fields { name: 'domains' value: 'e' }"
                    "fields { name: 'external_ids[0].source' value: \"'crm'\" }"
                    "fields { name: 'external_ids[0].id' value: 'a' }",
                    "7,LIVE,2026-01-02 00:00:00,a.example,b.example"),
            PM_OK)
      << run_.error();
  ASSERT_THAT(run_.events(), SizeIs(1));
  const v1::Partner& partner = run_.events()[0].partner();
  EXPECT_EQ(partner.status(), v1::PARTNER_STATUS_ACTIVE);
  EXPECT_EQ(Date(partner.signed_on()), "2026-1-2");
  EXPECT_THAT(partner.domains(), ElementsAre("a.example", "b.example"));
  ASSERT_THAT(partner.external_ids(), SizeIs(1));
  EXPECT_EQ(partner.external_ids(0).source(), "crm");
  EXPECT_EQ(partner.external_ids(0).id(), "7");
}

// Every message says where, what, and what would have fitted.
TEST_F(TableTest, WrongMappings) {
  EXPECT_THAT(Errors("targets {\n  fils: \"*.csv\"\n}"),
              ElementsAre(HasSubstr("mapping.textproto:2:7: Message type \"partnermetrics.table.Target\" has no field "
                                    "named \"fils\". (did you mean \"files\"?)")));
  EXPECT_THAT(Errors("targets { files: '*.csv'\n kind: 'patner' record_id: 'a' }"),
              ElementsAre(HasSubstr(":2:9: there is no kind of fact \"patner\" (did you mean \"partner\"?)")));
  const std::string target = "targets { files: '*.csv' kind: 'partner' record_id: 'a'\n";
  EXPECT_THAT(Errors(target + "fields { name: 'nam' value: 'a' } }"),
              ElementsAre(HasSubstr("mapping.textproto:2:17: Partner has no field \"nam\" (did you mean \"name\"?)")));
  EXPECT_THAT(Errors(target + "fields { name: 'name' value: 'trm(a)' } }"),
              ElementsAre(HasSubstr(":2:31: there is no function trm (did you mean \"trim\"?)")));
  EXPECT_THAT(Errors(target + "fields { name: 'name' value: 'a +' } }"),
              ElementsAre(HasSubstr(":2:34: expected a value")));
  EXPECT_THAT(Errors(target + "fields { name: 'status' value: \"'actve'\" } }"),
              ElementsAre(HasSubstr("\"actve\" is no value of status (did you mean \"ACTIVE\"?)")));
  EXPECT_THAT(Errors(target + "fields { name: 'status' value: 'a'\n values { from: 'x' to: 'gone' } } }"),
              ElementsAre(HasSubstr("mapping.textproto:3:26: \"gone\" is no value of status")));
  EXPECT_THAT(Errors(target + "fields { name: 'signed_on' value: 'time(a)' } }"),
              ElementsAre(HasSubstr("signed_on takes a date, this is a time")));
  EXPECT_THAT(Errors(target + "fields { name: 'signed_on.yer' value: 'a' } }"),
              ElementsAre(HasSubstr("Date has no field \"yer\" (did you mean \"year\"?)")));
  EXPECT_THAT(Errors(target + "fields { name: 'external_ids' value: 'a' } }"),
              ElementsAre(HasSubstr("name one of external_ids.source, external_ids.id")));
  EXPECT_THAT(Errors(target + "when: 'number(a)' }"), ElementsAre(HasSubstr("this needs a condition and is a number")));
  EXPECT_THAT(Errors(target + "when: 'a > 5' }"), ElementsAre(HasSubstr("read one by number(column)")));
  EXPECT_THAT(Errors(target + "when: 'a == null' }"), ElementsAre(HasSubstr("write has(column)")));
  EXPECT_THAT(Errors(target + "revision: \"time(a, 'YYYY-MM-DD', 'UTC')\" }"),
              ElementsAre(HasSubstr("needs hours (HH)")));
  EXPECT_THAT(Errors(target + "revision: \"time(a, 'D MMM HH', 'UTC')\" }"),
              ElementsAre(HasSubstr("a format needs a year (YYYY)")));
  EXPECT_THAT(Errors(target + "revision: \"time(a, 'YYYY-MM-DD HH:mm', 'Mars/Base')\" }"),
              ElementsAre(HasSubstr("\"Mars/Base\" is no time zone")));
  EXPECT_THAT(Errors(target + "formats { currency_code: 'usd' } }"), ElementsAre(HasSubstr("in upper case")));
  EXPECT_THAT(Errors("targets { files: '*.csv' kind: 'target' record_id: 'a' fields { name: 'metric' value: 'b' }\n"
                     "fields { name: 'value' value: 'b' } fields { name: 'period_start_on' value: 'b' } }"),
              ElementsAre(HasSubstr("a target needs the field period_end_on")));
  EXPECT_THAT(Errors(""), ElementsAre(HasSubstr("the mapping has no targets")));
  for (const char* byte : {"\\377", "\xff"}) {  // escaped, and as in a file that is not saved as UTF-8
    EXPECT_THAT(Errors(std::string("targets { files: '*.csv' kind: 'partner' record_id: 'a'\n"
                                   "fields { name: 'name' value: 'b' values { from: 'x' to: '") +
                       byte + "' } } }"),
                ElementsAre(HasSubstr("mapping.textproto:2:53: to is not UTF-8: save the file as UTF-8")));
  }
}

TEST_F(TableTest, AnAtomOfJsonThatIsCutShortIsABrokenRow) {
  run_.AddFile("mapping.textproto", "targets { files: '*.jsonl' kind: 'partner' record_id: 'a' }");
  run_.AddFile("feed.jsonl", "{\"a\": \"P-1\"}\n{\"a\": \"P-2\", \"b\": nulE}\n{\"a\": \"P-3\", \"b\": tru}\n");
  EXPECT_EQ(run_.Read({}), PM_OK);
  EXPECT_THAT(run_.events(), SizeIs(1));
  EXPECT_THAT(run_.Rejections(), ElementsAre(HasSubstr("feed.jsonl:2:"), HasSubstr("feed.jsonl:3:")));
}

TEST_F(TableTest, ColumnsAreCheckedAgainstTheHeader) {
  EXPECT_THAT(Errors("targets { files: '*.csv' kind: 'partner'\n record_id: 'col(\"Partner ID \") + bb' }"),
              ElementsAre(HasSubstr("feed.csv, mapping.textproto:2:18|the file has no column \"Partner ID \" (did you "
                                    "mean \"Partner Id\"?)")));
  run_.Read();
  EXPECT_THAT(run_.error(), HasSubstr("the file has no column \"Partner ID \""));
}

TEST_F(TableTest, AMissingMappingIsABadSetting) {
  EXPECT_EQ(run_.Read({{"mapping_file", "other.textproto"}}), PM_BAD_SETTING);
  EXPECT_THAT(run_.error(), HasSubstr("mapping_file: other.textproto"));
}

TEST_F(TableTest, FilesThatNoTargetReadsAreReported) {
  run_.AddFile("notes.txt", "x");
  ASSERT_EQ(ReadRow("", "1,2,3,4,5"), PM_OK) << run_.error();
  EXPECT_TRUE(run_.HasProblem("notes.txt", "no target of the mapping reads the file"));
}

TEST_F(TableTest, AChangedMappingReadsTheFilesAnew) {
  ASSERT_EQ(ReadRow("", "1,2,3,4,5"), PM_OK);
  const std::string state = run_.last_state();
  ASSERT_EQ(run_.Read({}, state), PM_OK);
  EXPECT_THAT(run_.records(), IsEmpty());
  run_.AddFile("mapping.textproto", "targets { files: '*.csv' kind: 'partner' record_id: 'b' }");
  ASSERT_EQ(run_.Read({}, state), PM_OK);
  ASSERT_THAT(run_.events(), SizeIs(1));
  EXPECT_EQ(run_.events()[0].record_id(), "2");
}

TEST_F(TableTest, ACompleteFeedSaysSoOnlyWhenItReadEverything) {
  ASSERT_EQ(ReadRow("complete: true", "1,2,3,4,5"), PM_OK);
  EXPECT_THAT(run_.host().complete, ElementsAre("partner"));
  ASSERT_EQ(run_.Read({}, run_.last_state()), PM_OK);
  EXPECT_THAT(run_.host().complete, IsEmpty());
}

TEST_F(TableTest, LoadsAgainAfterItWasUnloaded) {
  ASSERT_EQ(ReadRow("", "1,2,3,4,5"), PM_OK);
  PluginRun other("table");
  other.AddFile("mapping.textproto", "targets { files: '*.csv' kind: 'partner' record_id: 'b' }");
  other.AddFile("feed.csv", "b\n1\n");
  EXPECT_EQ(other.Read(), PM_OK) << other.error();
  EXPECT_THAT(other.events(), SizeIs(1));
}

}  // namespace
}  // namespace partnermetrics
