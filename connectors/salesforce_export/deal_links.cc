#include "connectors/salesforce_export/deal_links.h"

#include <algorithm>
#include <tuple>

#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {

DealPartnerColumns::DealPartnerColumns(sdk::ColumnBinder* bind)
    : deal(bind->Optional("OpportunityId", {"OpportunityId"})),
      to(bind->Required("AccountToId", {"AccountToId"})),
      role(bind->Optional("Role", {"Role"})),
      primary(bind->Optional("IsPrimary", {"IsPrimary"})),
      deleted(bind->Optional("IsDeleted", {"IsDeleted"})),
      reverse(bind->Optional("ReversePartnerId", {"ReversePartnerId"})),
      changed(bind) {}

DealPartner DealPartnerColumns::Read(sdk::CsvRecord* record, const Options& options) const {
  DealPartner link;
  link.deal_id = record->SalesforceId(deal).substr(0, Part::kIdSize);
  link.partner_id = record->RequiredSalesforceId(to).substr(0, Part::kIdSize);
  auto known = options.role_map.find(sdk::ToLower(record->Text(role)));
  if (known != options.role_map.end()) link.role = known->second;
  link.primary = record->Bool(primary);
  link.deleted = record->Bool(deleted);
  link.mirrored = !record->SalesforceId(reverse).empty();
  link.changed = changed.Micros(record);
  return link;
}

sdk::Result<DealLinks> DealLinks::Load(const Source& source, Part* part) {
  // The vector may have twice as much room as it needs.
  const size_t most = source.options.memory_bytes / (2 * sizeof(DealPartner));
  DealLinks result;
  uint64_t order = 0;
  auto each = [&](sdk::CsvRecord* record, const DealPartnerColumns& columns) {
    ++order;
    if (!part->Has(record->Cell(columns.deal))) return;
    DealPartner link = columns.Read(record, source.options);
    if (!record->ok() || link.deal_id.empty()) return;
    link.order = order;
    result.links_.push_back(std::move(link));
    if (result.links_.size() > most) result.Shrink(part);
  };
  PM_RETURN_IF_ERROR(ForEachRow<DealPartnerColumns>(source, "Partner", each));
  PM_RETURN_IF_ERROR(ForEachRow<DealPartnerColumns>(source, "OpportunityPartner", each));
  std::sort(result.links_.begin(), result.links_.end(), [](const DealPartner& a, const DealPartner& b) {
    return std::tie(a.deal_id, a.order) < std::tie(b.deal_id, b.order);
  });
  return result;
}

void DealLinks::Shrink(Part* part) {
  if (!part->CanShrink()) return;
  part->Shrink();
  auto left = [part](const DealPartner& link) { return !part->Has(link.deal_id); };
  links_.erase(std::remove_if(links_.begin(), links_.end(), left), links_.end());
}

std::vector<DealPartner> DealLinks::Of(const std::string& deal_id) const {
  const std::string id = deal_id.substr(0, Part::kIdSize);
  auto first = std::lower_bound(links_.begin(), links_.end(), id,
                                [](const DealPartner& link, const std::string& key) { return link.deal_id < key; });
  auto last = first;
  while (last != links_.end() && last->deal_id == id) ++last;
  return {first, last};
}

}  // namespace partnermetrics::salesforce
