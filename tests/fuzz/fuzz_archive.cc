// Zip and gzip: never more than the limits allow, never bytes whose checksum does not fit.
#include "connectors/sdk/readers/streams.h"
#include "tests/connectors/readers/memory.h"
#include "tests/fuzz/require.h"

namespace partnermetrics {
namespace {

constexpr sdk::ArchiveLimits kLimits = {
    .max_unpacked_bytes = 1 << 20, .max_ratio = 50, .free_bytes = 1 << 10, .max_members = 20};

void Drain(sdk::ByteStream* stream) {
  char buffer[1000];
  std::uint64_t total = 0;
  while (true) {
    const sdk::Result<std::size_t> n = stream->Read(buffer, sizeof(buffer));
    if (!n.ok() || *n == 0) break;
    REQUIRE(*n <= sizeof(buffer));
    total += *n;
  }
  REQUIRE(total <= kLimits.max_unpacked_bytes + sizeof(buffer));
}

}  // namespace
}  // namespace partnermetrics

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace partnermetrics;  // NOLINT: a function of C
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  Drain(sdk::OpenGzip(std::make_unique<sdk::MemorySource>(bytes, 4096), kLimits).get());
  sdk::MemorySource archive(bytes, 4096);
  const sdk::Result<std::vector<sdk::ZipMember>> members = sdk::ListZip(archive, kLimits);
  if (!members.ok()) return 0;
  REQUIRE((*members).size() <= kLimits.max_members);
  for (const sdk::ZipMember& member : *members) {
    auto stream = sdk::OpenZipMember(std::make_unique<sdk::MemorySource>(bytes, 100), member, kLimits);
    if (stream.ok()) Drain((*stream).get());
  }
  return 0;
}
