#include "connectors/table/records.h"

#include <simdjson.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "connectors/sdk/readers/columns.h"
#include "connectors/sdk/readers/csv.h"
#include "connectors/sdk/readers/encoding.h"
#include "connectors/sdk/readers/json.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::table {
namespace {

namespace ondemand = simdjson::ondemand;
using sdk::Result;
using sdk::Status;

constexpr size_t kMaxUnread = 200;
constexpr size_t kMaxWrapperBytes = size_t{64} << 20;  // of an object that holds the records

// --- CSV

class CsvRecords : public RecordSource {
 public:
  // Nothing when the file has no header.
  static Result<std::unique_ptr<RecordSource>> Open(std::unique_ptr<sdk::ByteStream> text, const Csv& dialect) {
    sdk::CsvOptions options;
    if (!dialect.delimiter().empty()) options.delimiter = dialect.delimiter()[0];
    auto records = std::make_unique<CsvRecords>();
    records->csv_ = std::make_unique<sdk::CsvReader>(std::move(text), options);
    for (int i = 0; i < dialect.skip_rows(); ++i) {
      PM_ASSIGN_OR_RETURN(const bool more, records->csv_->Next(&records->cells_));
      if (!more) return std::unique_ptr<RecordSource>();
    }
    if (dialect.columns().empty()) {
      PM_ASSIGN_OR_RETURN(const bool any, records->csv_->ReadHeader());
      if (!any) return std::unique_ptr<RecordSource>();
      records->header_ = records->csv_->header();
      if (dialect.ragged()) records->csv_->set_check_width(false);
    } else {
      records->header_ = sdk::CsvHeader({dialect.columns().begin(), dialect.columns().end()});
      records->check_width_ = !dialect.ragged();
    }
    records->csv_->RestartNumbering();
    records->bound_.resize(records->header_.size());
    return std::unique_ptr<RecordSource>(std::move(records));
  }

  Result<std::unique_ptr<Record>> Bind(const ColumnList& columns) override {
    std::vector<int> indexes;
    for (const ColumnList::Column& column : columns.all()) {
      const int index = header_.Find(column.name);
      if (index < 0) {
        return sdk::SourceError(column.place,
                                "the file has no column \"" + column.name + "\"" + Suggestion(column.name, Names()),
                                "correct the mapping, or export the column");
      }
      bound_[static_cast<size_t>(index)] = true;
      indexes.push_back(index);
    }
    return std::unique_ptr<Record>(std::make_unique<Cells>(*this, std::move(indexes)));
  }

  Result<bool> Next() override {
    PM_ASSIGN_OR_RETURN(const bool more, csv_->Next(&cells_));
    if (!more) return false;
    row_ = {cells_.number, cells_.offset, cells_.raw, cells_.problem, cells_.message};
    if (check_width_ && cells_.problem == nullptr && cells_.cells.size() != header_.size()) {
      row_.problem = "wrong_column_count";
      row_.message =
          "expected " + std::to_string(header_.size()) + " columns, found " + std::to_string(cells_.cells.size());
    }
    return true;
  }

  void TellColumns(const sdk::Input& input, sdk::Reporter& reporter) const override {
    std::vector<sdk::Column> columns;
    for (size_t i = 0; i < header_.size(); ++i) {
      if (!header_.names()[i].empty()) columns.push_back({header_.names()[i], bound_[i]});
    }
    reporter.Columns(sdk::StreamName(input.base_name), columns);
  }

 private:
  class Cells : public Record {
   public:
    Cells(const CsvRecords& records, std::vector<int> indexes) : records_(records), indexes_(std::move(indexes)) {}
    std::string Text(size_t column) const override { return records_.cells_.Text(indexes_[column]); }
    std::string_view raw() const override { return records_.row_.raw; }

   private:
    const CsvRecords& records_;
    const std::vector<int> indexes_;  // in the header, by the column's index in the target
  };

  std::vector<std::string> Names() const {
    std::vector<std::string> names = header_.names();
    names.erase(std::remove(names.begin(), names.end(), ""), names.end());
    return names;
  }

  std::unique_ptr<sdk::CsvReader> csv_;
  sdk::CsvHeader header_;
  bool check_width_ = false;  // of rows without header; with one the reader does
  std::vector<bool> bound_;
  sdk::CsvRow cells_;
};

// --- JSON

// The members of an object by their path: "user.email". Lists are kept as their JSON.
class Members {
 public:
  // False when the text is no JSON object.
  bool Parse(std::string_view text) {
    texts_.clear();
    padded_ = simdjson::padded_string(text);
    ondemand::document document;
    ondemand::object object;
    if (parser_.iterate(padded_).get(document) || document.get_object().get(object)) return false;
    if (!Flatten(object, "")) return false;
    const char* end = nullptr;  // behind the object nothing may follow
    return document.current_location().get(end) != simdjson::SUCCESS;
  }

  const std::string* Find(const std::string& path) const {
    const auto found = texts_.find(path);
    return found == texts_.end() ? nullptr : &found->second;
  }
  const std::unordered_map<std::string, std::string>& all() const { return texts_; }

 private:
  bool Flatten(ondemand::object object, const std::string& prefix) {
    for (auto field : object) {
      std::string_view key;
      ondemand::value value;
      if (field.unescaped_key().get(key)) return false;
      std::string path = prefix + std::string(key);
      if (field.value().get(value) || !Take(value, std::move(path))) return false;
    }
    return true;
  }

  bool Take(ondemand::value value, std::string path) {
    ondemand::json_type type{};
    if (value.type().get(type)) return false;
    std::string_view text;
    switch (type) {
      case ondemand::json_type::object: {
        ondemand::object object;
        return !value.get_object().get(object) && Flatten(object, path + ".");
      }
      case ondemand::json_type::array: {
        ondemand::array array;
        if (value.get_array().get(array) || array.raw_json().get(text)) return false;
        break;
      }
      case ondemand::json_type::string:
        if (value.get_string().get(text)) return false;
        break;
      case ondemand::json_type::null: {
        bool null = false;
        return !value.is_null().get(null) && null;
      }
      case ondemand::json_type::number: {
        ondemand::number number;
        text = value.raw_json_token();
        if (value.get_number().get(number)) return false;
        break;
      }
      default: {
        bool flag = false;
        text = value.raw_json_token();
        if (value.get_bool().get(flag)) return false;
      }
    }
    texts_[std::move(path)] = std::string(sdk::Trim(text));
    return true;
  }

  ondemand::parser parser_;
  simdjson::padded_string padded_;
  std::unordered_map<std::string, std::string> texts_;
};

class JsonRecords : public RecordSource {
 public:
  JsonRecords(std::unique_ptr<sdk::ByteStream> text, const std::string& records)
      : json_(std::move(text), Options(records)), records_(sdk::SplitList(records, '.')) {}

  Result<std::unique_ptr<Record>> Bind(const ColumnList& columns) override {
    for (const ColumnList::Column& column : columns.all()) read_.insert(column.name);
    return std::unique_ptr<Record>(std::make_unique<Object>(*this, columns));
  }

  Result<bool> Next() override {
    while (records_.empty() || next_ == pending_.size()) {
      PM_ASSIGN_OR_RETURN(const bool more, json_.Next(&item_));
      if (!more) return false;
      if (item_.problem != nullptr) return Take(item_.text, item_.problem, item_.message);
      if (records_.empty()) return Take(item_.text, nullptr, "");
      if (!Expand()) {
        return Take(item_.text, "bad_json", "the object has no list of objects at \"" + Path() + "\"");
      }
    }
    return Take(pending_[next_++], nullptr, "");
  }

  void TellColumns(const sdk::Input& input, sdk::Reporter& reporter) const override {
    if (unread_.empty()) return;
    reporter.Problem(sdk::Level::kInfo, input.name,
                     "members that are not read: " + sdk::JoinNames({unread_.begin(), unread_.end()}),
                     "name those that matter in the mapping");
  }

 private:
  class Object : public Record {
   public:
    Object(const JsonRecords& records, const ColumnList& columns) : records_(records), columns_(columns) {}
    std::string Text(size_t column) const override {
      const std::string* text = records_.members_.Find(columns_.all()[column].name);
      return text == nullptr ? std::string() : *text;
    }
    std::string_view raw() const override { return records_.row_.raw; }

   private:
    const JsonRecords& records_;
    const ColumnList& columns_;
  };

  static sdk::JsonOptions Options(const std::string& records) {
    sdk::JsonOptions options;
    if (!records.empty()) options.max_object_bytes = kMaxWrapperBytes;
    return options;
  }

  std::string Path() const {
    std::string path;
    for (const std::string& name : records_) path += (path.empty() ? "" : ".") + name;
    return path;
  }

  bool Take(std::string_view raw, const char* problem, const std::string& message) {
    row_ = {++number_, item_.offset, raw, problem, message};
    if (problem != nullptr) return true;
    if (!members_.Parse(raw)) {
      row_.problem = "bad_json";
      row_.message = "it is no JSON object";
      return true;
    }
    for (const auto& [name, text] : members_.all()) {
      if (unread_.size() < kMaxUnread && read_.count(name) == 0) unread_.insert(name);
    }
    return true;
  }

  // Takes the records out of the present item.
  bool Expand() {
    pending_.clear();
    next_ = 0;
    padded_ = simdjson::padded_string(item_.text);
    ondemand::document document;
    ondemand::value value;
    if (parser_.iterate(padded_).get(document)) return false;
    if (document[records_[0]].get(value)) return false;
    for (size_t i = 1; i < records_.size(); ++i) {
      ondemand::value member;
      if (value[records_[i]].get(member)) return false;
      value = member;
    }
    ondemand::array array;
    if (value.get_array().get(array)) return false;
    for (auto element : array) {
      ondemand::object object;
      std::string_view text;
      if (element.get_object().get(object) || object.raw_json().get(text)) return false;
      pending_.emplace_back(text);
    }
    return true;
  }

  sdk::JsonReader json_;
  const std::vector<std::string> records_;  // path of the list; empty: the reader finds the records
  sdk::JsonItem item_;
  std::uint64_t number_ = 0;
  ondemand::parser parser_;
  simdjson::padded_string padded_;
  std::vector<std::string> pending_;  // records of the present item, from next_ on
  size_t next_ = 0;
  Members members_;
  std::set<std::string> read_, unread_;
};

}  // namespace

bool IsJson(const Target& target, std::string_view base_name) {
  if (target.has_csv() || target.has_json()) return target.has_json();
  return sdk::EndsWithIgnoreCase(base_name, ".json") || sdk::EndsWithIgnoreCase(base_name, ".jsonl") ||
         sdk::EndsWithIgnoreCase(base_name, ".ndjson");
}

Result<std::unique_ptr<RecordSource>> OpenRecords(std::unique_ptr<sdk::ByteStream> bytes, const Target& target,
                                                  bool json) {
  auto text = std::make_unique<sdk::DecodingStream>(std::move(bytes));
  if (!json) return CsvRecords::Open(std::move(text), target.csv());
  return std::unique_ptr<RecordSource>(std::make_unique<JsonRecords>(std::move(text), target.json().records()));
}

}  // namespace partnermetrics::table
