// What a plugin sees of the server: the host table of the ABI, over the channel. Files arrive as descriptors that the
// server opened; reading them happens here.
//
//   RemoteHost host(&channel);
//   plugin.table().open(host.table(), …);
//   … plugin.table().read(instance, state, &error);
//   if (std::string file = host.ChangedFile(); !file.empty()) …  // the run failed whatever the plugin says
//
// Called by the plugin's thread; `log` and `cancelled` by any.
#ifndef PARTNERMETRICS_CONNECTORS_HOST_REMOTE_HOST_H_
#define PARTNERMETRICS_CONNECTORS_HOST_REMOTE_HOST_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "connectors/host/channel.h"
#include "connectors/host/descriptors.h"
#include "connectors/host/frames.h"
#include "partnermetrics/connector_abi.h"

namespace partnermetrics::connectors {

class RemoteHost {
 public:
  explicit RemoteHost(Channel* channel);
  RemoteHost(const RemoteHost&) = delete;
  RemoteHost& operator=(const RemoteHost&) = delete;

  const pm_host* table() const { return &table_; }

  // Tells the server how much of the files was read: with every page, and once at the end.
  void ReportBytesRead();

  // Looks at the files that are still open; returns the name of one that changed while it was read, or "".
  std::string ChangedFile();

 private:
  struct OpenFile {
    Descriptor descriptor;
    FileEntry opened;  // as it was then
  };
  struct Calls;  // the functions of the table

  std::int32_t Commit(const pm_record* records, std::size_t count, std::size_t record_size, const pm_bytes* state,
                      pm_error* error);
  void Columns(const char* stream, const pm_column* columns, std::size_t count, std::size_t column_size);
  std::int32_t List(std::uint64_t index, pm_file* out, pm_error* error);
  std::int32_t Open(const char* name, pm_file* out, std::uint64_t* handle, pm_error* error);
  std::int32_t ReadAt(std::uint64_t handle, std::uint64_t offset, void* buffer, std::size_t size, std::size_t* got,
                      pm_error* error);
  void Close(std::uint64_t handle);
  bool HasChanged(const OpenFile& file);

  Channel* const channel_;
  pm_host table_;
  std::vector<FileEntry> files_;
  bool all_files_ = false;
  std::map<std::uint64_t, OpenFile> open_;
  std::uint64_t last_handle_ = 0;
  std::map<std::string, std::uint64_t>
      reached_;  // by file: the highest offset read, so that a second pass adds nothing
  std::string changed_;
};

// Writes an error for the plugin and returns its code.
std::int32_t SetError(pm_error* error, std::int32_t code, absl::string_view where, absl::string_view message,
                      absl::string_view remedy);

}  // namespace partnermetrics::connectors

#endif  // PARTNERMETRICS_CONNECTORS_HOST_REMOTE_HOST_H_
