// Values of metrics over made-up businesses, through the engine and the definitions that ship.
#ifndef PARTNERMETRICS_TESTS_PROPERTY_KPI_ENGINE_H_
#define PARTNERMETRICS_TESTS_PROPERTY_KPI_ENGINE_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/catalog/definitions.h"
#include "server/queries/engine_source.h"
#include "server/scoring/evaluator.h"
#include "tests/property/business.h"
#include "tests/support/engine_fixture.h"

namespace partnermetrics {

// An engine with the programme "partneros" that holds some events.
class KpiEngine {
 public:
  explicit KpiEngine(const std::vector<v1::Event>& events) {
    constexpr char kDefinitions[] = PM_SOURCE_DIR "/server/catalog/definitions";
    const auto definitions = LoadDefinitions({kDefinitions});
    auto program = LoadProgram(absl::StrCat(kDefinitions, "/programs/partneros.textproto"));
    EXPECT_TRUE(definitions.ok() && program.ok()) << definitions.status() << program.status();
    program->set_time_zone("UTC");
    log::v1::Definitions record;
    *record.mutable_program() = *program;
    *record.mutable_catalog() = definitions->catalog;
    engine_ = *Engine::Open({"test", size_t{16} << 20, size_t{1} << 30}, state_, log_);
    Apply(storage::RecordType::kDefinitions, record.SerializeAsString());
    for (const v1::Event& event : events) Apply(storage::RecordType::kEvent, event.SerializeAsString());
    EXPECT_TRUE(engine_->Publish().ok());
  }

  std::shared_ptr<const Catalog> catalog() { return Engine::View(*engine_).catalog(); }

  // The value for the programme, or for a partner ("crm:p0") when one is named.
  v1::MetricValue Value(const CompiledMetric& metric, const std::string& partner, Day as_of) {
    Engine::View view(*engine_);
    MetricRequest request;
    request.metric = &metric;
    request.scope = partner.empty() ? kProgramScope : kFirstPartnerScope;
    request.scope_proto.set_kind(partner.empty() ? v1::SCOPE_KIND_PROGRAM : v1::SCOPE_KIND_PARTNER);
    request.period = PeriodOf(*view.catalog(), metric, v1::WINDOW_KIND_UNSPECIFIED, as_of);
    std::vector<std::string> partners;
    if (!partner.empty()) partners.push_back(partner);
    auto source = EngineSource::Collect(view, ReadsOf(*view.catalog(), {&request.metric, 1}, {&request.scope, 1}),
                                        std::move(partners));
    EXPECT_TRUE(source.ok()) << source.status();
    return Evaluator(*view.catalog(), *source, std::nullopt).Value(request);
  }

 private:
  void Apply(storage::RecordType type, std::string payload) {
    storage::LogBatch batch;
    storage::LogRecord& record = batch.records.emplace_back();
    record.type = type;
    record.appended_at_us = 1'000'000;
    record.payload = std::move(payload);
    record.position = log_.last_position() + 1;
    EXPECT_TRUE(engine_->Apply(record).ok());
    EXPECT_TRUE(log_.Append(batch).ok());
  }

  MemoryLog log_;
  MemoryState state_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_PROPERTY_KPI_ENGINE_H_
