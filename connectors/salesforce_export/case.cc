// Case: SupportTicket facts. Partner: an account of the rows, which take effect with their deals.
#include "connectors/salesforce_export/objects.h"
#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::CsvRecord;

v1::TicketPriority PriorityOf(const std::string& text) {
  std::string priority = sdk::ToLower(text);
  auto says = [&priority](const char* word) { return priority.find(word) != std::string::npos; };
  if (says("urgent") || says("critical") || says("p1")) return v1::TICKET_PRIORITY_URGENT;
  if (says("high") || says("p2")) return v1::TICKET_PRIORITY_HIGH;
  if (says("medium") || says("normal") || says("p3")) return v1::TICKET_PRIORITY_NORMAL;
  if (says("low") || says("p4")) return v1::TICKET_PRIORITY_LOW;
  return v1::TICKET_PRIORITY_UNSPECIFIED;
}

v1::TicketStatus StatusOf(const std::string& text, bool closed) {
  if (closed) return v1::TICKET_STATUS_CLOSED;
  std::string status = sdk::ToLower(text);
  auto says = [&status](const char* word) { return status.find(word) != std::string::npos; };
  if (says("resolved")) return v1::TICKET_STATUS_RESOLVED;
  return says("waiting") || says("hold") || says("pending") ? v1::TICKET_STATUS_PENDING : v1::TICKET_STATUS_OPEN;
}

class CaseMapper : public ObjectMapper {
 public:
  CaseMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context),
        common_(bind),
        account_(bind->Optional("AccountId", {"AccountId"})),
        status_(bind->Optional("Status", {"Status"})),
        priority_(bind->Optional("Priority", {"Priority"})),
        origin_(bind->Optional("Origin", {"Origin"})),
        is_closed_(bind->Required("IsClosed", {"IsClosed"})),
        closed_(bind->Optional("ClosedDate", {"ClosedDate"})),
        escalated_(bind->Optional("IsEscalated", {"IsEscalated"})),
        first_response_(bind->Optional("first_response", {"First_Response__c", "First_Response_Date__c"})) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    v1::Event* event = Begin(record, common_, context_, out);
    v1::SupportTicket* ticket = event->mutable_support_ticket();
    if (event->deleted()) return;
    std::string account = record->SalesforceId(account_);
    if (!AddPartner(account, context_, ticket->mutable_partner_refs())) ticket->set_customer_id(account);
    bool closed = record->Bool(is_closed_);
    ticket->set_status(StatusOf(record->Text(status_), closed));
    ticket->set_priority(PriorityOf(record->Text(priority_)));
    ticket->set_channel(record->Text(origin_));
    if (escalated_ >= 0) ticket->set_escalated(record->Bool(escalated_));
    std::optional<sdk::Instant> opened = record->Time(common_.created);
    std::optional<sdk::Instant> resolved = record->Time(closed_);
    std::optional<sdk::Instant> answered = record->Time(first_response_);
    if (opened) sdk::SetInstant(*opened, ticket->mutable_opened_at());
    if (answered) sdk::SetInstant(*answered, ticket->mutable_first_response_at());
    // Imported tickets are "created" after they were closed: their resolution time is unknown.
    if (resolved && opened && !(*resolved < *opened)) sdk::SetInstant(*resolved, ticket->mutable_resolved_at());
  }

 private:
  const MapperContext& context_;
  CommonColumns common_;
  int account_, status_, priority_, origin_, is_closed_, closed_, escalated_, first_response_;
};

class PartnerMapper : public ObjectMapper {
 public:
  PartnerMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context), common_(bind), link_(bind), from_(bind->Optional("AccountFromId", {"AccountFromId"})) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    record->RequiredSalesforceId(common_.id);
    record->SalesforceId(from_);
    DealPartner link = link_.Read(record, context_.options);
    out->changed = link.changed;
    out->skip = link.deal_id.empty() ? "link_between_accounts" : "part_of_deal";
  }

 private:
  const MapperContext& context_;
  CommonColumns common_;
  DealPartnerColumns link_;
  int from_;
};

}  // namespace

std::unique_ptr<ObjectMapper> MakeCaseMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<CaseMapper>(bind, context);
}

std::unique_ptr<ObjectMapper> MakePartnerMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<PartnerMapper>(bind, context);
}

}  // namespace partnermetrics::salesforce
