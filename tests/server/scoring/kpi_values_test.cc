// The values of KPIs from small sets of facts, through the engine and the definitions that ship. Facts and values stand
// in tests/data/kpi_values.txt.
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/civil_time.h"
#include "server/catalog/definitions.h"
#include "server/queries/engine_source.h"
#include "server/scoring/evaluator.h"
#include "tests/support/engine_fixture.h"

namespace partnermetrics {
namespace {

constexpr char kDefinitions[] = PM_SOURCE_DIR "/server/catalog/definitions";

struct KpiCase {
  std::string name;
  std::vector<std::string> facts;
  std::vector<std::string> values;
};

void PrintTo(const KpiCase& kpi_case, std::ostream* out) {
  *out << kpi_case.name;
}

std::vector<KpiCase> ReadCases() {
  std::vector<KpiCase> cases;
  std::ifstream in(PM_TEST_DATA "/kpi_values.txt");
  for (std::string line; std::getline(in, line);) {
    absl::string_view text = line;
    if (text.empty() || text[0] == '#') continue;
    if (absl::ConsumePrefix(&text, "case ")) {
      cases.push_back({std::string(text), {}, {}});
    } else if (absl::ConsumePrefix(&text, "= ")) {
      cases.back().values.emplace_back(text);
    } else {
      cases.back().facts.emplace_back(text);
    }
  }
  return cases;
}

// Puts a message's text in place of each word that begins with `mark`.
std::string Expand(absl::string_view text, char mark, const std::function<std::string(const std::string&)>& message) {
  std::string expanded;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    absl::StrAppend(&expanded, expanded.empty() ? "" : " ",
                    !word.empty() && word[0] == mark ? message(std::string(word.substr(1))) : std::string(word));
  }
  return expanded;
}

std::string DateText(absl::CivilDay day) {
  return absl::StrCat("{ year: ", day.year(), " month: ", day.month(), " day: ", day.day(), " }");
}

// "outcome: WON" in full: "outcome: DEAL_OUTCOME_WON".
std::string WithFullEnums(const google::protobuf::Descriptor& fact, absl::string_view text) {
  const google::protobuf::FieldDescriptor* field = nullptr;
  std::string full;
  for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    absl::StrAppend(&full, full.empty() ? "" : " ");
    if (field != nullptr && field->type() == google::protobuf::FieldDescriptor::TYPE_ENUM) {
      const std::string zero = field->enum_type()->value(0)->name();
      absl::StrAppend(&full, absl::StripSuffix(zero, "UNSPECIFIED"));
    }
    absl::StrAppend(&full, word);
    field = absl::EndsWith(word, ":") ? fact.FindFieldByName(std::string(absl::StripSuffix(word, ":"))) : nullptr;
  }
  return full;
}

double NumberIn(const std::string& text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  double over = 0, under = 1;
  EXPECT_TRUE(absl::SimpleAtod(parts.first, &over)) << text;
  EXPECT_TRUE(parts.second.empty() || absl::SimpleAtod(parts.second, &under)) << text;
  return over / under;
}

class KpiValuesTest : public EngineFixture, public testing::WithParamInterface<KpiCase> {
 protected:
  void SetUp() override {
    EngineFixture::SetUp();
    const auto definitions = LoadDefinitions({kDefinitions});
    ASSERT_TRUE(definitions.ok()) << definitions.status();
    const auto program = LoadProgram(absl::StrCat(kDefinitions, "/programs/partneros.textproto"));
    ASSERT_TRUE(program.ok()) << program.status();
    log::v1::Definitions record;
    *record.mutable_program() = *program;
    *record.mutable_catalog() = definitions->catalog;
    Append(storage::RecordType::kDefinitions, record.SerializeAsString());
  }

  // "deal#d1*2 p1:SOURCED outcome: WON closed_on: @2024-01-01 amount: $10"
  void State(const std::string& line) {
    const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 2));
    const std::pair<std::string, std::string> kind_and_times = absl::StrSplit(words[0], absl::MaxSplits('*', 1));
    const std::pair<std::string, std::string> kind_and_id =
        absl::StrSplit(kind_and_times.first, absl::MaxSplits('#', 1));
    const google::protobuf::FieldDescriptor* member = v1::Event::descriptor()->FindFieldByName(kind_and_id.first);
    ASSERT_NE(member, nullptr) << line;
    const absl::TimeZone zone = Engine::View(*engine_).catalog()->zone();
    std::string fields = WithFullEnums(*member->message_type(), words[2]);
    fields = Expand(fields, '$', [](const std::string& units) { return absl::StrCat("{ units: ", units, " }"); });
    fields = Expand(fields, '@', [&](const std::string& time) {
      absl::CivilMinute minute;
      EXPECT_TRUE(absl::ParseLenientCivilTime(time, &minute)) << time;
      return time.find('T') == std::string::npos
                 ? DateText(absl::CivilDay(minute))
                 : absl::StrCat("{ seconds: ", absl::ToUnixSeconds(absl::FromCivil(minute, zone)), " }");
    });
    const std::string content = absl::StrCat(Partners(words[1]), fields);
    int times = 1;
    ASSERT_TRUE(kind_and_times.second.empty() || absl::SimpleAtoi(kind_and_times.second, &times)) << line;
    for (int i = 0; i < times; ++i) {
      const std::string id = kind_and_id.second.empty() ? absl::StrCat("r", ++last_record_) : kind_and_id.second;
      Ingest(absl::StrCat("record_id: '", id, "' ", kind_and_id.first, " { ", content, " }"));
    }
  }

  static std::string Partners(const std::string& word) {
    if (word == "-") return "";
    const std::pair<std::string, std::string> partner_and_role = absl::StrSplit(word, absl::MaxSplits(':', 1));
    const std::string reference =
        absl::StrCat("partner_refs { external { source: 'crm' id: '", partner_and_role.first, "' } } ");
    if (partner_and_role.second.empty()) return reference;
    return absl::StrCat("attributions { role: ATTRIBUTION_ROLE_", partner_and_role.second, " ", reference, "} ");
  }

  // "METRIC SCOPE DATE VALUE"
  std::vector<std::string> Words(const std::string& line) {
    std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    EXPECT_EQ(words.size(), 4u) << line;
    words.resize(4);
    return words;
  }

  v1::MetricValue Evaluate(const std::vector<std::string>& words) {
    Engine::View view(*engine_);
    const CompiledMetric* metric = view.catalog()->FindMetric(words[0]);
    absl::CivilDay day;
    if (metric == nullptr || !absl::ParseCivilTime(words[2], &day)) {
      ADD_FAILURE() << "no metric or no day: " << words[0] << " " << words[2];
      return {};
    }
    const std::pair<std::string, std::string> scope_and_split = absl::StrSplit(words[1], absl::MaxSplits('[', 1));
    std::optional<std::string> split;
    if (!scope_and_split.second.empty()) split = std::string(absl::StripSuffix(scope_and_split.second, "]"));
    MetricRequest request;
    request.metric = metric;
    static const std::map<std::string, std::pair<ScopeIndex, v1::ScopeKind>> scopes = {
        {"business", {kBusinessScope, v1::SCOPE_KIND_BUSINESS}},
        {"direct", {kDirectScope, v1::SCOPE_KIND_DIRECT}},
        {"program", {kProgramScope, v1::SCOPE_KIND_PROGRAM}}};
    std::vector<std::string> partners;
    if (const auto scope = scopes.find(scope_and_split.first); scope != scopes.end()) {
      request.scope = scope->second.first;
      request.scope_proto.set_kind(scope->second.second);
    } else {
      partners.push_back(absl::StrCat("crm:", scope_and_split.first));
      request.scope = kFirstPartnerScope;
      request.scope_proto.set_kind(v1::SCOPE_KIND_PARTNER);
    }
    request.period = PeriodOf(*view.catalog(), *metric, v1::WINDOW_KIND_UNSPECIFIED, ToDay(day));
    auto source = EngineSource::Collect(view, ReadsOf(*view.catalog(), {&metric, 1}, {&request.scope, 1}), partners);
    EXPECT_TRUE(source.ok()) << source.status();
    return Evaluator(*view.catalog(), *source, split).Value(request);
  }

 private:
  int last_record_ = 0;
};

TEST_P(KpiValuesTest, FollowFromTheFacts) {
  for (const std::string& line : GetParam().values) {
    EXPECT_FALSE(Evaluate(Words(line)).has_value()) << "without facts: " << line;
  }
  for (const std::string& line : GetParam().facts) State(line);
  for (const std::string& line : GetParam().values) {
    SCOPED_TRACE(line);
    const std::vector<std::string> words = Words(line);
    const v1::MetricValue value = Evaluate(words);
    v1::NoDataReason reason = v1::NO_DATA_REASON_UNSPECIFIED;
    const bool no_data = v1::NoDataReason_Parse(absl::StrCat("NO_DATA_REASON_", words[3]), &reason);
    EXPECT_EQ(v1::NoDataReason_Name(value.no_data()), v1::NoDataReason_Name(reason));
    if (no_data) continue;
    EXPECT_NEAR(value.value(), NumberIn(words[3]), 1e-9);
  }
  ExpectVerified();
}

INSTANTIATE_TEST_SUITE_P(Kpis, KpiValuesTest, testing::ValuesIn(ReadCases()),
                         [](const auto& info) { return info.param.name; });

TEST(KpiValuesListTest, EveryKpiThatIsAMetricHasValues) {
  const auto definitions = LoadDefinitions({kDefinitions});
  ASSERT_TRUE(definitions.ok()) << definitions.status();
  std::set<std::string> metrics, with_values;
  for (const v1::Metric& metric : definitions->catalog.metrics()) metrics.insert(metric.id());
  for (const KpiCase& kpi_case : ReadCases()) {
    for (const std::string& line : kpi_case.values) with_values.insert(line.substr(0, line.find(' ')));
  }
  std::ifstream in(PM_TEST_DATA "/kpi_ids.txt");
  for (std::string id; std::getline(in, id);) {
    EXPECT_EQ(with_values.count(id), metrics.count(id)) << id;
  }
}

}  // namespace
}  // namespace partnermetrics
