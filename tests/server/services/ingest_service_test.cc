#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/server/services/server_fixture.h"

namespace partnermetrics {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class IngestServiceTest : public ServerTest {
 protected:
  void SetUp() override { Start(); }

  grpc::Status Send(const v1::IngestEventsRequest& request) {
    grpc::ClientContext context;
    v1::IngestEventsResponse response;
    return ingest_->IngestEvents(&context, request, &response);
  }

  static v1::StreamEventsRequest StreamRequest(uint64_t sequence, const v1::Event& event) {
    v1::StreamEventsRequest request;
    request.set_program("acme");
    request.set_source("crm");
    request.set_sequence(sequence);
    *request.add_events() = event;
    return request;
  }
};

TEST_F(IngestServiceTest, TellsOfEachEventWhatBecameOfIt) {
  Ingest({PartnerEvent("P1", "Apex"), WonDeal("D1", "P1", 100, 5)});
  v1::Event superseded = WonDeal("D1", "P1", 90, 5);
  superseded.set_revision(0);
  v1::Event absurd = WonDeal("D2", "P1", 100, 5);
  absurd.mutable_deal()->mutable_closed_on()->set_year(1850);
  v1::Event nameless;
  nameless.mutable_deal();
  const v1::IngestEventsResponse response =
      Ingest({WonDeal("D1", "P1", 100, 5), superseded, absurd, nameless, WonDeal("D3", "unknown", 5, 6)});
  ASSERT_EQ(response.results_size(), 5);
  EXPECT_EQ(response.results(0).outcome(), v1::EVENT_OUTCOME_UNCHANGED);
  EXPECT_EQ(response.results(1).outcome(), v1::EVENT_OUTCOME_SUPERSEDED);
  EXPECT_EQ(response.results(2).outcome(), v1::EVENT_OUTCOME_REJECTED);
  EXPECT_EQ(response.results(2).field(), "deal.closed_on");
  EXPECT_EQ(response.results(2).reason(), "OUT_OF_RANGE");
  EXPECT_EQ(response.results(3).outcome(), v1::EVENT_OUTCOME_REJECTED);
  EXPECT_EQ(response.results(3).field(), "record_id");
  EXPECT_EQ(response.results(4).outcome(), v1::EVENT_OUTCOME_APPLIED);
  EXPECT_TRUE(response.results(4).unresolved());
  EXPECT_EQ(response.counts().applied(), 1);
  EXPECT_EQ(response.counts().unchanged(), 1);
  EXPECT_EQ(response.counts().superseded(), 1);
  EXPECT_EQ(response.counts().rejected(), 2);
  EXPECT_EQ(response.counts().unresolved(), 1);
}

TEST_F(IngestServiceTest, ListsOnlyWhatNeedsAttentionUnlessAsked) {
  const std::vector<v1::Event> events = {PartnerEvent("P1", "Apex"), WonDeal("D1", "unknown", 100, 5)};
  EXPECT_EQ(Ingest(events, v1::RESULT_DETAIL_NONE).results_size(), 0);
  v1::IngestEventsResponse response =
      Ingest({PartnerEvent("P2", "Birch"), WonDeal("D2", "unknown", 100, 5)}, v1::RESULT_DETAIL_UNSPECIFIED);
  ASSERT_EQ(response.results_size(), 1);
  EXPECT_EQ(response.results(0).index(), 1);
}

TEST_F(IngestServiceTest, RefusesAnUnknownProgramme) {
  v1::IngestEventsRequest request;
  request.set_program("acmee");
  const grpc::Status status = Send(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(InfoOf(status).reason, "UNKNOWN_PROGRAM");
  EXPECT_EQ(InfoOf(status).remedy, "use one of acme");
}

TEST_F(IngestServiceTest, RefusesMoreThanTenThousandEvents) {
  v1::IngestEventsRequest request;
  request.set_program("acme");
  for (int i = 0; i < 10'001; ++i) request.add_events();
  const grpc::Status status = Send(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(InfoOf(status).reason, "TOO_MANY");
  EXPECT_THAT(InfoOf(status).fields,
              ElementsAre("events: are 10001; a request holds at most 10000: send them in several"));
}

TEST_F(IngestServiceTest, AnswersTenThousandRejectionsInOneMessage) {
  v1::Event event = WonDeal("", "P1", 1, 1);
  event.set_program(std::string(500, 'x'));
  const v1::IngestEventsResponse response = Ingest(std::vector<v1::Event>(10'000, event));
  EXPECT_EQ(response.counts().rejected(), 10'000);
  EXPECT_LT(response.ByteSizeLong(), size_t{3} << 20);
}

TEST_F(IngestServiceTest, RefusesAMessageAboveSixteenMiBAndLivesOn) {
  v1::IngestEventsRequest request;
  request.set_program("acme");
  request.add_events()->mutable_deal()->set_name(std::string(17 << 20, 'x'));
  EXPECT_EQ(Send(request).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Ingest({PartnerEvent("P1", "Apex")}).counts().applied(), 1);
}

TEST_F(IngestServiceTest, AcknowledgesAStreamInItsOrder) {
  grpc::ClientContext context;
  const auto stream = ingest_->StreamEvents(&context);
  constexpr uint64_t kRequests = 500;
  std::thread writer([&] {
    for (uint64_t i = 0; i < kRequests; ++i) {
      stream->Write(StreamRequest(1'000 + i, WonDeal(absl::StrCat("D", i % 50), "P1", static_cast<int64_t>(i), 5)));
    }
    stream->WritesDone();
  });
  uint64_t answers = 0, position = 0;
  for (v1::StreamEventsResponse response; stream->Read(&response); ++answers) {
    EXPECT_EQ(response.sequence(), 1'000 + answers);
    EXPECT_GE(response.position(), position);
    position = response.position();
  }
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answers, kRequests);
}

// Nobody reads the answers: the server must stop reading instead of piling requests up.
TEST_F(IngestServiceTest, HoldsAStreamBackWhoseAnswersNobodyReads) {
  grpc::ClientContext context;
  const auto stream = ingest_->StreamEvents(&context);
  std::atomic<int> written = 0;
  constexpr int kRequests = 400;
  v1::StreamEventsRequest request;
  request.set_program("acme");
  request.set_detail(v1::RESULT_DETAIL_ALL);
  for (int i = 0; i < 1'000; ++i) *request.add_events() = WonDeal("", "P1", 1, 1);  // rejected: long answers
  std::thread writer([&] {
    for (; written < kRequests; ++written) {
      if (!stream->Write(request)) return;
    }
    stream->WritesDone();
  });
  int before = -1;
  while (before != written) {
    before = written;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  EXPECT_LT(before, kRequests);
  int answers = 0;
  for (v1::StreamEventsResponse response; stream->Read(&response);) ++answers;
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(answers, kRequests);
}

TEST_F(IngestServiceTest, EndsAStreamAtARequestThatIsWrongAsAWhole) {
  grpc::ClientContext context;
  const auto stream = ingest_->StreamEvents(&context);
  stream->Write(StreamRequest(1, PartnerEvent("P1", "Apex")));
  v1::StreamEventsRequest wrong = StreamRequest(2, PartnerEvent("P2", "Birch"));
  wrong.set_program("nowhere");
  stream->Write(wrong);
  v1::StreamEventsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.sequence(), 1u);
  EXPECT_EQ(response.counts().applied(), 1);
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(InfoOf(status).reason, "UNKNOWN_PROGRAM");
}

TEST_F(IngestServiceTest, SurvivesStreamsThatAreCancelled) {
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    const auto stream = ingest_->StreamEvents(&context);
    for (uint64_t n = 0; n < 20; ++n) stream->Write(StreamRequest(n, WonDeal("D", "P1", static_cast<int64_t>(n), 5)));
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  EXPECT_EQ(Ingest({PartnerEvent("P1", "Apex")}).counts().applied(), 1);
}

TEST_F(IngestServiceTest, EndsOpenStreamsWhenTheServerStops) {
  grpc::ClientContext context;
  const auto stream = ingest_->StreamEvents(&context);
  stream->Write(StreamRequest(1, PartnerEvent("P1", "Apex")));
  v1::StreamEventsResponse response;
  ASSERT_TRUE(stream->Read(&response));
  const auto begin = std::chrono::steady_clock::now();
  Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(InfoOf(status).reason, "STOPPING");
  EXPECT_TRUE(InfoOf(status).retry);
}

}  // namespace
}  // namespace partnermetrics
