#include "clients/cli/renderers/intervention_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "clients/cli/text_layout.h"
#include "clients/cli/value_text.h"
#include "clients/cli/value_type.h"

namespace partnermetrics::cli {

std::string FormatWhat(const v1::InterventionEvent& event) {
  const auto* kind = v1::InterventionEventKind_descriptor()->FindValueByNumber(event.kind());
  std::string what = kind == nullptr ? "" : absl::StrReplaceAll(ShortEnumName(*kind), {{"_", " "}});
  if (event.kind() == v1::INTERVENTION_EVENT_KIND_ASSIGNED) {
    absl::StrAppend(&what, " to ", event.assignee().empty() ? "nobody" : EscapeControls(event.assignee()));
  }
  if (event.has_snoozed_until()) absl::StrAppend(&what, " until ", FormatMessageText(event.snoozed_until()));
  return what;
}

std::string FormatWhy(const v1::InterventionEvent& event) {
  std::string why = EscapeControls(event.cause());
  if (!event.author().empty()) {
    absl::StrAppend(&why, why.empty() ? "" : " ", "(", EscapeControls(event.author()), ")");
  }
  return why;
}

}  // namespace partnermetrics::cli
