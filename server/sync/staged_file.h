// What staged runs read, kept apart from the log until it is published: a file for each run in the data folder,
// `staged/` and the run's id.
//
//   StagedFiles files(data_dir, {.max_bytes = 128 << 20});
//   ASSIGN_OR_RETURN(auto file, files.Begin("crm-000012"));
//   RETURN_IF_ERROR(file->Append(request, page.state));
//   RETURN_IF_ERROR(file->Seal());                                  // durable as a whole
//   ASSIGN_OR_RETURN(StagedContent content, files.Read("crm-000012"));
//
// The files hold personal data; they are no part of backups. A file without its seal is what an interrupted run left.
//
// StagedFiles: thread-safe for different runs. StagedWriter: thread-compatible.
#ifndef PARTNERMETRICS_SERVER_SYNC_STAGED_FILE_H_
#define PARTNERMETRICS_SERVER_SYNC_STAGED_FILE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/ingest/writer.h"
#include "storage/frame_file.h"

namespace partnermetrics {

class StagedWriter {
 public:
  StagedWriter(std::unique_ptr<storage::FrameWriter> file, std::string folder, uint64_t max_bytes,
               uint64_t min_free_bytes)
      : file_(std::move(file)), folder_(std::move(folder)), max_bytes_(max_bytes), min_free_bytes_(min_free_bytes) {}

  // Adds a page: events and quarantined records of the request, and the connector's state after it. RESOURCE_EXHAUSTED:
  // it would be more than a staged run may have, or than the disk has.
  absl::Status Append(const WriteRequest& request, const std::optional<std::string>& state);
  absl::Status Seal() { return file_->Seal(); }

 private:
  absl::Status CheckRoom(uint64_t bytes) const;

  const std::unique_ptr<storage::FrameWriter> file_;
  const std::string folder_;
  const uint64_t max_bytes_, min_free_bytes_;
};

// All that a staged run read.
struct StagedContent {
  std::vector<PreparedEvent> events;
  std::vector<storage::QuarantineRow> quarantine;
  std::optional<std::string> state;  // to go on from after it; nothing: unchanged
};

class StagedFiles {
 public:
  struct Options {
    uint64_t max_bytes = uint64_t{128} << 20;       // of one run
    uint64_t min_free_bytes = uint64_t{256} << 20;  // on the disk, which the log needs
  };

  StagedFiles(const std::string& data_dir, Options options) : folder_(data_dir + "/staged"), options_(options) {}

  // Begins the file of a run anew.
  absl::StatusOr<std::unique_ptr<StagedWriter>> Begin(const std::string& run_id) const;
  // NOT_FOUND: there is none; DATA_LOSS: it is damaged, or was never sealed.
  absl::StatusOr<StagedContent> Read(const std::string& run_id) const;
  void Remove(const std::string& run_id) const;
  // The runs that have a file.
  std::vector<std::string> List() const;

 private:
  std::string PathOf(const std::string& run_id) const;

  const std::string folder_;
  const Options options_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_STAGED_FILE_H_
