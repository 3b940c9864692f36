#include "connectors/sdk/readers/encoding.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace partnermetrics::sdk {
namespace {

constexpr size_t kChunk = 64 << 10;
constexpr char32_t kReplacement = 0xFFFD;

void AppendUtf8(char32_t c, std::string* out) {
  if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = kReplacement;
  if (c < 0x80) {
    *out += static_cast<char>(c);
  } else if (c < 0x800) {
    *out += static_cast<char>(0xC0 | (c >> 6));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *out += static_cast<char>(0xE0 | (c >> 12));
    *out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    *out += static_cast<char>(0xF0 | (c >> 18));
    *out += static_cast<char>(0x80 | ((c >> 12) & 0x3F));
    *out += static_cast<char>(0x80 | ((c >> 6) & 0x3F));
    *out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

}  // namespace

Result<size_t> DecodingStream::Read(char* buffer, size_t size) {
  if (form_ == Form::kUnknown) PM_RETURN_IF_ERROR(Detect());
  if (form_ == Form::kBytes && output_at_ == output_.size()) return bytes_->Read(buffer, size);
  while (output_at_ == output_.size()) {
    output_.clear();
    output_at_ = 0;
    if (ended_ && input_.empty()) return size_t{0};
    if (!ended_) PM_RETURN_IF_ERROR(Fill());
    Translate();
  }
  size_t got = std::min(size, output_.size() - output_at_);
  std::memcpy(buffer, output_.data() + output_at_, got);
  output_at_ += got;
  return got;
}

Status DecodingStream::Detect() {
  while (!ended_ && input_.size() < 12) PM_RETURN_IF_ERROR(Fill());
  auto starts = [this](std::string_view mark) { return input_.compare(0, mark.size(), mark) == 0; };
  size_t mark = 0;
  using namespace std::string_view_literals;
  form_ = Form::kBytes;
  if (starts("\xEF\xBB\xBF"sv)) {
    mark = 3;
  } else if (starts("\xFF\xFE\0\0"sv) || starts("\0\0\xFE\xFF"sv)) {
    form_ = Form::kUtf32;
    big_endian_ = input_[0] == '\0';
    mark = 4;
  } else if (starts("\xFF\xFE"sv) || starts("\xFE\xFF"sv)) {
    form_ = Form::kUtf16;
    big_endian_ = input_[0] == '\xFE';
    mark = 2;
  }
  input_.erase(0, mark);
  // Where zero bytes stand says more than the mark: some writers put none, or that of UTF-16 before UTF-32.
  std::string zeros;
  for (size_t i = 0; i < 8 && i < input_.size(); ++i) zeros += input_[i] == '\0' ? '0' : 'x';
  if (form_ != Form::kUtf32 && (zeros == "x000x000" || zeros == "000x000x")) {
    form_ = Form::kUtf32;
    big_endian_ = zeros[0] == '0';
  } else if (form_ == Form::kBytes && (zeros.substr(0, 4) == "x0x0" || zeros.substr(0, 4) == "0x0x")) {
    form_ = Form::kUtf16;
    big_endian_ = zeros[0] == '0';
  }
  if (form_ == Form::kBytes) output_.swap(input_);
  return {};
}

Status DecodingStream::Fill() {
  size_t old_size = input_.size();
  input_.resize(old_size + kChunk);
  Result<size_t> got = bytes_->Read(input_.data() + old_size, kChunk);
  input_.resize(old_size + (got.ok() ? *got : 0));
  if (!got.ok()) return got.status();
  ended_ = *got == 0;
  return {};
}

char32_t DecodingStream::Unit(size_t at, size_t width) const {
  char32_t value = 0;
  for (size_t i = 0; i < width; ++i) {
    size_t byte = big_endian_ ? i : width - 1 - i;
    value = value << 8 | static_cast<unsigned char>(input_[at + byte]);
  }
  return value;
}

void DecodingStream::Translate() {
  size_t width = form_ == Form::kUtf16 ? 2 : 4;
  size_t at = 0;
  while (at + width <= input_.size()) {
    char32_t c = Unit(at, width);
    if (width == 2 && c >= 0xD800 && c <= 0xDBFF) {
      if (at + 4 > input_.size() && !ended_) break;  // the pair's second half is still to be read
      char32_t low = at + 4 <= input_.size() ? Unit(at + 2, 2) : 0;
      if (low >= 0xDC00 && low <= 0xDFFF) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        at += 2;
      }
    }
    AppendUtf8(c, &output_);
    at += width;
  }
  if (ended_ && at < input_.size()) {
    AppendUtf8(kReplacement, &output_);
    at = input_.size();
  }
  input_.erase(0, at);
}

}  // namespace partnermetrics::sdk
