#include "tests/bench/salesforce_feed.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace partnermetrics::bench {
namespace {

constexpr int64_t kPartners = 500;
constexpr int64_t kStride = 7919;  // a prime: rows of one deal stand apart
constexpr char kNullId[] = "000000000000000AAA";
constexpr char kUser[] = "0055g0000000001AAA";
constexpr char kLongAgo[] = "2025-08-17 15:30:24";

// An id of a prefix and digits; the check characters say which letters of the prefix are upper-case.
std::string Id(std::string_view prefix, int64_t number) {
  size_t upper = 0;
  for (size_t i = 0; i < prefix.size(); ++i) upper |= prefix[i] >= 'A' && prefix[i] <= 'Z' ? size_t{1} << i : 0;
  return absl::StrFormat("%s%012d%cAA", prefix, number, "ABCDEFGH"[upper]);
}

class Csv {
 public:
  Csv(const std::string& folder, const std::string& name) : out_(folder + "/" + name, std::ios::binary) {}
  ~Csv() {
    out_.close();
    if (out_.fail()) {
      std::cerr << "the export cannot be written" << std::endl;
      std::exit(1);
    }
  }

  void Row(const std::vector<std::string>& cells) { out_ << '"' << absl::StrJoin(cells, "\",\"") << "\"\n"; }

 private:
  std::ofstream out_;
};

void WriteAccounts(const std::string& folder, int64_t accounts) {
  Csv csv(folder, "Account.csv");
  csv.Row({"Id", "IsDeleted", "MasterRecordId", "Name", "Type", "Website", "BillingCountry", "OwnerId", "Industry",
           "CreatedDate", "SystemModstamp"});
  for (int64_t i = 0; i < accounts; ++i) {
    csv.Row({Id("001", i), "0", kNullId, absl::StrCat("Company ", i), i < kPartners ? "Reseller" : "Customer",
             absl::StrCat("https://www.company", i, ".example"), "US", kUser, "Energy", kLongAgo, kLongAgo});
  }
}

void WriteDeals(const std::string& folder, int64_t deals, int64_t accounts) {
  Csv csv(folder, "Opportunity.csv");
  csv.Row({"Id",
           "IsDeleted",
           "AccountId",
           "Name",
           "StageName",
           "Amount",
           "Probability",
           "CloseDate",
           "Type",
           "LeadSource",
           "IsClosed",
           "IsWon",
           "ForecastCategory",
           "CurrencyIsoCode",
           "OwnerId",
           "CreatedDate",
           "LastModifiedDate",
           "SystemModstamp",
           "LastStageChangeDate",
           "PrimaryPartnerAccountId",
           "Product__c"});
  for (int64_t i = 0; i < deals; ++i) {
    const int64_t account = kPartners + i % (accounts - kPartners);
    csv.Row({Id("006", i),
             "0",
             Id("001", account),
             absl::StrCat("Company ", account, " - Core"),
             "Closed Won",
             absl::StrCat(57'000 + i % 999),
             "100",
             "2025-10-17 00:00:00",
             "New Customer",
             "Partner",
             "1",
             "1",
             "Closed",
             "USD",
             kUser,
             kLongAgo,
             "2025-10-17 23:53:24",
             "2025-10-17 23:53:24",
             "2025-10-17 23:30:24",
             kNullId,
             "Core"});
  }
}

void WritePartners(const std::string& folder, int64_t deals) {
  Csv csv(folder, "Partner.csv");
  csv.Row({"Id", "OpportunityId", "AccountFromId", "AccountToId", "Role", "IsPrimary", "SystemModstamp", "IsDeleted",
           "ReversePartnerId"});
  for (int64_t i = 0; i < deals; ++i) {
    csv.Row({Id("00I", i), Id("006", i * kStride % deals), Id("001", kPartners), Id("001", i % kPartners), "Referral",
             "1", kLongAgo, "0", kNullId});
  }
}

void WriteHistory(const std::string& folder, int64_t deals) {
  Csv csv(folder, "OpportunityHistory.csv");
  csv.Row({"Id", "OpportunityId", "CreatedDate", "StageName", "Amount", "ExpectedRevenue", "Probability", "CloseDate",
           "IsDeleted"});
  int64_t row = 0;
  for (const auto& [stage, at] : {std::pair<const char*, const char*>{"Prospecting", "2025-08-17 20:40:07"},
                                  {"Proposal", "2025-09-11 20:40:07"},
                                  {"Closed Won", "2025-10-17 20:40:07"}}) {
    for (int64_t i = 0; i < deals; ++i) {
      csv.Row({Id("008", row++), Id("006", i * kStride % deals), at, stage, "57000", "5700", "10",
               "2025-10-17 00:00:00", "0"});
    }
  }
}

}  // namespace

void WriteSalesforceFeed(const std::string& folder, int64_t deals) {
  std::filesystem::create_directories(folder);
  const int64_t accounts = std::max<int64_t>(deals / 10, 2 * kPartners);
  WriteAccounts(folder, accounts);
  WriteDeals(folder, deals, accounts);
  WritePartners(folder, deals);
  WriteHistory(folder, deals);
}

}  // namespace partnermetrics::bench
