// Contract: Contract facts of agreements with partners.
#include <algorithm>

#include "connectors/salesforce_export/contract_term.h"
#include "connectors/salesforce_export/objects.h"
#include "connectors/sdk/readers/facts.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::CivilDate;
using sdk::CsvRecord;

constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kMostMonths = 1200;

// The last day of a term of some months: 2026-01-15 and 12 months end on 2027-01-14.
CivilDate LastDayOfTerm(const CivilDate& start, int64_t months) {
  int month = start.month - 1 + static_cast<int>(months);
  CivilDate next = {start.year + month / 12, month % 12 + 1, start.day};
  while (!sdk::IsValid(next)) --next.day;  // 31 January and one month: 28 February
  return sdk::UtcDate({(sdk::DayNumber(next) - 1) * kSecondsPerDay, 0});
}

class ContractMapper : public ObjectMapper {
 public:
  ContractMapper(sdk::ColumnBinder* bind, const MapperContext& context)
      : context_(context),
        common_(bind),
        term_(bind),
        number_(bind->Optional("ContractNumber", {"ContractNumber"})),
        signed_by_customer_(bind->Optional("CustomerSignedDate", {"CustomerSignedDate"})),
        signed_by_us_(bind->Optional("CompanySignedDate", {"CompanySignedDate"})),
        renewed_(bind->Optional("renewed_on", {"Renewed_Date__c", "Renewal_Date__c"})) {}

  void Map(CsvRecord* record, MappedRow* out) const override {
    v1::Event* event = Begin(record, common_, context_, out);
    v1::Contract* contract = event->mutable_contract();
    if (event->deleted()) return;
    if (!AddPartner(record->SalesforceId(term_.account), context_, contract->mutable_partner_refs())) {
      out->skip = "no_partner";
      return;
    }
    contract->set_number(record->Text(number_));
    contract->set_status(term_.Status(*record));
    if (auto on = SignedOn(record)) sdk::SetDate(*on, contract->mutable_signed_on());
    if (auto on = record->Date(term_.start)) sdk::SetDate(*on, contract->mutable_starts_on());
    if (auto on = record->Date(renewed_)) sdk::SetDate(*on, contract->mutable_renewed_on());
    std::optional<CivilDate> last = term_.LastDay(record);
    if (!last) return;
    sdk::SetDate(*last, contract->mutable_ends_on());
    bool ran = contract->status() == v1::CONTRACT_STATUS_ACTIVE || contract->status() == v1::CONTRACT_STATUS_EXPIRED;
    if (ran) sdk::SetDate(*last, contract->mutable_renewal_due_on());
  }

 private:
  // When the later of both signed; agreements that were only activated count as signed on that day.
  std::optional<CivilDate> SignedOn(CsvRecord* record) const {
    std::optional<CivilDate> customer = record->Date(signed_by_customer_);
    std::optional<CivilDate> us = record->Date(signed_by_us_);
    if (customer && us) return sdk::DayNumber(*customer) < sdk::DayNumber(*us) ? us : customer;
    if (customer || us) return customer ? customer : us;
    return record->Date(term_.activated);
  }

  const MapperContext& context_;
  CommonColumns common_;
  ContractTerm term_;
  int number_, signed_by_customer_, signed_by_us_, renewed_;
};

}  // namespace

ContractTerm::ContractTerm(sdk::ColumnBinder* bind)
    : account(bind->Required("AccountId", {"AccountId"})),
      start(bind->Optional("StartDate", {"StartDate"})),
      end(bind->Optional("EndDate", {"EndDate"})),
      months(bind->Optional("ContractTerm", {"ContractTerm"})),
      status(bind->Required("Status", {"StatusCode", "Status"})),
      activated(bind->Optional("ActivatedDate", {"ActivatedDate"})),
      changed(bind) {}

v1::ContractStatus ContractTerm::Status(const sdk::CsvRecord& record) const {
  std::string text = sdk::ToLower(record.Cell(status));
  auto says = [&text](const char* word) { return text.find(word) != std::string::npos; };
  if (says("expired")) return v1::CONTRACT_STATUS_EXPIRED;
  if (says("terminat") || says("cancel")) return v1::CONTRACT_STATUS_TERMINATED;
  if (text == "activated" || text == "active") return v1::CONTRACT_STATUS_ACTIVE;
  if (says("draft") || says("approval") || says("negotiat") || says("await") || says("reject") || says("declin")) {
    return v1::CONTRACT_STATUS_DRAFT;
  }
  return record.IsBlank(activated) ? v1::CONTRACT_STATUS_UNSPECIFIED : v1::CONTRACT_STATUS_ACTIVE;
}

bool ContractTerm::WasActivated(const sdk::CsvRecord& record) const {
  v1::ContractStatus now = Status(record);
  return now != v1::CONTRACT_STATUS_DRAFT && now != v1::CONTRACT_STATUS_UNSPECIFIED;
}

std::optional<CivilDate> ContractTerm::LastDay(CsvRecord* record) const {
  if (std::optional<CivilDate> day = record->Date(end)) return day;
  std::optional<CivilDate> first = record->Date(start);
  std::optional<int64_t> length = record->Integer(months);
  if (!first || !length || *length < 1 || *length > kMostMonths) return std::nullopt;
  return LastDayOfTerm(*first, *length);
}

std::unique_ptr<ObjectMapper> MakeContractMapper(sdk::ColumnBinder* bind, const MapperContext& context) {
  return std::make_unique<ContractMapper>(bind, context);
}

}  // namespace partnermetrics::salesforce
