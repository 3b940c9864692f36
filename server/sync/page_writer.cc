#include "server/sync/page_writer.h"

#include <chrono>
#include <utility>

#include "server/sync/run_records.h"

namespace partnermetrics {

PageWriter::PageWriter(std::string run_id, const RunTally& tally, Writer& writer,
                       std::function<void(const RunTally&)> written)
    : run_id_(std::move(run_id)), writer_(writer), written_(std::move(written)), judged_(tally) {}

PageWriter::~PageWriter() {
  Drain().IgnoreError();
}

absl::Status PageWriter::Write(WriteRequest request, std::optional<absl::string_view> state, const RunTally& prepared) {
  if (absl::Status status = WaitFor(kMostAtOnce - 1); !status.ok()) return status;
  auto page = std::make_shared<Page>();
  page->tally = prepared;
  if (state.has_value()) page->state = std::string(*state);
  // The writer may begin with this page after it gave up the one before.
  request.admit = [this] { return refused_ ? absl::AbortedError("the run was given up") : absl::OkStatus(); };
  request.records = [this, page](const std::vector<EventResult>& events) { return Judge(*page, events); };
  request.done = [this, page](const WriteResult& result) {
    if (result.status.ok()) {
      written_(page->tally);
    } else {
      refused_ = true;
    }
    page->result.set_value(result.status);
  };
  status_ = writer_.Submit(std::move(request), /*wait=*/true);
  if (status_.ok()) under_way_.push_back(std::move(page));
  return status_;
}

absl::Status PageWriter::Drain() {
  return WaitFor(0);
}

absl::Status PageWriter::WaitFor(size_t most) {
  const auto is_written = [](const Page& page) {
    return page.written.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  };
  while (under_way_.size() > most || (!under_way_.empty() && is_written(*under_way_.front()))) {
    const std::shared_ptr<Page> page = std::move(under_way_.front());
    under_way_.pop_front();
    absl::Status written = page->written.get();
    if (status_.ok()) status_ = std::move(written);
  }
  return status_;
}

std::vector<storage::LogRecord> PageWriter::Judge(Page& page, const std::vector<EventResult>& events) {
  judged_.Judged(events);
  page.tally.TakeJudged(judged_);
  std::vector<storage::LogRecord> records;
  if (!page.state.has_value()) return records;
  log::v1::RunPage message;
  message.set_run_id(run_id_);
  message.set_state(*page.state);
  *message.mutable_counts() = page.tally.counts();
  records.push_back(MakeRunRecord(storage::RecordType::kRunPage, message));
  if (records.front().payload == last_page_) {
    records.clear();
  } else {
    last_page_ = records.front().payload;
  }
  return records;
}

}  // namespace partnermetrics
