// LoginHistory: PortalSession facts of partners' users. In exports without it, the last login of each User: every later
// export adds one.
#include <string>

#include "connectors/salesforce_export/objects.h"
#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::CsvRecord;

class LoginMapper : public ObjectMapper {
 public:
  LoginMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context),
        id_(bind->Required("Id", {"Id"})),
        user_(bind->Required("UserId", {"UserId"})),
        at_(bind->Required("LoginTime", {"LoginTime"})),
        status_(bind->Required("Status", {"Status"})) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    std::string id = record->RequiredSalesforceId(id_);
    std::string user = record->RequiredSalesforceId(user_);
    std::optional<sdk::Instant> at = record->Time(at_);
    if (!at) {
      record->Fail(at_, "missing_time", "the row has no time");
      return;
    }
    out->changed = at->Micros();
    v1::PortalSession* session = AddEvent(&out->events, id, out->changed)->mutable_portal_session();
    if (!sdk::EqualsIgnoreCase(record->Cell(status_), "Success")) {
      out->skip = "failed_login";
    } else if (!AddPartner(context_.lookups.partners.OfPerson(user), context_, session->mutable_partner_refs())) {
      out->skip = "no_partner";
    }
    sdk::SetInstant(*at, session->mutable_started_at());
    session->set_user(user);
    session->set_login(true);
  }

 private:
  const MapperContext& context_;
  int id_, user_, at_, status_;
};

class LastLoginMapper : public ObjectMapper {
 public:
  LastLoginMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context), id_(bind->Required("Id", {"Id"})), at_(bind->Required("LastLoginDate", {"LastLoginDate"})) {
    // Read by Partners.
    for (const char* name : {"AccountId", "ContactId", "Email", "Name", "FirstName", "LastName"}) {
      bind->Optional(name, {name});
    }
  }

  void Map(CsvRecord* record, MappedRow* out) const override {
    std::string user = record->RequiredSalesforceId(id_);
    std::optional<sdk::Instant> at = record->Time(at_);
    v1::PortalSession session;
    if (!at) {
      out->skip = "no_login";
    } else if (!AddPartner(context_.lookups.partners.OfPerson(user), context_, session.mutable_partner_refs())) {
      out->skip = "no_partner";
    }
    if (out->skip != nullptr || !record->ok()) return;
    // A login never changes, so a second export with the same one states it again.
    std::string id = user + "@" + std::to_string(at->seconds);
    sdk::SetInstant(*at, session.mutable_started_at());
    session.set_user(user);
    session.set_login(true);
    *AddEvent(&out->events, id, at->Micros())->mutable_portal_session() = session;
  }

 private:
  const MapperContext& context_;
  int id_, at_;
};

}  // namespace

std::unique_ptr<ObjectMapper> MakeLoginMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<LoginMapper>(bind, context);
}

std::unique_ptr<ObjectMapper> MakeLastLoginMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<LastLoginMapper>(bind, context);
}

}  // namespace partnermetrics::salesforce
