// The frames between the server and partner-connector-host: a length, a type and a fixed binary payload each, over a
// socket pair. Both ends run on one machine, so numbers are in its byte order.
//
//   frame   = length:u32 (of the payload) type:u8 payload
//   text    = length:u32 bytes
//
//   std::string bytes = Encode(Progress{3, 10, "files"});
//   decoder.Append(bytes);
//   Frame frame;
//   ASSIGN_OR_RETURN(bool found, decoder.Next(&frame));
//   ASSIGN_OR_RETURN(Progress progress, DecodeProgress(frame.payload));
//
// Whatever comes from the other end is untrusted: every length is checked before it is used, and a payload must be used
// up exactly. Decoded views point into the payload. Thread-compatible.
#ifndef PARTNERMETRICS_CONNECTORS_HOST_FRAMES_H_
#define PARTNERMETRICS_CONNECTORS_HOST_FRAMES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "partnermetrics/connector_abi.h"

namespace partnermetrics::connectors {

enum class FrameType : std::uint8_t {
  // From the plugin's process.
  kHello = 1,
  kPage = 2,
  kComplete = 3,
  kProgress = 4,
  kLog = 5,
  kProblem = 6,
  kList = 7,
  kOpen = 8,
  kDone = 9,
  kAlive = 10,
  kColumns = 11,
  // From the server.
  kStart = 32,
  kAck = 33,
  kFiles = 34,
  kOpened = 35,
  kCancel = 36,
};

// A page of PM_PAGE_MAX_BYTES with the fixed parts of PM_PAGE_MAX_RECORDS records and a state fits.
inline constexpr std::size_t kMaxPayload = 16U << 20U;

struct Frame {
  FrameType type;
  absl::string_view payload;  // valid until the decoder's next Append
};

// Cuts a stream of bytes into frames.
class FrameDecoder {
 public:
  void Append(absl::string_view bytes);
  // True and a frame, or false when more bytes are needed. An error is final: the stream makes no sense any more.
  absl::StatusOr<bool> Next(Frame* frame);

 private:
  std::string buffer_;
  std::size_t begin_ = 0;  // of the bytes not yet given out
};

// --- Messages of the plugin's process.

struct Hello {
  std::string name, version, built_with, description_json;
};

// A record of the source as it crossed; see pm_record. Empty reject and skip: it was emitted.
struct RecordView {
  absl::string_view events;  // a serialised partnermetrics.v1.EventBatch
  absl::string_view raw;
  absl::string_view file;
  std::uint64_t row = 0;
  std::uint64_t offset = 0;
  absl::string_view reject, skip, field, message;
};

struct Page {
  std::vector<RecordView> records;
  std::optional<absl::string_view> state;
};

struct Progress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;  // 0: not known
  std::string unit;
};

struct LogLine {
  std::int32_t level = PM_INFO;
  std::string message;
};

struct Problem {
  std::int32_t level = PM_INFO;
  std::string where, message, remedy;
};

// The columns of a stream, and which of them are read.
struct Columns {
  std::string stream;
  std::vector<std::pair<std::string, bool>> columns;
};

struct Done {
  std::int32_t code = PM_OK;
  std::string where, message, remedy;
  std::uint64_t peak_memory_bytes = 0;  // of the process; 0: not known
};

std::string Encode(const Hello& hello);
// The page as the plugin gave it; the caller has checked its limits.
std::string EncodePage(const std::vector<pm_record>& records, const pm_bytes* state);
std::string EncodeComplete(absl::string_view fact_kind);
std::string Encode(const Progress& progress);
std::string Encode(const LogLine& line);
std::string Encode(const Problem& problem);
std::string Encode(const Columns& columns);
std::string EncodeList(std::uint64_t first);
std::string EncodeOpen(absl::string_view name);
std::string Encode(const Done& done);
std::string EncodeAlive();

absl::StatusOr<Hello> DecodeHello(absl::string_view payload);
// Also checks that a record is emitted, rejected or skipped, and only one of these.
absl::StatusOr<Page> DecodePage(absl::string_view payload);
absl::StatusOr<std::string> DecodeText(absl::string_view payload);  // kComplete and kOpen
absl::StatusOr<Progress> DecodeProgress(absl::string_view payload);
absl::StatusOr<LogLine> DecodeLog(absl::string_view payload);
absl::StatusOr<Problem> DecodeProblem(absl::string_view payload);
absl::StatusOr<Columns> DecodeColumns(absl::string_view payload);
absl::StatusOr<std::uint64_t> DecodeList(absl::string_view payload);
absl::StatusOr<Done> DecodeDone(absl::string_view payload);

// --- Messages of the server.

enum class Command : std::uint8_t { kDescribe = 1, kCheck = 2, kRead = 3 };

// What a plugin's process may use; 0: no limit.
struct ConnectorLimits {
  std::uint64_t memory_bytes = 2ULL << 30U;
  std::uint64_t cpu_seconds = 3600;
  std::uint64_t open_files = 256;
};

struct Start {
  Command command = Command::kDescribe;
  ConnectorLimits limits;
  std::vector<std::pair<std::string, std::string>> settings;
  std::optional<std::string> state;
};

struct FileEntry {
  std::string name;
  std::uint64_t size = 0;
  std::int64_t modified_unix_ns = 0;
};

// Files of the folder from the index on that was asked for.
struct Files {
  bool last = false;  // none follow
  std::vector<FileEntry> files;
};

// Answer to kOpen: with PM_OK the frame carries a descriptor.
struct Opened {
  std::int32_t code = PM_OK;
  std::string message, remedy;
};

std::string Encode(const Start& start);
std::string EncodeAck();
std::string Encode(const Files& files);
std::string Encode(const Opened& opened);
std::string EncodeCancel();

absl::StatusOr<Start> DecodeStart(absl::string_view payload);
absl::StatusOr<Files> DecodeFiles(absl::string_view payload);
absl::StatusOr<Opened> DecodeOpened(absl::string_view payload);

}  // namespace partnermetrics::connectors

#endif  // PARTNERMETRICS_CONNECTORS_HOST_FRAMES_H_
