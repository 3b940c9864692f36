#include "server/queries/partner_list.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/errors.h"
#include "server/expr/diagnostics.h"
#include "server/expr/row_expression.h"
#include "server/facts/fact_row.h"
#include "server/facts/fact_schema.h"
#include "server/queries/answer_size.h"
#include "server/queries/page_token.h"
#include "server/sync/page_request.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

// Partners read in one look at the state: it holds the applier up for as long.
constexpr size_t kPartnersPerLook = 200;

const FactSchema& PartnerSchema() {
  static const FactSchema* const schema = FactSchemas::Get().Find("partner");
  return *schema;
}

struct Order {
  std::string field = "id";
  bool descending = false;
};

absl::StatusOr<Order> ReadOrder(const std::string& text) {
  static const auto* const fields =
      new std::vector<std::string>{"id",      "name",   "type",      "tier",         "region",        "country",
                                   "manager", "status", "signed_on", "activated_on", "terminated_on", "facts"};
  Order order;
  const std::vector<std::string> words = absl::StrSplit(text, ' ', absl::SkipEmpty());
  if (words.empty()) return order;
  order.field = words[0];
  order.descending = words.size() == 2 && words[1] == "desc";
  if (words.size() > 2 || (words.size() == 2 && words[1] != "desc" && words[1] != "asc")) {
    return InvalidField("order_by", "MALFORMED", "must be one field and optionally \"desc\": \"facts desc\"");
  }
  if (std::find(fields->begin(), fields->end(), order.field) == fields->end()) {
    return InvalidField("order_by", "UNKNOWN_FIELD",
                        absl::StrCat("cannot order by '", order.field, "'", SuggestNames(order.field, *fields)));
  }
  return order;
}

// A partner of the list, with what it is ordered by as bytes that compare alike.
struct Entry {
  std::string id;
  std::string key;
};

void AppendValue(const Value& value, std::string& key) {
  if (value.is_null()) return;
  if (value.type == ValueType::kString) {
    key += absl::AsciiStrToLower(value.text);
  } else {
    storage::ByteWriter(&key).KeyI64(value.integer);
  }
}

std::string SortKey(const Order& order, const PartnerState& partner, const FactRow& row) {
  std::string key;
  if (order.field == "facts") {
    storage::ByteWriter(&key).KeyI64(partner.facts);
  } else if (order.field != "id") {
    AppendValue(row[PartnerSchema().Find(order.field)->slot], key);
  }
  return key;
}

bool Before(const Order& order, const Entry& a, const Entry& b) {
  if (a.key != b.key) return order.descending ? b.key < a.key : a.key < b.key;
  return order.descending && order.field == "id" ? b.id < a.id : a.id < b.id;
}

// What the pages of one list have in common.
class PartnerLister {
 public:
  PartnerLister(ProgramRuntime& program, Order order, std::optional<RowExpression> filter)
      : program_(program), order_(std::move(order)), filter_(std::move(filter)) {}

  absl::StatusOr<std::vector<Entry>> Entries(uint64_t& position) {
    std::vector<std::string> ids;
    {
      Engine::View view(program_.engine());
      position = view.header().position;
      catalog_ = view.catalog();
      ASSIGN_OR_RETURN(ids, PartnerIds(view));
    }
    std::vector<Entry> entries;
    entries.reserve(ids.size());
    if (!filter_.has_value() && order_.field == "id") {
      for (std::string& id : ids) entries.push_back({std::move(id), ""});
    } else {
      RETURN_IF_ERROR(ForEach(ids, [&](PartnerState partner) { Consider(std::move(partner), entries); }));
    }
    std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) { return Before(order_, a, b); });
    return entries;
  }

  // Calls `take` with the partners that are (still) there.
  absl::Status ForEach(const std::vector<std::string>& ids, const std::function<void(PartnerState)>& take) {
    for (size_t begin = 0; begin < ids.size(); begin += kPartnersPerLook) {
      std::vector<PartnerState> partners;
      {
        Engine::View view(program_.engine());
        for (size_t i = begin; i < std::min(ids.size(), begin + kPartnersPerLook); ++i) {
          ASSIGN_OR_RETURN(std::optional<PartnerState> partner, ReadPartner(view, ids[i]));
          if (partner.has_value()) partners.push_back(*std::move(partner));
        }
      }
      for (PartnerState& partner : partners) take(std::move(partner));
    }
    return absl::OkStatus();
  }

 private:
  void Consider(PartnerState partner, std::vector<Entry>& entries) {
    const std::string bytes = partner.fields.SerializeAsString();
    FieldError error;
    if (!row_.Decode(bytes, catalog_->program().currency_code(), &error)) return;
    if (filter_.has_value() && !filter_->Test({&row_, nullptr, &catalog_->zone()})) return;
    std::string key = SortKey(order_, partner, row_);
    entries.push_back({std::move(partner.partner_id), std::move(key)});
  }

  ProgramRuntime& program_;
  const Order order_;
  const std::optional<RowExpression> filter_;
  std::shared_ptr<const Catalog> catalog_;
  FactRow row_{PartnerSchema()};
};

absl::StatusOr<std::optional<RowExpression>> ReadFilter(const std::string& text) {
  if (text.empty()) return std::optional<RowExpression>();
  CompileOptions options;
  options.result = {ValueType::kBool};
  options.purpose = "filter";
  options.locate = [](size_t offset) { return absl::StrCat("column ", offset + 1); };
  absl::StatusOr<RowExpression> filter = RowExpression::Compile(text, PartnerSchema(), options);
  if (!filter.ok()) return InvalidField("filter", "BAD_EXPRESSION", filter.status().message());
  return std::optional<RowExpression>(*std::move(filter));
}

}  // namespace

v1::PartnerEntity ToEntity(PartnerState partner) {
  v1::PartnerEntity entity;
  entity.set_partner_id(std::move(partner.partner_id));
  *entity.mutable_partner() = std::move(partner.fields);
  for (std::string& source : partner.sources) entity.add_sources(std::move(source));
  for (std::string& alias : partner.aliases) entity.add_aliases(std::move(alias));
  entity.set_facts(partner.facts);
  entity.set_etag(absl::StrCat(partner.version));
  return entity;
}

absl::Status ListPartners(ProgramRuntime& program, const v1::ListPartnersRequest& request,
                          v1::ListPartnersResponse& response) {
  ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
  ASSIGN_OR_RETURN(Order order, ReadOrder(request.order_by()));
  ASSIGN_OR_RETURN(std::optional<RowExpression> filter, ReadFilter(request.filter()));
  const std::string list = absl::StrCat("partners\n", request.order_by(), "\n", request.filter());
  ASSIGN_OR_RETURN(const std::string token, ReadPageToken(request.page_token(), list));

  PartnerLister lister(program, order, std::move(filter));
  uint64_t position = 0;
  ASSIGN_OR_RETURN(std::vector<Entry> entries, lister.Entries(position));
  response.set_position(position);
  response.set_total_size(static_cast<int32_t>(entries.size()));

  auto begin = entries.begin();
  if (!token.empty()) {
    storage::ByteReader reader(token);
    Entry last;
    last.key = reader.KeyString();
    last.id = reader.KeyString();
    if (!reader.Finish("page token").ok()) return BadPageToken();
    begin = std::upper_bound(entries.begin(), entries.end(), last,
                             [&](const Entry& a, const Entry& b) { return Before(order, a, b); });
  }
  std::vector<std::string> ids;
  for (auto it = begin; it != entries.end() && ids.size() < static_cast<size_t>(page_size); ++it) ids.push_back(it->id);
  size_t bytes = 0, shown = 0;
  RETURN_IF_ERROR(lister.ForEach(ids, [&](PartnerState partner) {
    v1::PartnerEntity entity = ToEntity(std::move(partner));
    bytes += entity.ByteSizeLong();
    if (shown > 0 && bytes > kMaxAnswerBytes) return;
    *response.add_partners() = std::move(entity);
    ++shown;
  }));
  const auto next = std::find_if(begin, entries.end(), [&](const Entry& entry) {
    return shown > 0 && entry.id == response.partners(static_cast<int>(shown) - 1).partner_id();
  });
  if (next != entries.end() && next + 1 != entries.end()) {
    std::string key;
    storage::ByteWriter(&key).KeyString(next->key).KeyString(next->id);
    response.set_next_page_token(MakePageToken(key, list));
  }
  return absl::OkStatus();
}

}  // namespace partnermetrics
