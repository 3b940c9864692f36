#include "connectors/sdk/readers/json.h"

#include "connectors/sdk/readers/text.h"

namespace partnermetrics::sdk {
namespace {

constexpr size_t kKeptOfLongObject = 4 << 10;

bool IsJsonSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Follows braces, brackets and strings byte by byte.
class Nesting {
 public:
  // Depth after the byte; strings count for nothing.
  int Take(char c) {
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
    } else if (c == '"') {
      in_string_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      --depth_;
    }
    return depth_;
  }
  int depth() const { return depth_; }
  bool in_string() const { return in_string_; }

 private:
  int depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

bool SaysHasMore(std::string_view text) {
  constexpr std::string_view kKey = "\"has_more\"";
  size_t at = text.find(kKey);
  if (at == std::string_view::npos) return false;
  text.remove_prefix(at + kKey.size());
  while (!text.empty() && (IsJsonSpace(text[0]) || text[0] == ':')) text.remove_prefix(1);
  return text.substr(0, 4) == "true";
}

}  // namespace

Result<bool> JsonReader::Next(JsonItem* item) {
  text_.Drop(consumed_);
  consumed_ = 0;
  long_text_.clear();
  item->problem = nullptr;
  item->message.clear();
  if (form_ == Form::kUnknown) PM_RETURN_IF_ERROR(Detect());
  Result<bool> more = form_ == Form::kLines ? NextLine(item) : NextValue(item);
  if (!text_.error().ok()) return text_.error();
  return more;
}

// JSON lines are told from other forms by their first line: a whole object that is no list wrapper, or one that is
// broken off and followed by the next object.
Status JsonReader::Detect() {
  SkipSpaces();
  form_ = Form::kValues;
  if (!text_.Has(0) || text_.Byte(0) == '[') return {};
  if (text_.Byte(0) != '{') return Unsupported("line 1", "this is not JSON", "export it as JSON or JSON lines");
  size_t at = 0;
  if (ScanObject(&at, true) == Found::kList) return {};
  size_t end = 0;
  while (end < options_.max_object_bytes && text_.Has(end) && text_.Byte(end) != '\n') ++end;
  bool whole = Trim(text_.view().substr(0, end)).back() == '}';
  bool followed = text_.Has(end + 1) && text_.Byte(end + 1) == '{';
  if (whole || followed || end == options_.max_object_bytes) form_ = Form::kLines;
  return {};
}

void JsonReader::SkipSpaces() {
  size_t at = 0;
  while (text_.Has(at) && (IsJsonSpace(text_.Byte(at)) || (in_array_ && text_.Byte(at) == ','))) ++at;
  text_.Drop(at);
}

void JsonReader::Begin(JsonItem* item) {
  item->number = ++number_;
  item->line = text_.lines() + 1;
  item->offset = text_.offset();
}

Result<bool> JsonReader::NextLine(JsonItem* item) {
  SkipSpaces();
  if (!text_.Has(0)) return false;
  Begin(item);
  size_t at = 0;
  while (text_.Has(at)) {
    size_t end = text_.view().find('\n', at);
    at = end == std::string_view::npos ? text_.view().size() : end;
    if (at > options_.max_object_bytes && long_text_.empty()) {
      long_text_.assign(text_.view().substr(0, kKeptOfLongObject));
    }
    if (end != std::string_view::npos) break;
    if (long_text_.empty()) continue;
    text_.Drop(at);
    at = 0;
  }
  consumed_ = at;
  item->text = Trim(text_.view().substr(0, at));
  if (!long_text_.empty()) {
    item->text = Shorten(long_text_, long_text_.size());
    item->problem = "object_too_long";
    item->message = "the line is longer than " + std::to_string(options_.max_object_bytes) + " bytes";
  }
  return true;
}

Result<bool> JsonReader::NextValue(JsonItem* item) {
  while (true) {
    SkipSpaces();
    if (!text_.Has(0)) {
      if (in_array_) return Error("the file ends within a list");
      return false;
    }
    char c = text_.Byte(0);
    if (in_array_ && c == ']') {
      text_.Drop(1);
      in_array_ = false;
      if (in_wrapper_) PM_RETURN_IF_ERROR(SkipWrapperEnd());
      in_wrapper_ = false;
      continue;
    }
    if (!in_array_ && c == '[') {
      text_.Drop(1);
      in_array_ = true;
      continue;
    }
    if (c != '{') return Error("an object was expected");
    size_t at = 0;
    switch (ScanObject(&at, !in_array_)) {
      case Found::kList:
        has_more_ = has_more_ || SaysHasMore(text_.view().substr(0, at));
        text_.Drop(at);
        in_array_ = in_wrapper_ = true;
        continue;
      case Found::kCutOff:
        return Error("the file ends within an object");
      case Found::kObject:
        Begin(item);
        consumed_ = at;
        item->text = text_.view().substr(0, at);
        return true;
      case Found::kTooLong:
        Begin(item);
        long_text_.assign(text_.view().substr(0, kKeptOfLongObject));
        PM_RETURN_IF_ERROR(SkipObject());
        item->text = Shorten(long_text_, long_text_.size());
        item->problem = "object_too_long";
        item->message = "the object is longer than " + std::to_string(options_.max_object_bytes) + " bytes";
        return true;
    }
  }
}

// Finds the end of the object that begins here, or, when look_for_list is set, the begin of the list in a wrapper.
JsonReader::Found JsonReader::ScanObject(size_t* at, bool look_for_list) {
  Nesting nesting;
  size_t string_begin = 0;
  std::string last_string;  // at the object's own level: its last key, when a colon follows
  bool list_key = false;
  for (*at = 0; text_.Has(*at); ++*at) {
    if (*at > options_.max_object_bytes) return Found::kTooLong;
    char c = text_.Byte(*at);
    bool was_string = nesting.in_string();
    int depth = nesting.Take(c);
    if (depth == 0) {
      ++*at;
      return Found::kObject;
    }
    if (!look_for_list || depth > 2) continue;
    if (!was_string && nesting.in_string()) string_begin = *at + 1;
    if (was_string && !nesting.in_string()) last_string = text_.view().substr(string_begin, *at - string_begin);
    if (nesting.in_string() || was_string || IsJsonSpace(c)) continue;
    if (c == ':' && depth == 1) {
      list_key = last_string == "data" || last_string == "records";
    } else if (c == '[' && depth == 2 && list_key) {
      ++*at;
      return Found::kList;
    } else {
      list_key = false;
    }
  }
  return Found::kCutOff;
}

Status JsonReader::SkipWrapperEnd() {
  size_t at = 0;
  Nesting nesting;
  while (text_.Has(at) && nesting.Take(text_.Byte(at)) >= 0) {
    if (++at > options_.max_object_bytes) return Error("the end of a list is too long");
  }
  if (!text_.Has(at)) return Error("the file ends within a list");
  has_more_ = has_more_ || SaysHasMore(text_.view().substr(0, at));
  text_.Drop(at + 1);
  return {};
}

Status JsonReader::SkipObject() {
  Nesting nesting;
  while (text_.Has(0)) {
    std::string_view text = text_.view();
    for (size_t at = 0; at < text.size(); ++at) {
      if (nesting.Take(text[at]) == 0) {
        text_.Drop(at + 1);
        return {};
      }
    }
    text_.Drop(text.size());
  }
  return Error("the file ends within an object");
}

Status JsonReader::Error(const std::string& message) const {
  return SourceError("line " + std::to_string(text_.lines() + 1), message, "export the file again");
}

}  // namespace partnermetrics::sdk
