// Zip directories and inflating streams. Only zlib is used: a plugin then loads no cryptography or other compressors.
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "connectors/sdk/readers/streams.h"

namespace partnermetrics::sdk {
namespace {

constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64LocatorSignature = 0x07064b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kEntrySignature = 0x02014b50;
constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr size_t kEndSize = 22;
constexpr size_t kEnd64LocatorSize = 20;
constexpr size_t kEnd64Size = 56;
constexpr size_t kEntrySize = 46;
constexpr size_t kLocalSize = 30;
constexpr size_t kMaxComment = 65'535;
constexpr uint64_t kMaxDirectory = uint64_t{256} << 20;
constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;
constexpr uint16_t kEncryptedFlag = 1;
constexpr uint16_t kZip64Field = 1;

// Little-endian numbers.
uint64_t Get(const char* data, size_t bytes) {
  uint64_t value = 0;
  for (size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<unsigned char>(data[i]);
  return value;
}
uint16_t Get16(const char* data) {
  return static_cast<uint16_t>(Get(data, 2));
}
uint32_t Get32(const char* data) {
  return static_cast<uint32_t>(Get(data, 4));
}
uint64_t Get64(const char* data) {
  return Get(data, 8);
}

Status Damaged(const ByteSource& archive, const std::string& what) {
  return SourceError(archive.name(), "the zip archive is damaged or incomplete: " + what, "export or copy it again");
}

// Reads exactly `size` bytes.
Result<std::string> ReadPart(ByteSource& file, uint64_t offset, size_t size) {
  if (offset > file.size() || size > file.size() - offset) return Damaged(file, "it ends too early");
  std::string bytes(size, '\0');
  for (size_t done = 0; done < size;) {
    PM_ASSIGN_OR_RETURN(size_t got, file.ReadAt(offset + done, bytes.data() + done, size - done));
    if (got == 0) return Damaged(file, "it ends too early");
    done += got;
  }
  return bytes;
}

struct Directory {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t entries = 0;
};

Result<Directory> FindDirectory(ByteSource& archive) {
  uint64_t tail_size = std::min<uint64_t>(archive.size(), kEndSize + kMaxComment);
  uint64_t tail_offset = archive.size() - tail_size;
  PM_ASSIGN_OR_RETURN(std::string tail, ReadPart(archive, tail_offset, static_cast<size_t>(tail_size)));
  if (tail.size() < kEndSize) return Damaged(archive, "it has no directory");
  size_t end = tail.size() - kEndSize;
  while (Get32(&tail[end]) != kEndSignature || end + kEndSize + Get16(&tail[end + 20]) > tail.size()) {
    if (end-- == 0) return Damaged(archive, "it has no directory");
  }
  Directory directory{Get32(&tail[end + 16]), Get32(&tail[end + 12]), Get16(&tail[end + 10])};
  bool zip64 = end >= kEnd64LocatorSize && Get32(&tail[end - kEnd64LocatorSize]) == kEnd64LocatorSignature;
  if (zip64) {
    PM_ASSIGN_OR_RETURN(std::string end64, ReadPart(archive, Get64(&tail[end - kEnd64LocatorSize + 8]), kEnd64Size));
    if (Get32(end64.data()) != kEnd64Signature) return Damaged(archive, "its ZIP64 directory is missing");
    directory = {Get64(&end64[48]), Get64(&end64[40]), Get64(&end64[32])};
  }
  if (directory.size > kMaxDirectory) return LimitExceeded(archive.name(), "the archive's directory is too large");
  return directory;
}

// Sizes that do not fit 32 bits stand in an extra field, in this order, each only when its 32-bit form is full.
void ReadZip64Field(std::string_view extra, ZipMember* member) {
  while (extra.size() >= 4) {
    uint16_t id = Get16(extra.data());
    size_t size = std::min<size_t>(Get16(extra.data() + 2), extra.size() - 4);
    std::string_view field = extra.substr(4, size);
    if (id == kZip64Field) {
      for (uint64_t* value : {&member->size, &member->packed_size, &member->header_offset}) {
        if (*value != 0xffffffff || field.size() < 8) continue;
        *value = Get64(field.data());
        field.remove_prefix(8);
      }
    }
    extra.remove_prefix(4 + size);
  }
}

// Counts what was unpacked and says when it is too much.
class UnpackGuard {
 public:
  UnpackGuard(std::string name, const ArchiveLimits& limits) : name_(std::move(name)), limits_(limits) {}

  Status Count(uint64_t packed_total, size_t unpacked) {
    unpacked_total_ += unpacked;
    if (unpacked_total_ > limits_.max_unpacked_bytes) {
      return LimitExceeded(name_, "it unpacks to more than " + std::to_string(limits_.max_unpacked_bytes) + " bytes");
    }
    if (unpacked_total_ > limits_.free_bytes && unpacked_total_ / limits_.max_ratio > packed_total) {
      return LimitExceeded(name_, "it unpacks to more than " + std::to_string(limits_.max_ratio) + " times its size",
                           "unpack it by hand if it is trusted");
    }
    return {};
  }
  uint64_t unpacked_total() const { return unpacked_total_; }

 private:
  std::string name_;
  ArchiveLimits limits_;
  uint64_t unpacked_total_ = 0;
};

// Reads a part of a file.
class PartStream : public ByteStream {
 public:
  PartStream(std::unique_ptr<ByteSource> file, uint64_t offset, uint64_t size)
      : file_(std::move(file)), offset_(offset), left_(size) {}

  Result<size_t> Read(char* buffer, size_t size) override {
    size = static_cast<size_t>(std::min<uint64_t>(size, left_));
    if (size == 0) return size_t{0};
    PM_ASSIGN_OR_RETURN(size_t got, file_->ReadAt(offset_, buffer, size));
    if (got == 0) return SourceError(file_->name(), "the file ends too early");
    offset_ += got;
    left_ -= got;
    return got;
  }

 private:
  std::unique_ptr<ByteSource> file_;
  uint64_t offset_;
  uint64_t left_;
};

// Unpacks raw deflate data (of a zip member) or gzip data.
class InflateStream : public ByteStream {
 public:
  enum class Format { kRaw, kGzip };

  InflateStream(std::string name, std::unique_ptr<ByteStream> packed, Format format, const ArchiveLimits& limits)
      : name_(std::move(name)), packed_(std::move(packed)), format_(format), guard_(name_, limits) {}
  ~InflateStream() override {
    if (ready_) inflateEnd(&zlib_);
  }
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;

  Result<size_t> Read(char* buffer, size_t size) override {
    if (!ready_) {
      if (inflateInit2(&zlib_, format_ == Format::kRaw ? -MAX_WBITS : MAX_WBITS + 16) != Z_OK) {
        return LimitExceeded(name_, "no memory to unpack");
      }
      ready_ = true;
    }
    uInt wanted = static_cast<uInt>(std::min<size_t>(size, 1u << 30));
    zlib_.next_out = reinterpret_cast<Bytef*>(buffer);
    zlib_.avail_out = wanted;
    while (zlib_.avail_out == wanted && wanted > 0) {
      if (zlib_.avail_in == 0 && !input_ended_) PM_RETURN_IF_ERROR(Refill());
      if (at_end_ && zlib_.avail_in == 0) return size_t{0};
      if (at_end_) {
        if (format_ == Format::kRaw) return size_t{0};
        inflateReset(&zlib_);  // the next of several concatenated gzip files
        at_end_ = false;
      }
      int result = inflate(&zlib_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        at_end_ = true;
      } else if (result == Z_BUF_ERROR && input_ended_) {
        return SourceError(name_, "the packed data is cut off", "export or copy it again");
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return SourceError(name_, "the packed data is damaged", "export or copy it again");
      }
    }
    size_t got = wanted - zlib_.avail_out;
    PM_RETURN_IF_ERROR(guard_.Count(packed_total_, got));
    return got;
  }

 private:
  Status Refill() {
    PM_ASSIGN_OR_RETURN(size_t got, packed_->Read(input_.data(), input_.size()));
    input_ended_ = got == 0;
    packed_total_ += got;
    zlib_.next_in = reinterpret_cast<Bytef*>(input_.data());
    zlib_.avail_in = static_cast<uInt>(got);
    return {};
  }

  std::string name_;
  std::unique_ptr<ByteStream> packed_;
  Format format_;
  UnpackGuard guard_;
  z_stream zlib_ = {};
  bool ready_ = false;
  bool input_ended_ = false;
  bool at_end_ = false;
  uint64_t packed_total_ = 0;
  std::array<char, 64 << 10> input_;
};

// Passes a member's bytes on and checks their number and checksum at the end.
class CheckedStream : public ByteStream {
 public:
  CheckedStream(std::string name, std::unique_ptr<ByteStream> bytes, const ZipMember& member)
      : name_(std::move(name)), bytes_(std::move(bytes)), size_(member.size), crc32_(member.crc32) {}

  Result<size_t> Read(char* buffer, size_t size) override {
    PM_ASSIGN_OR_RETURN(size_t got, bytes_->Read(buffer, size));
    actual_crc32_ = crc32_z(actual_crc32_, reinterpret_cast<const Bytef*>(buffer), got);
    actual_size_ += got;
    if (got == 0 && size > 0 && (actual_size_ != size_ || actual_crc32_ != crc32_)) {
      return SourceError(name_, "length or checksum of the unpacked data is wrong", "export or copy it again");
    }
    return got;
  }

 private:
  std::string name_;
  std::unique_ptr<ByteStream> bytes_;
  uint64_t size_;
  uLong crc32_;
  uint64_t actual_size_ = 0;
  uLong actual_crc32_ = crc32_z(0, nullptr, 0);
};

}  // namespace

Result<std::vector<ZipMember>> ListZip(ByteSource& archive, const ArchiveLimits& limits) {
  PM_ASSIGN_OR_RETURN(Directory directory, FindDirectory(archive));
  if (directory.entries > limits.max_members) {
    return LimitExceeded(archive.name(),
                         "the archive has more than " + std::to_string(limits.max_members) + " members");
  }
  PM_ASSIGN_OR_RETURN(std::string bytes, ReadPart(archive, directory.offset, static_cast<size_t>(directory.size)));
  std::vector<ZipMember> members;
  size_t at = 0;
  uint64_t unpacked = 0;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    if (bytes.size() - at < kEntrySize || Get32(&bytes[at]) != kEntrySignature) {
      return Damaged(archive, "its directory is cut off");
    }
    const char* entry = &bytes[at];
    size_t name_size = Get16(entry + 28);
    size_t extra_size = Get16(entry + 30);
    size_t comment_size = Get16(entry + 32);
    if (bytes.size() - at - kEntrySize < name_size + extra_size + comment_size) {
      return Damaged(archive, "its directory is cut off");
    }
    ZipMember member;
    member.encrypted = (Get16(entry + 8) & kEncryptedFlag) != 0;
    member.method = Get16(entry + 10);
    member.crc32 = Get32(entry + 16);
    member.packed_size = Get32(entry + 20);
    member.size = Get32(entry + 24);
    member.header_offset = Get32(entry + 42);
    member.name.assign(entry + kEntrySize, name_size);
    ReadZip64Field(std::string_view(entry + kEntrySize + name_size, extra_size), &member);
    at += kEntrySize + name_size + extra_size + comment_size;
    unpacked += std::min(member.size, limits.max_unpacked_bytes + 1);
    if (unpacked > limits.max_unpacked_bytes) {
      return LimitExceeded(archive.name(),
                           "it unpacks to more than " + std::to_string(limits.max_unpacked_bytes) + " bytes");
    }
    if (!member.name.empty() && member.name.back() != '/') members.push_back(std::move(member));
  }
  return members;
}

Result<std::unique_ptr<ByteStream>> OpenZipMember(std::unique_ptr<ByteSource> archive, const ZipMember& member,
                                                  const ArchiveLimits& limits) {
  std::string name = archive->name() + "!" + member.name;
  if (member.encrypted) return Unsupported(name, "the archive is encrypted", "export it without a password");
  if (member.method != kStored && member.method != kDeflated) {
    return Unsupported(name, "packing method " + std::to_string(member.method) + " is not supported",
                       "pack it again as an ordinary zip");
  }
  // The local header repeats the name with an extra field of its own length; the data follows it.
  PM_ASSIGN_OR_RETURN(std::string header, ReadPart(*archive, member.header_offset, kLocalSize));
  if (Get32(header.data()) != kLocalSignature) return Damaged(*archive, "a member is not where its directory says");
  uint64_t data = member.header_offset + kLocalSize + Get16(&header[26]) + Get16(&header[28]);
  if (data > archive->size() || member.packed_size > archive->size() - data) {
    return Damaged(*archive, "a member is cut off");
  }
  std::unique_ptr<ByteStream> bytes = std::make_unique<PartStream>(std::move(archive), data, member.packed_size);
  if (member.method == kDeflated) {
    bytes = std::make_unique<InflateStream>(name, std::move(bytes), InflateStream::Format::kRaw, limits);
  }
  return std::unique_ptr<ByteStream>(std::make_unique<CheckedStream>(name, std::move(bytes), member));
}

std::unique_ptr<ByteStream> OpenGzip(std::unique_ptr<ByteSource> file, const ArchiveLimits& limits) {
  std::string name = file->name();
  return std::make_unique<InflateStream>(name, std::make_unique<FileStream>(std::move(file)),
                                         InflateStream::Format::kGzip, limits);
}

}  // namespace partnermetrics::sdk
