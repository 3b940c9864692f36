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
constexpr int64_t kSecondsPerDay = 86'400;

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

Partners::Partners(LookupMemory* memory)
    : memory_(memory), places_(memory), people_(memory), user_names_(memory), texts_(memory) {}

sdk::Status Partners::Load(const Source& source) {
  for (const char* object : {"Partner", "OpportunityPartner"}) PM_RETURN_IF_ERROR(LoadDealPartners(source, object));
  PM_RETURN_IF_ERROR(LoadMembers(source));
  PM_RETURN_IF_ERROR(LoadAccounts(source));
  PM_RETURN_IF_ERROR(LoadContracts(source));
  PM_RETURN_IF_ERROR(LoadContacts(source));
  PM_RETURN_IF_ERROR(LoadUsers(source));
  PM_RETURN_IF_ERROR(LoadLeads(source));
  std::sort(emails_.begin(), emails_.end());
  if (bad_rows_ > 0) {
    source.reporter.Problem(sdk::Level::kWarning,
                            "ChannelProgram, ChannelProgramLevel, ChannelProgramMember, Contact, User",
                            std::to_string(bad_rows_) + " rows cannot be read; tiers, people or names may be missing");
  }
  return {};
}

Partners::Kept* Partners::Add(const std::string& account, bool* added) {
  bool is_new = false;
  const uint32_t* place = places_.TryAdd(account, static_cast<uint32_t>(partners_.size()), &is_new);
  if (added != nullptr) *added = is_new;
  if (place == nullptr) return nullptr;
  if (is_new) {
    memory_->Take(sizeof(Kept));
    partners_.emplace_back().account = PackedId::Of(account).value_or(PackedId());
  }
  return &partners_[*place];
}

Partners::Kept* Partners::Find(const std::string& account) {
  const uint32_t* place = places_.Find(account);
  return place == nullptr ? nullptr : &partners_[*place];
}

Partners::Profile Partners::Of(const std::string& account_id) const {
  Profile profile;
  const uint32_t* place = places_.Find(account_id);
  if (place == nullptr) return profile;
  const Kept& kept = partners_[*place];
  profile.changed = kept.changed;
  profile.tier = texts_.At(kept.tier);
  profile.program = texts_.At(kept.program);
  if (kept.contract_day != kNoContract) profile.contract_on = sdk::UtcDate({kept.contract_day * kSecondsPerDay});
  for (auto email = std::lower_bound(emails_.begin(), emails_.end(), Email{*place, 0});
       email != emails_.end() && email->partner == *place && profile.emails.size() < kMostEmails; ++email) {
    profile.emails.emplace(texts_.At(email->text));
  }
  return profile;
}

std::string Partners::OfPerson(const std::string& person_id) const {
  const uint32_t* place = people_.Find(person_id);
  return place == nullptr ? "" : sdk::SalesforceId(partners_[*place].account.Text()).value_or("");
}

std::string Partners::UserName(const std::string& user_id) const {
  const uint32_t* name = user_names_.Find(user_id);
  return name == nullptr ? user_id : std::string(texts_.At(*name));
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
    bool added = false;
    Kept* partner = Add(record->SalesforceId(columns.to), &added);
    if (partner == nullptr) return;
    partner->changed = added ? link.changed : std::min(partner->changed, link.changed);
  });
}

sdk::Status Partners::LoadAccounts(const Source& source) {
  return ForEachRow<AccountColumns>(source, "Account", [&](CsvRecord* record, const AccountColumns& columns) {
    std::string account = record->RequiredSalesforceId(columns.id);
    bool partner =
        record->Bool(columns.is_partner) || Contains(source.options.partner_types, record->Text(columns.type));
    if (record->ok() && partner) Add(account);
  });
}

sdk::Status Partners::LoadMembers(const Source& source) {
  struct Level {
    uint32_t name = 0;  // text
    int64_t rank = 0;
  };
  IdTable<Level> levels(memory_);
  auto each_level = [&](CsvRecord* record, const LevelColumns& columns) {
    std::string id = record->RequiredSalesforceId(columns.id);
    int64_t rank = record->Integer(columns.rank).value_or(0);
    if (Usable(*record)) levels.Set(id, {texts_.Add(record->Text(columns.name)), rank});
  };
  PM_RETURN_IF_ERROR(ForEachRow<LevelColumns>(source, "ChannelProgramLevel", each_level));

  IdTable<uint32_t> programs(memory_);  // id -> name
  auto each_program = [&](CsvRecord* record, const NameColumns& columns) {
    std::string id = record->RequiredSalesforceId(columns.id);
    if (Usable(*record)) programs.Set(id, texts_.Add(record->Text(columns.name)));
  };
  PM_RETURN_IF_ERROR(ForEachRow<NameColumns>(source, "ChannelProgram", each_program));

  auto each_member = [&](CsvRecord* record, const MemberColumns& columns) {
    std::string account = record->RequiredSalesforceId(columns.partner);
    std::string level_id = record->SalesforceId(columns.level);
    std::string program_id = record->SalesforceId(columns.program);
    bool deleted = record->Bool(columns.deleted);
    int64_t changed = columns.changed.Micros(record);
    if (!Usable(*record) || deleted) return;
    Kept* partner = Add(account);
    if (partner == nullptr) return;
    partner->changed = std::max(partner->changed, changed);
    const Level* level = levels.Find(level_id);
    const int64_t rank = level == nullptr ? 0 : level->rank;
    // A partner in several programmes has the highest of its levels.
    if (rank <= partner->rank) return;
    partner->rank = rank;
    if (level != nullptr) partner->tier = level->name;
    if (const uint32_t* program = programs.Find(program_id)) partner->program = *program;
  };
  return ForEachRow<MemberColumns>(source, "ChannelProgramMember", each_member);
}

sdk::Status Partners::LoadContracts(const Source& source) {
  return ForEachRow<ContractTerm>(source, "Contract", [&](CsvRecord* record, const ContractTerm& columns) {
    Kept* partner = Find(record->SalesforceId(columns.account));
    if (partner == nullptr || !columns.WasActivated(*record)) return;
    std::optional<sdk::CivilDate> start = record->Date(columns.start);
    int64_t changed = columns.changed.Micros(record);
    if (!record->ok() || !start) return;
    const auto day = static_cast<int32_t>(sdk::DayNumber(*start));
    if (partner->contract_day <= day) return;
    partner->contract_day = day;
    partner->changed = std::max(partner->changed, changed);
  });
}

sdk::Status Partners::LoadContacts(const Source& source) {
  return ForEachRow<PersonColumns>(source, "Contact", [&](CsvRecord* record, const PersonColumns& columns) {
    std::string id = record->RequiredSalesforceId(columns.id);
    std::string account = columns.Account(record);
    bool deleted = record->Bool(columns.deleted);
    int64_t changed = columns.changed.Micros(record);
    if (!Usable(*record) || deleted || !IsPartner(account)) return;
    AddPerson(id, account);
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
    const uint32_t* known = user_names_.Find(id);
    if (!name.empty() && (known == nullptr || texts_.At(*known) != name)) user_names_.Set(id, texts_.Add(name));
    if (account.empty()) account = OfPerson(contact);
    if (!IsPartner(account)) return;
    AddPerson(id, account);
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
    if (record->ok()) AddPerson(id, account);
  });
}

void Partners::AddPerson(const std::string& id, const std::string& account) {
  if (const uint32_t* place = places_.Find(account)) people_.Set(id, *place);
}

void Partners::AddEmail(const std::string& account, const std::string& email, int64_t changed) {
  const std::string address = sdk::NormalizeEmail(email);
  const uint32_t* place = places_.Find(account);
  if (address.empty() || place == nullptr) return;
  memory_->Take(sizeof(Email));
  emails_.push_back({*place, texts_.Add(address)});
  Kept& partner = partners_[*place];
  partner.changed = std::max(partner.changed, changed);
}

}  // namespace partnermetrics::salesforce
