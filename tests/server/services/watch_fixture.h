// Calls of WatchChanges that end once everything is told, over a server of a test.
#ifndef PARTNERMETRICS_TESTS_SERVER_SERVICES_WATCH_FIXTURE_H_
#define PARTNERMETRICS_TESTS_SERVER_SERVICES_WATCH_FIXTURE_H_

#include <string>
#include <vector>

#include "partnermetrics/v1/watch_service.grpc.pb.h"
#include "tests/server/services/server_fixture.h"

namespace partnermetrics {

class WatchTest : public ServerTest {
 protected:
  using Answers = std::vector<v1::WatchChangesResponse>;

  virtual void Restart() {
    Stop();
    Start();
  }
  // Answers a call that ends once everything is told. The last answer has no change.
  Answers Once(v1::WatchChangesRequest request, grpc::Status* status = nullptr) {
    request.set_once(true);
    const auto stub = v1::WatchService::NewStub(Connect());
    grpc::ClientContext context;
    const auto reader = stub->WatchChanges(&context, request);
    Answers answers;
    v1::WatchChangesResponse answer;
    while (reader->Read(&answer)) answers.push_back(answer);
    const grpc::Status ended = reader->Finish();
    if (status != nullptr) *status = ended;
    EXPECT_TRUE(ended.ok() || status != nullptr) << ended.error_message();
    return answers;
  }
  static v1::WatchChangesRequest From(const std::string& token) {
    v1::WatchChangesRequest request;
    request.set_resume_token(token);
    return request;
  }
  static v1::WatchChangesRequest WithState() {
    v1::WatchChangesRequest request;
    request.set_with_state(true);
    return request;
  }
  // What changes from a token on; then goes on from there.
  Answers Follow(std::string& token) {
    Answers answers = Once(From(token));
    if (answers.empty()) return answers;
    token = answers.back().resume_token();
    answers.pop_back();
    return answers;
  }
  grpc::Status RefusalOf(const v1::WatchChangesRequest& request) {
    grpc::Status status;
    Once(request, &status);
    return status;
  }
  void PassDays(int days) { now_us_ += int64_t{days} * 86'400'000'000; }

  static v1::Event Signed(const std::string& id, const std::string& name) {
    v1::Event event = PartnerEvent(id, name);
    *event.mutable_partner()->mutable_signed_on() = MakeDate(2023, 1, 1);
    return event;
  }
  static v1::Event Revised(v1::Event event, int64_t revision) {
    event.set_revision(revision);
    return event;
  }
  static v1::Event Won(const std::string& id, const std::string& partner, int64_t amount, const v1::Date& day) {
    v1::Event event = WonDeal(id, partner, amount, 1);
    *event.mutable_deal()->mutable_closed_on() = day;
    return event;
  }
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SERVER_SERVICES_WATCH_FIXTURE_H_
