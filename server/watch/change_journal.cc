#include "server/watch/change_journal.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "partnermetrics/log/v1/change_journal.pb.h"
#include "server/base/errors.h"

namespace partnermetrics {
namespace {

// What a reader holds at a time.
constexpr size_t kFrameChanges = 500;

// Gathers changes of a point into frames.
class FrameMaker {
 public:
  FrameMaker(uint64_t journal, const ChangePoint& point, uint64_t first, bool is_state)
      : journal_(journal), point_(point), first_(first), is_state_(is_state) {}

  void Add(v1::PartnerChange change) {
    if (static_cast<size_t>(frame_.changes_size()) == kFrameChanges) End(/*more=*/true);
    *frame_.add_changes() = std::move(change);
  }
  std::vector<std::string> Finish() {
    End(/*more=*/false);
    return std::move(frames_);
  }

 private:
  void End(bool more) {
    frame_.set_journal(journal_);
    frame_.set_position(point_.position);
    frame_.set_day(point_.day);
    frame_.set_first(first_);
    frame_.set_is_state(is_state_);
    frame_.set_more(more);
    frames_.push_back(frame_.SerializeAsString());
    if (!is_state_) first_ += static_cast<uint64_t>(frame_.changes_size());
    frame_.Clear();
  }

  const uint64_t journal_;
  const ChangePoint point_;
  uint64_t first_;
  const bool is_state_;
  log::v1::ChangeFrame frame_;
  std::vector<std::string> frames_;
};

absl::StatusOr<ChangePage> ReadPage(const storage::JournalFile& file, uint64_t place) {
  ASSIGN_OR_RETURN(const std::string bytes, file.Read(place));
  log::v1::ChangeFrame frame;
  if (!frame.ParseFromString(bytes)) return absl::DataLossError("a frame of the journal of changes is damaged");
  ChangePage page;
  page.point = {frame.position(), frame.day()};
  page.first = frame.first();
  for (v1::PartnerChange& change : *frame.mutable_changes()) page.changes.push_back(std::move(change));
  return page;
}

absl::Status NotKept() {
  return MakeError(absl::StatusCode::kOutOfRange, "CHANGES_NOT_KEPT",
                   "the changes from there on are not kept any more, or belong to another journal",
                   "begin anew: without a token, and with the state to know what values are");
}

}  // namespace

std::string ChangeJournal::PathOf(uint64_t first) const {
  return absl::StrCat(folder_, "/", absl::StrFormat("%020d", first), ".changes");
}

absl::StatusOr<std::unique_ptr<ChangeJournal>> ChangeJournal::Open(
    std::string folder, const Options& options, const std::function<void(const v1::PartnerChange&)>& restore) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return absl::UnavailableError(absl::StrCat("cannot make ", folder, ": ", error.message()));
  auto journal = std::unique_ptr<ChangeJournal>(new ChangeJournal(std::move(folder), options));
  MutexLock lock(&journal->mutex_);
  const absl::Status opened = journal->OpenFiles();
  if (absl::IsDataLoss(opened)) {
    spdlog::warn("the journal of changes begins anew: {}", std::string(opened.message()));
    journal->Clear();
  } else {
    RETURN_IF_ERROR(opened);
  }
  RETURN_IF_ERROR(journal->Restore(restore));
  return journal;
}

absl::Status ChangeJournal::OpenFiles() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
    if (entry.path().extension() == ".changes") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    const bool is_first = files_.empty();
    const uint64_t journal = journal_, end = end_;
    ASSIGN_OR_RETURN(std::optional<File> file, OpenFile(path));
    if (!file) {
      std::filesystem::remove(path);
      continue;
    }
    if (!is_first && (journal_ != journal || file->first != end)) {
      return absl::DataLossError(absl::StrCat(path, " does not follow the file before"));
    }
    const uint64_t first = file->first;
    files_.emplace(first, *std::move(file));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<ChangeJournal::File>> ChangeJournal::OpenFile(const std::string& path) {
  File file;
  bool is_whole = false;
  uint64_t journal = 0, end = 0, incomplete = 0;
  ChangePoint point;
  const auto take = [&](uint64_t place, absl::string_view bytes) -> absl::Status {
    log::v1::ChangeFrame frame;
    if (!frame.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return absl::DataLossError(absl::StrCat(path, " is damaged at byte ", place));
    }
    if (incomplete == 0) incomplete = place;
    if (frame.is_state()) {
      file.state.push_back(place);
      file.first = end = frame.first();
      file.point = {frame.position(), frame.day()};
      file.state_bytes = place + bytes.size();
    } else {
      file.changes.push_back({frame.first(), place});
    }
    if (frame.more()) return absl::OkStatus();
    is_whole = true;
    incomplete = 0;
    if (!frame.is_state()) end = frame.first() + static_cast<uint64_t>(frame.changes_size());
    point = {frame.position(), frame.day()};
    journal = frame.journal();
    return absl::OkStatus();
  };
  ASSIGN_OR_RETURN(file.file, storage::JournalFile::Open(path, options_.sync, take));
  if (!is_whole) return std::optional<File>();
  if (incomplete != 0) {
    RETURN_IF_ERROR(file.file->Cut(incomplete));
    while (!file.changes.empty() && file.changes.back().place >= incomplete) file.changes.pop_back();
  }
  journal_ = journal;
  end_ = end;
  point_ = point;
  return std::optional<File>(std::move(file));
}

absl::Status ChangeJournal::Restore(const std::function<void(const v1::PartnerChange&)>& restore) {
  if (files_.empty()) return absl::OkStatus();
  const File& last = files_.rbegin()->second;
  std::vector<uint64_t> places = last.state;
  for (const Frame& frame : last.changes) places.push_back(frame.place);
  for (const uint64_t place : places) {
    ASSIGN_OR_RETURN(const ChangePage page, ReadPage(*last.file, place));
    for (const v1::PartnerChange& change : page.changes) restore(change);
  }
  return absl::OkStatus();
}

void ChangeJournal::Clear() {
  files_.clear();
  journal_ = end_ = 0;
  point_ = {};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    std::filesystem::remove(entry.path(), error);
  }
}

void ChangeJournal::Drop() {
  MutexLock lock(&mutex_);
  Clear();
}

bool ChangeJournal::WantsState() const {
  MutexLock lock(&mutex_);
  if (files_.empty()) return true;
  const File& last = files_.rbegin()->second;
  // A state is written no more often than as many bytes of changes.
  return last.file->bytes() - last.state_bytes > std::max<uint64_t>(options_.file_bytes, last.state_bytes);
}

absl::Status ChangeJournal::Begin(const ChangePoint& point, uint64_t id, absl::FunctionRef<void(Visit)> each) {
  uint64_t journal = 0, first = 0;
  {
    MutexLock lock(&mutex_);
    journal = journal_ == 0 ? id : journal_;
    first = end_;
  }
  FrameMaker maker(journal, point, first, /*is_state=*/true);
  each([&](v1::PartnerChange change) { maker.Add(std::move(change)); });
  ASSIGN_OR_RETURN(std::shared_ptr<storage::JournalFile> written,
                   storage::JournalFile::Create(PathOf(first), options_.sync));
  File file;
  ASSIGN_OR_RETURN(file.state, written->Append(maker.Finish()));
  file.first = first;
  file.point = point;
  file.state_bytes = written->bytes();
  file.file = std::move(written);
  MutexLock lock(&mutex_);
  files_[first] = std::move(file);
  journal_ = journal;
  point_ = point;
  while (files_.size() > options_.files) {
    std::error_code error;
    std::filesystem::remove(PathOf(files_.begin()->first), error);
    files_.erase(files_.begin());
  }
  return absl::OkStatus();
}

absl::Status ChangeJournal::Append(const ChangePoint& point, absl::Span<const v1::PartnerChange> changes, bool keep) {
  std::shared_ptr<storage::JournalFile> file;
  uint64_t journal = 0, first = 0;
  {
    MutexLock lock(&mutex_);
    file = files_.rbegin()->second.file;
    journal = journal_;
    first = end_;
  }
  std::vector<uint64_t> places;
  if (keep || !changes.empty()) {
    FrameMaker maker(journal, point, first, /*is_state=*/false);
    for (const v1::PartnerChange& change : changes) maker.Add(change);
    ASSIGN_OR_RETURN(places, file->Append(maker.Finish()));
  }
  MutexLock lock(&mutex_);
  for (size_t i = 0; i < places.size(); ++i) {
    files_.rbegin()->second.changes.push_back({first + i * kFrameChanges, places[i]});
  }
  end_ = first + changes.size();
  point_ = point;
  return absl::OkStatus();
}

std::optional<ChangePlace> ChangeJournal::End() const {
  MutexLock lock(&mutex_);
  if (files_.empty()) return std::nullopt;
  return ChangePlace{journal_, end_, point_};
}

absl::Status ChangeJournal::Check(const ChangePlace& place) const {
  MutexLock lock(&mutex_);
  const bool is_kept = !files_.empty() && place.journal == journal_ && place.next <= end_ &&
                       place.next >= files_.begin()->first && place.point.position <= point_.position;
  return is_kept ? absl::OkStatus() : NotKept();
}

absl::StatusOr<ChangePage> ChangeJournal::Read(uint64_t number) const {
  std::shared_ptr<const storage::JournalFile> file;
  uint64_t place = 0;
  {
    MutexLock lock(&mutex_);
    auto it = files_.upper_bound(number);
    if (it == files_.begin()) return NotKept();
    const File& found = (--it)->second;
    // Frames without changes have the number of the frame behind them: the last one that is not behind the number.
    const auto frame = std::upper_bound(found.changes.begin(), found.changes.end(), number,
                                        [](uint64_t wanted, const Frame& f) { return wanted < f.first; });
    if (frame == found.changes.begin()) return absl::InternalError("nothing of that number was appended");
    file = found.file;
    place = (frame - 1)->place;
  }
  ASSIGN_OR_RETURN(ChangePage page, ReadPage(*file, place));
  const uint64_t before = number - page.first;
  if (before >= page.changes.size()) return absl::InternalError("nothing of that number was appended");
  page.changes.erase(page.changes.begin(), page.changes.begin() + static_cast<std::ptrdiff_t>(before));
  page.first = number;
  return page;
}

absl::StatusOr<ChangeJournal::State> ChangeJournal::ReadState() const {
  MutexLock lock(&mutex_);
  if (files_.empty()) return absl::InternalError("the journal of changes was not begun");
  const File& last = files_.rbegin()->second;
  State state;
  state.file_ = last.file;
  state.frames_ = last.state;
  state.place_ = {journal_, last.first, last.point};
  return state;
}

absl::StatusOr<std::optional<ChangePage>> ChangeJournal::State::Next() {
  if (next_ == frames_.size()) return std::optional<ChangePage>();
  ASSIGN_OR_RETURN(ChangePage page, ReadPage(*file_, frames_[next_++]));
  return std::optional<ChangePage>(std::move(page));
}

}  // namespace partnermetrics
