// The functions of expressions. A function of null is null unless its comment says otherwise.
#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "connectors/sdk/readers/ids.h"
#include "connectors/sdk/readers/text.h"
#include "connectors/table/expression.h"
#include "connectors/table/json_list.h"
#include "connectors/table/server_expr.h"  // last
#include "connectors/table/time_format.h"

namespace partnermetrics::table {
namespace {

using Values = std::vector<Value>;

// What a simple function needs besides its operands.
struct Site {
  Evaluation& row;
  const std::string& column;
  const sdk::CellFormat& formats;

  // Notes that `text` cannot be read.
  Value Fail(const char* reason, const std::string& text, absl::string_view what) const {
    row.Fail(column, reason, absl::StrCat("\"", std::string(sdk::Shorten(text, 80)), "\" is no ", what));
    return Value::Null();
  }
};

// A function whose operands have fixed types and which is null when one of them is.
struct Simple {
  const char* form;  // "replace(text, from, to)"
  std::vector<Type> operands;
  size_t required;  // operands; the others may be left out
  Type result;
  Value (*run)(const Site& site, const Values& operands);
};

Value Part(const Site&, const Values& v) {
  const std::vector<std::string> parts = absl::StrSplit(v[0].text, v[1].text);
  const auto index = static_cast<int64_t>(v[2].number / kNanosPerUnit);  // from 1, or from -1 at the end
  const auto size = static_cast<int64_t>(parts.size());
  const int64_t at = index > 0 ? index - 1 : size + index;
  if (index == 0 || at < 0 || at >= size) return Value::Null();
  return Value::Text(std::string(sdk::Trim(parts[static_cast<size_t>(at)])));
}

Value Substring(const Site&, const Values& v) {
  const auto begin = static_cast<int64_t>(v[1].number / kNanosPerUnit) - 1;
  const int64_t count = v.size() > 2 ? static_cast<int64_t>(v[2].number / kNanosPerUnit) : INT64_MAX;
  if (begin < 0 || count < 0 || begin >= static_cast<int64_t>(v[0].text.size())) return Value::Null();
  return Value::Text(v[0].text.substr(static_cast<size_t>(begin), static_cast<size_t>(count)));
}

std::string CurrencyOf(const Site& site, const std::string& text) {
  std::string code = sdk::CurrencyCode(text);
  if (code.empty()) site.Fail("unknown_currency", text, "currency of ISO 4217");
  return code;
}

// The member `v[3]` of the first object of a JSON list whose member `v[1]` is `v[2]`.
Value Pick(const Site& site, const Values& v) {
  std::string found;
  switch (PickFromList(v[0].text, v[1].text, v[2].text, v[3].text, &found)) {
    case Picked::kFound:
      return found.empty() ? Value::Null() : Value::Text(std::move(found));
    case Picked::kNothing:
      return Value::Null();
    case Picked::kNoList:
      break;
  }
  return site.Fail("bad_list", v[0].text, "JSON list of objects");
}

Value Epoch(const Site& site, const Values& v) {
  const std::optional<sdk::Instant> time = sdk::ParseEpoch(v[0].text);
  return time ? Value::Time(*time) : site.Fail("bad_time", v[0].text, "number of seconds or milliseconds since 1970");
}

Value SalesforceId(const Site& site, const Values& v) {
  std::optional<std::string> id = sdk::SalesforceId(v[0].text);
  return id ? Value::Text(*std::move(id)) : site.Fail("bad_id", v[0].text, "Salesforce id");
}

Value Boolean(const Site& site, const Values& v) {
  const std::optional<bool> flag = sdk::ParseBool(v[0].text);
  return flag ? Value::Bool(*flag) : site.Fail("bad_boolean", v[0].text, "boolean");
}

const std::vector<Simple>& Simples() {
  static const std::vector<Simple> functions = {
      {"trim(text)",
       {Type::kText},
       1,
       Type::kText,
       [](const Site&, const Values& v) { return Value::Text(std::string(sdk::Trim(v[0].text))); }},
      {"lower(text)",
       {Type::kText},
       1,
       Type::kText,
       [](const Site&, const Values& v) { return Value::Text(sdk::ToLower(v[0].text)); }},
      {"upper(text)",
       {Type::kText},
       1,
       Type::kText,
       [](const Site&, const Values& v) { return Value::Text(sdk::ToUpper(v[0].text)); }},
      {"replace(text, from, to)",
       {Type::kText, Type::kText, Type::kText},
       3,
       Type::kText,
       [](const Site&, const Values& v) {
         return Value::Text(absl::StrReplaceAll(v[0].text, {{v[1].text, v[2].text}}));
       }},
      {"part(text, separator, number)", {Type::kText, Type::kText, Type::kNumber}, 3, Type::kText, &Part},
      {"substring(text, from, count)", {Type::kText, Type::kNumber, Type::kNumber}, 2, Type::kText, &Substring},
      {"startsWith(text, begin)",
       {Type::kText, Type::kText},
       2,
       Type::kBool,
       [](const Site&, const Values& v) { return Value::Bool(absl::StartsWith(v[0].text, v[1].text)); }},
      {"endsWith(text, end)",
       {Type::kText, Type::kText},
       2,
       Type::kBool,
       [](const Site&, const Values& v) { return Value::Bool(absl::EndsWith(v[0].text, v[1].text)); }},
      {"contains(text, part)",
       {Type::kText, Type::kText},
       2,
       Type::kBool,
       [](const Site&, const Values& v) { return Value::Bool(absl::StrContains(v[0].text, v[1].text)); }},
      {"email(text)",
       {Type::kText},
       1,
       Type::kText,
       [](const Site&, const Values& v) { return Value::Text(sdk::NormalizeEmail(v[0].text)); }},
      {"email_domain(text)",
       {Type::kText},
       1,
       Type::kText,
       [](const Site&, const Values& v) {
         const std::string domain = sdk::EmailDomain(v[0].text);
         return sdk::IsFreeMailDomain(domain) ? Value::Null() : Value::Text(domain);
       }},
      {"web_domain(text)",
       {Type::kText},
       1,
       Type::kText,
       [](const Site&, const Values& v) { return Value::Text(sdk::WebDomain(v[0].text)); }},
      {"salesforce_id(text)", {Type::kText}, 1, Type::kText, &SalesforceId},
      {"bool(text)", {Type::kText}, 1, Type::kBool, &Boolean},
      {"pick(list, member, value, wanted)",
       {Type::kText, Type::kText, Type::kText, Type::kText},
       4,
       Type::kText,
       &Pick},
      {"epoch(text)", {Type::kText}, 1, Type::kTime, &Epoch},
      {"micros(time)",
       {Type::kTime},
       1,
       Type::kNumber,
       [](const Site&, const Values& v) { return Value::Number(Nanos(v[0].time.Micros()) * kNanosPerUnit); }},
      {"days(number)",
       {Type::kNumber},
       1,
       Type::kDays,
       [](const Site&, const Values& v) { return Value::Days(v[0].number / kNanosPerUnit); }},
      {"file_name()",
       {},
       0,
       Type::kText,
       [](const Site& site, const Values&) { return Value::Text(site.row.file.name); }},
      {"file_time()",
       {},
       0,
       Type::kTime,
       [](const Site& site, const Values&) { return Value::Time(site.row.file.modified); }},
      {"row_id()",
       {},
       0,
       Type::kText,
       [](const Site& site, const Values&) {
         if (!site.row.row_id) site.row.row_id = site.row.row_ids.Next(site.row.record.raw());
         return Value::Text(*site.row.row_id);
       }},
  };
  return functions;
}

// The functions below check their operands themselves.
constexpr std::array<absl::string_view, 8> kSpecial = {"col(\"column\")",
                                                       "has(column)",
                                                       "coalesce(a, b, …)",
                                                       "number(text[, style])",
                                                       "money(amount, currency)",
                                                       "date(text[, format])",
                                                       "time(text[, format[, zone]])",
                                                       "minor_units(amount, currency)"};

std::string NameOf(absl::string_view form) {
  return std::string(form.substr(0, form.find('(')));
}

Expression Made(Type type, Code code) {
  return {type, std::move(code), "", std::nullopt, 0};
}

absl::Status CheckCount(const Call& call, size_t least, size_t most, absl::string_view form) {
  if (call.operands.size() >= least && call.operands.size() <= most) return absl::OkStatus();
  return call.Fail(call.node.offset, absl::StrCat("the call does not fit ", form));
}

absl::Status CheckType(const Call& call, size_t index, Type type, absl::string_view form) {
  const Expression& operand = call.operands[index];
  if (operand.type == type || operand.type == Type::kNull) return absl::OkStatus();
  return call.Fail(operand.offset,
                   absl::StrCat(form, " needs ", TypeName(type), " here, this is ", TypeName(operand.type)));
}

// The text of an operand that must be a constant, because it is checked before any row is read.
absl::StatusOr<std::string> Constant(const Call& call, size_t index, absl::string_view what) {
  const Expression& operand = call.operands[index];
  if (operand.literal && operand.type == Type::kText) return operand.literal->text;
  return call.Fail(operand.offset, absl::StrCat(what, " must be a text in quotes"));
}

absl::StatusOr<Expression> CompileSimple(const Simple& function, Call call) {
  RETURN_IF_ERROR(CheckCount(call, function.required, function.operands.size(), function.form));
  std::string column;
  std::vector<Code> operands;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    RETURN_IF_ERROR(CheckType(call, i, function.operands[i], function.form));
    if (column.empty()) column = call.operands[i].column;
    operands.push_back(std::move(call.operands[i].code));
  }
  return Made(function.result, [run = function.run, operands = std::move(operands), column = std::move(column),
                                formats = call.context.formats](Evaluation& row) {
    Values values;
    values.reserve(operands.size());
    for (const Code& operand : operands) {
      values.push_back(operand(row));
      if (values.back().is_null()) return Value::Null();
    }
    return run({row, column, formats}, values);
  });
}

absl::StatusOr<Expression> CompileHas(Call call) {
  RETURN_IF_ERROR(CheckCount(call, 1, 1, "has(column)"));
  return Made(Type::kBool,
              [code = std::move(call.operands[0].code)](Evaluation& row) { return Value::Bool(!code(row).is_null()); });
}

absl::StatusOr<Expression> CompileCoalesce(Call call) {
  RETURN_IF_ERROR(CheckCount(call, 1, SIZE_MAX, "coalesce(a, b, …)"));
  Type type = Type::kNull;
  std::vector<Code> operands;
  for (size_t i = 0; i < call.operands.size(); ++i) {
    if (type == Type::kNull) type = call.operands[i].type;
    RETURN_IF_ERROR(CheckType(call, i, type, "coalesce after what stands before"));
    operands.push_back(std::move(call.operands[i].code));
  }
  return Made(type, [operands = std::move(operands)](Evaluation& row) {
    for (const Code& operand : operands) {
      Value value = operand(row);
      if (!value.is_null()) return value;
    }
    return Value::Null();
  });
}

absl::StatusOr<Expression> CompileNumber(Call call) {
  constexpr absl::string_view kForm = "number(text[, style])";
  RETURN_IF_ERROR(CheckCount(call, 1, 2, kForm));
  RETURN_IF_ERROR(CheckType(call, 0, Type::kText, kForm));
  sdk::NumberStyle style = call.context.formats.numbers;
  if (call.operands.size() == 2) {
    ASSIGN_OR_RETURN(const std::string name, Constant(call, 1, "the style"));
    if (name != "plain" && name != "1,234.5" && name != "1.234,5") {
      return call.Fail(call.operands[1].offset, "the style is \"plain\", \"1,234.5\" or \"1.234,5\"");
    }
    style = name == "plain"     ? sdk::NumberStyle::kPlain
            : name == "1,234.5" ? sdk::NumberStyle::kCommaGrouped
                                : sdk::NumberStyle::kDotGrouped;
  }
  return Made(Type::kNumber, [code = call.operands[0].code, column = call.operands[0].column, style,
                              formats = call.context.formats](Evaluation& row) {
    Value text = code(row);
    if (text.is_null()) return text;
    const std::optional<sdk::Decimal> number = sdk::ParseDecimal(text.text, style);
    return number ? Value::Number(ToNanos(*number))
                  : Site{row, column, formats}.Fail("bad_number", text.text, "number");
  });
}

// The currency may be null: it is then the one of the formats.
absl::StatusOr<Expression> CompileMoney(Call call) {
  constexpr absl::string_view kForm = "money(amount, currency)";
  RETURN_IF_ERROR(CheckCount(call, 2, 2, kForm));
  if (call.operands[0].type != Type::kNumber) RETURN_IF_ERROR(CheckType(call, 0, Type::kText, kForm));
  RETURN_IF_ERROR(CheckType(call, 1, Type::kText, kForm));
  if (const auto& literal = call.operands[1].literal; literal && sdk::CurrencyCode(literal->text).empty()) {
    return call.Fail(call.operands[1].offset, absl::StrCat("\"", literal->text, "\" is no currency of ISO 4217"));
  }
  return Made(Type::kMoney, [amount = call.operands[0], currency = call.operands[1],
                             formats = call.context.formats](Evaluation& row) {
    const Value value = amount.code(row);
    const Value code = currency.code(row);
    if (value.is_null()) return Value::Null();
    const Site site{row, currency.column, formats};
    std::string iso = code.is_null() ? "" : CurrencyOf(site, code.text);
    if (value.type == Type::kNumber) return Value::Money(value.number, std::move(iso));
    const std::optional<sdk::Decimal> number = sdk::ParseDecimal(value.text, formats.numbers);
    if (!number) return Site{row, amount.column, formats}.Fail("bad_amount", value.text, "number");
    return Value::Money(ToNanos(*number), std::move(iso));
  });
}

absl::StatusOr<Expression> CompileMinorUnits(Call call) {
  constexpr absl::string_view kForm = "minor_units(amount, currency)";
  RETURN_IF_ERROR(CheckCount(call, 2, 2, kForm));
  if (call.operands[0].type != Type::kNumber) RETURN_IF_ERROR(CheckType(call, 0, Type::kText, kForm));
  RETURN_IF_ERROR(CheckType(call, 1, Type::kText, kForm));
  return Made(Type::kMoney, [amount = call.operands[0], currency = call.operands[1],
                             formats = call.context.formats](Evaluation& row) {
    const Value value = amount.code(row);
    const Value code = currency.code(row);
    if (value.is_null() || code.is_null()) return Value::Null();
    const std::string iso = CurrencyOf({row, currency.column, formats}, code.text);
    if (iso.empty()) return Value::Null();
    std::optional<int64_t> minor;
    if (value.type == Type::kText) minor = sdk::ParseInteger(value.text);
    if (value.type == Type::kNumber && value.number % kNanosPerUnit == 0) {
      minor = static_cast<int64_t>(value.number / kNanosPerUnit);
    }
    const Site site{row, amount.column, formats};
    if (!minor) return site.Fail("bad_amount", value.text, "whole number");
    const std::optional<sdk::Decimal> major = sdk::FromMinorUnits(*minor, sdk::BillingMinorDigits(iso));
    return major ? Value::Money(ToNanos(*major), iso) : site.Fail("bad_amount", value.text, "amount in this range");
  });
}

// A format that was checked; empty: the forms that every feed may use.
absl::StatusOr<std::string> FormatOf(const Call& call, bool time) {
  if (call.operands.size() < 2) return std::string();
  ASSIGN_OR_RETURN(std::string format, Constant(call, 1, "the format"));
  const std::string wrong = format.empty() ? "" : CheckTimeFormat(format, time);
  if (!wrong.empty()) return call.Fail(call.operands[1].offset, wrong);
  return format;
}

absl::StatusOr<Expression> CompileDate(Call call) {
  constexpr absl::string_view kForm = "date(text[, format])";
  RETURN_IF_ERROR(CheckCount(call, 1, 2, kForm));
  RETURN_IF_ERROR(CheckType(call, 0, Type::kText, kForm));
  ASSIGN_OR_RETURN(std::string format, FormatOf(call, /*time=*/false));
  return Made(Type::kDate, [code = call.operands[0].code, column = call.operands[0].column, format = std::move(format),
                            formats = call.context.formats](Evaluation& row) {
    Value text = code(row);
    if (text.is_null()) return text;
    std::optional<sdk::CivilDate> date;
    if (format.empty()) {
      date = sdk::ParseDate(text.text, formats.date_order);
    } else if (const auto parsed = ParseTimeAs(text.text, format)) {
      date = parsed->date;
    }
    const Site site{row, column, formats};
    return date ? Value::Date(*date)
                : site.Fail("bad_date", text.text, format.empty() ? "date" : absl::StrCat("date as ", format));
  });
}

absl::StatusOr<Expression> CompileTime(Call call) {
  constexpr absl::string_view kForm = "time(text[, format[, zone]])";
  RETURN_IF_ERROR(CheckCount(call, 1, 3, kForm));
  RETURN_IF_ERROR(CheckType(call, 0, Type::kText, kForm));
  ASSIGN_OR_RETURN(std::string format, FormatOf(call, /*time=*/true));
  sdk::TimeZone zone = call.context.formats.zone;
  if (call.operands.size() == 3) {
    ASSIGN_OR_RETURN(const std::string name, Constant(call, 2, "the zone"));
    const std::optional<sdk::TimeZone> loaded = sdk::TimeZone::Load(name);
    if (!loaded) {
      return call.Fail(call.operands[2].offset,
                       absl::StrCat("\"", name, "\" is no time zone; use a name such as Europe/Berlin"));
    }
    zone = *loaded;
  }
  return Made(Type::kTime, [code = call.operands[0].code, column = call.operands[0].column, format = std::move(format),
                            zone, formats = call.context.formats](Evaluation& row) {
    Value text = code(row);
    if (text.is_null()) return text;
    const std::optional<sdk::ParsedTime> time =
        format.empty() ? sdk::ParseTime(text.text, formats.date_order) : ParseTimeAs(text.text, format);
    if (time && time->has_time) return Value::Time(zone.ToInstant(*time));
    return Site{row, column, formats}.Fail(
        "bad_time", text.text, format.empty() ? "date with a time of day" : absl::StrCat("time as ", format));
  });
}

}  // namespace

std::vector<std::string> FunctionForms() {
  std::vector<std::string> forms(kSpecial.begin(), kSpecial.end());
  for (const Simple& function : Simples()) forms.emplace_back(function.form);
  return forms;
}

absl::StatusOr<Expression> CompileFunction(Call call) {
  const std::string& name = call.node.text;
  if (name == "has") return CompileHas(std::move(call));
  if (name == "coalesce") return CompileCoalesce(std::move(call));
  if (name == "number") return CompileNumber(std::move(call));
  if (name == "money") return CompileMoney(std::move(call));
  if (name == "minor_units") return CompileMinorUnits(std::move(call));
  if (name == "date") return CompileDate(std::move(call));
  if (name == "time") return CompileTime(std::move(call));
  std::vector<std::string> names;
  for (const Simple& function : Simples()) {
    if (NameOf(function.form) == name) return CompileSimple(function, std::move(call));
    names.push_back(NameOf(function.form));
  }
  for (const absl::string_view form : kSpecial) names.push_back(NameOf(form));
  return call.Fail(call.node.offset, absl::StrCat("there is no function ", name, SuggestNames(name, names)));
}

}  // namespace partnermetrics::table
