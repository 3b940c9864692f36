#include "server/services/watch_stream.h"

#include "absl/strings/str_cat.h"
#include "server/base/errors.h"
#include "server/queries/dates.h"
#include "server/queries/page_token.h"
#include "server/services/call.h"
#include "server/watch/change_feeds.h"
#include "storage/bytes.h"

namespace partnermetrics {
namespace {

constexpr int kDefaultHeartbeat = 30;
constexpr int kMostHeartbeat = 3600;
// Pages without a change that the caller wants, after which others have their turn.
constexpr int kPagesAtOnce = 16;

std::string TokenScope(const std::string& program) {
  return absl::StrCat("changes of ", program);
}

}  // namespace

WatchStream* WatchStream::Start(const Backend& backend, const v1::WatchChangesRequest& request, WorkerPool& pool,
                                StreamSet& streams) {
  const std::shared_ptr<WatchStream> stream(new WatchStream(backend, request, pool));
  stream->self_ = stream;
  streams.Add(stream);
  pool.Post([stream] { stream->Join(); });
  return stream.get();
}

void WatchStream::Join() {
  const absl::Status joined = TryJoin();
  MutexLock lock(&mutex_);
  busy_ = false;
  if (!joined.ok() && !end_) end_ = ToGrpc(joined);
  FinishIfIdle();
}

absl::Status WatchStream::TryJoin() {
  if (request_.heartbeat_seconds() < 0 || request_.heartbeat_seconds() > kMostHeartbeat) {
    return InvalidField("heartbeat_seconds", "OUT_OF_RANGE", absl::StrCat("must be between 0 and ", kMostHeartbeat));
  }
  if (request_.with_state() && !request_.resume_token().empty()) {
    return InvalidField("with_state", "NOT_WITH_TOKEN", "a token goes on where the values are known");
  }
  ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request_.program(), request_.min_position()));
  program_ = program->id();
  if (!request_.resume_token().empty()) {
    ASSIGN_OR_RETURN(token_, ReadToken());
  }
  {
    Engine::View view(program->engine());
    ASSIGN_OR_RETURN(filter_, WatchFilter::Make(request_, view));
  }
  return backend_.changes().Of(*program).Join(shared_from_this());
}

absl::StatusOr<ChangePlace> WatchStream::ReadToken() const {
  const auto bad = [] { return InvalidField("resume_token", "BAD_TOKEN", "is no token of this programme's changes"); };
  const absl::StatusOr<std::string> bytes = ReadPageToken(request_.resume_token(), TokenScope(program_));
  if (!bytes.ok()) return bad();
  storage::ByteReader reader(*bytes);
  ChangePlace place;
  place.journal = reader.Fixed64();
  place.next = reader.Varint();
  place.point.position = reader.Varint();
  place.point.day = static_cast<Day>(reader.Zigzag());
  if (!reader.Finish("token").ok()) return bad();
  return place;
}

void WatchStream::Fill(const ChangePoint& point, bool with_token) {
  answer_.Clear();
  *answer_.mutable_as_of() = ToDate(point.day);
  answer_.set_position(point.position);
  if (!with_token) return;
  std::string bytes;
  storage::ByteWriter(&bytes).Fixed64(place_.journal).Varint(place_.next).Varint(point.position).Zigzag(point.day);
  answer_.set_resume_token(MakePageToken(bytes, TokenScope(program_)));
}

void WatchStream::Tick(const absl::StatusOr<std::shared_ptr<const ChangeJournal>>& journal) {
  MutexLock lock(&mutex_);
  if (finished_ || end_) return;
  if (!journal.ok()) {
    // Who has begun goes on when looking works again.
    if (journal_ == nullptr) end_ = ToGrpc(journal.status());
    return FinishIfIdle();
  }
  journal_ = *journal;
  if (busy_) return;
  busy_ = true;
  Post();
}

void WatchStream::Post() {
  pool_.Post([stream = shared_from_this()] { stream->Work(); });
}

void WatchStream::Work() {
  std::shared_ptr<const ChangeJournal> journal;
  {
    MutexLock lock(&mutex_);
    journal = journal_;
    if (end_ || journal == nullptr) {
      busy_ = false;
      return FinishIfIdle();
    }
  }
  const absl::StatusOr<Step> step = Next(*journal);
  MutexLock lock(&mutex_);
  if (!step.ok() && !end_) end_ = ToGrpc(step.status());
  if (end_) {
    busy_ = false;
    return FinishIfIdle();
  }
  switch (*step) {
    case Step::kSend:
    case Step::kEnd:
      is_last_ = *step == Step::kEnd;
      sent_at_ = Clock::now();
      StartWrite(&answer_);
      break;
    case Step::kAgain:
      Post();
      break;
    case Step::kWait:
      busy_ = false;
      break;
  }
}

absl::Status WatchStream::Begin(const ChangeJournal& journal) {
  begun_ = true;
  if (token_) {
    place_ = *token_;
  } else if (request_.with_state()) {
    ASSIGN_OR_RETURN(state_, journal.ReadState());
    place_ = state_->place();
  } else {
    place_ = *journal.End();
  }
  return absl::OkStatus();
}

absl::StatusOr<WatchStream::Step> WatchStream::Next(const ChangeJournal& journal) {
  if (!begun_) RETURN_IF_ERROR(Begin(journal));
  for (int pages = 0; pages < kPagesAtOnce;) {
    while (next_of_page_ < page_.changes.size()) {
      v1::PartnerChange& change = page_.changes[next_of_page_++];
      if (!state_) ++place_.next;
      if (!filter_->Passes(change)) continue;
      Fill(page_.point, /*with_token=*/!state_);
      answer_.mutable_change()->Swap(&change);
      return Step::kSend;
    }
    next_of_page_ = 0;
    page_.changes.clear();
    if (state_) {
      ASSIGN_OR_RETURN(std::optional<ChangePage> page, state_->Next());
      if (page) {
        page_ = *std::move(page);
        continue;
      }
      state_.reset();
      Fill(place_.point, /*with_token=*/true);
      return Step::kSend;
    }
    // The journal may have dropped what comes next.
    RETURN_IF_ERROR(journal.Check(place_));
    const ChangePlace end = *journal.End();
    if (place_.next == end.next) {
      place_.point = end.point;
      return AtEnd();
    }
    ASSIGN_OR_RETURN(page_, journal.Read(place_.next));
    place_.point = page_.point;
    ++pages;
  }
  return Step::kAgain;
}

WatchStream::Step WatchStream::AtEnd() {
  if (!request_.once() && !HeartbeatIsDue()) return Step::kWait;
  Fill(place_.point, /*with_token=*/true);
  return request_.once() ? Step::kEnd : Step::kSend;
}

bool WatchStream::HeartbeatIsDue() {
  const int seconds = request_.heartbeat_seconds() == 0 ? kDefaultHeartbeat : request_.heartbeat_seconds();
  MutexLock lock(&mutex_);
  return Clock::now() - sent_at_ >= std::chrono::seconds(seconds);
}

void WatchStream::OnWriteDone(bool ok) {
  MutexLock lock(&mutex_);
  if (!ok && !end_) end_ = grpc::Status::CANCELLED;
  if (is_last_ && !end_) end_ = grpc::Status::OK;
  if (!end_) return Post();
  busy_ = false;
  FinishIfIdle();
}

void WatchStream::OnCancel() {
  MutexLock lock(&mutex_);
  if (!end_) end_ = grpc::Status::CANCELLED;
  FinishIfIdle();
}

void WatchStream::Stop() {
  MutexLock lock(&mutex_);
  if (!end_) {
    end_ = ToGrpc(RetryLater(absl::StatusCode::kUnavailable, "STOPPING",
                             "the server is stopping; go on with the last token afterwards", 1'000));
  }
  FinishIfIdle();
}

void WatchStream::FinishIfIdle() {
  if (finished_ || busy_ || !end_) return;
  finished_ = true;
  Finish(*end_);
}

}  // namespace partnermetrics
