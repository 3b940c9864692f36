#include "server/queries/segment_scope.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/engine/segments.h"
#include "server/expr/diagnostics.h"

namespace partnermetrics {

absl::StatusOr<v1::Segment> FindSegment(const Engine::View& view, const v1::Segment& segment, absl::string_view field) {
  const std::shared_ptr<const Catalog> catalog = view.catalog();
  if (!SegmentIndex(catalog->program(), segment.attribute()).has_value()) {
    std::vector<std::string> names;
    for (const v1::SegmentAttribute& known : catalog->program().segments()) names.push_back(known.attribute());
    return InvalidField(absl::StrCat(field, ".attribute"), "UNKNOWN_SEGMENT",
                        names.empty()
                            ? std::string("the programme declares no segments; its `segments` name the attributes")
                            : absl::StrCat("the programme declares no segments by '", segment.attribute(), "'",
                                           SuggestNames(segment.attribute(), std::move(names))));
  }
  // Whatever a record ever stated; the search ends where the value stands.
  std::set<std::string> values = {""};
  bool found = segment.value().empty();
  absl::Status decoded;
  RETURN_IF_ERROR(view.ScanIndex(Index::kAttributes, "", [&](absl::string_view, absl::string_view value) {
    const absl::StatusOr<std::vector<AttributeStatement>> statements = DecodeStatements(value);
    decoded = statements.status();
    for (size_t i = 0; decoded.ok() && i < statements->size(); ++i) {
      std::string stated = AttributeValue((*statements)[i].attributes, segment.attribute());
      found |= stated == segment.value();
      values.insert(std::move(stated));
    }
    return decoded.ok() && !found;
  }));
  RETURN_IF_ERROR(decoded);
  if (found) return segment;
  std::vector<std::string> alike;
  for (const std::string& value : values) {
    if (absl::EqualsIgnoreCase(value, segment.value())) alike.push_back(value);
  }
  if (alike.size() == 1) {
    v1::Segment written = segment;
    written.set_value(alike.front());
    return written;
  }
  values.erase("");
  return InvalidField(absl::StrCat(field, ".value"), "UNKNOWN_SEGMENT",
                      absl::StrCat("no partner has or had the ", segment.attribute(), " '", segment.value(), "'",
                                   SuggestNames(segment.value(), {values.begin(), values.end()})));
}

}  // namespace partnermetrics
