// The state of a connector that reads whole files: which of them earlier runs finished, and how far the present one is.
//
//   PM_ASSIGN_OR_RETURN(FileState state, FileState::Parse(text, settings));
//   for (const Input& input : inputs.files()) {
//     if (state.IsDone(input)) continue;
//     uint64_t rows = state.Begin(input);  // rows of it that are durable already
//     … per row: state.Advance(number); if (sink.PageFull()) sink.Checkpoint(state.Serialize()) …
//     state.End();
//   }
//
// A file counts as the same when name, size and time of change are. Values; one thread at a time.
#ifndef PARTNERMETRICS_CONNECTORS_SDK_READERS_FILE_STATE_H_
#define PARTNERMETRICS_CONNECTORS_SDK_READERS_FILE_STATE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/sdk/readers/streams.h"
#include "partnermetrics/connector.h"
#include "partnermetrics/status.h"

namespace partnermetrics::sdk {

class FileState {
 public:
  // With other settings than those of the state everything is read anew.
  static Result<FileState> Parse(std::string_view text, const Settings& settings);

  bool IsDone(const Input& input) const;
  std::uint64_t Begin(const Input& input);
  void Advance(std::uint64_t rows) { rows_ = rows; }
  void End();

  std::string Serialize() const;

 private:
  std::uint64_t settings_ = 0;
  std::uint64_t file_ = 0;  // begun last; 0: none
  std::uint64_t rows_ = 0;
  std::vector<std::uint64_t> done_;
};

}  // namespace partnermetrics::sdk

#endif  // PARTNERMETRICS_CONNECTORS_SDK_READERS_FILE_STATE_H_
