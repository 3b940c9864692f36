#include "connectors/salesforce_export/partner_links.h"

#include <algorithm>
#include <functional>

namespace partnermetrics::salesforce {
namespace {

using sdk::ColumnBinder;
using sdk::CsvReader;
using sdk::CsvRecord;
using sdk::CsvRow;

// Calls `bind` with the header of each file of the object and `each` with each of its rows. Rows with a fault are left
// to who reads the object for its own sake.
sdk::Status ForEachRow(const ExportFiles& files, const std::string& object, const Options& options,
                       const std::function<void(ColumnBinder*)>& bind, const std::function<void(CsvRecord*)>& each) {
  for (const sdk::Input& input : files.Of(object)) {
    PM_ASSIGN_OR_RETURN(std::unique_ptr<CsvReader> csv, files.Open(input));
    if (csv == nullptr) continue;
    ColumnBinder binder(csv->header(), object, options.column_map);
    bind(&binder);
    CsvRow row;
    while (true) {
      PM_ASSIGN_OR_RETURN(bool more, csv->Next(&row));
      if (!more) break;
      CsvRecord record(row, csv->header(), options.cells);
      each(&record);
    }
  }
  return {};
}

}  // namespace

ChangeColumns::ChangeColumns(ColumnBinder* bind) {
  for (const char* name : {"SystemModstamp", "LastModifiedDate", "CreatedDate"}) {
    int column = bind->Optional(name, {name});
    if (column >= 0) columns_.push_back(column);
  }
}

int64_t ChangeColumns::Micros(CsvRecord* record) const {
  for (int column : columns_) {
    if (std::optional<sdk::Instant> at = record->Time(column)) return at->Micros();
  }
  return 0;
}

sdk::Result<PartnerLinks> PartnerLinks::Load(const ExportFiles& files, const Options& options,
                                             sdk::Reporter& reporter) {
  PartnerLinks links;
  PM_RETURN_IF_ERROR(links.LoadDealPartners(files, "Partner", options));
  PM_RETURN_IF_ERROR(links.LoadDealPartners(files, "OpportunityPartner", options));
  std::stable_sort(links.deal_partners_.begin(), links.deal_partners_.end(),
                   [](const DealPartner& a, const DealPartner& b) { return a.deal_id < b.deal_id; });
  PM_RETURN_IF_ERROR(links.LoadMembers(files, options));
  PM_RETURN_IF_ERROR(links.LoadUsers(files, options));
  PM_RETURN_IF_ERROR(links.LoadAccounts(files, options));
  if (links.bad_rows_ > 0) {
    reporter.Problem(sdk::Level::kWarning, "ChannelProgramMember, ChannelProgramLevel, User",
                     std::to_string(links.bad_rows_) + " rows cannot be read; tiers or names may be missing");
  }
  return links;
}

int64_t PartnerLinks::ChangedAt(const std::string& account_id) const {
  auto found = partners_.find(account_id);
  return found == partners_.end() ? 0 : found->second.changed;
}

std::string PartnerLinks::Tier(const std::string& account_id) const {
  auto found = partners_.find(account_id);
  return found == partners_.end() ? "" : found->second.tier;
}

std::vector<DealPartner> PartnerLinks::OfDeal(const std::string& deal_id) const {
  auto first = std::lower_bound(deal_partners_.begin(), deal_partners_.end(), deal_id,
                                [](const DealPartner& link, const std::string& id) { return link.deal_id < id; });
  std::vector<DealPartner> links;
  for (; first != deal_partners_.end() && first->deal_id == deal_id; ++first) links.push_back(*first);
  return links;
}

std::string PartnerLinks::UserName(const std::string& user_id) const {
  auto found = user_names_.find(user_id);
  return found == user_names_.end() ? user_id : found->second;
}

sdk::Status PartnerLinks::LoadDealPartners(const ExportFiles& files, const std::string& object,
                                           const Options& options) {
  int deal = -1, to = -1, role = -1, primary = -1, deleted = -1, reverse = -1;
  ChangeColumns* changed = nullptr;
  std::unique_ptr<ChangeColumns> owned;
  auto bind = [&](ColumnBinder* binder) {
    deal = binder->Optional("OpportunityId", {"OpportunityId"});
    to = binder->Optional("AccountToId", {"AccountToId"});
    role = binder->Optional("Role", {"Role"});
    primary = binder->Optional("IsPrimary", {"IsPrimary"});
    deleted = binder->Optional("IsDeleted", {"IsDeleted"});
    reverse = binder->Optional("ReversePartnerId", {"ReversePartnerId"});
    owned = std::make_unique<ChangeColumns>(binder);
    changed = owned.get();
  };
  auto each = [&](CsvRecord* record) {
    DealPartner link;
    link.deal_id = record->SalesforceId(deal);
    link.partner_id = record->SalesforceId(to);
    link.role = record->Text(role);
    link.primary = record->Bool(primary);
    link.deleted = record->Bool(deleted);
    link.mirrored = !record->SalesforceId(reverse).empty();
    link.changed = changed->Micros(record);
    if (!record->ok() || link.deal_id.empty() || link.partner_id.empty()) return;
    // Of mirrored links the one that names the customer is recognised only beside its deal: no signal.
    if (!link.deleted && !link.mirrored) {
      auto [known, added] = partners_.try_emplace(link.partner_id, Signals{link.changed, ""});
      if (!added) known->second.changed = std::min(known->second.changed, link.changed);
    }
    deal_partners_.push_back(std::move(link));
  };
  return ForEachRow(files, object, options, bind, each);
}

sdk::Status PartnerLinks::LoadMembers(const ExportFiles& files, const Options& options) {
  int id = -1, name = -1, rank = -1;
  std::unordered_map<std::string, std::pair<std::string, int64_t>> levels;  // id -> name, rank
  auto bind_level = [&](ColumnBinder* binder) {
    id = binder->Optional("Id", {"Id"});
    name = binder->Optional("Name", {"Name"});
    rank = binder->Optional("Rank", {"Rank"});
  };
  auto each_level = [&](CsvRecord* record) {
    std::string level = record->RequiredSalesforceId(id);
    int64_t level_rank = record->Integer(rank).value_or(0);
    if (!record->ok()) {
      ++bad_rows_;
      return;
    }
    levels[level] = {record->Text(name), level_rank};
  };
  PM_RETURN_IF_ERROR(ForEachRow(files, "ChannelProgramLevel", options, bind_level, each_level));

  int partner = -1, level = -1, deleted = -1;
  std::unique_ptr<ChangeColumns> changed;
  std::unordered_map<std::string, int64_t> best;  // a partner in several programmes has the highest of its levels
  auto bind_member = [&](ColumnBinder* binder) {
    partner = binder->Optional("PartnerId", {"PartnerId"});
    level = binder->Optional("LevelId", {"LevelId"});
    deleted = binder->Optional("IsDeleted", {"IsDeleted"});
    changed = std::make_unique<ChangeColumns>(binder);
  };
  auto each_member = [&](CsvRecord* record) {
    std::string account = record->RequiredSalesforceId(partner);
    std::string level_id = record->SalesforceId(level);
    bool gone = record->Bool(deleted);
    int64_t at = changed->Micros(record);
    if (!record->ok()) {
      ++bad_rows_;
      return;
    }
    if (gone) return;
    Signals& signals = partners_[account];
    signals.changed = std::max(signals.changed, at);
    auto found = levels.find(level_id);
    if (found == levels.end()) return;
    auto [rank_known, added] = best.try_emplace(account, found->second.second);
    if (!added && rank_known->second >= found->second.second) return;
    rank_known->second = found->second.second;
    signals.tier = found->second.first;
  };
  return ForEachRow(files, "ChannelProgramMember", options, bind_member, each_member);
}

sdk::Status PartnerLinks::LoadUsers(const ExportFiles& files, const Options& options) {
  int id = -1, name = -1, first = -1, last = -1;
  auto bind = [&](ColumnBinder* binder) {
    id = binder->Optional("Id", {"Id"});
    name = binder->Optional("Name", {"Name"});
    first = binder->Optional("FirstName", {"FirstName"});
    last = binder->Optional("LastName", {"LastName"});
  };
  auto each = [&](CsvRecord* record) {
    std::string user = record->RequiredSalesforceId(id);
    if (!record->ok()) {
      ++bad_rows_;
      return;
    }
    std::string full = record->Text(name);
    if (full.empty()) full = record->Text(first) + (record->IsBlank(first) ? "" : " ") + record->Text(last);
    if (!full.empty()) user_names_[user] = full;
  };
  return ForEachRow(files, "User", options, bind, each);
}

sdk::Status PartnerLinks::LoadAccounts(const ExportFiles& files, const Options& options) {
  int id = -1, type = -1, is_partner = -1;
  auto bind = [&](ColumnBinder* binder) {
    id = binder->Optional("Id", {"Id"});
    type = binder->Optional("partner_type", {"Partner_Type__c", "Type"});
    is_partner = binder->Optional("IsPartner", {"IsPartner"});
  };
  auto each = [&](CsvRecord* record) {
    std::string account = record->RequiredSalesforceId(id);
    bool partner = record->Bool(is_partner) || Contains(options.partner_types, record->Text(type));
    if (record->ok() && partner) partners_.try_emplace(account);
  };
  return ForEachRow(files, "Account", options, bind, each);
}

}  // namespace partnermetrics::salesforce
