// The same KPIs, read from the same records by SQL: each query is written from the definition in words, by other means
// than the engine's.
#include <sqlite3.h>

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "tests/property/kpi_engine.h"
#include "tests/support/environment.h"

namespace partnermetrics {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

struct Reading {
  const char* metric;
  // Yields one number, or NULL for none. :first and :last are the window's days, :as_of is the date, and :partner a
  // partner or NULL for the programme. Dates are texts, instants hours since 1970 with the column "…_day" beside them.
  const char* sql;
};

// The partner whom a row belongs to: the one asked for, or any.
#define OF_PARTNER "(partner = :partner OR (:partner IS NULL AND partner IS NOT NULL))"

constexpr Reading kReadings[] = {
    {"partner_sourced_revenue",
     "SELECT coalesce(sum(amount), 0) FROM deal WHERE outcome = 'WON' AND role = 'SOURCED'"
     " AND closed_on BETWEEN :first AND :last AND " OF_PARTNER},
    {"partner_influenced_revenue",
     "SELECT coalesce(sum(amount), 0) FROM deal WHERE outcome = 'WON' AND role = 'INFLUENCED'"
     " AND closed_on BETWEEN :first AND :last AND " OF_PARTNER},
    {"partner_revenue_ytd",
     "SELECT coalesce(sum(amount), 0) FROM deal WHERE outcome = 'WON' AND role IN ('SOURCED', 'INFLUENCED')"
     " AND closed_on BETWEEN substr(:as_of, 1, 4) || '-01-01' AND :as_of AND " OF_PARTNER},
    {"partner_revenue_share",
     "SELECT coalesce(sum(amount) FILTER (WHERE role IN ('SOURCED', 'INFLUENCED') AND " OF_PARTNER
     "), 0) / sum(amount) FROM deal WHERE outcome = 'WON' AND closed_on BETWEEN :first AND :last"},
    {"deals_closed",
     "SELECT count(*) FROM deal WHERE outcome = 'WON' AND role IN ('SOURCED', 'INFLUENCED')"
     " AND closed_on BETWEEN :first AND :last AND " OF_PARTNER},
    {"avg_deal_size",
     "SELECT avg(amount) FROM deal WHERE outcome = 'WON' AND role IN ('SOURCED', 'INFLUENCED')"
     " AND closed_on BETWEEN :first AND :last AND " OF_PARTNER},
    {"partner_deal_close_rate",
     "SELECT avg(outcome = 'WON') FROM deal WHERE outcome <> 'OPEN' AND role = 'SOURCED'"
     " AND closed_on BETWEEN :first AND :last AND " OF_PARTNER},
    {"sales_cycle_length",
     "SELECT avg(julianday(closed_on) - julianday(coalesce(registered_on, created_at_day))) FROM deal"
     " WHERE outcome = 'WON' AND role IN ('SOURCED', 'INFLUENCED') AND closed_on BETWEEN :first AND :last"
     " AND " OF_PARTNER},
    {"partner_pipeline",
     "SELECT coalesce(sum(amount), 0) FROM deal WHERE role IN ('SOURCED', 'INFLUENCED') AND created_at_day <= :as_of"
     " AND (closed_on IS NULL OR closed_on > :as_of) AND " OF_PARTNER},
    {"open_deals",
     "SELECT count(*) FROM deal WHERE role IN ('SOURCED', 'INFLUENCED') AND created_at_day <= :as_of"
     " AND (closed_on IS NULL OR closed_on > :as_of) AND " OF_PARTNER},
    {"deal_registration_response_time",
     "SELECT avg(decided_at - submitted_at) FROM deal_registration"
     " WHERE decided_at_day BETWEEN :first AND :last AND " OF_PARTNER},
    {"deal_registrations_pending",
     "SELECT count(*) FROM deal_registration WHERE submitted_at_day <= :as_of"
     " AND (decided_at IS NULL OR decided_at_day > :as_of) AND " OF_PARTNER},
    {"partner_lead_generation",
     "SELECT count(*) FROM lead WHERE created_at_day BETWEEN :first AND :last AND " OF_PARTNER},
    {"qualified_leads", "SELECT count(*) FROM lead WHERE qualified_at_day BETWEEN :first AND :last AND " OF_PARTNER},
    {"lead_conversion_ratio",
     "SELECT 1.0 * count(*) FILTER (WHERE converted_on BETWEEN :first AND :last)"
     " / nullif(count(*) FILTER (WHERE created_at_day BETWEEN :first AND :last), 0) FROM lead WHERE " OF_PARTNER},
    {"billed_revenue",
     "SELECT coalesce(sum(amount), 0) FROM invoice WHERE issued_at_day BETWEEN :first AND :last AND " OF_PARTNER},
    {"refunds",
     "SELECT coalesce(sum(refund.amount), 0) FROM refund JOIN invoice ON invoice.record_id = refund.root_id"
     " WHERE refunded_at_day BETWEEN :first AND :last AND (invoice.partner = :partner OR"
     " (:partner IS NULL AND invoice.partner IS NOT NULL))"},
    {"mrr",
     "SELECT coalesce(sum(mrr), 0) FROM subscription WHERE starts_at_day <= :as_of"
     " AND (ends_at IS NULL OR ends_at_day > :as_of) AND " OF_PARTNER},
    {"support_response_time",
     "SELECT avg(first_response_at - opened_at) FROM support_ticket"
     " WHERE first_response_at_day BETWEEN :first AND :last AND " OF_PARTNER},
    {"support_resolution_time",
     "SELECT avg(resolved_at - opened_at) FROM support_ticket"
     " WHERE resolved_at_day BETWEEN :first AND :last AND " OF_PARTNER},
    {"support_backlog_age",
     "SELECT avg(julianday(:as_of) - julianday(opened_at_day)) FROM support_ticket WHERE opened_at_day <= :as_of"
     " AND (resolved_at IS NULL OR resolved_at_day > :as_of) AND " OF_PARTNER},
    {"mdf_processing_time",
     "SELECT avg(decided_at - requested_at) / 24 FROM mdf_request"
     " WHERE decided_at_day BETWEEN :first AND :last AND " OF_PARTNER},
    {"onboarding_time",
     "SELECT avg(julianday(completed_on) - julianday(started_on)) FROM onboarding"
     " WHERE completed_on BETWEEN :first AND :last AND " OF_PARTNER},
    {"payment_processing_time",
     "SELECT avg(paid_at - requested_at) / 24 FROM incentive_payout"
     " WHERE paid_at_day BETWEEN :first AND :last AND " OF_PARTNER},
    {"training_completion",
     "SELECT avg(completed_on IS NOT NULL AND completed_on <= :as_of) FROM training_assignment"
     " WHERE assigned_on <= :as_of AND " OF_PARTNER},
    {"certifications_held",
     "SELECT count(*) FROM certification WHERE certified_on <= :as_of AND expires_on > :as_of AND " OF_PARTNER},
    {"portal_login_count",
     "SELECT count(*) FROM portal_session WHERE started_at_day BETWEEN :first AND :last AND " OF_PARTNER},
    {"communication_response_rate",
     "SELECT avg(responded_at IS NOT NULL AND responded_at_day <= :as_of) FROM communication"
     " WHERE direction = 'OUTBOUND' AND sent_at_day BETWEEN :first AND :last AND " OF_PARTNER},
    // Each person's last answer in the window; of one day that of the greatest record.
    {"partner_nps",
     "WITH last AS (SELECT score, row_number() OVER (PARTITION BY respondent ORDER BY responded_on DESC, record_id "
     "DESC)"
     " AS place FROM survey_response WHERE survey = 'PARTNER_NPS' AND responded_on BETWEEN :first AND :last"
     " AND " OF_PARTNER ") SELECT 100.0 * sum((score >= 9) - (score <= 6)) / count(*) FROM last WHERE place = 1"},
    {"partner_csat",
     "SELECT avg(score) FROM survey_response WHERE survey = 'PARTNER_CSAT'"
     " AND responded_on BETWEEN :first AND :last AND " OF_PARTNER},
    {"m1_not_pto_aging_rate",
     "SELECT avg(julianday(:as_of) - julianday(m1_approved_on) > 60) FROM project WHERE m1_approved_on <= :as_of"
     " AND (pto_on IS NULL OR pto_on > :as_of) AND (cancelled_on IS NULL OR cancelled_on > :as_of) AND " OF_PARTNER},
};

// A database in memory with a table per kind of fact.
class Records {
 public:
  explicit Records(const std::vector<v1::Event>& events) {
    EXPECT_EQ(sqlite3_open(":memory:", &db_), SQLITE_OK);
    for (const v1::Event& event : events) {
      const google::protobuf::OneofDescriptor* fact = v1::Event::descriptor()->FindOneofByName("fact");
      const FieldDescriptor* kind = event.GetReflection()->GetOneofFieldDescriptor(event, fact);
      Insert(kind->name(), event.record_id(), event.GetReflection()->GetMessage(event, kind));
    }
  }
  ~Records() { sqlite3_close(db_); }
  Records(const Records&) = delete;
  Records& operator=(const Records&) = delete;

  std::optional<double> Read(const char* sql, const std::map<std::string, std::string>& parameters) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(db_, sql, -1, &statement, nullptr), SQLITE_OK) << sqlite3_errmsg(db_) << "\n" << sql;
    for (const auto& [name, value] : parameters) {
      const int index = sqlite3_bind_parameter_index(statement, name.c_str());
      if (index > 0) sqlite3_bind_text(statement, index, value.c_str(), -1, SQLITE_STATIC);
    }
    EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW);
    std::optional<double> value;
    if (sqlite3_column_type(statement, 0) != SQLITE_NULL) value = sqlite3_column_double(statement, 0);
    sqlite3_finalize(statement);
    return value;
  }

 private:
  using Row = std::map<std::string, std::string>;  // column → literal

  void Run(const std::string& sql) {
    EXPECT_EQ(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db_) << "\n"
                                                                                    << sql;
  }

  void Insert(const std::string& table, const std::string& record_id, const Message& fact) {
    if (tables_.insert(table).second) {
      std::vector<std::string> columns = {"record_id TEXT", "partner TEXT", "role TEXT"};
      for (int i = 0; i < fact.GetDescriptor()->field_count(); ++i) {
        const FieldDescriptor& field = *fact.GetDescriptor()->field(i);
        if (field.is_repeated()) continue;
        columns.push_back(absl::StrCat("\"", field.name(), "\""));
        if (IsInstant(field)) columns.push_back(absl::StrCat(field.name(), "_day TEXT"));
      }
      Run(absl::StrCat("CREATE TABLE ", table, " (", absl::StrJoin(columns, ", "), ")"));
    }
    Row row = {{"record_id", Quoted(record_id)}};
    std::vector<const FieldDescriptor*> set;
    fact.GetReflection()->ListFields(fact, &set);
    for (const FieldDescriptor* field : set) Read(fact, *field, row);
    std::vector<std::string> columns, values;
    for (const auto& [column, value] : row) {
      columns.push_back(absl::StrCat("\"", column, "\""));
      values.push_back(value);
    }
    Run(absl::StrCat("INSERT INTO ", table, " (", absl::StrJoin(columns, ", "), ") VALUES (",
                     absl::StrJoin(values, ", "), ")"));
  }

  static void Read(const Message& fact, const FieldDescriptor& field, Row& row) {
    const google::protobuf::Reflection& reflection = *fact.GetReflection();
    if (field.name() == "partner_refs" || field.name() == "attributions") {
      const Message& first = reflection.GetRepeatedMessage(fact, &field, 0);
      if (const auto* attribution = dynamic_cast<const v1::Attribution*>(&first); attribution != nullptr) {
        row["role"] = Quoted(ShortName(*v1::AttributionRole_descriptor(), attribution->role()));
        row["partner"] = Quoted(attribution->partner_refs(0).external().id());
      } else {
        row["partner"] = Quoted(dynamic_cast<const v1::PartnerReference&>(first).external().id());
      }
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      row[field.name()] = Quoted(ShortName(*field.enum_type(), reflection.GetEnumValue(fact, &field)));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      row[field.name()] = Quoted(reflection.GetString(fact, &field));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_INT32) {
      row[field.name()] = absl::StrCat(reflection.GetInt32(fact, &field));
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      const Message& value = reflection.GetMessage(fact, &field);
      if (const auto* money = dynamic_cast<const v1::Money*>(&value); money != nullptr) {
        row[field.name()] = absl::StrFormat("%d.%09d", money->units(), money->nanos());
      } else if (const auto* date = dynamic_cast<const v1::Date*>(&value); date != nullptr) {
        row[field.name()] = Quoted(DayText(ToDay(absl::CivilDay(date->year(), date->month(), date->day()))));
      } else if (const auto* at = dynamic_cast<const google::protobuf::Timestamp*>(&value); at != nullptr) {
        row[field.name()] = absl::StrCat(at->seconds() / 60, " / 60.0");
        row[absl::StrCat(field.name(), "_day")] = Quoted(DayText(static_cast<Day>(at->seconds() / 86'400)));
      }
    }
  }

  static bool IsInstant(const FieldDescriptor& field) {
    return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE && field.message_type()->name() == "Timestamp";
  }
  static std::string Quoted(const std::string& text) { return absl::StrCat("'", text, "'"); }
  // "WON" of DEAL_OUTCOME_WON.
  static std::string ShortName(const google::protobuf::EnumDescriptor& type, int number) {
    const std::string zero = type.FindValueByNumber(0)->name();
    return std::string(
        absl::StripPrefix(type.FindValueByNumber(number)->name(), absl::StripSuffix(zero, "UNSPECIFIED")));
  }

  sqlite3* db_ = nullptr;
  std::set<std::string> tables_;
};

TEST(KpiSqlTest, KpisAreWhatSqlReadsFromTheSameRecords) {
  const uint64_t last = NumberFromEnvironment("PM_SEED", std::random_device{}());
  // In the businesses of the first four every KPI has a value; another business each time finds what they do not.
  std::map<std::string, int> with_value;
  for (const uint64_t seed : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{4}, last}) {
    SCOPED_TRACE(absl::StrCat("PM_SEED=", seed));
    const std::vector<v1::Event> events = MakeBusiness(seed, kBusinessStart + 2 * kBusinessDays);
    KpiEngine engine(events);
    Records records(events);
    const std::shared_ptr<const Catalog> catalog = engine.catalog();
    for (const Reading& reading : kReadings) {
      const CompiledMetric* metric = catalog->FindMetric(reading.metric);
      ASSERT_NE(metric, nullptr) << reading.metric;
      for (const int offset : {100, 182, 273, 366, 455, 547, 640, 731}) {
        for (int p = -1; p < kBusinessPartners; ++p) {
          const Day as_of = ToDay(kBusinessStart + offset);
          const v1::MetricValue value = engine.Value(*metric, p < 0 ? "" : absl::StrCat("crm:p", p), as_of);
          const auto text = [](const v1::Date& date) {
            return DayText(ToDay(absl::CivilDay(date.year(), date.month(), date.day())));
          };
          std::map<std::string, std::string> parameters = {{":first", text(value.window().start_on())},
                                                           {":last", text(value.window().end_on())},
                                                           {":as_of", DayText(as_of)}};
          if (p >= 0) parameters[":partner"] = absl::StrCat("p", p);
          const std::optional<double> wanted = records.Read(reading.sql, parameters);
          SCOPED_TRACE(absl::StrCat(reading.metric, " partner ", p, " as of ", DayText(as_of)));
          EXPECT_EQ(value.has_value(), wanted.has_value()) << v1::NoDataReason_Name(value.no_data());
          if (!value.has_value() || !wanted.has_value()) continue;
          EXPECT_NEAR(value.value(), *wanted, 1e-6);
          if (value.value() != 0) ++with_value[reading.metric];
        }
      }
    }
  }
  for (const Reading& reading : kReadings) EXPECT_GT(with_value[reading.metric], 0) << reading.metric;
}

}  // namespace
}  // namespace partnermetrics
