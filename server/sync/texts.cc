#include "server/sync/texts.h"

#include <array>

namespace partnermetrics {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";

// Length of the UTF-8 sequence at the start of `bytes`; 0 when there is none. Unicode 15, table 3-7.
size_t SequenceLength(absl::string_view bytes) {
  struct Form {
    unsigned char first, last;  // of the first byte
    unsigned char second_low, second_high;
    size_t length;
  };
  static constexpr std::array<Form, 8> kForms = {{{0xC2, 0xDF, 0x80, 0xBF, 2},
                                                  {0xE0, 0xE0, 0xA0, 0xBF, 3},
                                                  {0xE1, 0xEC, 0x80, 0xBF, 3},
                                                  {0xED, 0xED, 0x80, 0x9F, 3},
                                                  {0xEE, 0xEF, 0x80, 0xBF, 3},
                                                  {0xF0, 0xF0, 0x90, 0xBF, 4},
                                                  {0xF1, 0xF3, 0x80, 0xBF, 4},
                                                  {0xF4, 0xF4, 0x80, 0x8F, 4}}};
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
  if (byte(0) < 0x80) return 1;
  for (const Form& form : kForms) {
    if (byte(0) < form.first || byte(0) > form.last) continue;
    if (bytes.size() < form.length || byte(1) < form.second_low || byte(1) > form.second_high) return 0;
    for (size_t i = 2; i < form.length; ++i) {
      if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
    }
    return form.length;
  }
  return 0;
}

}  // namespace

std::string ToUtf8(absl::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  while (!bytes.empty()) {
    const size_t length = SequenceLength(bytes);
    if (length == 0) {
      text += kReplacement;
      bytes.remove_prefix(1);
    } else {
      text.append(bytes.data(), length);
      bytes.remove_prefix(length);
    }
  }
  return text;
}

std::string PluginText(absl::string_view text) {
  if (text.size() <= kMaxTextBytes) return ToUtf8(text);
  size_t end = kMaxTextBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // not inside of a character
  return ToUtf8(text.substr(0, end)) + "…";
}

v1::ProblemLevel ToProblemLevel(int32_t level) {
  switch (level) {
    case PM_ERROR:
      return v1::PROBLEM_LEVEL_ERROR;
    case PM_WARNING:
      return v1::PROBLEM_LEVEL_WARNING;
    default:
      return v1::PROBLEM_LEVEL_INFO;
  }
}

v1::ConnectorProblem ToProblem(const connectors::Problem& problem) {
  v1::ConnectorProblem converted;
  converted.set_level(ToProblemLevel(problem.level));
  converted.set_where(PluginText(problem.where));
  converted.set_message(PluginText(problem.message));
  converted.set_remedy(PluginText(problem.remedy));
  return converted;
}

}  // namespace partnermetrics
