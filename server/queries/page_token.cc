#include "server/queries/page_token.h"

#include "absl/strings/escaping.h"
#include "server/base/errors.h"
#include "server/sync/page_request.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

// FNV-1a: a mix-up of requests shall be noticed; nobody is kept out by it.
uint32_t Fingerprint(absl::string_view request) {
  uint32_t hash = 2166136261u;
  for (const char c : request) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return hash;
}

}  // namespace

std::string MakePageToken(absl::string_view after, absl::string_view request) {
  std::string token;
  storage::ByteWriter(&token).Fixed32(Fingerprint(request)).Raw(after);
  return absl::WebSafeBase64Escape(token);
}

absl::StatusOr<std::string> ReadPageToken(absl::string_view token, absl::string_view request) {
  if (token.empty()) return std::string();
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(token, &bytes) || bytes.size() <= 4) return BadPageToken();
  storage::ByteReader reader(bytes);
  if (reader.Fixed32() != Fingerprint(request)) return BadPageToken();
  return bytes.substr(4);
}

}  // namespace partnermetrics
