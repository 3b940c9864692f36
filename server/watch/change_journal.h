// What changed about the partners of a programme, numbered from 0, on disk: what streams of changes are read from.
//
//   ASSIGN_OR_RETURN(auto journal, ChangeJournal::Open(folder, options, restore));
//   if (journal->WantsState()) RETURN_IF_ERROR(journal->Begin(point, state));     // a new file
//   RETURN_IF_ERROR(journal->Append(point, changes));
//   ASSIGN_OR_RETURN(ChangePage page, journal->Read(17));                         // by any thread, at any time
//
// Every file begins with the values that stood then, so that the older files can be dropped and a reader may begin with
// a state. The journal is kept within some files; who asks for older changes is told OUT_OF_RANGE.
//
// Begin and Append belong to one thread; all else is thread-safe.
#ifndef PARTNERMETRICS_SERVER_WATCH_CHANGE_JOURNAL_H_
#define PARTNERMETRICS_SERVER_WATCH_CHANGE_JOURNAL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "partnermetrics/v1/watch_service.pb.h"
#include "server/base/civil.h"
#include "storage/journal_file.h"
#include "storage/mutex.h"

namespace partnermetrics {

// A day at a position of the log: as of which, and at which, every partner was looked at.
struct ChangePoint {
  uint64_t position = 0;
  Day day = 0;
  friend bool operator==(const ChangePoint& a, const ChangePoint& b) {
    return a.position == b.position && a.day == b.day;
  }
};

// Changes of one point that follow each other.
struct ChangePage {
  ChangePoint point;
  uint64_t first = 0;  // number of the first one
  std::vector<v1::PartnerChange> changes;
};

// Where a stream stands.
struct ChangePlace {
  uint64_t journal = 0;  // names the journal: another one has other numbers
  uint64_t next = 0;     // number of the next change
  ChangePoint point;     // up to which everything before is known
};

class ChangeJournal {
 public:
  struct Options {
    bool sync = true;
    size_t file_bytes = size_t{8} << 20;  // of changes, at least, before a file is followed by the next
    size_t files = 4;                     // that are kept
  };
  using Visit = absl::FunctionRef<void(v1::PartnerChange change)>;

  // Opens what is in the folder and calls `restore` with the values and changes that lead to the values by now. A
  // journal that is damaged is dropped; one that is not there begins with the first Begin.
  static absl::StatusOr<std::unique_ptr<ChangeJournal>> Open(
      std::string folder, const Options& options, const std::function<void(const v1::PartnerChange&)>& restore);

  // Whether Begin is to be called before the next Append: there is no file yet, or the last one is full.
  bool WantsState() const;
  // Begins a file with the values that stand at a point, which `each` passes on. `id` names a journal that has no name.
  absl::Status Begin(const ChangePoint& point, uint64_t id, absl::FunctionRef<void(Visit)> each);
  // Forgets all changes, so that the next Begin begins a journal of another name.
  void Drop();
  // Adds the changes of a point. Without any only the point is noted, on disk too with `keep`.
  absl::Status Append(const ChangePoint& point, absl::Span<const v1::PartnerChange> changes, bool keep);

  // Where someone stands who knows everything; nothing before the first Begin.
  std::optional<ChangePlace> End() const;
  // OUT_OF_RANGE: the place belongs to another journal, or to what is not kept any more.
  absl::Status Check(const ChangePlace& place) const;
  // Changes from a number on. It must not be the end.
  absl::StatusOr<ChangePage> Read(uint64_t number) const;

  // The values at the beginning of the last file, frame by frame.
  class State {
   public:
    // Nothing at the end.
    absl::StatusOr<std::optional<ChangePage>> Next();
    // What follows the state.
    const ChangePlace& place() const { return place_; }

   private:
    friend class ChangeJournal;
    std::shared_ptr<const storage::JournalFile> file_;
    std::vector<uint64_t> frames_;
    size_t next_ = 0;
    ChangePlace place_;
  };
  absl::StatusOr<State> ReadState() const;

 private:
  struct Frame {
    uint64_t first = 0;  // number of its first change
    uint64_t place = 0;
  };
  struct File {
    std::shared_ptr<storage::JournalFile> file;
    std::vector<uint64_t> state;  // places of its frames
    std::vector<Frame> changes;
    uint64_t first = 0;  // number of its first change
    ChangePoint point;   // of its state
    uint64_t state_bytes = 0;
  };

  ChangeJournal(std::string folder, const Options& options) : folder_(std::move(folder)), options_(options) {}
  // Reads the files that are there; DATA_LOSS when they do not fit together.
  absl::Status OpenFiles() PM_REQUIRES(mutex_);
  // Nothing for one whose state a crash left incomplete.
  absl::StatusOr<std::optional<File>> OpenFile(const std::string& path) PM_REQUIRES(mutex_);
  absl::Status Restore(const std::function<void(const v1::PartnerChange&)>& restore) PM_REQUIRES(mutex_);
  void Clear() PM_REQUIRES(mutex_);
  std::string PathOf(uint64_t first) const;

  const std::string folder_;
  const Options options_;

  mutable Mutex mutex_;
  std::map<uint64_t, File> files_ PM_GUARDED_BY(mutex_);  // by their first number
  uint64_t journal_ PM_GUARDED_BY(mutex_) = 0;
  uint64_t end_ PM_GUARDED_BY(mutex_) = 0;
  ChangePoint point_ PM_GUARDED_BY(mutex_);
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_WATCH_CHANGE_JOURNAL_H_
