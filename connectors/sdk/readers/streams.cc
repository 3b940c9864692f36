#include "connectors/sdk/readers/streams.h"

#include <algorithm>

#include "connectors/sdk/readers/text.h"

namespace partnermetrics::sdk {
namespace {

constexpr char kArchiveSeparator = '!';

std::string_view LastPart(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

bool IsHidden(std::string_view path) {
  std::string_view last = LastPart(path);
  return last.empty() || last[0] == '.' || path.find("__MACOSX/") != std::string_view::npos;
}

std::string BaseName(std::string_view path) {
  std::string_view last = LastPart(path);
  if (EndsWithIgnoreCase(last, ".gz")) last.remove_suffix(3);
  return std::string(last);
}

}  // namespace

Result<size_t> FileStream::Read(char* buffer, size_t size) {
  PM_ASSIGN_OR_RETURN(size_t got, file_->ReadAt(offset_, buffer, size));
  if (got == 0 && size > 0 && offset_ < file_->size()) {
    return SourceError(file_->name(), "the file ends after " + std::to_string(offset_) + " of its " +
                                          std::to_string(file_->size()) + " bytes");
  }
  offset_ += got;
  return got;
}

Result<Inputs> Inputs::List(Reader& reader, const ArchiveLimits& limits) {
  Inputs inputs(&reader, limits);
  PM_ASSIGN_OR_RETURN(std::vector<FileInfo> files, reader.List());
  for (const FileInfo& file : files) {
    if (IsHidden(file.name)) continue;
    if (EndsWithIgnoreCase(file.name, ".zip")) {
      PM_RETURN_IF_ERROR(inputs.AddZip(file));
    } else {
      inputs.files_.push_back({file.name, BaseName(file.name), file.size, file.modified_unix_ns});
    }
  }
  std::sort(inputs.files_.begin(), inputs.files_.end(), [](const Input& a, const Input& b) { return a.name < b.name; });
  return inputs;
}

Status Inputs::AddZip(const FileInfo& file) {
  PM_ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> archive, reader_->Open(file.name));
  PM_ASSIGN_OR_RETURN(std::vector<ZipMember> members, ListZip(*archive, limits_));
  for (ZipMember& member : members) {
    if (IsHidden(member.name)) continue;
    std::string name = file.name + kArchiveSeparator + member.name;
    std::string base_name = BaseName(member.name);
    files_.push_back({name, base_name, member.size, file.modified_unix_ns});
    if (!members_.emplace(name, std::move(member)).second) {
      return SourceError(name, "the archive has two members of this name");
    }
  }
  return {};
}

Result<std::unique_ptr<ByteStream>> Inputs::Open(const Input& input) const {
  auto member = members_.find(input.name);
  if (member != members_.end()) {
    std::string archive_name = input.name.substr(0, input.name.size() - member->second.name.size() - 1);
    PM_ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> archive, reader_->Open(archive_name));
    return OpenZipMember(std::move(archive), member->second, limits_);
  }
  PM_ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> file, reader_->Open(input.name));
  if (EndsWithIgnoreCase(input.name, ".gz")) return OpenGzip(std::move(file), limits_);
  return std::unique_ptr<ByteStream>(std::make_unique<FileStream>(std::move(file)));
}

}  // namespace partnermetrics::sdk
