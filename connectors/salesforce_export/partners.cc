#include "connectors/salesforce_export/partners.h"

#include <algorithm>
#include <utility>

#include "connectors/salesforce_export/contract_term.h"
#include "connectors/salesforce_export/deal_links.h"
#include "connectors/sdk/readers/ids.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::ColumnBinder;
using sdk::CsvRecord;

// Of one partner; the rest add little to finding it and much to its record.
constexpr size_t kMostEmails = 1000;

struct AccountColumns {
  explicit AccountColumns(ColumnBinder* bind)
      : id(bind->Required("Id", {"Id"})),
        type(bind->Optional("partner_type", {"Partner_Type__c", "Type"})),
        is_partner(bind->Optional("IsPartner", {"IsPartner"})) {}
  int id, type, is_partner;
};

struct NameColumns {
  explicit NameColumns(ColumnBinder* bind) : id(bind->Required("Id", {"Id"})), name(bind->Optional("Name", {"Name"})) {}
  int id, name;
};

struct LevelColumns : NameColumns {
  explicit LevelColumns(ColumnBinder* bind) : NameColumns(bind), rank(bind->Optional("Rank", {"Rank"})) {}
  int rank;
};

struct MemberColumns {
  explicit MemberColumns(ColumnBinder* bind)
      : partner(bind->Required("PartnerId", {"PartnerId"})),
        level(bind->Optional("LevelId", {"LevelId"})),
        program(bind->Optional("ProgramId", {"ProgramId"})),
        deleted(bind->Optional("IsDeleted", {"IsDeleted"})),
        changed(bind) {}
  int partner, level, program, deleted;
  ChangeColumns changed;
};

// Contacts, users and leads.
struct PersonColumns {
  explicit PersonColumns(ColumnBinder* bind)
      : id(bind->Required("Id", {"Id"})),
        accounts(bind->All(
            "partner", {"AccountId", "PartnerAccountId", "Partner__c", "Partner_Account__c", "Referral_Partner__c"})),
        contact(bind->Optional("ContactId", {"ContactId"})),
        email(bind->Optional("Email", {"Email"})),
        name(bind->Optional("Name", {"Name"})),
        first(bind->Optional("FirstName", {"FirstName"})),
        last(bind->Optional("LastName", {"LastName"})),
        deleted(bind->Optional("IsDeleted", {"IsDeleted"})),
        changed(bind) {}

  std::string Account(CsvRecord* record) const {
    for (int column : accounts) {
      std::string account = record->SalesforceId(column);
      if (!account.empty()) return account;
    }
    return "";
  }
  std::string FullName(const CsvRecord& record) const {
    if (!record.IsBlank(name)) return record.Text(name);
    return record.Text(first) + (record.IsBlank(first) ? "" : " ") + record.Text(last);
  }

  int id;
  std::vector<int> accounts;
  int contact, email, name, first, last, deleted;
  ChangeColumns changed;
};

}  // namespace

sdk::Result<Partners> Partners::Load(const Source& source) {
  Partners partners;
  for (const char* object : {"Partner", "OpportunityPartner"}) {
    PM_RETURN_IF_ERROR(partners.LoadDealPartners(source, object));
  }
  PM_RETURN_IF_ERROR(partners.LoadMembers(source));
  PM_RETURN_IF_ERROR(partners.LoadAccounts(source));
  PM_RETURN_IF_ERROR(partners.LoadContracts(source));
  PM_RETURN_IF_ERROR(partners.LoadContacts(source));
  PM_RETURN_IF_ERROR(partners.LoadUsers(source));
  PM_RETURN_IF_ERROR(partners.LoadLeads(source));
  if (partners.bad_rows_ > 0) {
    source.reporter.Problem(
        sdk::Level::kWarning, "ChannelProgram, ChannelProgramLevel, ChannelProgramMember, Contact, User",
        std::to_string(partners.bad_rows_) + " rows cannot be read; tiers, people or names may be missing");
  }
  return partners;
}

const Partners::Profile& Partners::Of(const std::string& account_id) const {
  static const Profile kNone;
  auto found = profiles_.find(account_id);
  return found == profiles_.end() ? kNone : found->second;
}

std::string Partners::OfPerson(const std::string& person_id) const {
  auto found = people_.find(person_id.substr(0, Part::kIdSize));
  return found == people_.end() ? "" : sdk::SalesforceId(found->second).value_or("");
}

std::string Partners::UserName(const std::string& user_id) const {
  auto found = user_names_.find(user_id);
  return found == user_names_.end() ? user_id : found->second;
}

bool Partners::Usable(const CsvRecord& record) {
  if (!record.ok()) ++bad_rows_;
  return record.ok();
}

sdk::Status Partners::LoadDealPartners(const Source& source, const std::string& object) {
  return ForEachRow<DealPartnerColumns>(source, object, [&](CsvRecord* record, const DealPartnerColumns& columns) {
    DealPartner link = columns.Read(record, source.options);
    // Of mirrored links the one that names the customer is recognised only beside its deal: no signal.
    if (!record->ok() || link.deal_id.empty() || link.deleted || link.mirrored) return;
    auto [known, added] = profiles_.try_emplace(record->SalesforceId(columns.to));
    int64_t& changed = known->second.changed;
    changed = added ? link.changed : std::min(changed, link.changed);
  });
}

sdk::Status Partners::LoadAccounts(const Source& source) {
  return ForEachRow<AccountColumns>(source, "Account", [&](CsvRecord* record, const AccountColumns& columns) {
    std::string account = record->RequiredSalesforceId(columns.id);
    bool partner =
        record->Bool(columns.is_partner) || Contains(source.options.partner_types, record->Text(columns.type));
    if (record->ok() && partner) profiles_.try_emplace(account);
  });
}

sdk::Status Partners::LoadMembers(const Source& source) {
  std::unordered_map<std::string, std::pair<std::string, int64_t>> levels;  // id -> name, rank
  auto each_level = [&](CsvRecord* record, const LevelColumns& columns) {
    std::string id = record->RequiredSalesforceId(columns.id);
    int64_t rank = record->Integer(columns.rank).value_or(0);
    if (Usable(*record)) levels[id] = {record->Text(columns.name), rank};
  };
  PM_RETURN_IF_ERROR(ForEachRow<LevelColumns>(source, "ChannelProgramLevel", each_level));

  std::unordered_map<std::string, std::string> programs;  // id -> name
  auto each_program = [&](CsvRecord* record, const NameColumns& columns) {
    std::string id = record->RequiredSalesforceId(columns.id);
    if (Usable(*record)) programs[id] = record->Text(columns.name);
  };
  PM_RETURN_IF_ERROR(ForEachRow<NameColumns>(source, "ChannelProgram", each_program));

  std::unordered_map<std::string, int64_t> best;  // a partner in several programmes has the highest of its levels
  auto each_member = [&](CsvRecord* record, const MemberColumns& columns) {
    std::string account = record->RequiredSalesforceId(columns.partner);
    std::string level = record->SalesforceId(columns.level);
    std::string program = record->SalesforceId(columns.program);
    bool deleted = record->Bool(columns.deleted);
    int64_t changed = columns.changed.Micros(record);
    if (!Usable(*record) || deleted) return;
    Profile& profile = profiles_[account];
    profile.changed = std::max(profile.changed, changed);
    int64_t rank = levels.count(level) > 0 ? levels[level].second : 0;
    auto [known, added] = best.try_emplace(account, rank);
    if (!added && known->second >= rank) return;
    known->second = rank;
    if (levels.count(level) > 0) profile.tier = levels[level].first;
    if (programs.count(program) > 0) profile.program = programs[program];
  };
  return ForEachRow<MemberColumns>(source, "ChannelProgramMember", each_member);
}

sdk::Status Partners::LoadContracts(const Source& source) {
  return ForEachRow<ContractTerm>(source, "Contract", [&](CsvRecord* record, const ContractTerm& columns) {
    auto partner = profiles_.find(record->SalesforceId(columns.account));
    if (partner == profiles_.end() || !columns.WasActivated(*record)) return;
    std::optional<sdk::CivilDate> start = record->Date(columns.start);
    int64_t changed = columns.changed.Micros(record);
    if (!record->ok() || !start) return;
    Profile& profile = partner->second;
    if (profile.contract_on && DayNumber(*profile.contract_on) <= DayNumber(*start)) return;
    profile.contract_on = start;
    profile.changed = std::max(profile.changed, changed);
  });
}

sdk::Status Partners::LoadContacts(const Source& source) {
  return ForEachRow<PersonColumns>(source, "Contact", [&](CsvRecord* record, const PersonColumns& columns) {
    std::string id = record->RequiredSalesforceId(columns.id);
    std::string account = columns.Account(record);
    bool deleted = record->Bool(columns.deleted);
    int64_t changed = columns.changed.Micros(record);
    if (!Usable(*record) || deleted || !IsPartner(account)) return;
    people_[id.substr(0, Part::kIdSize)] = account.substr(0, Part::kIdSize);
    AddEmail(account, record->Text(columns.email), changed);
  });
}

sdk::Status Partners::LoadUsers(const Source& source) {
  return ForEachRow<PersonColumns>(source, "User", [&](CsvRecord* record, const PersonColumns& columns) {
    std::string id = record->RequiredSalesforceId(columns.id);
    std::string account = columns.Account(record);
    std::string contact = record->SalesforceId(columns.contact);
    int64_t changed = columns.changed.Micros(record);
    if (!Usable(*record)) return;
    std::string name = columns.FullName(*record);
    if (!name.empty()) user_names_[id] = name;
    if (account.empty()) account = OfPerson(contact);
    if (!IsPartner(account)) return;
    people_[id.substr(0, Part::kIdSize)] = account.substr(0, Part::kIdSize);
    AddEmail(account, record->Text(columns.email), changed);
  });
}

// Leads are many; they are looked up only by activities.
sdk::Status Partners::LoadLeads(const Source& source) {
  bool wanted = false;
  for (const char* object : {"CampaignMember", "Task", "Event"}) wanted = wanted || !source.files.Of(object).empty();
  if (!wanted) return {};
  return ForEachRow<PersonColumns>(source, "Lead", [&](CsvRecord* record, const PersonColumns& columns) {
    std::string id = record->RequiredSalesforceId(columns.id);
    std::string account = columns.Account(record);
    if (record->ok() && !account.empty()) people_[id.substr(0, Part::kIdSize)] = account.substr(0, Part::kIdSize);
  });
}

void Partners::AddEmail(const std::string& account, const std::string& email, int64_t changed) {
  std::string address = sdk::NormalizeEmail(email);
  Profile& profile = profiles_[account];
  if (address.empty() || profile.emails.size() >= kMostEmails) return;
  if (profile.emails.insert(std::move(address)).second) profile.changed = std::max(profile.changed, changed);
}

}  // namespace partnermetrics::salesforce
