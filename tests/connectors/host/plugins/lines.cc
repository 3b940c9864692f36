// A good plugin: every line of every file is a deal, a rejection ("bad …") or a skip ("skip …").
#include <string>
#include <vector>

#include "partnermetrics/connector.h"
#include "partnermetrics/v1/event.pb.h"

namespace {

namespace sdk = partnermetrics::sdk;

class Lines : public sdk::Connector {
 public:
  static constexpr char kName[] = "lines";
  static constexpr char kVersion[] = "1.2.3";
  static Description Describe() {
    return {.summary = "Reads \"lines\".",
            .settings = {{.name = "prefix", .description = "Text before each id.", .required = true},
                         {.name = "repeat", .description = "Times that a file is read.", .default_value = "1"}},
            .fact_kinds = {"deal"},
            .delete_model = sdk::DeleteModel::kSnapshot,
            .revision_rule = "The row."};
  }

  Status Open(const Settings& settings) override {
    prefix_ = settings.Get("prefix");
    repeat_ = std::stoull(settings.Get("repeat"));
    return {};
  }

  Status Check(Reader& reader, Reporter& reporter) override {
    PM_ASSIGN_OR_RETURN(const std::vector<sdk::FileInfo> files, reader.List());
    if (files.empty()) reporter.Problem(sdk::Level::kError, "folder", "there is no file", "export something");
    return {};
  }

  // The state is the number of records read so far.
  Status Read(std::string_view state, Reader& reader, Sink& sink) override {
    const std::uint64_t done = state.empty() ? 0 : std::stoull(std::string(state));
    std::uint64_t count = 0;
    PM_ASSIGN_OR_RETURN(const std::vector<sdk::FileInfo> files, reader.List());
    for (std::uint64_t i = 0; i < repeat_; ++i) {
      for (const sdk::FileInfo& file : files) {
        PM_ASSIGN_OR_RETURN(const std::string text, ReadAll(reader, file.name));
        std::uint64_t row = 0;
        for (std::size_t begin = 0; begin < text.size();) {
          const std::size_t end = std::min(text.find('\n', begin), text.size());
          ++row;
          if (++count > done) {
            PM_RETURN_IF_ERROR(Take({file.name, row, begin}, std::string_view(text).substr(begin, end - begin), sink));
            PM_RETURN_IF_ERROR(sink.Checkpoint(std::to_string(count)));
          }
          begin = end + 1;
        }
      }
    }
    sink.Columns("lines", {{"line", true}, {"comment", false}});
    sink.Progress(count, count, "records");
    return sink.Complete("deal");
  }

 private:
  Status Take(const sdk::Place& place, std::string_view line, Sink& sink) {
    if (line.substr(0, 3) == "bad") return sink.Reject(place, line, "line", "bad_line", "the line is bad");
    if (line.substr(0, 4) == "skip") return sink.Skip(place, "skip_rule");
    partnermetrics::v1::Event event;
    event.set_record_id(prefix_ + std::string(line));
    event.set_revision(static_cast<std::int64_t>(place.row));
    event.mutable_deal();
    return sink.Emit(place, line, event);
  }

  static sdk::Result<std::string> ReadAll(Reader& reader, const std::string& name) {
    PM_ASSIGN_OR_RETURN(const std::unique_ptr<sdk::ByteSource> file, reader.Open(name));
    std::string text;
    char buffer[4096];
    while (true) {
      PM_ASSIGN_OR_RETURN(const std::size_t got, file->ReadAt(text.size(), buffer, sizeof(buffer)));
      if (got == 0) return text;
      text.append(buffer, got);
    }
  }

  std::string prefix_;
  std::uint64_t repeat_ = 1;
};

}  // namespace

PARTNERMETRICS_CONNECTOR(Lines)
