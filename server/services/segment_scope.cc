#include "server/services/segment_scope.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/expr/diagnostics.h"

namespace partnermetrics {

absl::StatusOr<v1::Segment> FindSegment(const Engine::View& view, const v1::Segment& segment, absl::string_view field) {
  const auto& declared = view.catalog()->program().segments();
  const auto attribute = std::find_if(declared.begin(), declared.end(),
                                      [&](const auto& d) { return d.attribute() == segment.attribute(); });
  if (attribute == declared.end()) {
    std::vector<std::string> names;
    for (const v1::SegmentAttribute& known : declared) names.push_back(known.attribute());
    return InvalidField(absl::StrCat(field, ".attribute"), "UNKNOWN_SEGMENT",
                        names.empty()
                            ? std::string("the programme declares no segments; its `segments` name the attributes")
                            : absl::StrCat("the programme declares no segments by '", segment.attribute(), "'",
                                           SuggestNames(segment.attribute(), std::move(names))));
  }
  const auto index = static_cast<size_t>(attribute - declared.begin());
  ASSIGN_OR_RETURN(const std::vector<std::string> partners, PartnerIds(view));
  std::set<std::string> values = {""};
  for (const std::string& partner : partners) {
    ASSIGN_OR_RETURN(const SegmentSpans spans, view.SegmentsOf(partner));
    for (const SegmentSpan& span : spans[index]) values.insert(span.value);
  }
  if (values.count(segment.value()) > 0) return segment;
  std::vector<std::string> alike;
  for (const std::string& value : values) {
    if (absl::EqualsIgnoreCase(value, segment.value())) alike.push_back(value);
  }
  if (alike.size() == 1) {
    v1::Segment found = segment;
    found.set_value(alike.front());
    return found;
  }
  values.erase("");
  return InvalidField(absl::StrCat(field, ".value"), "UNKNOWN_SEGMENT",
                      absl::StrCat("no partner has or had the ", segment.attribute(), " '", segment.value(), "'",
                                   SuggestNames(segment.value(), {values.begin(), values.end()})));
}

}  // namespace partnermetrics
