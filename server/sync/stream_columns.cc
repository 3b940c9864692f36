#include "server/sync/stream_columns.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/errors.h"
#include "server/sync/texts.h"

namespace partnermetrics {
namespace {

constexpr size_t kMostNamed = 20;      // columns in a remark
constexpr size_t kBytesOfAColumn = 4;  // beside its name

size_t SizeOf(absl::string_view stream, const std::map<std::string, bool>& columns) {
  size_t size = stream.size() + kBytesOfAColumn;
  for (const auto& [name, read] : columns) size += name.size() + kBytesOfAColumn;
  return size;
}

v1::ConnectorProblem Remark(v1::ProblemLevel level, const std::string& where, std::string message, std::string remedy) {
  v1::ConnectorProblem remark;
  remark.set_level(level);
  remark.set_where(where);
  remark.set_message(std::move(message));
  remark.set_remedy(std::move(remedy));
  return remark;
}

std::string Names(std::vector<std::string> names) {
  const size_t more = names.size() - std::min(names.size(), kMostNamed);
  names.resize(names.size() - more);
  return absl::StrCat(absl::StrJoin(names, ", "), more > 0 ? absl::StrCat(" and ", more, " more") : "");
}

}  // namespace

StreamColumns::StreamColumns(const log::v1::ConnectorColumns& known, size_t most_bytes) : most_bytes_(most_bytes) {
  for (const log::v1::StreamColumns& stream : known.streams()) {
    Columns& columns = known_[stream.stream()];
    for (const log::v1::StreamColumn& column : stream.columns()) columns[column.name()] = column.read();
    bytes_ += SizeOf(stream.stream(), columns);
  }
}

void StreamColumns::Take(const connectors::Columns& columns) {
  const std::string stream = PluginText(columns.stream);
  const auto known = known_.find(stream), found = found_.find(stream);
  Columns told;
  for (const auto& [name, read] : columns.columns) {
    bool& is_read = told[PluginText(name)];
    is_read = is_read || read;
  }
  if (found != found_.end()) {
    for (auto& [name, read] : told) {
      const auto before = found->second.find(name);
      read = read || (before != found->second.end() && before->second);
    }
  }
  size_t bytes = bytes_ + SizeOf(stream, told);
  if (found != found_.end()) {
    bytes -= SizeOf(stream, found->second);
  } else if (known != known_.end()) {
    bytes -= SizeOf(stream, known->second);
  }
  if (bytes > most_bytes_) {
    if (not_followed_.size() < kMostNamed) not_followed_.insert(stream);
    return;
  }
  bytes_ = bytes;
  found_[stream] = std::move(told);
}

template <typename Message>
void StreamColumns::PutChanges(Message& message) const {
  message.clear_schema_changes();
  int32_t count = 0;
  const auto tell = [&](const std::string& stream, const Columns& these, const Columns& others, v1::ColumnChange what) {
    for (const auto& [name, read] : these) {
      if (others.count(name) > 0) continue;
      if (++count > kMostChanges) continue;
      v1::SchemaChange& change = *message.add_schema_changes();
      change.set_stream(stream);
      change.set_column(name);
      change.set_change(what);
      change.set_read(read);
    }
  };
  for (const auto& [stream, columns] : found_) {
    const auto known = known_.find(stream);
    if (known == known_.end()) continue;
    tell(stream, known->second, columns, v1::COLUMN_CHANGE_GONE);
    tell(stream, columns, known->second, v1::COLUMN_CHANGE_ADDED);
  }
  message.set_columns_changed(count);
}

void StreamColumns::Show(v1::ConnectorRun& run) const {
  PutChanges(run);
}

void StreamColumns::Put(log::v1::RunEnd& end) const {
  PutChanges(end);
  // Of a run that failed nothing is kept.
  if (end.state() == v1::RUN_STATE_FAILED || end.state() == v1::RUN_STATE_CANCELLED) return;
  for (const auto& [stream, columns] : found_) {
    const auto known = known_.find(stream);
    if (known != known_.end() && known->second == columns) continue;
    log::v1::StreamColumns& put = *end.add_columns();
    put.set_stream(stream);
    for (const auto& [name, read] : columns) {
      log::v1::StreamColumn& column = *put.add_columns();
      column.set_name(name);
      column.set_read(read);
    }
  }
}

std::vector<v1::ConnectorProblem> StreamColumns::Remarks() const {
  std::vector<v1::ConnectorProblem> remarks;
  for (const auto& [stream, columns] : found_) {
    const auto known = known_.find(stream);
    const bool is_new = known == known_.end();
    std::vector<std::string> unread;
    for (const auto& [name, read] : columns) {
      if (read) continue;
      const auto before = is_new ? columns.end() : known->second.find(name);
      if (is_new || (before != known->second.end() && before->second)) unread.push_back(name);
    }
    if (unread.empty()) continue;
    remarks.push_back(Remark(
        v1::PROBLEM_LEVEL_INFO, stream,
        absl::StrCat(is_new ? "columns that are not read: " : "columns that are no longer read: ", Names(unread)),
        "name those that matter in the connector's settings or mapping"));
  }
  for (const std::string& stream : not_followed_) {
    remarks.push_back(Remark(v1::PROBLEM_LEVEL_WARNING, stream,
                             "the connector has so many columns that changes of these are not followed",
                             "give files of one kind names that differ in digits alone"));
  }
  return remarks;
}

absl::StatusOr<log::v1::ConnectorColumns> ReadKnownColumns(const Engine::View& view, absl::string_view connector) {
  log::v1::ConnectorColumns known;
  ASSIGN_OR_RETURN(const auto stored, view.IndexValue(Index::kColumns, connector));
  if (stored.has_value() && !known.ParseFromString(*stored)) {
    return absl::DataLossError("the stored columns of a connector are damaged");
  }
  return known;
}

}  // namespace partnermetrics
