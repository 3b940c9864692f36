#include "server/ops/export.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/engine/cells.h"
#include "server/engine/header.h"
#include "server/engine/stored_fact.h"
#include "server/expr/diagnostics.h"
#include "server/facts/fact_schema.h"
#include "server/ops/export_csv.h"

namespace partnermetrics {
namespace {

using storage::StateTable;

constexpr size_t kPieceBytes = size_t{1} << 20;

absl::Status AppendJson(const google::protobuf::Message& row, std::string& out) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(row, &json, options).ok()) {
    return absl::InternalError("a row cannot be written as JSON");
  }
  absl::StrAppend(&out, json, "\n");
  return absl::OkStatus();
}

// Walks through a table of a snapshot, some rows at a time.
class SnapshotExport : public Export {
 public:
  absl::Status Open(Programs& programs, ProgramRuntime& program) {
    // On the writer's thread nothing is applied meanwhile: the snapshot holds all that readers see.
    RETURN_IF_ERROR(program.writer().Run([&]() -> absl::Status {
      RETURN_IF_ERROR(program.engine().Checkpoint());
      snapshot_ = programs.database().state().Snapshot();
      return absl::OkStatus();
    }));
    const std::string key = keys_.Header();
    absl::StatusOr<Header> header = Header();
    RETURN_IF_ERROR(snapshot_->Scan(StateTable::kMeta, key, key, [&](absl::string_view, absl::string_view value) {
      header = DecodeHeader(value);
      return false;
    }));
    RETURN_IF_ERROR(header.status());
    position_ = header->position;
    return absl::OkStatus();
  }

  absl::StatusOr<bool> Next(v1::ExportResponse& piece) final {
    if (done_) return false;
    piece.Clear();
    std::string& data = *piece.mutable_data();
    while (data.size() < kPieceBytes && !done_) {
      ASSIGN_OR_RETURN(const bool more, Append(data));
      done_ = !more;
    }
    piece.set_position(position_);
    piece.set_rows(rows_);
    piece.set_holds_personal_data(personal_);
    return true;
  }

 protected:
  explicit SnapshotExport(const std::string& program) : keys_(program) {}

  // Appends rows; false once there are no more.
  virtual absl::StatusOr<bool> Append(std::string& data) = 0;

  // Calls `visit` with the rows under a prefix, from where the last call with it ended until `data` is full; false at
  // the end of the prefix.
  absl::StatusOr<bool> Walk(StateTable table, const std::string& prefix, const std::string& data,
                            const std::function<absl::Status(absl::string_view key, absl::string_view value)>& visit) {
    if (!absl::StartsWith(from_, prefix)) from_ = prefix;
    absl::Status status;
    bool more = false;
    RETURN_IF_ERROR(snapshot_->Scan(table, prefix, from_, [&](absl::string_view key, absl::string_view value) {
      more = data.size() >= kPieceBytes;
      if (more) return false;
      status = visit(key, value);
      from_ = absl::StrCat(key, absl::string_view("\0", 1));  // the next key at the earliest
      return status.ok();
    }));
    RETURN_IF_ERROR(status);
    return more;
  }

  const Keys keys_;
  int64_t rows_ = 0;
  bool personal_ = false;

 private:
  std::unique_ptr<storage::StateSnapshot> snapshot_;
  uint64_t position_ = 0;
  std::string from_;
  bool done_ = false;
};

class FactExport final : public SnapshotExport {
 public:
  FactExport(ProgramRuntime& program, const v1::ExportFactsRequest& request, std::vector<const FactSchema*> kinds)
      : SnapshotExport(program.id()),
        program_(program),
        source_(request.source()),
        csv_(request.format() == v1::EXPORT_FORMAT_CSV),
        kinds_(std::move(kinds)) {
    personal_ = request.personal_data();
  }

 private:
  absl::StatusOr<bool> Append(std::string& data) override {
    if (at_ < kinds_.size()) {
      if (csv_ && rows_ == 0) data = CsvRow(FactColumns(*kinds_[0]));
      const FactSchema& kind = *kinds_[at_];
      ASSIGN_OR_RETURN(const bool more, Walk(StateTable::kFacts, keys_.FactKind(kind.kind()), data,
                                             [&](absl::string_view key, absl::string_view value) {
                                               return AppendFact(key, value, data);
                                             }));
      if (!more) ++at_;
      return at_ < kinds_.size() || personal_;
    }
    return AppendPersonal(data);
  }

  absl::Status AppendFact(absl::string_view key, absl::string_view value, std::string& data) {
    const FactId id = keys_.ReadFactKey(key);
    if (!source_.empty() && id.source != source_) return absl::OkStatus();
    ASSIGN_OR_RETURN(const StoredFact stored, DecodeFact(value));
    if (stored.deleted) return absl::OkStatus();
    v1::ExportedFact fact;
    v1::Event& event = *fact.mutable_event();
    event.set_program(program_.id());
    event.set_source(id.source);
    event.set_record_id(id.record_id);
    event.set_revision(stored.version.revision);
    const auto* field = v1::Event::descriptor()->FindFieldByNumber(id.kind);
    if (!event.GetReflection()->MutableMessage(&event, field)->ParseFromString(stored.fact)) {
      return absl::DataLossError(absl::StrCat("the fact ", id.source, "/", id.record_id, " is damaged"));
    }
    fact.set_position(stored.position);
    for (const ResolvedPartner& partner : stored.resolution.partners) {
      v1::ExportedAttribution& attribution = *fact.add_partners();
      attribution.set_partner_id(partner.partner_id);
      attribution.set_role(static_cast<v1::AttributionRole>(partner.role));
      attribution.set_share(NanosText(partner.share_nanos));
    }
    fact.set_unresolved(stored.resolution.unresolved);
    fact.set_parked(stored.resolution.parked);
    fact.set_waiting(stored.resolution.waiting);
    ++rows_;
    if (!csv_) return AppendJson(fact, data);
    data += CsvRow(FactFields(fact));
    return absl::OkStatus();
  }

  absl::StatusOr<bool> AppendPersonal(std::string& data) {
    absl::Status status;
    bool more = false;
    RETURN_IF_ERROR(program_.log().ReadAllPersonal(last_.subject, last_.key, [&](const storage::PersonalRow& row) {
      more = data.size() >= kPieceBytes;
      if (more) return false;
      last_.subject = row.subject;
      last_.key = row.key;
      status = AppendPersonalRow(row, data);
      return status.ok();
    }));
    RETURN_IF_ERROR(status);
    return more;
  }

  absl::Status AppendPersonalRow(const storage::PersonalRow& row, std::string& data) {
    // source/kind/record id/field; a source or an id may hold slashes itself.
    const size_t slash = row.key.rfind('/');
    const absl::string_view field = absl::string_view(row.key).substr(slash + 1);
    if (!source_.empty() && !absl::StartsWith(row.key, absl::StrCat(source_, "/"))) return absl::OkStatus();
    const absl::string_view name = field.substr(0, field.find('.'));
    const auto is_wanted = [name](const FactSchema* kind) { return kind->name() == name; };
    if (std::none_of(kinds_.begin(), kinds_.end(), is_wanted)) return absl::OkStatus();
    v1::ExportedPersonalData personal;
    personal.set_fact(row.key.substr(0, slash));
    personal.set_field(std::string(field));
    personal.set_personal_value(row.value);
    ++rows_;
    return AppendJson(personal, data);
  }

  ProgramRuntime& program_;
  const std::string source_;
  const bool csv_;
  const std::vector<const FactSchema*> kinds_;
  size_t at_ = 0;
  storage::PersonalRow last_;  // of the personal rows that are written
};

class CellExport final : public SnapshotExport {
 public:
  CellExport(ProgramRuntime& program, const v1::ExportCellsRequest& request)
      : SnapshotExport(program.id()),
        csv_(request.format() == v1::EXPORT_FORMAT_CSV),
        scopes_(request.scopes().begin(), request.scopes().end()),
        measures_(request.measures().begin(), request.measures().end()) {
    if (scopes_.empty()) prefixes_.push_back(keys_.program());
    for (const std::string& scope : request.scopes()) prefixes_.push_back(keys_.Cells(scope));
    // In the order of the keys, each once.
    std::sort(prefixes_.begin(), prefixes_.end());
    prefixes_.erase(std::unique(prefixes_.begin(), prefixes_.end()), prefixes_.end());
  }

 private:
  absl::StatusOr<bool> Append(std::string& data) override {
    if (csv_ && rows_ == 0 && data.empty()) {
      data = CsvRow({"scope", "measure", "day", "entry", "contributions", "count", "sum"});
    }
    ASSIGN_OR_RETURN(const bool more, Walk(StateTable::kCells, prefixes_[at_], data,
                                           [&](absl::string_view key, absl::string_view value) {
                                             return AppendYear(key, value, data);
                                           }));
    if (!more) ++at_;
    return at_ < prefixes_.size();
  }

  absl::Status AppendYear(absl::string_view key, absl::string_view value, std::string& data) {
    storage::ByteReader reader(key.substr(keys_.program().size()));
    v1::ExportedCell cell;
    cell.set_scope(reader.KeyString());
    const int year = reader.KeyI32();
    RETURN_IF_ERROR(reader.Finish("key of cells"));
    absl::Status status;
    const auto wanted = [&](absl::string_view row) {
      cell.set_measure(std::string(row));
      return measures_.empty() || measures_.contains(row);
    };
    RETURN_IF_ERROR(DecodeYear(
        year, value,
        [&](absl::string_view row, const CellPage& page) {
          if (!wanted(row)) return;
          page.days.ForEach([&](const DayCell& day) { status.Update(AppendDay(day, "", cell, data)); });
        },
        [&](absl::string_view row, const EntryPage& page) {
          if (!wanted(row)) return;
          for (const auto& [key, day] : page.entries) status.Update(AppendDay(day, key.second, cell, data));
        }));
    return status;
  }

  absl::Status AppendDay(const DayCell& day, const std::string& entry, v1::ExportedCell& cell, std::string& data) {
    ++rows_;
    cell.set_day(DayText(day.day));
    cell.set_entry(absl::CHexEscape(entry));  // it may hold any bytes
    cell.set_contributions(day.contributions);
    cell.set_count(day.count);
    cell.set_sum(NanosText(day.sum));
    if (!csv_) return AppendJson(cell, data);
    data += CsvRow({cell.scope(), cell.measure(), cell.day(), cell.entry(), absl::StrCat(cell.contributions()),
                    absl::StrCat(cell.count()), cell.sum()});
    return absl::OkStatus();
  }

  const bool csv_;
  const absl::flat_hash_set<std::string> scopes_, measures_;
  std::vector<std::string> prefixes_;
  size_t at_ = 0;
};

absl::Status CheckFormat(v1::ExportFormat format) {
  if (v1::ExportFormat_IsValid(format)) return absl::OkStatus();
  return InvalidField("format", "UNKNOWN", "must be JSON lines or CSV");
}

absl::StatusOr<std::vector<const FactSchema*>> Kinds(const v1::ExportFactsRequest& request) {
  const FactSchemas& schemas = FactSchemas::Get();
  if (request.kinds_size() == 0) return schemas.all();
  std::vector<const FactSchema*> kinds;
  for (const std::string& name : request.kinds()) {
    const FactSchema* kind = schemas.Find(name);
    if (kind == nullptr) {
      std::vector<std::string> names;
      for (const FactSchema* one : schemas.all()) names.push_back(one->name());
      return InvalidField("kinds", "UNKNOWN",
                          absl::StrCat("'", name, "' is no kind of fact", SuggestNames(name, std::move(names))));
    }
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  }
  return kinds;
}

template <typename Made>
absl::StatusOr<std::unique_ptr<Export>> Opened(std::unique_ptr<Made> made, Programs& programs,
                                               ProgramRuntime& program) {
  RETURN_IF_ERROR(made->Open(programs, program));
  return made;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Export>> ExportFacts(Programs& programs, ProgramRuntime& program,
                                                    const v1::ExportFactsRequest& request) {
  RETURN_IF_ERROR(CheckFormat(request.format()));
  ASSIGN_OR_RETURN(std::vector<const FactSchema*> kinds, Kinds(request));
  if (request.format() == v1::EXPORT_FORMAT_CSV && request.kinds_size() != 1) {
    return InvalidField("kinds", "ONE_KIND", "must name exactly one kind for CSV: each has columns of its own");
  }
  if (request.format() == v1::EXPORT_FORMAT_CSV && request.personal_data()) {
    return InvalidField("personal_data", "NOT_IN_CSV", "is exported as JSON lines only");
  }
  return Opened(std::make_unique<FactExport>(program, request, std::move(kinds)), programs, program);
}

absl::StatusOr<std::unique_ptr<Export>> ExportCells(Programs& programs, ProgramRuntime& program,
                                                    const v1::ExportCellsRequest& request) {
  RETURN_IF_ERROR(CheckFormat(request.format()));
  return Opened(std::make_unique<CellExport>(program, request), programs, program);
}

}  // namespace partnermetrics
