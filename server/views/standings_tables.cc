#include "server/views/standings_tables.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <string>

namespace partnermetrics {
namespace {

// Readers bring a table up to date themselves; this spares them the wait.
constexpr auto kPeriod = std::chrono::seconds(2);

}  // namespace

StandingsTables::StandingsTables(Programs& programs) {
  for (const auto& program : programs.all()) {
    tables_.emplace(program.get(), std::make_unique<StandingsTable>(*program, programs));
  }
  thread_ = std::thread([this] { Loop(); });
}

StandingsTables::~StandingsTables() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void StandingsTables::Loop() {
  MutexLock lock(&mutex_);
  while (!stopping_) {
    mutex_.unlock();
    for (const auto& [program, table] : tables_) {
      const absl::Status status = table->Refresh();
      if (!status.ok()) spdlog::warn("{}: standings: {}", program->id(), status.ToString());
    }
    mutex_.lock();
    if (!stopping_) changed_.wait_for(mutex_, kPeriod);
  }
}

}  // namespace partnermetrics
