#include "connectors/host/frames.h"

#include <cstring>
#include <type_traits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace partnermetrics::connectors {
namespace {

constexpr std::size_t kHeaderSize = sizeof(std::uint32_t) + 1;
// The fewest bytes that an element of a list takes, so that a count cannot make us reserve more than was sent.
constexpr std::size_t kMinRecord = 7 * sizeof(std::uint32_t) + 2 * sizeof(std::uint64_t);
constexpr std::size_t kMinPair = 2 * sizeof(std::uint32_t);
constexpr std::size_t kMinColumn = sizeof(std::uint32_t) + 1;
constexpr std::size_t kMinFile = sizeof(std::uint32_t) + 2 * sizeof(std::uint64_t);

class Writer {
 public:
  explicit Writer(FrameType type) {
    bytes_.resize(kHeaderSize);
    bytes_[kHeaderSize - 1] = static_cast<char>(type);
  }

  template <typename T>
  void Number(T value) {
    static_assert(std::is_integral_v<T>);
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof(value));
    std::memcpy(bytes_.data() + at, &value, sizeof(value));
  }
  void Text(absl::string_view text) {
    Number(static_cast<std::uint32_t>(text.size()));
    bytes_.append(text.data(), text.size());
  }
  void CText(const char* text) { Text(text == nullptr ? absl::string_view() : absl::string_view(text)); }
  void Bytes(const pm_bytes& bytes) { Text(absl::string_view(reinterpret_cast<const char*>(bytes.data), bytes.size)); }
  void Reserve(std::size_t size) { bytes_.reserve(size); }
  std::string Finish() && {
    const auto size = static_cast<std::uint32_t>(bytes_.size() - kHeaderSize);
    std::memcpy(bytes_.data(), &size, sizeof(size));
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
};

// Takes values off a payload. The first one that does not fit makes all that follow empty; End tells.
class Parser {
 public:
  explicit Parser(absl::string_view payload) : rest_(payload) {}

  template <typename T>
  T Number() {
    T value = 0;
    if (rest_.size() < sizeof(value)) {
      Fail();
    } else {
      std::memcpy(&value, rest_.data(), sizeof(value));
      rest_.remove_prefix(sizeof(value));
    }
    return value;
  }
  absl::string_view Text() {
    const auto size = Number<std::uint32_t>();
    if (size > rest_.size()) {
      Fail();
      return {};
    }
    const absl::string_view text = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return text;
  }
  std::string String() { return std::string(Text()); }
  // The number of elements that follow, each of at least `min_size` bytes.
  std::size_t Count(std::size_t min_size) {
    const std::size_t count = Number<std::uint32_t>();
    if (count > rest_.size() / min_size) {
      Fail();
      return 0;
    }
    return count;
  }
  void Fail() {
    failed_ = true;
    rest_ = {};
  }
  template <typename T>
  absl::StatusOr<T> End(T value, absl::string_view what) {
    if (failed_) return absl::InvalidArgumentError(absl::StrCat("a ", what, " frame is truncated or malformed"));
    if (!rest_.empty()) return absl::InvalidArgumentError(absl::StrCat("a ", what, " frame has trailing bytes"));
    return value;
  }

 private:
  absl::string_view rest_;
  bool failed_ = false;
};

}  // namespace

void FrameDecoder::Append(absl::string_view bytes) {
  buffer_.erase(0, begin_);
  begin_ = 0;
  buffer_.append(bytes.data(), bytes.size());
}

absl::StatusOr<bool> FrameDecoder::Next(Frame* frame) {
  const absl::string_view rest = absl::string_view(buffer_).substr(begin_);
  if (rest.size() < kHeaderSize) return false;
  std::uint32_t size = 0;
  std::memcpy(&size, rest.data(), sizeof(size));
  if (size > kMaxPayload) {
    return absl::InvalidArgumentError(
        absl::StrCat("a frame claims ", size, " bytes; the most allowed are ", kMaxPayload));
  }
  if (rest.size() - kHeaderSize < size) return false;
  frame->type = static_cast<FrameType>(static_cast<std::uint8_t>(rest[kHeaderSize - 1]));
  frame->payload = rest.substr(kHeaderSize, size);
  begin_ += kHeaderSize + size;
  return true;
}

std::string Encode(const Hello& hello) {
  Writer writer(FrameType::kHello);
  for (const std::string* text : {&hello.name, &hello.version, &hello.built_with, &hello.description_json}) {
    writer.Text(*text);
  }
  return std::move(writer).Finish();
}

std::string EncodePage(const std::vector<pm_record>& records, const pm_bytes* state) {
  Writer writer(FrameType::kPage);
  writer.Number(static_cast<std::uint8_t>(state != nullptr));
  if (state != nullptr) writer.Bytes(*state);
  writer.Number(static_cast<std::uint32_t>(records.size()));
  for (const pm_record& record : records) {
    writer.Bytes(record.events);
    writer.Bytes(record.raw);
    writer.Number(record.row);
    writer.Number(record.offset);
    for (const char* text : {record.file, record.reject, record.skip, record.field, record.message}) {
      writer.CText(text);
    }
  }
  return std::move(writer).Finish();
}

std::string EncodeComplete(absl::string_view fact_kind) {
  Writer writer(FrameType::kComplete);
  writer.Text(fact_kind);
  return std::move(writer).Finish();
}

std::string Encode(const Progress& progress) {
  Writer writer(FrameType::kProgress);
  writer.Number(progress.done);
  writer.Number(progress.total);
  writer.Text(progress.unit);
  return std::move(writer).Finish();
}

std::string Encode(const LogLine& line) {
  Writer writer(FrameType::kLog);
  writer.Number(line.level);
  writer.Text(line.message);
  return std::move(writer).Finish();
}

std::string Encode(const Problem& problem) {
  Writer writer(FrameType::kProblem);
  writer.Number(problem.level);
  for (const std::string* text : {&problem.where, &problem.message, &problem.remedy}) writer.Text(*text);
  return std::move(writer).Finish();
}

std::string Encode(const Columns& columns) {
  Writer writer(FrameType::kColumns);
  writer.Text(columns.stream);
  writer.Number(static_cast<std::uint32_t>(columns.columns.size()));
  for (const auto& [name, read] : columns.columns) {
    writer.Text(name);
    writer.Number(static_cast<std::uint8_t>(read));
  }
  return std::move(writer).Finish();
}

std::string EncodeList(std::uint64_t first) {
  Writer writer(FrameType::kList);
  writer.Number(first);
  return std::move(writer).Finish();
}

std::string EncodeOpen(absl::string_view name) {
  Writer writer(FrameType::kOpen);
  writer.Text(name);
  return std::move(writer).Finish();
}

std::string Encode(const Done& done) {
  Writer writer(FrameType::kDone);
  writer.Number(done.code);
  for (const std::string* text : {&done.where, &done.message, &done.remedy}) writer.Text(*text);
  writer.Number(done.peak_memory_bytes);
  return std::move(writer).Finish();
}

std::string EncodeAlive() {
  return Writer(FrameType::kAlive).Finish();
}

absl::StatusOr<Hello> DecodeHello(absl::string_view payload) {
  Parser parser(payload);
  Hello hello;
  for (std::string* text : {&hello.name, &hello.version, &hello.built_with, &hello.description_json}) {
    *text = parser.String();
  }
  return parser.End(std::move(hello), "hello");
}

absl::StatusOr<Page> DecodePage(absl::string_view payload) {
  Parser parser(payload);
  Page page;
  if (parser.Number<std::uint8_t>() != 0) page.state = parser.Text();
  page.records.resize(parser.Count(kMinRecord));
  for (RecordView& record : page.records) {
    record.events = parser.Text();
    record.raw = parser.Text();
    record.row = parser.Number<std::uint64_t>();
    record.offset = parser.Number<std::uint64_t>();
    for (absl::string_view* text : {&record.file, &record.reject, &record.skip, &record.field, &record.message}) {
      *text = parser.Text();
    }
    const int outcomes =
        (record.events.empty() ? 0 : 1) + (record.reject.empty() ? 0 : 1) + (record.skip.empty() ? 0 : 1);
    if (outcomes > 1) {
      return absl::InvalidArgumentError(absl::StrCat("a record (", record.file, ", row ", record.row,
                                                     ") is more than one of emitted, rejected and skipped"));
    }
  }
  return parser.End(std::move(page), "page");
}

absl::StatusOr<std::string> DecodeText(absl::string_view payload) {
  Parser parser(payload);
  std::string text = parser.String();
  return parser.End(std::move(text), "text");
}

absl::StatusOr<Progress> DecodeProgress(absl::string_view payload) {
  Parser parser(payload);
  Progress progress;
  progress.done = parser.Number<std::uint64_t>();
  progress.total = parser.Number<std::uint64_t>();
  progress.unit = parser.String();
  return parser.End(std::move(progress), "progress");
}

absl::StatusOr<LogLine> DecodeLog(absl::string_view payload) {
  Parser parser(payload);
  LogLine line;
  line.level = parser.Number<std::int32_t>();
  line.message = parser.String();
  return parser.End(std::move(line), "log");
}

absl::StatusOr<Problem> DecodeProblem(absl::string_view payload) {
  Parser parser(payload);
  Problem problem;
  problem.level = parser.Number<std::int32_t>();
  for (std::string* text : {&problem.where, &problem.message, &problem.remedy}) *text = parser.String();
  return parser.End(std::move(problem), "problem");
}

absl::StatusOr<Columns> DecodeColumns(absl::string_view payload) {
  Parser parser(payload);
  Columns columns;
  columns.stream = parser.String();
  columns.columns.resize(parser.Count(kMinColumn));
  for (auto& [name, read] : columns.columns) {
    name = parser.String();
    read = parser.Number<std::uint8_t>() != 0;
  }
  return parser.End(std::move(columns), "columns");
}

absl::StatusOr<std::uint64_t> DecodeList(absl::string_view payload) {
  Parser parser(payload);
  const auto first = parser.Number<std::uint64_t>();
  return parser.End(first, "list");
}

absl::StatusOr<Done> DecodeDone(absl::string_view payload) {
  Parser parser(payload);
  Done done;
  done.code = parser.Number<std::int32_t>();
  for (std::string* text : {&done.where, &done.message, &done.remedy}) *text = parser.String();
  done.peak_memory_bytes = parser.Number<std::uint64_t>();
  return parser.End(std::move(done), "done");
}

std::string Encode(const Start& start) {
  Writer writer(FrameType::kStart);
  writer.Number(static_cast<std::uint8_t>(start.command));
  writer.Number(start.limits.memory_bytes);
  writer.Number(start.limits.cpu_seconds);
  writer.Number(start.limits.open_files);
  writer.Number(static_cast<std::uint32_t>(start.settings.size()));
  for (const auto& [name, value] : start.settings) {
    writer.Text(name);
    writer.Text(value);
  }
  writer.Number(static_cast<std::uint8_t>(start.state.has_value()));
  if (start.state) writer.Text(*start.state);
  return std::move(writer).Finish();
}

std::string EncodeAck() {
  return Writer(FrameType::kAck).Finish();
}

std::string Encode(const Files& files) {
  Writer writer(FrameType::kFiles);
  writer.Number(static_cast<std::uint8_t>(files.last));
  writer.Number(static_cast<std::uint32_t>(files.files.size()));
  for (const FileEntry& file : files.files) {
    writer.Text(file.name);
    writer.Number(file.size);
    writer.Number(file.modified_unix_ns);
  }
  return std::move(writer).Finish();
}

std::string Encode(const Opened& opened) {
  Writer writer(FrameType::kOpened);
  writer.Number(opened.code);
  writer.Text(opened.message);
  writer.Text(opened.remedy);
  return std::move(writer).Finish();
}

std::string EncodeCancel() {
  return Writer(FrameType::kCancel).Finish();
}

absl::StatusOr<Start> DecodeStart(absl::string_view payload) {
  Parser parser(payload);
  Start start;
  start.command = static_cast<Command>(parser.Number<std::uint8_t>());
  if (start.command < Command::kDescribe || start.command > Command::kRead) parser.Fail();
  start.limits.memory_bytes = parser.Number<std::uint64_t>();
  start.limits.cpu_seconds = parser.Number<std::uint64_t>();
  start.limits.open_files = parser.Number<std::uint64_t>();
  start.settings.resize(parser.Count(kMinPair));
  for (auto& [name, value] : start.settings) {
    name = parser.String();
    value = parser.String();
  }
  if (parser.Number<std::uint8_t>() != 0) start.state = parser.String();
  return parser.End(std::move(start), "start");
}

absl::StatusOr<Files> DecodeFiles(absl::string_view payload) {
  Parser parser(payload);
  Files files;
  files.last = parser.Number<std::uint8_t>() != 0;
  files.files.resize(parser.Count(kMinFile));
  for (FileEntry& file : files.files) {
    file.name = parser.String();
    file.size = parser.Number<std::uint64_t>();
    file.modified_unix_ns = parser.Number<std::int64_t>();
  }
  return parser.End(std::move(files), "files");
}

absl::StatusOr<Opened> DecodeOpened(absl::string_view payload) {
  Parser parser(payload);
  Opened opened;
  opened.code = parser.Number<std::int32_t>();
  opened.message = parser.String();
  opened.remedy = parser.String();
  return parser.End(std::move(opened), "opened");
}

}  // namespace partnermetrics::connectors
