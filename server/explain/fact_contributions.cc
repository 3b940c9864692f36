#include "server/explain/fact_contributions.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "partnermetrics/v1/event.pb.h"
#include "server/base/errors.h"
#include "server/engine/money.h"
#include "server/engine/resolution.h"
#include "server/engine/segments.h"
#include "server/facts/fact_row.h"
#include "server/queries/partner_records.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

std::string TextOf(const Value& value) {
  switch (value.type) {
    case ValueType::kString:
      return std::string(value.text);
    case ValueType::kDecimal:
    case ValueType::kMoney:
      return NanosText(value.decimal);
    case ValueType::kDate:
      return DayText(static_cast<Day>(value.integer));
    default:
      return absl::StrCat(value.integer);
  }
}

std::string KeyText(const CompiledMeasure& measure, const EvalContext& context) {
  return absl::StrJoin(measure.key, " / ", [&](std::string* out, const RowExpression& part) {
    absl::StrAppend(out, TextOf(part.Evaluate(context)));
  });
}

// Takes contributions in the order of their facts and keeps what the kind of measure counts.
class Collector {
 public:
  Collector(const FactQuery& query, absl::string_view after, size_t size)
      : measure_(query.measure), period_(query.period), after_(after), size_(size) {}

  // `entry` tells the entries of one day apart, `group` the values of a split measure.
  void Add(FactContribution row, const std::string& entry, const std::string& group) {
    switch (measure_.kind) {
      case v1::MEASURE_KIND_FLOW:
        if (InWindow(row.day)) KeepFact(std::move(row));
        return;
      case v1::MEASURE_KIND_COHORT:
        row.until = CohortDay(entry);
        if (InWindow(row.day) && *row.until <= period_.as_of) KeepFact(std::move(row));
        return;
      case v1::MEASURE_KIND_LATEST:
        if (row.day > period_.last || (page_.rows > 0 && row.day < latest_)) return;
        if (row.day > latest_) page_ = {}, more_ = false;
        latest_ = row.day;
        return KeepFact(std::move(row));
      case v1::MEASURE_KIND_KEYED:
        if (measure_.is_flow() ? InWindow(row.day) : Holds(row)) {
          Reduce(absl::StrCat(group, absl::string_view("\0", 1), ReducedKey(entry)), std::move(row));
        }
        return;
      default:
        if (Holds(row)) KeepFact(std::move(row));
    }
  }

  ContributionPage Finish() && {
    for (auto& [key, row] : by_key_) Keep(key, std::move(row));
    if (!more_) page_.last.clear();
    return std::move(page_);
  }

 private:
  bool InWindow(Day day) const { return period_.first <= day && day <= period_.last; }
  bool Holds(const FactContribution& row) const {
    return row.day <= period_.last && (!row.until || *row.until > period_.last);
  }

  // The last day's fact, and of several on one day the one with the greatest name, which comes last.
  void Reduce(const std::string& key, FactContribution row) {
    const auto [it, is_new] = by_key_.try_emplace(key, std::move(row));
    if (is_new) return;
    FactContribution& standing = it->second;
    row.facts = ++standing.facts;
    if (row.day >= standing.day) standing = std::move(row);
  }

  // A fact may be in a segment, leave it and come back: a row each.
  void KeepFact(FactContribution row) {
    std::string order = FactBytes(row.fact);
    storage::ByteWriter(&order).KeyI32(row.day);
    Keep(order, std::move(row));
  }

  void Keep(const std::string& order, FactContribution row) {
    ++page_.rows;
    page_.totals.count += row.count;
    page_.totals.sum += row.sum;
    if (order <= after_) return;
    more_ = page_.page.size() >= size_;
    if (more_) return;
    page_.page.push_back(std::move(row));
    page_.last = order;
  }

  const CompiledMeasure& measure_;
  const Period period_;
  const absl::string_view after_;
  const size_t size_;
  ContributionPage page_;
  bool more_ = false;
  Day latest_ = 0;
  std::map<std::string, FactContribution> by_key_;
};

// Reads facts as one measure sees them in one scope.
class FactReader {
 public:
  FactReader(const Engine::View& view, const FactQuery& query, Collector& collector)
      : view_(view),
        query_(query),
        catalog_(view.catalog()),
        schema_(*query.measure.fact),
        currency_(catalog_->program().currency_code()),
        row_(schema_),
        collector_(collector) {
    if (schema_.root_schema() != nullptr) root_row_.emplace(*schema_.root_schema());
  }

  absl::Status Read(const FactId& id, const StoredFact& fact) {
    const Resolution& resolution = fact.resolution;
    if (fact.deleted || resolution.waiting) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::vector<Seen> seen, InScope(resolution));
    FieldError error;
    if (seen.empty() || !row_.Decode(fact.fact, currency_, &error)) return absl::OkStatus();
    ConvertMoney(resolution.rates, row_);
    FactContribution row;
    std::optional<StoredFact> root;
    RETURN_IF_ERROR(ReadRoot(id, row.root, root));
    const bool has_root = root.has_value() && root_row_->Decode(root->fact, currency_, &error);
    if (has_root) ConvertMoney(root->resolution.rates, *root_row_);
    const EvalContext context{&row_, has_root ? &*root_row_ : nullptr, &catalog_->zone()};

    FactRow* role_row = schema_.role_slot() >= 0 ? &row_ : nullptr;
    if (has_root && root_row_->schema().role_slot() >= 0) role_row = &*root_row_;
    row.fact = id;
    row.partners = resolution.partners;
    row.version = fact.version;
    row.position = fact.position;
    ForEachPartnership(query_.measure, context, [&](const EvalContext& shown) {
      std::optional<FactContribution> before;
      for (const Seen& as : seen) {
        if (role_row != nullptr) {
          const FactSchema& schema = role_row->schema();
          if (as.partners) {
            SetRoleFields(schema, resolution, *as.partners, *role_row);
          } else {
            SetRoleFields(schema, resolution, *role_row);
          }
          row.role = static_cast<int>((*role_row)[schema.role_slot()].integer);
        }
        row.share_nanos.reset();
        if (as.partners) {
          row.share_nanos = 0;
          for (const int i : *as.partners) *row.share_nanos += resolution.partners[static_cast<size_t>(i)].share_nanos;
        }
        Count(shown, as.days, row, before);
      }
    });
    return absl::OkStatus();
  }

 private:
  // How the scope sees a fact: as its own the partners it is about, if it is about some; and on which days.
  struct Seen {
    std::optional<std::vector<int>> partners;
    DayRange days;
  };

  // Empty when the fact does not count in the scope.
  absl::StatusOr<std::vector<Seen>> InScope(const Resolution& resolution) {
    const WholeScopes whole = WholeScopesOf(schema_, resolution);
    const auto if_there = [](bool there) { return std::vector<Seen>(there ? 1 : 0); };
    switch (query_.scope.kind()) {
      case v1::SCOPE_KIND_BUSINESS:
        return if_there(true);
      case v1::SCOPE_KIND_PROGRAM:
        return if_there(whole.program);
      case v1::SCOPE_KIND_DIRECT:
        return if_there(whole.direct);
      case v1::SCOPE_KIND_SEGMENT:
        return InSegment(resolution);
      default: {
        const auto it = std::find_if(resolution.partners.begin(), resolution.partners.end(),
                                     [&](const auto& p) { return p.partner_id == query_.scope.partner_id(); });
        if (it == resolution.partners.end()) return std::vector<Seen>();
        return std::vector<Seen>{{std::vector<int>{static_cast<int>(it - resolution.partners.begin())}, {}}};
      }
    }
  }

  absl::StatusOr<std::vector<Seen>> InSegment(const Resolution& resolution) {
    std::vector<Seen> seen;
    if (resolution.partners.empty()) return seen;
    const v1::Segment& segment = query_.scope.segment();
    const std::optional<size_t> attribute = SegmentIndex(catalog_->program(), segment.attribute());
    if (!attribute.has_value()) return seen;
    std::vector<const SegmentSpans*> partners;
    for (const ResolvedPartner& partner : resolution.partners) {
      const auto [it, is_new] = segments_.try_emplace(partner.partner_id);
      if (is_new) {
        ASSIGN_OR_RETURN(it->second, view_.SegmentsOf(partner.partner_id));
      }
      partners.push_back(&it->second);
    }
    for (SegmentPiece& piece : PiecesOf(partners, *attribute)) {
      if (piece.value == segment.value()) seen.push_back({std::move(piece.partners), piece.days});
    }
    return seen;
  }

  absl::Status ReadRoot(const FactId& id, std::optional<FactId>& root_id, std::optional<StoredFact>& root) const {
    if (!root_row_ || row_[schema_.root_slot()].is_null()) return absl::OkStatus();
    root_id = FactId{schema_.root_schema()->kind(), id.source, std::string(row_[schema_.root_slot()].text)};
    ASSIGN_OR_RETURN(root, view_.Fact(*root_id));
    return absl::OkStatus();
  }

  // `before` is the fact's row for the days before, and becomes this one.
  void Count(const EvalContext& context, const DayRange& days, FactContribution row,
             std::optional<FactContribution>& before) {
    const CompiledMeasure& measure = query_.measure;
    const ContributionList list = Within(measure, ContributionsOf(measure, context), days);
    if (list.empty()) return;
    std::string entry, group;
    if (measure.has_entries() && !EntryKey(measure, context, FactBytes(row.fact), entry)) return;
    if (measure.by != nullptr) {
      group = SplitRowName(measure, context);
      if (query_.split && group != SplitRowName(measure.id, *query_.split)) return;
    }
    row.day = list[0].day;
    row.count = list[0].count;
    row.sum = list[0].sum;
    if (list.size() > 1) row.until = list[1].day;
    if (measure.kind == v1::MEASURE_KIND_KEYED) {
      row.key = KeyText(measure, context);
      // That other partners are in the segment with it from some day on is no new beginning.
      if (before && before->until == row.day) row.day = before->day;
    }
    before = row;
    collector_.Add(std::move(row), entry, group);
  }

  const Engine::View& view_;
  const FactQuery& query_;
  const std::shared_ptr<const Catalog> catalog_;
  const FactSchema& schema_;
  const std::string& currency_;
  FactRow row_;
  std::optional<FactRow> root_row_;
  Collector& collector_;
  std::map<std::string, SegmentSpans> segments_;  // of the partners met so far
};

}  // namespace

absl::StatusOr<ContributionPage> FindContributions(const Engine::View& view, const FactQuery& query,
                                                   absl::string_view after, size_t size) {
  Collector collector(query, after, size);
  FactReader reader(view, query, collector);
  const int kind = query.measure.fact->kind();
  if (kind == v1::Event::kPartnerFieldNumber) {
    ASSIGN_OR_RETURN(const std::vector<PartnerRecord> records, ReadPartnerRecords(view));
    for (const PartnerRecord& record : records) {
      StoredFact partner;
      partner.fact = record.fields;
      partner.resolution.partners.push_back({record.partner_id, 0, kNanosPerUnit});
      RETURN_IF_ERROR(reader.Read({kind, "", record.partner_id}, partner));
    }
    return std::move(collector).Finish();
  }
  if (query.scope.kind() == v1::SCOPE_KIND_PARTNER) {
    ASSIGN_OR_RETURN(const std::set<FactId> facts, view.FactsOf(query.scope.partner_id(), *query.measure.fact));
    for (const FactId& id : facts) {
      ASSIGN_OR_RETURN(const std::optional<StoredFact> fact, view.Fact(id));
      if (fact.has_value()) RETURN_IF_ERROR(reader.Read(id, *fact));
    }
    return std::move(collector).Finish();
  }
  absl::Status read;
  RETURN_IF_ERROR(view.ScanFacts(kind, [&](const FactId& id, const StoredFact& fact) {
    read = reader.Read(id, fact);
    return read.ok();
  }));
  RETURN_IF_ERROR(read);
  return std::move(collector).Finish();
}

absl::StatusOr<std::vector<FactId>> FactsOf(const Engine::View& view, const FactId& id) {
  std::vector<FactId> facts;
  if (id.kind == v1::Event::kPartnerFieldNumber && id.source.empty()) {
    ASSIGN_OR_RETURN(const auto value, view.IndexValue(Index::kPartner, id.record_id));
    if (!value.has_value()) return facts;
    storage::ByteReader reader(*value);
    while (reader.ok() && !reader.empty()) facts.push_back(Keys::ReadFactId(reader));
    RETURN_IF_ERROR(reader.Finish("facts of a partner"));
    return facts;
  }
  ASSIGN_OR_RETURN(const auto fact, view.Fact(id));
  if (fact.has_value()) facts.push_back(id);
  return facts;
}

absl::StatusOr<Positions> PositionsOf(const Engine::View& view, const std::vector<FactId>& facts) {
  Positions positions;
  for (const FactId& id : facts) {
    ASSIGN_OR_RETURN(const auto fact, view.Fact(id));
    if (!fact.has_value()) continue;
    positions.standing.push_back(fact->position);
    const std::string prefix = FactBytes(id);
    RETURN_IF_ERROR(view.ScanIndex(Index::kHistory, prefix, [&](absl::string_view key, absl::string_view) {
      positions.all.push_back(storage::ByteReader(key.substr(prefix.size())).KeyU64());
      return true;
    }));
  }
  positions.all.insert(positions.all.end(), positions.standing.begin(), positions.standing.end());
  std::sort(positions.all.begin(), positions.all.end());
  std::sort(positions.standing.begin(), positions.standing.end());
  return positions;
}

}  // namespace partnermetrics
