// Bytes read in order, from files, from members of zip archives and from gzip files.
//
//   PM_ASSIGN_OR_RETURN(Inputs inputs, Inputs::List(reader));
//   for (const Input& input : inputs.files()) {
//     PM_ASSIGN_OR_RETURN(std::unique_ptr<ByteStream> bytes, inputs.Open(input));
//
// One thread at a time. Memory is constant, whatever the size of a file.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_STREAMS_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_STREAMS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "partnermetrics/connector.h"
#include "partnermetrics/status.h"

namespace partnermetrics::sdk {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Reads up to `size` bytes; fewer are normal, 0 is the end.
  virtual Result<std::size_t> Read(char* buffer, std::size_t size) = 0;
};

// Reads a file from its beginning. An end before the size that the file had when it was opened is an error.
class FileStream : public ByteStream {
 public:
  explicit FileStream(std::unique_ptr<ByteSource> file) : file_(std::move(file)) {}
  Result<std::size_t> Read(char* buffer, std::size_t size) override;

 private:
  std::unique_ptr<ByteSource> file_;
  std::uint64_t offset_ = 0;
};

// Guards against archives that are small on disk and huge when unpacked.
struct ArchiveLimits {
  std::uint64_t max_unpacked_bytes = std::uint64_t{256} << 30;
  // Unpacked to packed size, once more than free_bytes were unpacked. Plain CSV stays below 100.
  std::uint64_t max_ratio = 400;
  std::uint64_t free_bytes = std::uint64_t{16} << 20;
  std::size_t max_members = 100'000;
};

// A member of a zip archive.
struct ZipMember {
  std::string name;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t header_offset = 0;
  std::uint32_t crc32 = 0;
  std::uint16_t method = 0;  // 0 stored, 8 deflated
  bool encrypted = false;
};

// Reads the archive's directory; ZIP64 is understood.
Result<std::vector<ZipMember>> ListZip(ByteSource& archive, const ArchiveLimits& limits = {});

// Unpacks a member; the stream checks length and checksum at its end.
Result<std::unique_ptr<ByteStream>> OpenZipMember(std::unique_ptr<ByteSource> archive, const ZipMember& member,
                                                  const ArchiveLimits& limits = {});

// Unpacks a gzip file, also one that was concatenated from several.
std::unique_ptr<ByteStream> OpenGzip(std::unique_ptr<ByteSource> file, const ArchiveLimits& limits = {});

// A file to read, or a member of an archive.
struct Input {
  std::string name;  // "exports/a.zip!Account.csv"
  // The last part of the name without ".gz": "Account.csv".
  std::string base_name;
  std::uint64_t size = 0;  // unpacked for members of archives, packed for gzip files
  std::int64_t modified_unix_ns = 0;
};

// Every file of the connector's folder with the members of its archives, ordered by name.
class Inputs {
 public:
  // Hidden files and what macOS adds to archives are left out.
  static Result<Inputs> List(Reader& reader, const ArchiveLimits& limits = {});

  const std::vector<Input>& files() const { return files_; }
  Result<std::unique_ptr<ByteStream>> Open(const Input& input) const;

 private:
  Inputs(Reader* reader, const ArchiveLimits& limits) : reader_(reader), limits_(limits) {}
  Status AddZip(const FileInfo& file);

  Reader* reader_;
  ArchiveLimits limits_;
  std::vector<Input> files_;
  std::map<std::string, ZipMember> members_;  // by Input::name
};

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_STREAMS_H_
