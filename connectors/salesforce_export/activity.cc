// Task and Event: Communication facts with partners. Subjects and texts are never read.
#include "connectors/salesforce_export/objects.h"
#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::CsvRecord;

// With whom an activity was.
struct RelationColumns {
  explicit RelationColumns(sdk::ColumnBinder* bind)
      : account(bind->Optional("AccountId", {"AccountId"})),
        who(bind->Optional("WhoId", {"WhoId"})),
        what(bind->Optional("WhatId", {"WhatId"})) {}

  // Names the partner that the activity was with; false when it was with none.
  bool AddTo(CsvRecord* record, const MapperContext& context, v1::Communication* communication) const {
    std::string person = context.lookups.partners.OfPerson(record->SalesforceId(who));
    for (const std::string& partner : {person, record->SalesforceId(account), record->SalesforceId(what)}) {
      if (AddPartner(partner, context, communication->mutable_partner_refs())) return true;
    }
    return false;
  }

  int account, who, what;
};

v1::CommunicationChannel ChannelOf(const std::string& text) {
  std::string type = sdk::ToLower(text);
  auto says = [&type](const char* word) { return type.find(word) != std::string::npos; };
  if (says("email") || says("e-mail")) return v1::COMMUNICATION_CHANNEL_EMAIL;
  if (says("call") || says("phone")) return v1::COMMUNICATION_CHANNEL_CALL;
  if (says("meeting") || says("visit") || says("demo")) return v1::COMMUNICATION_CHANNEL_MEETING;
  if (says("chat") || says("sms") || says("message")) return v1::COMMUNICATION_CHANNEL_CHAT;
  return v1::COMMUNICATION_CHANNEL_UNSPECIFIED;
}

v1::CommunicationDirection DirectionOf(const std::string& call_type) {
  if (sdk::EqualsIgnoreCase(call_type, "Inbound")) return v1::COMMUNICATION_DIRECTION_INBOUND;
  if (sdk::EqualsIgnoreCase(call_type, "Outbound")) return v1::COMMUNICATION_DIRECTION_OUTBOUND;
  return v1::COMMUNICATION_DIRECTION_UNSPECIFIED;
}

class TaskMapper : public ObjectMapper {
 public:
  TaskMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context),
        common_(bind),
        relation_(bind),
        is_closed_(bind->Required("IsClosed", {"IsClosed"})),
        completed_(bind->Optional("CompletedDateTime", {"CompletedDateTime"})),
        day_(bind->Optional("ActivityDate", {"ActivityDate"})),
        subtype_(bind->Optional("TaskSubtype", {"TaskSubtype"})),
        type_(bind->Optional("Type", {"Type"})),
        call_type_(bind->Optional("CallType", {"CallType"})) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    v1::Event* event = Begin(record, common_, context_, out);
    v1::Communication* communication = event->mutable_communication();
    if (event->deleted()) return;
    bool closed = record->Bool(is_closed_);
    if (!relation_.AddTo(record, context_, communication)) {
      out->skip = "no_partner";
      return;
    }
    // What is still to be done was no communication; neither is a task that was opened again.
    if (!closed) {
      event->set_deleted(true);
      return;
    }
    v1::CommunicationChannel channel = ChannelOf(record->Text(subtype_));
    if (channel == v1::COMMUNICATION_CHANNEL_UNSPECIFIED) channel = ChannelOf(record->Text(type_));
    bool call = !record->IsBlank(call_type_);
    if (channel == v1::COMMUNICATION_CHANNEL_UNSPECIFIED) {
      channel = call ? v1::COMMUNICATION_CHANNEL_CALL : v1::COMMUNICATION_CHANNEL_OTHER;
    }
    communication->set_channel(channel);
    communication->set_direction(DirectionOf(record->Text(call_type_)));
    if (auto at = record->Time(completed_)) {
      sdk::SetInstant(*at, communication->mutable_sent_at());
    } else if (auto on = record->Date(day_)) {
      sdk::SetDate(*on, communication->mutable_sent_on());
    } else {
      out->skip = "no_time";
    }
  }

 private:
  const MapperContext& context_;
  CommonColumns common_;
  RelationColumns relation_;
  int is_closed_, completed_, day_, subtype_, type_, call_type_;
};

class EventMapper : public ObjectMapper {
 public:
  EventMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context),
        common_(bind),
        relation_(bind),
        start_(bind->Optional("StartDateTime", {"StartDateTime", "ActivityDateTime"})),
        day_(bind->Optional("ActivityDate", {"ActivityDate"})),
        all_day_(bind->Optional("IsAllDayEvent", {"IsAllDayEvent"})),
        is_child_(bind->Optional("IsChild", {"IsChild"})),
        type_(bind->Optional("Type", {"Type", "EventSubtype"})) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    v1::Event* event = Begin(record, common_, context_, out);
    v1::Communication* communication = event->mutable_communication();
    if (event->deleted()) return;
    bool all_day = record->Bool(all_day_);
    if (record->Bool(is_child_)) {
      out->skip = "copy_for_invitee";
    } else if (!relation_.AddTo(record, context_, communication)) {
      out->skip = "no_partner";
    }
    v1::CommunicationChannel channel = ChannelOf(record->Text(type_));
    bool known = channel != v1::COMMUNICATION_CHANNEL_UNSPECIFIED;
    communication->set_channel(known ? channel : v1::COMMUNICATION_CHANNEL_MEETING);
    std::optional<sdk::Instant> at = record->Time(start_);
    std::optional<sdk::CivilDate> on = record->Date(day_);
    if (at && !all_day) {
      sdk::SetInstant(*at, communication->mutable_sent_at());
    } else if (on || at) {
      // Salesforce stores midnight in UTC for whole days, whatever the user's zone.
      sdk::SetDate(on ? *on : sdk::UtcDate(*at), communication->mutable_sent_on());
    } else {
      record->Fail(start_, "missing_time", "the event has no time");
    }
  }

 private:
  const MapperContext& context_;
  CommonColumns common_;
  RelationColumns relation_;
  int start_, day_, all_day_, is_child_, type_;
};

}  // namespace

std::unique_ptr<ObjectMapper> MakeTaskMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<TaskMapper>(bind, context);
}

std::unique_ptr<ObjectMapper> MakeEventMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<EventMapper>(bind, context);
}

}  // namespace partnermetrics::salesforce
