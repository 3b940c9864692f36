#include "server/queries/answer_size.h"

#include "absl/strings/str_cat.h"

namespace partnermetrics {

std::string Clip(absl::string_view text, size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  // A byte 10xxxxxx goes on with the character before it.
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return absl::StrCat(text.substr(0, bytes), "…");
}

}  // namespace partnermetrics
