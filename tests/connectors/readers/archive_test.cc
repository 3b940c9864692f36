// Archives are made by libzip and zlib, so that the reader is not tested against itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>

#include <cstdio>
#include <fstream>
#include <sstream>

#include "connectors/sdk/readers/streams.h"
#include "tests/connectors/readers/memory.h"

namespace partnermetrics::sdk {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string MakeZip(const std::map<std::string, std::string>& members, int method = ZIP_CM_DEFLATE) {
  std::string path = ::testing::TempDir() + "readers_" + std::to_string(getpid()) + ".zip";
  std::remove(path.c_str());
  zip_t* zip = zip_open(path.c_str(), ZIP_CREATE, nullptr);
  for (const auto& [name, content] : members) {
    zip_int64_t index = zip_file_add(zip, name.c_str(), zip_source_buffer(zip, content.data(), content.size(), 0), 0);
    zip_set_file_compression(zip, static_cast<zip_uint64_t>(index), method, 0);
  }
  EXPECT_EQ(zip_close(zip), 0);
  std::ifstream in(path, std::ios::binary);
  std::stringstream bytes;
  bytes << in.rdbuf();
  std::remove(path.c_str());
  return bytes.str();
}

std::string Gzip(const std::string& text) {
  z_stream zlib = {};
  EXPECT_EQ(deflateInit2(&zlib, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(text.size() + 1000, '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  zlib.avail_in = static_cast<uInt>(text.size());
  zlib.next_out = reinterpret_cast<Bytef*>(out.data());
  zlib.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&zlib, Z_FINISH), Z_STREAM_END);
  out.resize(zlib.total_out);
  deflateEnd(&zlib);
  return out;
}

// The content, or the error's message after "!".
std::string ReadAll(Result<std::unique_ptr<ByteStream>> stream) {
  if (!stream.ok()) return "!" + stream.status().message();
  std::string content;
  std::vector<char> buffer(4096);
  while (true) {
    Result<size_t> got = (*stream)->Read(buffer.data(), buffer.size());
    if (!got.ok()) return "!" + got.status().message();
    if (*got == 0) return content;
    content.append(buffer.data(), *got);
  }
}

std::unique_ptr<ByteSource> Source(const std::string& bytes, size_t piece = 1 << 20) {
  return std::make_unique<MemorySource>(bytes, piece);
}

std::string Text() {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "row " + std::to_string(i * 7919) + "\n";
  return text;
}

TEST(Archive, ReadsStoredAndDeflatedMembers) {
  for (int method : {ZIP_CM_STORE, ZIP_CM_DEFLATE}) {
    std::string zip = MakeZip({{"export/Account.csv", Text()}, {"Lead.csv", "Id\n"}, {"empty.csv", ""}}, method);
    for (size_t piece : std::initializer_list<size_t>{7, 100'000}) {
      auto archive = Source(zip, piece);
      Result<std::vector<ZipMember>> members = ListZip(*archive);
      ASSERT_TRUE(members.ok()) << members.status().message();
      ASSERT_THAT(*members, SizeIs(3));
      for (const ZipMember& member : *members) {
        std::string expected = member.name == "export/Account.csv" ? Text() : member.name == "Lead.csv" ? "Id\n" : "";
        EXPECT_EQ(ReadAll(OpenZipMember(Source(zip, piece), member)), expected);
      }
    }
  }
}

TEST(Archive, DamageIsNoticed) {
  std::string zip = MakeZip({{"Account.csv", Text()}});
  ZipMember member = ListZip(*Source(zip)).value().front();
  EXPECT_THAT(ListZip(*Source(zip.substr(0, zip.size() / 2))).status().message(), HasSubstr("damaged or incomplete"));
  EXPECT_FALSE(ListZip(*Source("")).ok());
  EXPECT_FALSE(ListZip(*Source(std::string(100, 'x'))).ok());
  std::string flipped = zip;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x55);
  EXPECT_THAT(ReadAll(OpenZipMember(Source(flipped), member)), HasSubstr("!"));
  // Every cut of a small archive: an error or the whole content, never a part of it.
  std::string small = MakeZip({{"a.csv", "Id\n1\n2\n"}});
  for (size_t size = 0; size < small.size(); ++size) EXPECT_FALSE(ListZip(*Source(small.substr(0, size))).ok()) << size;
}

TEST(Archive, BombsAreStopped) {
  std::string zip = MakeZip({{"zeros.csv", std::string(64 << 20, '0')}});
  ZipMember member = ListZip(*Source(zip)).value().front();
  EXPECT_THAT(ReadAll(OpenZipMember(Source(zip), member)), HasSubstr("times its size"));
  ArchiveLimits small;
  small.max_unpacked_bytes = 1000;
  EXPECT_FALSE(ListZip(*Source(zip), small).ok());
}

TEST(Archive, ReadsGzipAlsoConcatenated) {
  std::string text = Text();
  EXPECT_EQ(ReadAll(OpenGzip(Source(Gzip(text), 11))), text);
  EXPECT_EQ(ReadAll(OpenGzip(Source(Gzip(text) + Gzip("more\n")))), text + "more\n");
  std::string gzip = Gzip(text);
  EXPECT_THAT(ReadAll(OpenGzip(Source(gzip.substr(0, gzip.size() - 5)))), HasSubstr("cut off"));
  EXPECT_THAT(ReadAll(OpenGzip(Source("not gzip at all"))), HasSubstr("damaged"));
}

}  // namespace
}  // namespace partnermetrics::sdk
