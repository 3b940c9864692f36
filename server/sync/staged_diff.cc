#include "server/sync/staged_diff.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/facts/fact_schema.h"
#include "server/sync/texts.h"

namespace partnermetrics {
namespace {

constexpr size_t kBatch = 1'000;  // events that are applied at a time
constexpr int kMaxFields = 50;
constexpr size_t kMaxFieldBytes = 200;

// The content of a fact as a message of its kind; an empty one when there is none.
std::unique_ptr<google::protobuf::Message> ContentOf(int kind, const std::optional<StoredFact>& fact) {
  v1::Event event;
  const auto* field = v1::Event::descriptor()->FindFieldByNumber(kind);
  std::unique_ptr<google::protobuf::Message> content(event.GetReflection()->GetMessage(event, field).New());
  if (fact.has_value()) content->ParsePartialFromString(fact->fact);
  return content;
}

// What one field says: "1200", "{\"units\":\"1200\"}".
std::string FieldText(const google::protobuf::Message& content, const google::protobuf::FieldDescriptor* field) {
  std::unique_ptr<google::protobuf::Message> alone(content.New());
  alone->CopyFrom(content);
  std::vector<const google::protobuf::FieldDescriptor*> set;
  alone->GetReflection()->ListFields(*alone, &set);
  if (std::find(set.begin(), set.end(), field) == set.end()) return "";
  for (const auto* other : set) {
    if (other != field) alone->GetReflection()->ClearField(alone.get(), other);
  }
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(*alone, &json, options).ok()) return "(cannot be shown)";
  // {"field":value}
  std::string text = json.substr(field->name().size() + 4, json.size() - field->name().size() - 5);
  if (field->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_STRING && !field->is_repeated()) {
    text = text.substr(1, text.size() - 2);
  }
  if (text.size() > kMaxFieldBytes) text = ToUtf8(text.substr(0, kMaxFieldBytes)) + "…";
  return text;
}

void AddFields(int kind, const std::optional<StoredFact>& before, const std::optional<StoredFact>& after,
               v1::StagedFact& shown) {
  const auto old_content = ContentOf(kind, before), new_content = ContentOf(kind, after);
  const google::protobuf::Descriptor* type = old_content->GetDescriptor();
  for (int i = 0; i < type->field_count() && shown.fields_size() < kMaxFields; ++i) {
    std::string was = FieldText(*old_content, type->field(i)), is = FieldText(*new_content, type->field(i));
    if (was == is) continue;
    v1::StagedField& field = *shown.add_fields();
    field.set_field(type->field(i)->name());
    field.set_before(std::move(was));
    field.set_after(std::move(is));
  }
}

bool Lives(const std::optional<StoredFact>& fact) {
  return fact.has_value() && !fact->deleted;
}

v1::StagedChange ChangeOf(const std::optional<StoredFact>& before, const std::optional<StoredFact>& after) {
  if (!Lives(before)) return Lives(after) ? v1::STAGED_CHANGE_ADDED : v1::STAGED_CHANGE_UNSPECIFIED;
  if (!Lives(after)) return v1::STAGED_CHANGE_DELETED;
  return before->fact != after->fact ? v1::STAGED_CHANGE_CHANGED : v1::STAGED_CHANGE_UNSPECIFIED;
}

}  // namespace

absl::Status TryStaged(std::vector<PreparedEvent> events, uint64_t sequence, Scratch& scratch, int examples,
                       v1::StagedRun& shown) {
  std::vector<FactId> facts;  // each once, in the order of the events
  {
    absl::flat_hash_set<FactId> seen;
    for (const PreparedEvent& event : events) {
      if (seen.insert(event.id).second) facts.push_back(event.id);
    }
  }
  for (auto next = events.begin(); next != events.end();) {
    const auto last = next + std::min<std::ptrdiff_t>(kBatch, events.end() - next);
    RETURN_IF_ERROR(scratch.Try({std::make_move_iterator(next), std::make_move_iterator(last)}, sequence).status());
    next = last;
  }

  std::map<int, v1::StagedFacts> kinds;
  std::map<std::pair<int, v1::StagedChange>, int> shown_examples;
  for (const FactId& id : facts) {
    ASSIGN_OR_RETURN(const std::optional<StoredFact> before, scratch.Before(id));
    std::optional<StoredFact> after;
    {
      Engine::View view(scratch.engine());
      ASSIGN_OR_RETURN(after, view.Fact(id));
    }
    v1::StagedFacts& kind = kinds[id.kind];
    const v1::StagedChange change = ChangeOf(before, after);
    if (change == v1::STAGED_CHANGE_ADDED) kind.set_added(kind.added() + 1);
    if (change == v1::STAGED_CHANGE_CHANGED) kind.set_changed(kind.changed() + 1);
    if (change == v1::STAGED_CHANGE_DELETED) kind.set_deleted(kind.deleted() + 1);
    if (change == v1::STAGED_CHANGE_UNSPECIFIED) {
      kind.set_unchanged(kind.unchanged() + 1);
      continue;
    }
    if (Lives(after) && after->resolution.unresolved) shown.set_unresolved(shown.unresolved() + 1);
    if (shown_examples[{id.kind, change}]++ >= examples) continue;
    v1::StagedFact& example = *kind.add_examples();
    example.set_record_id(id.record_id);
    example.set_change(change);
    AddFields(id.kind, before, after, example);
  }
  for (auto& [number, kind] : kinds) {
    kind.set_kind(FactSchemas::Get().FindByNumber(number)->name());
    *shown.add_facts() = std::move(kind);
  }
  shown.set_position(scratch.position());
  return absl::OkStatus();
}

}  // namespace partnermetrics
