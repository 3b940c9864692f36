#include "server/views/standings_tables.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <thread>

namespace partnermetrics {
namespace {

// Readers bring a table up to date themselves; this spares them the wait. In between they are let in.
constexpr auto kRefreshPeriod = std::chrono::seconds(2);
constexpr absl::Duration kRefreshPart = absl::Milliseconds(20);
constexpr auto kLetIn = std::chrono::milliseconds(1);
// There is no hurry: a sixth of a processor at most.
constexpr auto kRollUpPeriod = std::chrono::milliseconds(100);
constexpr absl::Duration kRollUpPart = absl::Milliseconds(20);

// Gives whether there is more to do.
bool Goes(const ProgramRuntime& program, const absl::StatusOr<bool>& more) {
  if (!more.ok()) spdlog::warn("{}: standings: {}", program.id(), more.status().ToString());
  return more.ok() && *more;
}

}  // namespace

StandingsTables::StandingsTables(Programs& programs)
    : tables_(TablesOf(programs)),
      refresh_(kRefreshPeriod, [this](const std::atomic<bool>& stopping) { Refresh(stopping); }),
      roll_up_(kRollUpPeriod, [this](const std::atomic<bool>&) { RollUp(); }) {}

StandingsTables::Tables StandingsTables::TablesOf(Programs& programs) {
  Tables tables;
  for (const auto& program : programs.all()) {
    tables.emplace(program.get(), std::make_unique<StandingsTable>(*program, programs));
  }
  return tables;
}

void StandingsTables::Refresh(const std::atomic<bool>& stopping) {
  for (const auto& [program, table] : tables_) {
    while (!stopping && Goes(*program, table->Refresh(kRefreshPart))) std::this_thread::sleep_for(kLetIn);
  }
}

void StandingsTables::RollUp() {
  for (const auto& [program, table] : tables_) Goes(*program, table->RollUp(kRollUpPart));
}

}  // namespace partnermetrics
