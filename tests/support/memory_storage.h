// A log and a state store in memory, for tests of what stands above them.
#ifndef PARTNERMETRICS_TESTS_SUPPORT_MEMORY_STORAGE_H_
#define PARTNERMETRICS_TESTS_SUPPORT_MEMORY_STORAGE_H_

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "storage/event_log.h"
#include "storage/state_store.h"

namespace partnermetrics {

class MemoryLog : public storage::EventLog {
 public:
  absl::StatusOr<uint64_t> Append(storage::LogBatch& batch) override {
    for (storage::LogRecord& record : batch.records) {
      record.position = records_.size() + 1;
      records_.push_back(record);
    }
    for (storage::QuarantineRow& row : batch.quarantine) {
      row.record = quarantine_.size() + 1;
      quarantine_.push_back(row);
    }
    for (const storage::PersonalRow& row : batch.personal) personal_[row.subject][row.key] = row.value;
    return last_position();
  }
  uint64_t last_position() const override { return records_.size(); }
  absl::Status Read(uint64_t after, const std::function<bool(const storage::LogRecord&)>& visit) const override {
    for (size_t i = after; i < records_.size(); ++i) {
      if (!visit(records_[i])) break;
    }
    return absl::OkStatus();
  }
  absl::StatusOr<storage::LogRecord> Get(uint64_t position) const override {
    if (position == 0 || position > records_.size()) return absl::NotFoundError("no such position");
    return records_[position - 1];
  }
  absl::Status ReadPersonal(absl::string_view subject,
                            const std::function<bool(const storage::PersonalRow&)>& visit) const override {
    const auto it = personal_.find(std::string(subject));
    if (it == personal_.end()) return absl::OkStatus();
    for (const auto& [key, value] : it->second) {
      if (!visit({std::string(subject), key, value})) break;
    }
    return absl::OkStatus();
  }
  absl::Status ReadAllPersonal(absl::string_view after_subject, absl::string_view after_key,
                               const std::function<bool(const storage::PersonalRow&)>& visit) const override {
    for (const auto& [subject, rows] : personal_) {
      for (const auto& [key, value] : rows) {
        if (std::pair<absl::string_view, absl::string_view>(subject, key) <= std::pair(after_subject, after_key))
          continue;
        if (!visit({subject, key, value})) return absl::OkStatus();
      }
    }
    return absl::OkStatus();
  }
  absl::Status ErasePersonal(absl::Span<const storage::PersonalRow> rows) override {
    for (const storage::PersonalRow& row : rows) personal_[row.subject].erase(row.key);
    return absl::OkStatus();
  }
  absl::Status ReadQuarantine(uint64_t after,
                              const std::function<bool(const storage::QuarantineRow&)>& visit) const override {
    for (size_t i = after; i < quarantine_.size(); ++i) {
      if (!visit(quarantine_[i])) break;
    }
    return absl::OkStatus();
  }
  absl::Status ReplaceQuarantine(absl::Span<const storage::QuarantineRow> rows) override {
    for (const storage::QuarantineRow& row : rows) {
      if (row.record == 0 || row.record > quarantine_.size()) return absl::NotFoundError("no such record");
    }
    for (const storage::QuarantineRow& row : rows) quarantine_[row.record - 1].value = row.value;
    return absl::OkStatus();
  }

 private:
  std::vector<storage::LogRecord> records_;
  std::vector<storage::QuarantineRow> quarantine_;
  std::map<std::string, std::map<std::string, std::string>> personal_;
};

class MemoryState : public storage::StateStore {
 public:
  using Table = std::map<std::string, std::string>;

  absl::StatusOr<std::optional<std::string>> Get(storage::StateTable table, absl::string_view key) const override {
    const auto it = tables_[Index(table)].find(std::string(key));
    if (it == tables_[Index(table)].end()) return std::optional<std::string>();
    return std::optional<std::string>(it->second);
  }
  absl::Status Scan(storage::StateTable table, absl::string_view prefix, absl::string_view from,
                    const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const override {
    const Table& rows = tables_[Index(table)];
    for (auto it = rows.lower_bound(std::string(std::max(prefix, from)));
         it != rows.end() && absl::StartsWith(it->first, prefix); ++it) {
      if (!visit(it->first, it->second)) break;
    }
    return absl::OkStatus();
  }
  std::unique_ptr<storage::StateSnapshot> Snapshot() const override { return std::make_unique<Copy>(*this); }
  absl::Status WriteCheckpoint(absl::Span<const storage::StateChange> changes) override {
    for (const storage::StateChange& change : changes) {
      if (change.value.has_value()) {
        tables_[Index(change.table)][std::string(change.key)] = std::string(*change.value);
      } else {
        tables_[Index(change.table)].erase(std::string(change.key));
      }
    }
    return absl::OkStatus();
  }

  const Table& table(storage::StateTable table) const { return tables_[Index(table)]; }

 private:
  class Copy : public storage::StateSnapshot {
   public:
    explicit Copy(const MemoryState& state) {
      std::copy(state.tables_, state.tables_ + storage::kStateTables, tables_);
    }
    absl::Status Scan(storage::StateTable table, absl::string_view prefix, absl::string_view from,
                      const std::function<bool(absl::string_view key, absl::string_view value)>& visit) const override {
      MemoryState state;
      state.tables_[Index(table)] = tables_[Index(table)];
      return state.Scan(table, prefix, from, visit);
    }

   private:
    Table tables_[storage::kStateTables];
  };

  static size_t Index(storage::StateTable table) { return static_cast<size_t>(table); }
  Table tables_[storage::kStateTables];
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SUPPORT_MEMORY_STORAGE_H_
