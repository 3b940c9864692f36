// The segments that a programme declares: the part of CatalogCompiler that checks them.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/catalog/catalog_compiler.h"
#include "server/expr/diagnostics.h"

namespace partnermetrics {
namespace {

// A label's key ends where its value begins in the name of a scope: "segment:label.size=small".
bool IsLabel(absl::string_view attribute) {
  return absl::ConsumePrefix(&attribute, "label.") && !attribute.empty() && !absl::StrContains(attribute, '=');
}

}  // namespace

void CatalogCompiler::CheckSegments() {
  static const auto* const attributes =
      new std::vector<std::string>{"tier", "region", "country", "manager", "type", "status"};
  const auto& segments = catalog_->program_.segments();
  for (int i = 0; i < segments.size(); ++i) {
    const std::string& attribute = segments[i].attribute();
    const auto fail = [&](absl::string_view field, absl::string_view message) {
      Fail("program", catalog_->program_.id(), absl::StrCat("segments[", i, "].", field), message);
    };
    if (!IsLabel(attribute) && std::find(attributes->begin(), attributes->end(), attribute) == attributes->end()) {
      fail("attribute", absl::StrCat("\"", attribute, "\" is no attribute by which partners are grouped",
                                     SuggestNames(attribute, *attributes), "; labels are written label.<key>"));
    }
    for (int j = 0; j < i; ++j) {
      if (segments[j].attribute() == attribute) fail("attribute", "this attribute is declared twice");
    }
    if (segments[i].membership() == v1::SEGMENT_MEMBERSHIP_UNSPECIFIED ||
        !v1::SegmentMembership_IsValid(segments[i].membership())) {
      fail("membership", "membership is SEGMENT_MEMBERSHIP_AS_WAS or SEGMENT_MEMBERSHIP_AS_IS");
    }
  }
}

}  // namespace partnermetrics
