// The demo's three connectors over the demo's exports, driven by partnerctl as a person does it. What the numbers must
// be is computed here from the files themselves, by readers that share nothing with the connectors.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "partnermetrics/v1/score_service.pb.h"
#include "tests/end_to_end/server_fixture.h"

namespace partnermetrics {
namespace {

constexpr char kDemo[] = PM_SOURCE_DIR "/demo/";
constexpr char kProgram[] = "partneros";
constexpr char kAsOf[] = "2026-03-31";
constexpr int kPartialRun = 9;  // exit code of a run with rejected records

using Table = std::vector<std::map<std::string, std::string>>;

// Rows of a CSV file by column name; rows of another length than the first are left out.
Table ReadCsv(const std::string& path) {
  std::vector<std::vector<std::string>> rows(1, std::vector<std::string>(1));
  bool quoted = false;
  const std::string text = ReadFile(path);
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' && quoted && i + 1 < text.size() && text[i + 1] == '"') {
      rows.back().back() += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      rows.back().emplace_back();
    } else if (c == '\n' && !quoted) {
      rows.emplace_back(1);
    } else if (c != '\r') {
      rows.back().back() += c;
    }
  }
  Table table;
  for (size_t r = 1; r < rows.size(); ++r) {
    if (rows[r].size() != rows[0].size()) continue;
    table.emplace_back();
    for (size_t c = 0; c < rows[r].size(); ++c) table.back()[rows[0][c]] = rows[r][c];
  }
  return table;
}

bool IsWholeNumber(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

class DemoTest : public ServerFixture {
 protected:
  void SetUp() override {
    ASSERT_TRUE(
        google::protobuf::TextFormat::ParseFromString(ReadFile(absl::StrCat(kDemo, "config.textproto")), &config()));
    // The demo's paths are relative to its file, which the test's server does not read.
    for (std::string& file : *config().mutable_program_files()) file = kDemo + file;
    for (auto& connector : *config().mutable_connectors()) connector.set_directory(kDemo + connector.directory());
    Start();
  }

  CommandResult Partnerctl(const std::vector<std::string>& words) {
    std::vector<std::string> command = {PartnerctlPath(), "--server", server().address(), "-o", "json"};
    command.insert(command.end(), words.begin(), words.end());
    return RunCommand(command);
  }
  void ImportAll() {
    for (const char* connector : {"salesforce", "stripe", "survey"}) {
      const CommandResult result = Partnerctl({"connector", "run", connector});
      EXPECT_EQ(result.exit_code, kPartialRun) << result.out << result.err;
    }
  }
  // Of three months that end with the day, unless the metric has a window of its own.
  v1::MetricValue Installer(const std::string& id, const std::string& metric, const std::string& as_of) {
    const CommandResult result =
        Partnerctl({"metric", "query", "--metric-ids", metric, "--scopes", absl::StrCat("partner:", id), "--window",
                    "trailing_3_months", "--program", "lightreach", "--as-of", as_of});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    v1::QueryMetricsResponse response;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(result.out, &response).ok()) << result.out;
    EXPECT_EQ(response.values_size(), 1);
    return response.values_size() == 0 ? v1::MetricValue() : response.values(0);
  }
  // A scorecard's exact values by metric, "no data" where there is none.
  std::map<std::string, std::string> Scorecard(const std::string& partner) {
    std::vector<std::string> words = {"scorecard"};
    if (!partner.empty()) words.push_back(partner);
    words.insert(words.end(), {"--program", kProgram, "--as-of", kAsOf});
    const CommandResult result = Partnerctl(words);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    v1::Scorecard card;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(result.out, &card).ok()) << result.out;
    std::map<std::string, std::string> values;
    for (const v1::ScorecardGroup& group : card.groups()) {
      for (const v1::ScorecardRow& row : group.rows()) values[row.metric().id()] = ExactText(row.value());
    }
    return values;
  }
};

// What the export says about deals won in the first quarter of 2026. Referral partners originated a deal, consultants
// took part in it; the amounts of the demo are whole dollars.
struct QuarterOfDeals {
  int64_t sourced = 0, influenced = 0;
  std::map<std::string, int64_t> of_partner, deals_of_partner;

  QuarterOfDeals() {
    const std::string folder = absl::StrCat(kDemo, "exports/salesforce/");
    std::map<std::string, std::map<std::string, std::set<std::string>>> partners;  // of a deal, by role
    for (auto& link : ReadCsv(folder + "Partner.csv")) {
      partners[link["OpportunityId"]][link["Role"]].insert(link["AccountToId"]);
    }
    for (auto& deal : ReadCsv(folder + "Opportunity.csv")) {
      const std::string day = deal["CloseDate"].substr(0, 10);
      if (deal["IsWon"] != "1" || day < "2026-01-01" || day > kAsOf || day == "2026-02-30") continue;
      // A deal of unknown amount counts as a deal; one with a faulty amount is in quarantine.
      if (deal["CurrencyIsoCode"] != "USD" || !(deal["Amount"].empty() || IsWholeNumber(deal["Amount"]))) continue;
      const int64_t amount = deal["Amount"].empty() ? 0 : std::stoll(deal["Amount"]);
      auto& roles = partners[deal["Id"]];
      if (!roles["Referral"].empty()) {
        sourced += amount;
      } else if (!roles["Consultant"].empty()) {
        influenced += amount;
      }
      for (const char* role : {"Referral", "Consultant"}) {
        for (const std::string& partner : roles[role]) {
          of_partner[partner] += amount;
          ++deals_of_partner[partner];
        }
      }
    }
  }
};

TEST_F(DemoTest, ScorecardsSayWhatTheExportSays) {
  ImportAll();
  const QuarterOfDeals expected;
  auto programme = Scorecard("");
  EXPECT_EQ(programme["partner_sourced_revenue"], absl::StrCat(expected.sourced));
  EXPECT_EQ(programme["partner_influenced_revenue"], absl::StrCat(expected.influenced));
  EXPECT_EQ(programme["partner_revenue"], absl::StrCat(expected.sourced + expected.influenced));

  int partners = 0;
  for (auto& account : ReadCsv(absl::StrCat(kDemo, "exports/salesforce/Account.csv"))) {
    if (account["IsPartner"] != "1" || account["IsDeleted"] == "1") continue;
    ++partners;
    SCOPED_TRACE(account["Name"]);
    const auto of = [&](const std::map<std::string, int64_t>& sums) {
      const auto it = sums.find(account["Id"]);
      return it == sums.end() ? int64_t{0} : it->second;
    };
    auto card = Scorecard(account["Name"]);
    if (of(expected.deals_of_partner) == 0 && card["deals_closed"] == "no data") continue;
    EXPECT_EQ(card["partner_revenue_ytd"], absl::StrCat(of(expected.of_partner)));
    EXPECT_EQ(card["deals_closed"], absl::StrCat(of(expected.deals_of_partner)));
  }
  EXPECT_EQ(programme["total_partners"], absl::StrCat(partners));
}

TEST_F(DemoTest, BillingAddsUp) {
  ImportAll();
  int64_t cents = 0, invoices = 0;
  std::istringstream lines(ReadFile(absl::StrCat(kDemo, "exports/stripe/invoices.jsonl")));
  for (std::string line; std::getline(lines, line);) {
    google::protobuf::Struct object;
    if (!google::protobuf::util::JsonStringToMessage(line, &object).ok()) continue;
    const auto& fields = object.fields();
    const std::string& status = fields.at("status").string_value();
    if (!fields.at("livemode").bool_value() || fields.at("currency").string_value() != "usd") continue;
    if (status != "paid" && status != "open") continue;
    cents += static_cast<int64_t>(fields.at("total_excluding_tax").number_value());
    ++invoices;
  }
  ASSERT_EQ(cents % 100, 0);
  const v1::MetricValue billed = Metric("billed_revenue", v1::SCOPE_KIND_BUSINESS, "", kProgram);
  EXPECT_EQ(ExactText(billed), absl::StrCat(cents / 100));
  EXPECT_EQ(billed.facts(), invoices);
}

// An answer belongs to the partner that it names, else to the one whose website has the domain of its e-mail address.
TEST_F(DemoTest, NpsIsThatOfTheSurvey) {
  ImportAll();
  struct Answer {
    std::string ended_at;
    int score = 0;
  };
  std::map<std::string, std::string> partner_of_domain;
  std::map<std::string, std::map<std::string, Answer>> expected;  // the last of each person, by partner
  for (auto& account : ReadCsv(absl::StrCat(kDemo, "exports/salesforce/Account.csv"))) {
    const std::string& website = account["Website"];
    if (account["IsPartner"] != "1" || website.empty()) continue;
    partner_of_domain[std::string(absl::StripPrefix(absl::StripPrefix(website, "https://"), "www."))] = account["Id"];
  }
  for (auto& row : ReadCsv(absl::StrCat(kDemo, "exports/survey/partner_nps.csv"))) {
    if (row["Status"] != "0" || row["Finished"] != "1") continue;
    if (row["Q1"] == "11" || (row["Q1"] == "8" && row["Q1_NPS_GROUP"] == "1")) continue;  // the two bad ones
    const std::string domain = row["RecipientEmail"].substr(row["RecipientEmail"].find('@') + 1);
    const std::string& named = row["AccountId"];
    Answer& answer = expected[named.empty() ? partner_of_domain[domain] : named][row["RecipientEmail"]];
    if (row["EndDate"] > answer.ended_at) answer = {row["EndDate"], std::stoi(row["Q1"])};
  }
  EXPECT_GE(expected.size(), 10u);
  for (const auto& [partner, answers] : expected) {
    if (partner.empty()) continue;
    SCOPED_TRACE(partner);
    const v1::MetricValue nps = Metric("partner_nps", v1::SCOPE_KIND_PARTNER, "salesforce:" + partner, kProgram);
    int promoters_less_detractors = 0;
    for (const auto& [person, answer] : answers) {
      promoters_less_detractors += answer.score >= 9 ? 1 : answer.score <= 6 ? -1 : 0;
    }
    EXPECT_DOUBLE_EQ(nps.value(), 100.0 * promoters_less_detractors / static_cast<double>(answers.size()));
  }
}

TEST_F(DemoTest, AnUnchangedExportAppendsNothing) {
  ImportAll();
  const v1::ProgramStatus before = Status();
  const size_t quarantined = Quarantine("").size();
  for (const char* connector : {"salesforce", "stripe", "survey"}) {
    const uint64_t position = Status().log_position();
    const v1::ConnectorRun run = RunConnector(connector, /*full=*/true);
    EXPECT_EQ(run.state(), v1::RUN_STATE_PARTIAL) << run.DebugString();
    EXPECT_GT(run.events().unchanged(), 0);
    EXPECT_GT(run.records_rejected(), 0);
    EXPECT_EQ(run.records_rejected_again(), run.records_rejected());
    EXPECT_EQ(run.events().applied() + run.events().superseded() + run.events().rejected(), 0) << run.DebugString();
    // The run's own records alone: its beginning, its pages, its end.
    EXPECT_LE(Status().log_position() - position, 10u);
  }
  const v1::ProgramStatus after = Status();
  EXPECT_EQ(after.facts(), before.facts());
  EXPECT_EQ(after.unresolved_facts(), before.unresolved_facts());
  EXPECT_EQ(Quarantine("").size(), quarantined);
  // Without --full there is nothing to read.
  for (const char* connector : {"salesforce", "stripe", "survey"}) {
    SCOPED_TRACE(connector);
    EXPECT_EQ(RunConnector(connector).records_read(), 0);
  }
  EXPECT_EQ(Quarantine("").size(), quarantined);
}

// What the feed was made for, by the script that wrote it.
TEST_F(DemoTest, InstallersAreAsTheyWereMade) {
  ASSERT_EQ(Partnerctl({"connector", "run", "milestones"}).exit_code, kPartialRun);
  const std::set<std::string> counts = {"rejection_aging_count", "m2_approvals_per_month", "ntp_approvals"};
  const std::set<std::string> points = {"homeowner_nps"};
  int installers = 0;
  for (auto& label : ReadCsv(absl::StrCat(kDemo, "lightreach/labels.csv"))) {
    ++installers;
    const std::string id = label["installer"], tier = label["tier"] == "none" ? "Certified" : label["tier"];
    SCOPED_TRACE(id);
    for (const auto& [metric, expected] : label) {
      if (metric == "installer" || metric == "tier") continue;
      SCOPED_TRACE(metric);
      const v1::MetricValue value = Installer(id, metric, kAsOf);
      const bool is_share = !counts.contains(metric) && !points.contains(metric);
      double number = 0;
      ASSERT_TRUE(absl::SimpleAtod(expected, &number));
      EXPECT_NEAR(is_share ? 100 * value.value() : value.value(), number, 0.05) << value.DebugString();
    }
    // The review of the quarter's end holds from the next day on.
    EXPECT_EQ(Installer(id, "partner_tier", "2026-04-01").display(), tier);
  }
  EXPECT_EQ(installers, 6);
}

TEST_F(DemoTest, BadRowsAreInQuarantine) {
  ImportAll();
  std::multiset<std::string> found;
  for (const v1::QuarantinedRecord& record : Quarantine("")) {
    found.insert(absl::StrCat(record.origin().file(), " ", record.field(), " ", record.reason()));
    EXPECT_GT(record.origin().row(), 0u);
    EXPECT_FALSE(record.message().empty());
    EXPECT_FALSE(record.raw().empty());
  }
  EXPECT_EQ(found,
            (std::multiset<std::string>{
                "Lead.csv Id bad_id", "Opportunity.csv  wrong_column_count", "Opportunity.csv Amount bad_amount",
                "Opportunity.csv CloseDate bad_date", "Opportunity.csv CurrencyIsoCode unknown_currency",
                "invoices.jsonl  bad_json", "invoices.jsonl currency unknown_currency",
                "partner_nps.csv Q1 score_out_of_range", "partner_nps.csv Q1_NPS_GROUP group_contradicts_score"}));
}

}  // namespace
}  // namespace partnermetrics
