#include "connectors/host/loader.h"

#include <elf.h>

#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace partnermetrics::connectors {
namespace {

constexpr char kTableSymbol[] = "partnermetrics_connector";
constexpr std::size_t kMaxPluginBytes = 512U << 20U;

#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
#else
#error "add the ELF machine of this processor"
#endif

// Copies a T from an offset of the file, if it lies inside.
template <typename T>
bool ReadAt(absl::string_view file, std::uint64_t offset, T* out) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) return false;
  std::memcpy(out, file.data() + offset, sizeof(T));
  return true;
}

bool IsExported(const Elf64_Sym& symbol) {
  const auto bind = ELF64_ST_BIND(symbol.st_info);
  const auto visibility = ELF64_ST_VISIBILITY(symbol.st_other);
  return symbol.st_shndx != SHN_UNDEF && (bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE) &&
         (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

absl::StatusOr<std::string> ReadWhole(const std::string& path) {
  std::error_code error;
  const auto size = std::filesystem::file_size(path, error);
  if (error) return absl::NotFoundError(absl::StrCat("the plugin ", path, " cannot be read: ", error.message()));
  if (size > kMaxPluginBytes) return absl::InvalidArgumentError(absl::StrCat(path, " is too large for a plugin"));
  std::ifstream in(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in) return absl::NotFoundError(absl::StrCat("the plugin ", path, " cannot be read"));
  return bytes;
}

absl::Status NotAPlugin(const std::string& path, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(path, " is no connector plugin: ", why));
}

absl::Status CheckExports(const std::string& path, const std::vector<std::string>& symbols) {
  if (std::find(symbols.begin(), symbols.end(), kTableSymbol) == symbols.end()) {
    return NotAPlugin(path, absl::StrCat("it does not export ", kTableSymbol,
                                         "; end its source with PARTNERMETRICS_CONNECTOR(YourClass)"));
  }
  if (symbols.size() == 1) return absl::OkStatus();
  std::vector<std::string> more;
  for (const std::string& symbol : symbols) {
    if (symbol != kTableSymbol && more.size() < 3) more.push_back(symbol);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the plugin ", path, " exports ", symbols.size() - 1, " symbols besides ", kTableSymbol, " (",
                   absl::StrJoin(more, ", "), symbols.size() > 4 ? ", …" : "",
                   "), which can clash with others; build it with partnermetrics_add_connector() or a version script"));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ExportedSymbols(const std::string& path) {
  absl::StatusOr<std::string> file = ReadWhole(path);
  if (!file.ok()) return file.status();
  Elf64_Ehdr header;
  if (!ReadAt(*file, 0, &header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_DYN) {
    return NotAPlugin(path, "the file is not a 64-bit shared library");
  }
  if (header.e_machine != kMachine) return NotAPlugin(path, "it was built for another processor");
  std::vector<std::string> names;
  for (std::uint64_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section, strings;
    if (!ReadAt(*file, header.e_shoff + i * sizeof(section), &section)) return NotAPlugin(path, "it is truncated");
    if (section.sh_type != SHT_DYNSYM) continue;
    if (!ReadAt(*file, header.e_shoff + std::uint64_t{section.sh_link} * sizeof(strings), &strings) ||
        strings.sh_offset > file->size() || strings.sh_size > file->size() - strings.sh_offset) {
      return NotAPlugin(path, "its symbol table is damaged");
    }
    const absl::string_view table = absl::string_view(*file).substr(strings.sh_offset, strings.sh_size);
    for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= section.sh_size; at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol;
      if (!ReadAt(*file, section.sh_offset + at, &symbol)) return NotAPlugin(path, "its symbol table is damaged");
      if (!IsExported(symbol) || symbol.st_name >= table.size()) continue;
      const absl::string_view name = table.substr(symbol.st_name);
      names.emplace_back(name.substr(0, name.find('\0')));
    }
    return names;
  }
  return NotAPlugin(path, "it has no dynamic symbols");
}

absl::Status CheckTable(const pm_connector& table, absl::string_view plugin) {
  if (table.magic != PM_MAGIC) {
    return absl::InvalidArgumentError(
        absl::StrCat("the table of ", plugin, " does not begin with the connector magic; fill it with PM_MAGIC"));
  }
  if (table.abi_version != PM_ABI_VERSION) {
    const bool newer = table.abi_version > PM_ABI_VERSION;
    return absl::FailedPreconditionError(absl::StrCat(
        plugin, " was built for version ", table.abi_version, " of the connector ABI and this server speaks version ",
        PM_ABI_VERSION, "; ", newer ? "update the server or rebuild the plugin" : "rebuild the plugin",
        " with the SDK of this server"));
  }
  constexpr std::size_t kFirstSize = offsetof(pm_connector, close) + sizeof(table.close);
  if (table.struct_size < kFirstSize) {
    return absl::FailedPreconditionError(
        absl::StrCat("the table of ", plugin, " has ", table.struct_size, " bytes and version ", PM_ABI_VERSION,
                     " of the connector ABI has at least ", kFirstSize,
                     "; set struct_size to sizeof(pm_connector) and rebuild the plugin"));
  }
  if (table.name == nullptr || table.version == nullptr || table.built_with == nullptr || table.describe == nullptr ||
      table.open == nullptr || table.check == nullptr || table.read == nullptr || table.close == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("the table of ", plugin, " has a NULL entry; every text and function must be there"));
  }
  return absl::OkStatus();
}

struct LoadedConnector::Library {
  boost::dll::shared_library library;
};

LoadedConnector::LoadedConnector(std::unique_ptr<Library> library, const pm_connector* table)
    : library_(std::move(library)), table_(table) {}
LoadedConnector::LoadedConnector(LoadedConnector&&) noexcept = default;
LoadedConnector& LoadedConnector::operator=(LoadedConnector&&) noexcept = default;
LoadedConnector::~LoadedConnector() = default;

absl::StatusOr<LoadedConnector> LoadedConnector::Load(const std::string& path) {
  const absl::StatusOr<std::vector<std::string>> symbols = ExportedSymbols(path);
  if (!symbols.ok()) return symbols.status();
  if (absl::Status status = CheckExports(path, *symbols); !status.ok()) return status;
  auto library = std::make_unique<Library>();
  const pm_connector* table = nullptr;
  try {
    // rtld_local: the symbols of plugins do not meet. Absolute: dlopen would search for a plain name.
    library->library.load(std::filesystem::absolute(path),
                          boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
    table = &library->library.get<const pm_connector>(kTableSymbol);
  } catch (const std::exception& e) {
    return absl::FailedPreconditionError(absl::StrCat("the plugin ", path, " cannot be loaded: ", e.what(),
                                                      "; install what it needs or rebuild it on this system"));
  }
  if (absl::Status status = CheckTable(*table, path); !status.ok()) return status;
  return LoadedConnector(std::move(library), table);
}

}  // namespace partnermetrics::connectors
