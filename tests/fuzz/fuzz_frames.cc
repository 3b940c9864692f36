// The host protocol: a stream of frames as a plugin's process, or whoever sits in it, sends them. Frames do not depend
// on how the bytes arrive, and every payload is decoded or refused.
#include "absl/strings/str_cat.h"
#include "connectors/host/frames.h"
#include "tests/fuzz/require.h"

namespace partnermetrics::connectors {
namespace {

void DecodeAll(absl::string_view payload) {
  const absl::StatusOr<Page> page = DecodePage(payload);
  if (page.ok()) {
    for (const RecordView& record : page->records) REQUIRE(record.reject.empty() || record.skip.empty());
  }
  // What can be encoded again comes out as it came in: nothing of a payload is ignored.
  if (const auto hello = DecodeHello(payload); hello.ok()) REQUIRE(Encode(*hello).substr(5) == payload);
  if (const auto progress = DecodeProgress(payload); progress.ok()) REQUIRE(Encode(*progress).substr(5) == payload);
  if (const auto line = DecodeLog(payload); line.ok()) REQUIRE(Encode(*line).substr(5) == payload);
  if (const auto problem = DecodeProblem(payload); problem.ok()) REQUIRE(Encode(*problem).substr(5) == payload);
  if (const auto done = DecodeDone(payload); done.ok()) REQUIRE(Encode(*done).substr(5) == payload);
  // (A flag of one byte is not compared: any value but 0 is true.)
  if (const auto files = DecodeFiles(payload); files.ok()) REQUIRE(DecodeFiles(Encode(*files).substr(5)).ok());
  if (const auto columns = DecodeColumns(payload); columns.ok()) {
    REQUIRE(DecodeColumns(Encode(*columns).substr(5)).ok());
  }
  (void)DecodeText(payload);
  (void)DecodeList(payload);
  (void)DecodeStart(payload);
  (void)DecodeOpened(payload);
}

std::string Frames(absl::string_view bytes, std::size_t piece) {
  FrameDecoder decoder;
  std::string seen;
  while (!bytes.empty()) {
    decoder.Append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    Frame frame;
    absl::StatusOr<bool> found = decoder.Next(&frame);
    for (; found.ok() && *found; found = decoder.Next(&frame)) {
      absl::StrAppend(&seen, static_cast<int>(frame.type), frame.payload, "\n");
      DecodeAll(frame.payload);
    }
    if (!found.ok()) return seen + "error";
  }
  return seen;
}

}  // namespace
}  // namespace partnermetrics::connectors

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace partnermetrics::connectors;  // NOLINT: a function of C
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  DecodeAll(bytes);
  REQUIRE(Frames(bytes, 1 << 20) == Frames(bytes, 3));
  return 0;
}
