#include "server/actions/period_close.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/time_util.h"
#include "server/base/errors.h"
#include "server/explain/explain_change.h"
#include "server/ingest/scratch.h"
#include "server/queries/dates.h"
#include "server/queries/engine_source.h"
#include "server/scoring/evaluator.h"

namespace partnermetrics {
namespace {

using google::protobuf::util::TimeUtil;

constexpr char kActor[] = "service:period";
constexpr size_t kRecordBytes = size_t{512} << 10;
constexpr size_t kMostReason = 1'000;
constexpr int kDefaultExamples = 50;

absl::StatusOr<uint64_t> Append(ProgramRuntime& program, storage::RecordType type, std::string payload) {
  WriteRequest write;
  write.actor = kActor;
  write.records = [&](const std::vector<EventResult>&) {
    storage::LogRecord record;
    record.type = type;
    record.payload = std::move(payload);
    return std::vector<storage::LogRecord>{std::move(record)};
  };
  const WriteResult result = program.writer().Write(std::move(write), /*wait_for_room=*/true);
  RETURN_IF_ERROR(result.status);
  return result.position;
}

// Appends the numbers of a statement, as they come, and at last the statement itself.
class StatementWriter {
 public:
  StatementWriter(ProgramRuntime& program, log::v1::PeriodStatement& statement)
      : program_(program), statement_(statement) {}

  absl::Status Add(const PeriodScope& scope) {
    if (values_.scopes().empty()) first_scope_ = scope.name;
    log::v1::PeriodScope& stored = *values_.add_scopes();
    *stored.mutable_scope() = scope.scope;
    for (const auto& [metric, number] : scope.numbers) *stored.add_values() = ToStored(number, IndexOf(metric));
    bytes_ += stored.ByteSizeLong();
    return bytes_ < kRecordBytes ? absl::OkStatus() : Flush();
  }

  absl::Status Finish() {
    if (!values_.scopes().empty()) RETURN_IF_ERROR(Flush());
    return Append(program_, storage::RecordType::kPeriodStatement, statement_.SerializeAsString()).status();
  }

 private:
  uint32_t IndexOf(const std::string& metric) {
    const auto [it, is_new] = indexes_.emplace(metric, static_cast<uint32_t>(indexes_.size()));
    if (is_new) statement_.add_metric_ids(metric);
    return it->second;
  }

  absl::Status Flush() {
    ASSIGN_OR_RETURN(const uint64_t position,
                     Append(program_, storage::RecordType::kPeriodValues, values_.SerializeAsString()));
    log::v1::PeriodValuesAt& at = *statement_.add_values_at();
    at.set_position(position);
    at.set_first_scope(first_scope_);
    values_.Clear();
    bytes_ = 0;
    return absl::OkStatus();
  }

  ProgramRuntime& program_;
  log::v1::PeriodStatement& statement_;
  log::v1::PeriodValues values_;
  std::string first_scope_;  // of values_
  size_t bytes_ = 0;         // of values_
  absl::flat_hash_map<std::string, uint32_t> indexes_;
};

// What is to be said of a scope: the numbers that are others than stated, and those that are gone.
PeriodScope Differences(PeriodScope now, const PeriodNumbers& stated) {
  for (const auto& [metric, number] : stated) {
    const auto it = now.numbers.find(metric);
    if (it != now.numbers.end()) {
      if (it->second == number) now.numbers.erase(it);
    } else if (!number.gone) {
      now.numbers[metric].gone = true;
    }
  }
  return now;
}

using VisitDifferences = absl::FunctionRef<absl::Status(const PeriodScope& now, const PeriodNumbers& stated)>;

// Visits the scopes that have numbers which are others than stated, in order. `stated` is null for a close.
absl::Status VisitChanges(Engine& engine, const PeriodSpan& span, StatedScopes* stated, PeriodProgress::Work& work,
                          VisitDifferences visit) {
  ASSIGN_OR_RETURN(const int64_t scopes, CountScopes(engine));
  work.SetScopes(scopes);
  const auto next = [&]() -> absl::StatusOr<std::optional<PeriodScope>> {
    if (stated == nullptr) return std::optional<PeriodScope>();
    return stated->Next();
  };
  ASSIGN_OR_RETURN(std::optional<PeriodScope> before, next());
  const auto compare = [&](PeriodScope now, const PeriodNumbers& numbers) -> absl::Status {
    const PeriodScope changed = Differences(std::move(now), numbers);
    return changed.numbers.empty() ? absl::OkStatus() : visit(changed, numbers);
  };
  // Scopes that were stated and are no more.
  const auto visit_gone = [&](const std::string* until) -> absl::Status {
    while (before.has_value() && (until == nullptr || before->name < *until)) {
      RETURN_IF_ERROR(compare({before->scope, before->name, {}}, before->numbers));
      ASSIGN_OR_RETURN(before, next());
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(EvaluatePeriod(engine, span, [&](const PeriodScope& now) -> absl::Status {
    work.AddDone();
    RETURN_IF_ERROR(visit_gone(&now.name));
    if (!before.has_value() || before->name != now.name) return compare(now, {});
    RETURN_IF_ERROR(compare(now, before->numbers));
    ASSIGN_OR_RETURN(before, next());
    return absl::OkStatus();
  }));
  return visit_gone(nullptr);
}

// A copy of the state that stands still while its numbers are worked out; refuses while a job is open.
absl::StatusOr<std::unique_ptr<Scratch>> StandStill(Programs& programs, ProgramRuntime& program) {
  ASSIGN_OR_RETURN(std::unique_ptr<Scratch> copy, Scratch::Make(programs, program));
  if (Engine::View(copy->engine()).incomplete() == nullptr) return copy;
  return RetryLater(absl::StatusCode::kFailedPrecondition, "REBUILDING",
                    "a job is changing what numbers count; wait for it: partnerctl job wait", 1'000);
}

absl::Status CheckAuthorAndReason(const std::string& author, const std::string& reason) {
  if (author.empty()) return InvalidField("author", "REQUIRED", "must say who states the numbers");
  if (reason.size() <= kMostReason) return absl::OkStatus();
  return InvalidField("reason", "TOO_LONG", absl::StrCat("must have at most ", kMostReason, " characters"));
}

log::v1::PeriodStatement StatementOf(const PeriodSpan& span, const Scratch& copy, const Catalog& catalog, int number) {
  log::v1::PeriodStatement statement;
  statement.set_period_id(span.Id());
  statement.set_kind(span.kind);
  *statement.mutable_days()->mutable_start_on() = ToDate(span.first);
  *statement.mutable_days()->mutable_end_on() = ToDate(span.last);
  statement.set_number(static_cast<uint32_t>(number));
  statement.set_position(copy.position());
  statement.set_definitions_hash(catalog.hash());
  return statement;
}

v1::PeriodWork WorkOn(const Programs& programs, const ProgramRuntime& program, const PeriodSpan& span,
                      const std::string& author) {
  v1::PeriodWork work;
  work.set_program(program.id());
  work.set_period_id(span.Id());
  work.set_author(author);
  *work.mutable_started_at() = TimeUtil::MicrosecondsToTimestamp(absl::ToUnixMicros(programs.Now()));
  return work;
}

std::shared_ptr<const Catalog> CatalogOf(Engine& engine) {
  return Engine::View(engine).catalog();
}

}  // namespace

absl::Status ClosePeriod(Programs& programs, ProgramRuntime& program, const v1::ClosePeriodRequest& request,
                         PeriodProgress& progress, v1::ClosePeriodResponse& response) {
  RETURN_IF_ERROR(CheckAuthorAndReason(request.author(), request.reason()));
  if (!request.has_day()) return InvalidField("day", "REQUIRED", "must be a day of the period");
  ASSIGN_OR_RETURN(const Day day, ReadDate(request.day(), "day"));
  const std::shared_ptr<const Catalog> now = CatalogOf(program.engine());
  ASSIGN_OR_RETURN(const PeriodSpan span, PeriodSpan::Of(request.kind(), day, *now));
  if (span.last >= programs.Today(*now)) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_OVER",
                     absl::StrCat("the ", span.Id(), " is not over: its last day is ", DayText(span.last)),
                     "close it on a later day");
  }
  absl::Status known = StatedPeriod::Read(program, span.Id()).status();
  if (known.ok()) {
    return MakeError(absl::StatusCode::kAlreadyExists, "CLOSED", absl::StrCat("the period ", span.Id(), " is closed"),
                     absl::StrCat("tell what changed since: partnerctl period restate ", span.Id()));
  }
  if (!absl::IsNotFound(known)) return known;
  PeriodProgress::Work work(progress, WorkOn(programs, program, span, request.author()));
  ASSIGN_OR_RETURN(const std::unique_ptr<Scratch> copy, StandStill(programs, program));
  log::v1::PeriodStatement statement = StatementOf(span, *copy, *CatalogOf(copy->engine()), 0);
  statement.set_author(request.author());
  statement.set_reason(request.reason());
  StatementWriter writer(program, statement);
  RETURN_IF_ERROR(
      VisitChanges(copy->engine(), span, nullptr, work, [&](const PeriodScope& scope, const PeriodNumbers&) {
        statement.set_scopes(statement.scopes() + 1);
        statement.set_values(statement.values() + static_cast<int64_t>(scope.numbers.size()));
        return writer.Add(scope);
      }));
  RETURN_IF_ERROR(writer.Finish());
  ASSIGN_OR_RETURN(const StatedPeriod period, StatedPeriod::Read(program, span.Id()));
  FillPeriod(period, *response.mutable_period());
  return absl::OkStatus();
}

absl::Status RestatePeriod(Programs& programs, ProgramRuntime& program, const v1::RestatePeriodRequest& request,
                           PeriodProgress& progress, v1::RestatePeriodResponse& response) {
  if (request.apply()) {
    RETURN_IF_ERROR(CheckAuthorAndReason(request.author(), request.reason()));
    if (request.reason().empty()) return InvalidField("reason", "REQUIRED", "must say why");
  }
  ASSIGN_OR_RETURN(const int examples, ReadExamples(request.examples(), kDefaultExamples));
  ASSIGN_OR_RETURN(const StatedPeriod period, StatedPeriod::Read(program, request.period_id()));
  v1::PeriodWork about = WorkOn(programs, program, period.span(), request.author());
  about.set_restates(true);
  PeriodProgress::Work work(progress, std::move(about));
  ASSIGN_OR_RETURN(const std::unique_ptr<Scratch> copy, StandStill(programs, program));
  const std::shared_ptr<const Catalog> catalog = CatalogOf(copy->engine());
  log::v1::PeriodStatement statement =
      StatementOf(period.span(), *copy, *catalog, static_cast<int>(period.statements().size()));
  statement.set_author(request.author());
  statement.set_reason(request.reason());
  StatementWriter writer(program, statement);
  StatedScopes stated(period);
  RETURN_IF_ERROR(VisitChanges(copy->engine(), period.span(), &stated, work,
                               [&](const PeriodScope& scope, const PeriodNumbers& before) -> absl::Status {
                                 statement.set_scopes(statement.scopes() + 1);
                                 statement.set_values(statement.values() + static_cast<int64_t>(scope.numbers.size()));
                                 for (const auto& [metric, number] : scope.numbers) {
                                   if (response.changes_size() == examples) break;
                                   v1::PeriodChange& change = *response.add_changes();
                                   *change.mutable_scope() = scope.scope;
                                   change.set_metric_id(metric);
                                   const CompiledMetric* defined = catalog->FindMetric(metric);
                                   if (const auto it = before.find(metric); it != before.end()) {
                                     *change.mutable_before() = ToProto(*catalog, defined, it->second);
                                   }
                                   *change.mutable_after() = ToProto(*catalog, defined, number);
                                 }
                                 return request.apply() ? writer.Add(scope) : absl::OkStatus();
                               }));
  response.set_values(statement.values());
  response.set_scopes(statement.scopes());
  if (request.apply()) {
    if (statement.values() == 0) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "UNCHANGED",
                       absl::StrCat("all numbers of ", request.period_id(), " are as they were last stated"),
                       "nothing is to be restated");
    }
    RETURN_IF_ERROR(writer.Finish());
    response.set_stated(true);
  }
  ASSIGN_OR_RETURN(const StatedPeriod restated, StatedPeriod::Read(program, request.period_id()));
  FillPeriod(restated, *response.mutable_period());
  return absl::OkStatus();
}

void FillPeriod(const StatedPeriod& period, v1::ClosedPeriod& proto) {
  proto.set_period_id(period.span().Id());
  proto.set_kind(period.span().kind);
  *proto.mutable_days()->mutable_start_on() = ToDate(period.span().first);
  *proto.mutable_days()->mutable_end_on() = ToDate(period.span().last);
  for (const StatedPeriod::Statement& stated : period.statements()) {
    v1::PeriodStatement& statement = *proto.add_statements();
    statement.set_restatement(static_cast<int32_t>(stated.content.number()));
    *statement.mutable_stated_at() = TimeUtil::MicrosecondsToTimestamp(stated.stated_at_us);
    statement.set_stated_by(stated.content.author());
    statement.set_reason(stated.content.reason());
    statement.set_position(stated.content.position());
    statement.set_definitions_hash(stated.content.definitions_hash());
    statement.set_scopes(stated.content.scopes());
    statement.set_values(stated.content.values());
  }
  proto.set_restatements(proto.statements_size() - 1);
  *proto.mutable_closed_at() = proto.statements(0).stated_at();
  proto.set_closed_by(proto.statements(0).stated_by());
  *proto.mutable_stated_at() = proto.statements().rbegin()->stated_at();
}

v1::StatedNumber ToProto(const Catalog& catalog, const CompiledMetric* metric, const PeriodNumber& number,
                         int restatement) {
  v1::StatedNumber proto;
  proto.set_restatement(restatement);
  if (number.value) proto.set_value(*number.value);
  if (number.exact) *proto.mutable_exact() = ToDecimal(*number.exact);
  proto.set_no_data(number.no_data);
  proto.set_gone(number.gone);
  Number shown = number.value ? Number::Inexact(*number.value) : Number::NoData(number.no_data);
  shown.exact = number.exact;
  if (number.gone) {
    proto.set_display("gone");
  } else if (metric != nullptr) {
    proto.set_display(Evaluator(catalog, EngineSource()).Display(*metric, shown));
  } else {
    proto.set_display(number.value ? absl::StrCat(*number.value) : "no data");
  }
  return proto;
}

}  // namespace partnermetrics
