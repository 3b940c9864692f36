#include "server/queries/engine_source.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>
#include <set>
#include <utility>

#include "partnermetrics/v1/event.pb.h"
#include "partnermetrics/v1/selling.pb.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/engine/resolution.h"
#include "server/queries/partner_records.h"
#include "server/scoring/proto_values.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

// From how many on the facts of a kind are read one by one, and not those of each partner.
constexpr size_t kManyPartners = 64;
// Targets of other scopes that may be passed over for each one wanted.
constexpr size_t kTargetsPassed = 16;

std::string ScopeName(ScopeIndex scope, const std::vector<std::string>& partners,
                      absl::Span<const v1::Segment> segments) {
  if (IsSegment(scope)) {
    const v1::Segment& segment = segments[static_cast<size_t>(kFirstSegmentScope - scope)];
    return SegmentScope(segment.attribute(), segment.value());
  }
  switch (scope) {
    case kBusinessScope:
      return kBusinessName;
    case kDirectScope:
      return kDirectName;
    case kProgramScope:
      return kProgramName;
    default:
      return PartnerScope(partners[static_cast<size_t>(scope - kFirstPartnerScope)]);
  }
}

}  // namespace

absl::StatusOr<EngineSource> EngineSource::Collect(const Engine::View& view, Reads reads,
                                                   std::vector<std::string> partners,
                                                   absl::Span<const v1::Segment> segments) {
  EngineSource source;
  source.header_ = view.header();
  source.catalog_ = view.catalog();
  source.incomplete_ = view.incomplete();
  source.only_partner_ = view.only_partner();
  for (size_t i = 0; source.incomplete_ != nullptr && i < segments.size(); ++i) {
    if (!source.incomplete_->HasSegments(segments[i].attribute())) continue;
    source.incomplete_segments_.insert(kFirstSegmentScope - static_cast<ScopeIndex>(i));
  }
  const size_t asked = partners.size();
  RETURN_IF_ERROR(source.CollectPartners(view, reads, partners));
  if (!segments.empty()) RETURN_IF_ERROR(source.CollectMembers(view, partners, segments));
  if (!reads.partner_measures.empty() && !source.all_partners_.empty()) {
    for (const ScopeIndex scope : source.all_partners_) {
      for (const int measure : reads.partner_measures) reads.rows.push_back({scope, measure});
    }
    std::sort(reads.rows.begin(), reads.rows.end());
    reads.rows.erase(std::unique(reads.rows.begin(), reads.rows.end()), reads.rows.end());
  }
  source.SetKeys(std::move(reads.rows));
  source.CollectFreshness();
  RETURN_IF_ERROR(source.CollectRows(view, partners, segments));

  ScopeNames scopes;
  const size_t with_targets = reads.partner_targets ? partners.size() : asked;
  for (ScopeIndex scope = 0; scope < kFirstPartnerScope + static_cast<ScopeIndex>(with_targets); ++scope) {
    scopes.emplace(ScopeName(scope, partners, segments), scope);
  }
  if (reads.targets) RETURN_IF_ERROR(source.CollectTargets(view, scopes, reads.partner_targets));
  if (reads.tiers || reads.partner_tiers) {
    ScopeNames named;  // by partner
    for (size_t i = 0; i < (reads.partner_tiers ? partners.size() : asked); ++i) {
      named.emplace(partners[i], kFirstPartnerScope + static_cast<ScopeIndex>(i));
    }
    RETURN_IF_ERROR(source.CollectDecisions(view, named, named.size() > kManyPartners));
  }
  source.partner_ids_ = std::move(partners);
  return source;
}

// Evaluation looks rows up all the time: keys of one scope stand together, so that few have to be looked through.
void EngineSource::SetKeys(std::vector<RowKey> keys) {
  keys_ = std::move(keys);
  if (keys_.empty()) return;
  first_scope_ = keys_.front().scope;
  scope_ends_.assign(static_cast<size_t>(keys_.back().scope - first_scope_) + 1, 0);
  for (const RowKey& key : keys_) ++scope_ends_[static_cast<size_t>(key.scope - first_scope_)];
  std::partial_sum(scope_ends_.begin(), scope_ends_.end(), scope_ends_.begin());
}

std::optional<size_t> EngineSource::PlaceOf(const RowKey& row) const {
  const auto scope = static_cast<size_t>(row.scope - first_scope_);  // of one before the first a large number
  if (scope >= scope_ends_.size()) return std::nullopt;
  const auto first = keys_.begin() + static_cast<std::ptrdiff_t>(scope == 0 ? 0 : scope_ends_[scope - 1]);
  const auto last = keys_.begin() + static_cast<std::ptrdiff_t>(scope_ends_[scope]);
  const auto it =
      std::lower_bound(first, last, row.measure, [](const RowKey& key, int measure) { return key.measure < measure; });
  if (it == last || it->measure != row.measure) return std::nullopt;
  return static_cast<size_t>(it - keys_.begin());
}

void EngineSource::CollectFreshness() {
  for (const auto& [kind, at_us] : header_.fresh_at_us) {
    const auto place = static_cast<size_t>(kind);
    if (fresh_at_us_.size() <= place) fresh_at_us_.resize(place + 1);
    fresh_at_us_[place] = at_us;
  }
}

absl::Status EngineSource::CollectPartners(const Engine::View& view, const Reads& reads,
                                           std::vector<std::string>& partners) {
  const auto scope_of = [](size_t i) { return kFirstPartnerScope + static_cast<ScopeIndex>(i); };
  if (!reads.all_partners) {
    for (size_t i = 0; reads.attributes && i < partners.size(); ++i) {
      ASSIGN_OR_RETURN(const std::optional<v1::Partner> partner, ReadPartnerFields(view, partners[i]));
      if (partner.has_value()) partner_fields_[scope_of(i)] = partner->SerializeAsString();
    }
    return absl::OkStatus();
  }
  absl::flat_hash_map<std::string, ScopeIndex> known;
  for (size_t i = 0; i < partners.size(); ++i) known.emplace(partners[i], scope_of(i));
  ASSIGN_OR_RETURN(std::vector<PartnerRecord> records, ReadPartnerRecords(view));
  for (PartnerRecord& record : records) {
    const auto [it, is_new] = known.emplace(record.partner_id, scope_of(partners.size()));
    if (is_new) partners.push_back(std::move(record.partner_id));
    all_partners_.push_back(it->second);
    partner_fields_[it->second] = std::move(record.fields);
  }
  return absl::OkStatus();
}

absl::Status EngineSource::CollectMembers(const Engine::View& view, const std::vector<std::string>& partners,
                                          absl::Span<const v1::Segment> segments) {
  for (const ScopeIndex partner : all_partners_) {
    ASSIGN_OR_RETURN(SegmentSpans spans, view.SegmentsOf(partners[static_cast<size_t>(partner - kFirstPartnerScope)]));
    for (size_t i = 0; i < segments.size(); ++i) {
      const std::optional<size_t> attribute = SegmentIndex(catalog_->program(), segments[i].attribute());
      if (!attribute.has_value()) continue;
      std::vector<DayRange> days = DaysWith(spans[*attribute], segments[i].value());
      if (!days.empty()) members_[{kFirstSegmentScope - static_cast<ScopeIndex>(i), partner}] = std::move(days);
    }
  }
  return absl::OkStatus();
}

bool EngineSource::InSegment(ScopeIndex segment, ScopeIndex partner, Day day) const {
  const auto it = members_.find({segment, partner});
  return it != members_.end() && std::any_of(it->second.begin(), it->second.end(),
                                             [day](const DayRange& range) { return range.Contains(day); });
}

absl::Status EngineSource::CollectRows(const Engine::View& view, const std::vector<std::string>& partners,
                                       absl::Span<const v1::Segment> segments) {
  rows_.reserve(keys_.size());
  for (auto first = keys_.begin(); first != keys_.end();) {
    const auto last = std::find_if(first, keys_.end(), [&](const RowKey& key) { return key.scope != first->scope; });
    const std::string scope = ScopeName(first->scope, partners, segments);
    const auto measure_of = [this](const RowKey& key) -> const CompiledMeasure& {
      return catalog_->measures()[static_cast<size_t>(key.measure)];
    };
    std::vector<absl::string_view> names;
    names.reserve(static_cast<size_t>(last - first));
    for (auto key = first; key != last; ++key) names.push_back(measure_of(*key).id);
    ASSIGN_OR_RETURN(std::vector<CellRow> rows, view.Rows(scope, names));
    std::move(rows.begin(), rows.end(), std::back_inserter(rows_));
    if (header_.parked_facts > 0) {
      std::vector<std::string> parked;
      for (const absl::string_view name : names) parked.push_back(ParkedRowName(name));
      ASSIGN_OR_RETURN(rows, view.Rows(scope, std::vector<absl::string_view>(parked.begin(), parked.end())));
      std::move(rows.begin(), rows.end(), std::back_inserter(parked_rows_));
    }
    for (; first != last; ++first) {
      if (measure_of(*first).by == nullptr) continue;
      ASSIGN_OR_RETURN(split_rows_[*first], view.SplitRows(scope, measure_of(*first)));
    }
  }
  return absl::OkStatus();
}

// Of many partners all facts of these kinds are read: there are few of them.
absl::Status EngineSource::CollectDecisions(const Engine::View& view, const ScopeNames& partners, bool all) {
  const FactSchema& overrides = *FactSchemas::Get().FindByNumber(v1::Event::kTierOverrideFieldNumber);
  const FactSchema& reviews = *FactSchemas::Get().FindByNumber(v1::Event::kTierReviewFieldNumber);
  const auto add = [&](ScopeIndex scope, const FactSchema& schema, const StoredFact& fact) {
    TierDecisions& decisions = decisions_[scope];
    if (&schema == &overrides) {
      decisions.overrides.emplace_back().ParseFromString(fact.fact);
    } else {
      decisions.reviews.emplace_back().ParseFromString(fact.fact);
    }
  };
  for (const FactSchema* schema : {&overrides, &reviews}) {
    if (!header_.fresh_at_us.contains(schema->kind())) continue;  // there never was one
    if (all) {
      RETURN_IF_ERROR(view.ScanFacts(schema->kind(), [&](const FactId&, const StoredFact& fact) {
        for (const ResolvedPartner& partner : fact.resolution.partners) {
          const auto scope = partners.find(partner.partner_id);
          if (scope != partners.end() && !fact.deleted) add(scope->second, *schema, fact);
        }
        return true;
      }));
      continue;
    }
    for (const auto& [partner, scope] : partners) {
      ASSIGN_OR_RETURN(const std::set<FactId> facts, view.FactsOf(partner, *schema));
      for (const FactId& id : facts) {
        ASSIGN_OR_RETURN(const std::optional<StoredFact> fact, view.Fact(id));
        if (fact.has_value()) add(scope, *schema, *fact);
      }
    }
  }
  // Facts come in the order of their ids, which decides among those of one day.
  for (auto& [scope, decisions] : decisions_) {
    std::stable_sort(decisions.overrides.begin(), decisions.overrides.end(),
                     [](const auto& a, const auto& b) { return ToDay(a.starts_on()) < ToDay(b.starts_on()); });
    std::stable_sort(decisions.reviews.begin(), decisions.reviews.end(),
                     [](const auto& a, const auto& b) { return ToDay(a.reviewed_on()) < ToDay(b.reviewed_on()); });
  }
  return absl::OkStatus();
}

const TierDecisions* EngineSource::Decisions(ScopeIndex scope) const {
  const auto it = decisions_.find(scope);
  return it == decisions_.end() ? nullptr : &it->second;
}

bool EngineSource::IsWhole(const RowKey& row) const {
  if (incomplete_ == nullptr) return true;
  return !incomplete_->HasMeasure(row.measure, row.scope == kBusinessScope) &&
         !incomplete_segments_.contains(row.scope);
}

bool EngineSource::Knows(ScopeIndex scope) const {
  return only_partner_.empty() || (scope >= kFirstPartnerScope && partner_id(scope) == only_partner_);
}

bool EngineSource::IsReported(int measure) const {
  return FreshAtMicros({kBusinessScope, measure}) != 0 ||
         supposed_kinds_.contains(catalog_->measures()[static_cast<size_t>(measure)].fact->kind());
}

void EngineSource::ForgetTargets(absl::string_view metric) {
  for (auto it = targets_.begin(); it != targets_.end();) {
    it = std::get<1>(it->first) == metric ? targets_.erase(it) : std::next(it);
  }
}

void EngineSource::Suppose(const RowKey& row, absl::Span<const Supposed> contributions) {
  const CompiledMeasure& measure = catalog_->measures()[static_cast<size_t>(row.measure)];
  supposed_kinds_.insert(measure.fact->kind());
  const std::optional<size_t> place = PlaceOf(row);
  if (!place) return;
  std::map<std::string, std::vector<const Supposed*>> by_split;
  for (const Supposed& supposed : contributions) by_split[supposed.split].push_back(&supposed);
  for (const auto& [split, added] : by_split) {
    CellRow& cells = measure.by == nullptr ? rows_[*place] : split_rows_[row][split];
    std::map<int, boost::intrusive_ptr<YearCells>> years;
    const auto add = [&](absl::string_view entry, const Contribution& contribution) {
      boost::intrusive_ptr<YearCells>& year = years[static_cast<int>(ToCivil(contribution.day).year())];
      if (year == nullptr) {
        year.reset(new YearCells);
        if (measure.has_entries()) {
          year->entries.emplace_back();
        } else {
          year->pages.emplace_back();
        }
      }
      if (measure.has_entries()) {
        year->entries.front().second.Add(entry, contribution);
      } else {
        year->pages.front().second.Add(contribution);
      }
    };
    cells.ForEachCell([&](absl::string_view entry, const DayCell& cell) {
      add(entry, {cell.day, cell.contributions, cell.count, cell.sum});
    });
    for (const Supposed* supposed : added) add(supposed->entry, supposed->contribution);
    CellRow amended;
    for (auto& [number, year] : years) {
      year->year = number;
      amended.AddYear(year, 0);
    }
    cells = std::move(amended);
  }
}

// Of many scopes the whole index is read at once.
absl::Status EngineSource::CollectTargets(const Engine::View& view, const ScopeNames& scopes, bool all) {
  if (!header_.fresh_at_us.contains(v1::Event::kTargetFieldNumber)) return absl::OkStatus();  // there never was one
  const auto scan = [&](const std::string& prefix, size_t most, bool& ended) {
    size_t passed = 0;
    ended = true;
    return view.ScanIndex(Index::kTarget, prefix, [&](absl::string_view key, absl::string_view value) {
      ended = ++passed <= most;
      if (!ended) return false;
      storage::ByteReader reader(key);
      if (const auto scope = scopes.find(reader.KeyString()); scope != scopes.end()) {
        AddTarget(scope->second, reader, value);
      }
      return true;
    });
  };
  // To look for each of many scopes takes longer than to pass over some targets of others.
  bool ended = false;
  const size_t most = all ? std::numeric_limits<size_t>::max() : kTargetsPassed * scopes.size();
  if (all || scopes.size() > kManyPartners) RETURN_IF_ERROR(scan("", most, ended));
  if (!ended) {
    targets_.clear();
    for (const auto& [name, scope] : scopes) {
      std::string prefix;
      storage::ByteWriter(&prefix).KeyString(name);
      RETURN_IF_ERROR(scan(prefix, std::numeric_limits<size_t>::max(), ended));
    }
  }
  // Of several of one period the one stated last counts; among those of one day the keys' order decides, as the scan
  // gives it.
  for (auto& [key, targets] : targets_) {
    std::stable_sort(targets.begin(), targets.end(), [](const DatedTarget& a, const DatedTarget& b) {
      return std::make_tuple(a.target.first, -a.target.last, a.known_on) <
             std::make_tuple(b.target.first, -b.target.last, b.known_on);
    });
  }
  return absl::OkStatus();
}

void EngineSource::AddTarget(ScopeIndex scope, storage::ByteReader& key, absl::string_view value) {
  std::string metric = key.KeyString();
  const bool forecast = static_cast<int>(key.Fixed32()) == v1::TARGET_KIND_FORECAST;
  DatedTarget target;
  target.target.first = key.KeyI32();
  target.target.last = key.KeyI32();
  storage::ByteReader reader(value);
  target.target.value = reader.Int128();
  const bool stated = reader.Bool();
  const auto stated_on = static_cast<Day>(reader.Zigzag());
  target.known_on = stated ? stated_on : target.target.first;
  targets_[{scope, std::move(metric), forecast}].push_back(target);
}

const CellRow* EngineSource::Find(const Rows& rows, const RowKey& row) const {
  if (rows.empty()) return nullptr;
  const std::optional<size_t> place = PlaceOf(row);
  return place ? &rows[*place] : nullptr;
}

int64_t EngineSource::ParkedFacts(const RowKey& row, Day first, Day last) const {
  const CellRow* cells = Find(parked_rows_, row);
  if (cells == nullptr) return 0;
  const bool is_flow = catalog_->measures()[static_cast<size_t>(row.measure)].is_flow();
  return (is_flow ? cells->Range(first, last) : cells->UpTo(last)).count;
}

CellTotals EngineSource::Totals(const RowKey& row, const Period& period,
                                const std::optional<std::string>& split) const {
  const CompiledMeasure& measure = catalog_->measures()[static_cast<size_t>(row.measure)];
  const auto read = [&](const CellRow& cells) -> CellRow::Totals {
    const bool empty = period.first > period.last;
    switch (measure.kind) {
      case v1::MEASURE_KIND_FLOW:
        return empty ? CellRow::Totals() : cells.Range(period.first, period.last);
      case v1::MEASURE_KIND_COHORT:
        return empty ? CellRow::Totals() : cells.Cohort(period.first, period.last, period.as_of);
      case v1::MEASURE_KIND_KEYED:
        if (!measure.is_flow()) return cells.HeldKeys(period.last);
        return empty ? CellRow::Totals() : cells.LastOfKeys(period.first, period.last);
      case v1::MEASURE_KIND_LATEST:
        return cells.LastDay(period.last);
      default:
        return cells.UpTo(period.last);
    }
  };
  if (measure.by == nullptr) {
    const CellRow* cells = Find(rows_, row);
    if (cells == nullptr) return {};
    const CellRow::Totals totals = read(*cells);
    return {totals.count, totals.sum};
  }
  CellTotals sum;
  const auto it = split_rows_.find(row);
  if (it == split_rows_.end()) return sum;
  for (const auto& [value, cells] : it->second) {
    if (split.has_value() && value != *split) continue;
    const CellRow::Totals totals = read(cells);
    sum.count += totals.count;
    sum.sum += totals.sum;
  }
  return sum;
}

std::vector<std::string> EngineSource::SplitValues(const RowKey& row) const {
  std::vector<std::string> values;
  if (const auto it = split_rows_.find(row); it != split_rows_.end()) {
    for (const auto& [value, cells] : it->second) values.push_back(value);
  }
  return values;
}

std::optional<Day> EngineSource::FirstDay(const RowKey& row) const {
  const CellRow* cells = Find(rows_, row);
  std::optional<Day> first = cells == nullptr ? std::nullopt : cells->FirstDay();
  if (const auto it = split_rows_.find(row); it != split_rows_.end()) {
    for (const auto& [value, split] : it->second) {
      const std::optional<Day> day = split.FirstDay();
      if (day && (!first || *day < *first)) first = day;
    }
  }
  return first;
}

void EngineSource::EachDay(const RowKey& row, Day first, Day last,
                           absl::FunctionRef<bool(Day, const CellTotals&)> visit) const {
  const CellRow* cells = Find(rows_, row);
  if (cells == nullptr) return;
  bool wanted = true;
  cells->ForEachCell([&](absl::string_view, const DayCell& day) {
    if (wanted && day.day >= first && day.day <= last) wanted = visit(day.day, {day.count, day.sum});
  });
}

std::vector<StatedTarget> EngineSource::Targets(absl::string_view metric, ScopeIndex scope, bool forecast,
                                                Day as_of) const {
  std::vector<StatedTarget> known;
  if (targets_.empty()) return known;
  const auto it = targets_.find({scope, std::string(metric), forecast});
  if (it == targets_.end()) return known;
  for (const DatedTarget& dated : it->second) {
    if (dated.known_on > as_of) continue;
    const bool again =
        !known.empty() && known.back().first == dated.target.first && known.back().last == dated.target.last;
    if (again) known.pop_back();
    known.push_back(dated.target);
  }
  return known;
}

std::optional<v1::Partner> EngineSource::PartnerFields(ScopeIndex scope) const {
  const auto fields = partner_fields_.find(scope);
  if (fields == partner_fields_.end()) return std::nullopt;
  v1::Partner partner;
  partner.ParseFromString(fields->second);
  return partner;
}

const FactRow* EngineSource::Partner(ScopeIndex scope) const {
  const auto fields = partner_fields_.find(scope);
  if (fields == partner_fields_.end()) return nullptr;
  std::unique_ptr<FactRow>& row = partner_rows_[scope];
  if (row == nullptr) {
    row = std::make_unique<FactRow>(*FactSchemas::Get().FindByNumber(v1::Event::kPartnerFieldNumber));
    // What ingest let through can be read.
    FieldError error;
    row->Decode(fields->second, catalog_->program().currency_code(), &error);
  }
  return row.get();
}

int64_t EngineSource::FreshAtMicros(const RowKey& row) const {
  const auto kind = static_cast<size_t>(catalog_->measures()[static_cast<size_t>(row.measure)].fact->kind());
  return kind < fresh_at_us_.size() ? fresh_at_us_[kind] : 0;
}

}  // namespace partnermetrics
