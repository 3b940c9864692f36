#include "server/queries/dates.h"

#include "absl/strings/str_format.h"
#include "server/base/errors.h"

namespace partnermetrics {

absl::StatusOr<Day> ReadDate(const v1::Date& date, absl::string_view field) {
  const absl::CivilDay day(date.year(), date.month(), date.day());
  // CivilDay moves days that do not exist to ones that do.
  if (day.year() != date.year() || day.month() != date.month() || day.day() != date.day()) {
    return InvalidField(field, "NO_SUCH_DAY",
                        absl::StrFormat("is %d-%02d-%02d, which is no day", date.year(), date.month(), date.day()));
  }
  if (date.year() < 1990 || date.year() > 2200) {
    return InvalidField(field, "OUT_OF_RANGE", "must lie between 1990-01-01 and 2200-12-31");
  }
  return ToDay(day);
}

}  // namespace partnermetrics
