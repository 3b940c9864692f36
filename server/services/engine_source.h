// What scoring reads of an engine: collected at one position under its lock, evaluated outside of it.
//
//   EngineSource source;
//   {
//     Engine::View view(program.engine());
//     ASSIGN_OR_RETURN(source, EngineSource::Collect(view, RowsNeeded(metrics, scopes), partners));
//   }
//   Evaluator evaluator(*source.catalog(), source);
//
// Rows are shared with the engine, not copied. Thread-compatible.
#ifndef PARTNERMETRICS_SERVER_SERVICES_ENGINE_SOURCE_H_
#define PARTNERMETRICS_SERVER_SERVICES_ENGINE_SOURCE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/statusor.h"
#include "server/engine/engine.h"
#include "server/scoring/measure_source.h"

namespace partnermetrics {

class EngineSource final : public MeasureSource {
 public:
  EngineSource() = default;

  // `rows` are sorted, each once (RowsNeeded). `partners[i]` is the partner of scope kFirstPartnerScope + i.
  static absl::StatusOr<EngineSource> Collect(const Engine::View& view, std::vector<RowKey> rows,
                                              const std::vector<std::string>& partners);

  // What the source stands at.
  const Header& header() const { return header_; }
  const std::shared_ptr<const Catalog>& catalog() const { return catalog_; }

  CellTotals Flow(const RowKey& row, Day first, Day last) const override;
  CellTotals Stock(const RowKey& row, Day as_of) const override;
  std::optional<Day> FirstDay(const RowKey& row) const override;
  std::optional<Nanos> Target(absl::string_view metric, ScopeIndex scope, Day first, Day last,
                              Day as_of) const override;
  int64_t ParkedFacts(const RowKey& row, Day first, Day last) const override;
  bool IsReported(int measure) const override { return FreshAtMicros({kBusinessScope, measure}) != 0; }
  int64_t FreshAtMicros(const RowKey& row) const override;

 private:
  struct StatedTarget {
    Day stated_on = 0;  // known from this day
    Nanos value = 0;
  };
  using Period = std::pair<Day, Day>;
  // By scope, metric and period; in the order in which they were stated.
  using Targets = std::map<std::tuple<ScopeIndex, std::string, Period>, std::vector<StatedTarget>>;

  absl::Status CollectTargets(const Engine::View& view, ScopeIndex scope, absl::string_view name);
  using Rows = std::vector<CellRow>;  // in the order of keys_
  // Null for rows that were not collected.
  const CellRow* Find(const Rows& rows, const RowKey& row) const;

  Header header_;
  std::shared_ptr<const Catalog> catalog_;
  std::vector<RowKey> keys_;  // sorted
  Rows rows_;
  Rows parked_rows_;  // empty while no fact waits for a rate
  Targets targets_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SERVICES_ENGINE_SOURCE_H_
