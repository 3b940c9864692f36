// Writes the pages of a run in their order, a few at a time: while one is made durable the next one is applied, and the
// run prepares the one after that.
//
//   PageWriter pages(run_id, tally, program.writer(), [&](const RunTally& tally) { … });   // after each page
//   RETURN_IF_ERROR(pages.Write(std::move(request), page.state, prepared));   // waits when too many are under way
//   RETURN_IF_ERROR(pages.Drain());                                           // all are durable and visible now
//
// No page is written behind one that was not: the connector's state would pass over what that one held.
//
// Thread-safety: Refuse from any thread; everything else belongs to the run's.
#ifndef PARTNERMETRICS_SERVER_SYNC_PAGE_WRITER_H_
#define PARTNERMETRICS_SERVER_SYNC_PAGE_WRITER_H_

#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/ingest/writer.h"
#include "server/sync/run_tally.h"

namespace partnermetrics {

class PageWriter {
 public:
  // One is appended, one is applied, and one waits so that the writer need not.
  static constexpr size_t kMostAtOnce = 3;

  // For a run that has written the pages of `tally`; `written` hears what it is after each page that is durable and
  // visible, from a thread of the writer, and must not block.
  PageWriter(std::string run_id, const RunTally& tally, Writer& writer, std::function<void(const RunTally&)> written);
  PageWriter(const PageWriter&) = delete;
  PageWriter& operator=(const PageWriter&) = delete;
  ~PageWriter();

  // Queues a page, with the state to go on from behind it. `prepared` counts the run's records up to this page; what
  // became of the events is added when it is known. The first error of any page is that of all later calls.
  absl::Status Write(WriteRequest request, std::optional<absl::string_view> state, const RunTally& prepared);
  // Waits for all pages.
  absl::Status Drain();

  // Pages that are not applied yet no longer will be.
  void Refuse() { refused_ = true; }

 private:
  struct Page {
    std::optional<std::string> state;
    RunTally tally;
    std::promise<absl::Status> result;
    std::future<absl::Status> written = result.get_future();
  };

  // Waits until no more than `most` pages are under way.
  absl::Status WaitFor(size_t most);
  // The record of a page whose events were judged. Called by the writer's thread.
  std::vector<storage::LogRecord> Judge(Page& page, const std::vector<EventResult>& events);

  const std::string run_id_;
  Writer& writer_;
  const std::function<void(const RunTally&)> written_;
  absl::Status status_;
  std::deque<std::shared_ptr<Page>> under_way_;  // shared with the writer's requests
  std::atomic<bool> refused_ = false;            // once set, nothing of the run is applied any more

  // Of the writer's thread.
  RunTally judged_;        // what became of all events
  std::string last_page_;  // the last RunPage, serialised
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_SYNC_PAGE_WRITER_H_
