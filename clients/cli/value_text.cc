#include "clients/cli/value_text.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "partnermetrics/v1/common.pb.h"

namespace partnermetrics::cli {
namespace {

using google::protobuf::DynamicCastToGenerated;

constexpr int kNanoDigits = 9;

absl::Status Bad(absl::string_view problem) {
  return absl::InvalidArgumentError(problem);
}

bool AllDigits(absl::string_view text) {
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return !text.empty();
}

// The day with the same number n months later, or the month's last day when there is none.
absl::CivilDay AddMonths(absl::CivilDay day, int months) {
  const absl::CivilMonth month = absl::CivilMonth(day) + months;
  const absl::CivilDay last = absl::CivilDay(month + 1) - 1;
  return absl::CivilDay(month.year(), month.month(), std::min(day.day(), last.day()));
}

// "today", "today-30d", "today+1y".
absl::Status ParseRelativeDay(absl::string_view offset, absl::CivilDay today, absl::CivilDay* day) {
  *day = today;
  if (offset.empty()) return absl::OkStatus();
  int count = 0;
  const char unit = offset.back();
  const bool signed_offset = offset.front() == '+' || offset.front() == '-';
  if (!signed_offset || offset.size() < 3 || !AllDigits(offset.substr(1, offset.size() - 2)) ||
      !absl::SimpleAtoi(offset.substr(1, offset.size() - 2), &count) || count > 100000) {
    return Bad("is not a date");
  }
  if (offset.front() == '-') count = -count;
  switch (unit) {
    case 'd':
      *day = today + count;
      return absl::OkStatus();
    case 'w':
      *day = today + int64_t{7} * count;
      return absl::OkStatus();
    case 'm':
      *day = AddMonths(today, count);
      return absl::OkStatus();
    case 'y':
      *day = AddMonths(today, 12 * count);
      return absl::OkStatus();
    default:
      return Bad("is not a date");
  }
}

absl::Status ParseDate(absl::string_view text, const CallTime& time, v1::Date* date) {
  absl::CivilDay day;
  if (absl::ConsumePrefix(&text, "today")) {
    if (absl::Status status = ParseRelativeDay(text, time.today, &day); !status.ok()) return status;
  } else {
    const std::vector<absl::string_view> parts = absl::StrSplit(text, '-');
    int year = 0, month = 0, number = 0;
    if (parts.size() != 3 || parts[0].size() != 4 || parts[1].size() != 2 || parts[2].size() != 2 ||
        !absl::SimpleAtoi(parts[0], &year) || !absl::SimpleAtoi(parts[1], &month) ||
        !absl::SimpleAtoi(parts[2], &number)) {
      return Bad("is not a date");
    }
    day = absl::CivilDay(year, month, number);
    if (day.year() != year || day.month() != month || day.day() != number) return Bad("is a day that does not exist");
  }
  date->set_year(static_cast<int32_t>(day.year()));
  date->set_month(day.month());
  date->set_day(day.day());
  return absl::OkStatus();
}

std::string FormatDate(const v1::Date& date) {
  return absl::StrFormat("%04d-%02d-%02d", date.year(), date.month(), date.day());
}

absl::Status ParseDateRange(absl::string_view text, const CallTime& time, v1::DateRange* range) {
  const std::vector<absl::string_view> ends = absl::StrSplit(text, "..");
  if (ends.size() != 2) return Bad("is not a range of dates");
  if (absl::Status status = ParseDate(ends[0], time, range->mutable_start_on()); !status.ok()) return status;
  return ParseDate(ends[1], time, range->mutable_end_on());
}

std::string FormatDateRange(const v1::DateRange& range) {
  if (!range.has_start_on()) return range.has_end_on() ? FormatDate(range.end_on()) : "";
  return absl::StrCat(FormatDate(range.start_on()), "..", range.has_end_on() ? FormatDate(range.end_on()) : "");
}

absl::Status ParseTimestamp(absl::string_view text, const CallTime& time, google::protobuf::Timestamp* timestamp) {
  absl::Time instant;
  if (absl::ConsumePrefix(&text, "now")) {
    absl::Duration offset;
    if (!text.empty() && (text[0] == '+' || text[0] == '-') && !absl::ParseDuration(text, &offset)) {
      return Bad("is not an instant");
    }
    if (!text.empty() && text[0] != '+' && text[0] != '-') return Bad("is not an instant");
    instant = time.now + offset;
  } else if (std::string error; !absl::ParseTime(absl::RFC3339_full, text, &instant, &error)) {
    return Bad("is not an instant");
  }
  const absl::Duration since = instant - absl::UnixEpoch();
  const absl::Duration floor = absl::Floor(since, absl::Seconds(1));
  timestamp->set_seconds(absl::ToInt64Seconds(floor));
  timestamp->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(since - floor)));
  return absl::OkStatus();
}

std::string FormatTimestamp(const google::protobuf::Timestamp& timestamp) {
  const absl::Time instant = absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ", instant, absl::UTCTimeZone());
}

absl::Status ParseDuration(absl::string_view text, google::protobuf::Duration* duration) {
  absl::Duration parsed;
  if (!absl::ParseDuration(text, &parsed)) return Bad("is not a duration");
  duration->set_seconds(absl::IDivDuration(parsed, absl::Seconds(1), &parsed));
  duration->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(parsed)));
  return absl::OkStatus();
}

std::string FormatDuration(const google::protobuf::Duration& duration) {
  return absl::FormatDuration(absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos()));
}

// Exact: "-1.25" is units -1 and nanos -250000000.
absl::Status ParseAmount(absl::string_view text, int64_t* units, int32_t* nanos) {
  const bool negative = absl::ConsumePrefix(&text, "-");
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('.', 1));
  if (!AllDigits(parts[0]) || !absl::SimpleAtoi(parts[0], units)) return Bad("is not a number");
  *nanos = 0;
  if (parts.size() == 2) {
    if (!AllDigits(parts[1])) return Bad("is not a number");
    if (parts[1].size() > kNanoDigits) return Bad("has more than 9 decimals");
    std::string digits(parts[1]);
    digits.resize(kNanoDigits, '0');
    if (!absl::SimpleAtoi(digits, nanos)) return Bad("is not a number");
  }
  if (negative) {
    *units = -*units;
    *nanos = -*nanos;
  }
  return absl::OkStatus();
}

std::string FormatAmount(int64_t units, int32_t nanos, size_t min_decimals) {
  std::string decimals = absl::StrFormat("%09d", std::abs(nanos));
  while (decimals.size() > min_decimals && decimals.back() == '0') decimals.pop_back();
  const absl::string_view sign = units < 0 || nanos < 0 ? "-" : "";
  const uint64_t magnitude = units < 0 ? uint64_t{0} - static_cast<uint64_t>(units) : static_cast<uint64_t>(units);
  return absl::StrCat(sign, magnitude, decimals.empty() ? "" : ".", decimals);
}

absl::Status ParseDecimal(absl::string_view text, v1::Decimal* decimal) {
  int64_t units = 0;
  int32_t nanos = 0;
  absl::Status status = ParseAmount(text, &units, &nanos);
  decimal->set_units(units);
  decimal->set_nanos(nanos);
  return status;
}

absl::Status ParseMoney(absl::string_view text, v1::Money* money) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, ' ', absl::SkipEmpty());
  if (parts.empty() || parts.size() > 2) return Bad("is not an amount of money");
  if (parts.size() == 2) {
    if (parts[1].size() != 3 || absl::AsciiStrToUpper(parts[1]) != parts[1] ||
        !absl::ascii_isalpha(static_cast<unsigned char>(parts[1][0]))) {
      return Bad("has no ISO 4217 currency code behind the amount");
    }
    money->set_currency_code(std::string(parts[1]));
  }
  int64_t units = 0;
  int32_t nanos = 0;
  if (!ParseAmount(parts[0], &units, &nanos).ok()) return Bad("is not an amount of money");
  money->set_units(units);
  money->set_nanos(nanos);
  return absl::OkStatus();
}

std::string FormatMoney(const v1::Money& money) {
  const std::string amount = FormatAmount(money.units(), money.nanos(), 2);
  return money.currency_code().empty() ? amount : absl::StrCat(amount, " ", money.currency_code());
}

absl::Status ParseScope(absl::string_view text, v1::Scope* scope) {
  if (absl::ConsumePrefix(&text, "partner:")) {
    if (text.empty()) return Bad("names no partner");
    scope->set_kind(v1::SCOPE_KIND_PARTNER);
    scope->set_partner_id(std::string(text));
    return absl::OkStatus();
  }
  if (absl::ConsumePrefix(&text, "segment:")) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('=', 1));
    if (parts.first.empty() || !absl::StrContains(text, '=')) return Bad("is no segment, such as segment:tier=Gold");
    scope->set_kind(v1::SCOPE_KIND_SEGMENT);
    scope->mutable_segment()->set_attribute(std::string(parts.first));
    scope->mutable_segment()->set_value(std::string(parts.second));
    return absl::OkStatus();
  }
  constexpr std::pair<absl::string_view, v1::ScopeKind> kKinds[] = {
      {"business", v1::SCOPE_KIND_BUSINESS}, {"direct", v1::SCOPE_KIND_DIRECT}, {"program", v1::SCOPE_KIND_PROGRAM}};
  for (const auto& [name, kind] : kKinds) {
    if (text != name) continue;
    scope->set_kind(kind);
    return absl::OkStatus();
  }
  return Bad("is not a scope");
}

std::string FormatScope(const v1::Scope& scope) {
  switch (scope.kind()) {
    case v1::SCOPE_KIND_BUSINESS:
      return "business";
    case v1::SCOPE_KIND_DIRECT:
      return "direct";
    case v1::SCOPE_KIND_PROGRAM:
      return "program";
    case v1::SCOPE_KIND_PARTNER:
      return absl::StrCat("partner:", scope.partner_id());
    case v1::SCOPE_KIND_SEGMENT:
      return absl::StrCat("segment:", scope.segment().attribute(), "=", scope.segment().value());
    default:
      return "";
  }
}

absl::Status ParseReference(absl::string_view text, v1::PartnerReference* reference) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits(':', 1));
  if (parts.size() != 2 || parts[1].empty()) return Bad("is not a reference to a partner");
  const std::string value(parts[1]);
  if (parts[0] == "id") {
    reference->set_partner_id(value);
  } else if (parts[0] == "email") {
    reference->set_email(value);
  } else if (parts[0] == "domain") {
    reference->set_domain(value);
  } else if (parts[0] == "external") {
    const std::vector<std::string> ids = absl::StrSplit(value, absl::MaxSplits(':', 1));
    if (ids.size() != 2 || ids[1].empty()) return Bad("is an external reference without source or id");
    reference->mutable_external()->set_source(ids[0]);
    reference->mutable_external()->set_id(ids[1]);
  } else {
    return Bad("is not a reference to a partner");
  }
  return absl::OkStatus();
}

std::string FormatReference(const v1::PartnerReference& reference) {
  switch (reference.reference_case()) {
    case v1::PartnerReference::kPartnerId:
      return absl::StrCat("id:", reference.partner_id());
    case v1::PartnerReference::kExternal:
      return absl::StrCat("external:", reference.external().source(), ":", reference.external().id());
    case v1::PartnerReference::kEmail:
      return absl::StrCat("email:", reference.email());
    case v1::PartnerReference::kDomain:
      return absl::StrCat("domain:", reference.domain());
    case v1::PartnerReference::REFERENCE_NOT_SET:
      break;
  }
  return "";
}

}  // namespace

absl::Status ParseMessageText(absl::string_view text, const CallTime& time, google::protobuf::Message* message) {
  message->Clear();
  if (auto* m = DynamicCastToGenerated<v1::Date>(message)) return ParseDate(text, time, m);
  if (auto* m = DynamicCastToGenerated<v1::DateRange>(message)) return ParseDateRange(text, time, m);
  if (auto* m = DynamicCastToGenerated<google::protobuf::Timestamp>(message)) return ParseTimestamp(text, time, m);
  if (auto* m = DynamicCastToGenerated<google::protobuf::Duration>(message)) return ParseDuration(text, m);
  if (auto* m = DynamicCastToGenerated<v1::Money>(message)) return ParseMoney(text, m);
  if (auto* m = DynamicCastToGenerated<v1::Decimal>(message)) return ParseDecimal(text, m);
  if (auto* m = DynamicCastToGenerated<v1::Scope>(message)) return ParseScope(text, m);
  if (auto* m = DynamicCastToGenerated<v1::PartnerReference>(message)) return ParseReference(text, m);
  return absl::InternalError(absl::StrCat(message->GetTypeName(), " has no text form"));
}

std::string FormatMessageText(const google::protobuf::Message& message) {
  if (const auto* m = DynamicCastToGenerated<v1::Date>(&message)) return FormatDate(*m);
  if (const auto* m = DynamicCastToGenerated<v1::DateRange>(&message)) return FormatDateRange(*m);
  if (const auto* m = DynamicCastToGenerated<google::protobuf::Timestamp>(&message)) return FormatTimestamp(*m);
  if (const auto* m = DynamicCastToGenerated<google::protobuf::Duration>(&message)) return FormatDuration(*m);
  if (const auto* m = DynamicCastToGenerated<v1::Money>(&message)) return FormatMoney(*m);
  if (const auto* m = DynamicCastToGenerated<v1::Decimal>(&message)) return FormatAmount(m->units(), m->nanos(), 0);
  if (const auto* m = DynamicCastToGenerated<v1::Scope>(&message)) return FormatScope(*m);
  if (const auto* m = DynamicCastToGenerated<v1::PartnerReference>(&message)) return FormatReference(*m);
  return "";
}

}  // namespace partnermetrics::cli
