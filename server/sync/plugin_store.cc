#include "server/sync/plugin_store.h"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/errors.h"

namespace partnermetrics {
namespace {

// Plugins are named like their files; nothing else may be looked up in the plugin folder.
bool IsPluginName(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_islower(static_cast<unsigned char>(c)) || absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
           c == '_';
  });
}

std::string Sha256Of(std::istream& in) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  std::array<char, 1 << 16> buffer;
  while (in.read(buffer.data(), buffer.size()) || in.gcount() > 0) {
    EVP_DigestUpdate(context.get(), buffer.data(), static_cast<size_t>(in.gcount()));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  EVP_DigestFinal_ex(context.get(), digest.data(), &size);
  return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), size});
}

}  // namespace

absl::StatusOr<PluginFile> PluginStore::Find(absl::string_view plugin) const {
  PluginFile file;
  file.path = absl::StrCat(folder_, "/", plugin, ".so");
  if (!IsPluginName(plugin) || ::access(file.path.c_str(), R_OK) != 0) {
    return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_PLUGIN",
                     absl::StrCat("there is no plugin '", plugin, "' in ", folder_),
                     "correct the name, or put the plugin there");
  }
  ASSIGN_OR_RETURN(file.sha256, HashOf(file.path));
  const auto is_this = [&](const auto& allowed) {
    return allowed.first == plugin && absl::EqualsIgnoreCase(allowed.second, file.sha256);
  };
  if (allowed_.empty() || std::any_of(allowed_.begin(), allowed_.end(), is_this)) return file;
  return MakeError(absl::StatusCode::kPermissionDenied, "PLUGIN_NOT_ALLOWED",
                   absl::StrCat("this build of the plugin '", plugin, "' is not allowed to run: SHA-256 ", file.sha256),
                   "install an allowed build, or add this one to allowed_plugins and restart the server");
}

absl::StatusOr<std::string> PluginStore::HashOf(const std::string& path) const {
  struct stat stat = {};
  if (::stat(path.c_str(), &stat) != 0) return absl::ErrnoToStatus(errno, path);
  const Print print = {stat.st_ino, stat.st_size, stat.st_ctim.tv_sec * 1'000'000'000LL + stat.st_ctim.tv_nsec};
  MutexLock lock(&mutex_);
  auto& [known, hash] = hashes_[path];
  if (hash.empty() || !(known == print)) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return absl::ErrnoToStatus(errno, path);
    hash = Sha256Of(in);
    known = print;
  }
  return hash;
}

}  // namespace partnermetrics
