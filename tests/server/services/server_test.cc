#include "server/services/server.h"

#include <gmock/gmock.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/impl/codegen/client_unary_call.h"
#include "server/engine/header.h"
#include "server/engine/keys.h"
#include "storage/database.h"
#include "tests/server/services/server_fixture.h"

namespace partnermetrics {
namespace {

using testing::HasSubstr;

class LifecycleTest : public ServerTest {
 protected:
  // What the server knows of the one deal that it was sent before it was stopped.
  void ExpectTheDealCounts() {
    v1::Scorecard card;
    grpc::ClientContext context;
    v1::GetScorecardRequest request;
    request.set_partner_id("crm:P1");
    ASSERT_TRUE(scores_->GetScorecard(&context, request, &card).ok());
    EXPECT_EQ(card.groups(0).rows(0).value().exact().units(), 100);
    EXPECT_EQ(Ingest({WonDeal("D1", "P1", 100, 5)}).counts().unchanged(), 1);
  }
  // As any health probe asks, without generated code.
  grpc::health::v1::HealthCheckResponse::ServingStatus Health() {
    grpc::health::v1::HealthCheckRequest request;
    grpc::health::v1::HealthCheckResponse response;
    grpc::ClientContext context;
    const auto channel = Connect();
    const grpc::internal::RpcMethod method("/grpc.health.v1.Health/Check", grpc::internal::RpcMethod::NORMAL_RPC);
    const grpc::Status status =
        grpc::internal::BlockingUnaryCall<grpc::health::v1::HealthCheckRequest, grpc::health::v1::HealthCheckResponse,
                                          google::protobuf::MessageLite, google::protobuf::MessageLite>(
            channel.get(), method, &context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.status();
  }

  v1::ServerStatus Status() {
    grpc::ClientContext context;
    v1::ServerStatus status;
    EXPECT_TRUE(admin_->GetStatus(&context, {}, &status).ok());
    return status;
  }
};

TEST_F(LifecycleTest, ReportsHowItIs) {
  Start();
  Ingest({PartnerEvent("P1", "Apex"), WonDeal("D1", "P1", 100, 5), WonDeal("D2", "who", 100, 5)});
  const v1::ServerStatus status = Status();
  EXPECT_FALSE(status.version().empty());
  EXPECT_GT(status.resident_bytes(), 1u << 20);
  EXPECT_FALSE(status.tzdata_version().empty());
  ASSERT_EQ(status.programs_size(), 1);
  EXPECT_EQ(status.programs(0).program(), "acme");
  EXPECT_EQ(status.programs(0).facts(), 3);
  EXPECT_EQ(status.programs(0).partners(), 1);
  EXPECT_EQ(status.programs(0).unresolved_facts(), 1);
  EXPECT_EQ(status.programs(0).metrics(), 2);
  EXPECT_EQ(status.programs(0).log_position(), status.programs(0).applied_position());
  grpc::ClientContext context;
  v1::CreateCheckpointResponse checkpoint;
  ASSERT_TRUE(admin_->CreateCheckpoint(&context, {}, &checkpoint).ok());
  EXPECT_THAT(checkpoint.positions(), testing::ElementsAre(absl::StrCat("acme ", status.programs(0).log_position())));
}

TEST_F(LifecycleTest, KeepsItsDataOverARestart) {
  Start();
  Ingest({PartnerEvent("P1", "Apex"), WonDeal("D1", "P1", 100, 5)});
  Stop();
  EXPECT_FALSE(std::filesystem::exists(Path("port")));
  Start();
  ExpectTheDealCounts();
}

// Whatever became of the state while the server was down: the log has everything.
TEST_F(LifecycleTest, AStateThatIsMissingOrOfAnotherMakeIsRebuiltFromTheLog) {
  Start();
  Ingest({PartnerEvent("P1", "Apex"), WonDeal("D1", "P1", 100, 5)});
  Stop();
  const auto change_header = [&](const std::function<void(std::string&)>& change) {
    storage::DatabaseOptions options;
    options.data_dir = Path("data");
    const auto database = storage::Database::Open(options);
    ASSERT_TRUE(database.ok()) << database.status();
    const std::string key = Keys("acme").Header();
    std::optional<std::string> header = *(*database)->state().Get(storage::StateTable::kMeta, key);
    ASSERT_TRUE(header.has_value());
    change(*header);
    ASSERT_TRUE((*database)->state().WriteCheckpoint({{storage::StateTable::kMeta, key, *header}}).ok());
    ASSERT_TRUE((*database)->Close().ok());
  };
  const std::pair<const char*, std::function<void()>> changes[] = {
      {"missing", [&] { std::filesystem::remove_all(Path("data/state")); }},
      {"of another format", [&] { change_header([](std::string& header) { header[0] = kStateFormat + 1; }); }},
      {"of other time zones",
       [&] {
         change_header([](std::string& header) {
           Header other = *DecodeHeader(header);
           other.tzdata_version = "1999z";
           header = EncodeHeader(other);
         });
       }},
      {"ahead of the log",
       [&] {
         change_header([](std::string& header) {
           Header other = *DecodeHeader(header);
           other.position += 100;
           header = EncodeHeader(other);
         });
       }},
  };
  for (const auto& [what, change] : changes) {
    SCOPED_TRACE(what);
    change();
    Start();
    ExpectTheDealCounts();
    EXPECT_EQ(Status().programs(0).facts(), 2);
    Stop();
  }
}

TEST_F(LifecycleTest, WritesItsPort) {
  Start();
  std::ifstream file(Path("port"));
  int port = 0;
  file >> port;
  EXPECT_EQ(port, server_->port());
}

TEST_F(LifecycleTest, AnswersHealthChecks) {
  Start();
  EXPECT_EQ(Health(), grpc::health::v1::HealthCheckResponse::SERVING);
}

TEST_F(LifecycleTest, DescribesItsServicesByReflection) {
  Start();
  // The wire format of grpc.reflection.v1alpha: request { list_services = 7 }, { file_containing_symbol = 4 }.
  grpc::GenericStub stub(Connect());
  for (const auto& [request, answer] :
       std::vector<std::pair<std::string, std::string>>{{std::string("\x3a\x00", 2), "partnermetrics.v1.ScoreService"},
                                                        {"\x22\x15grpc.health.v1.Health", "HealthCheckRequest"},
                                                        {"\x22\x1epartnermetrics.v1.ScoreService", "GetScorecard"}}) {
    grpc::ClientContext context;
    grpc::CompletionQueue queue;
    auto call = stub.PrepareCall(&context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
    const auto next = [&queue] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    call->StartCall(nullptr);
    ASSERT_TRUE(next());
    const grpc::Slice slice(request);
    call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
    ASSERT_TRUE(next());
    grpc::ByteBuffer response;
    call->Read(&response, nullptr);
    ASSERT_TRUE(next());
    std::vector<grpc::Slice> slices;
    ASSERT_TRUE(response.Dump(&slices).ok());
    std::string bytes;
    for (const grpc::Slice& part : slices) bytes.append(reinterpret_cast<const char*>(part.begin()), part.size());
    EXPECT_THAT(bytes, HasSubstr(answer));
    context.TryCancel();
    queue.Shutdown();
    void* tag = nullptr;
    for (bool ok = false; queue.Next(&tag, &ok);) {
    }
  }
}

TEST_F(LifecycleTest, RefusesAFolderThatAnotherServerHas) {
  Start();
  auto config = Config();
  ASSERT_TRUE(config.ok()) << config.status();
  const auto second = Server::Start(*std::move(config), absl::Now);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition) << second.status();
  EXPECT_THAT(second.status().message(), HasSubstr(Path("data")));
}

TEST_F(LifecycleTest, RefusesAPortThatAnotherServerHas) {
  Start();
  auto config = Config();
  ASSERT_TRUE(config.ok()) << config.status();
  config->server.set_listen(absl::StrCat("127.0.0.1:", server_->port()));
  config->server.set_data_dir(Path("other"));
  const auto second = Server::Start(*std::move(config), absl::Now);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(second.status().message(), HasSubstr("the port is taken"));
  EXPECT_FALSE(std::filesystem::exists(Path("other"))) << "nothing may be opened without the port";
}

TEST_F(LifecycleTest, AnswersWithoutConnectors) {
  Start();
  grpc::ClientContext context;
  v1::ListConnectorsResponse list;
  ASSERT_TRUE(connectors_->ListConnectors(&context, {}, &list).ok());
  EXPECT_EQ(list.connectors_size(), 0);
  grpc::ClientContext run_context;
  v1::RunConnectorRequest request;
  request.set_connector("nothing");
  const auto stream = connectors_->RunConnector(&run_context, request);
  v1::RunConnectorResponse progress;
  EXPECT_FALSE(stream->Read(&progress));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace partnermetrics
