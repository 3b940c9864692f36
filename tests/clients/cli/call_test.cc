// partnerctl as a whole against a server in this process.
#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "clients/cli/run.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "partnermetrics/v1/connector_service.grpc.pb.h"
#include "partnermetrics/v1/ingest_service.grpc.pb.h"
#include "partnermetrics/v1/score_service.grpc.pb.h"
#include "tests/clients/cli/table_of.h"

namespace partnermetrics::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

grpc::Status UnknownPartner(const std::string& id) {
  google::rpc::ErrorInfo info;
  info.set_reason("UNKNOWN_PARTNER");
  (*info.mutable_metadata())["remedy"] = "see partnerctl partner list";
  google::rpc::Status details;
  details.add_details()->PackFrom(info);
  return {grpc::StatusCode::NOT_FOUND, "there is no partner \"" + id + "\"", details.SerializeAsString()};
}

class FakeScores : public v1::ScoreService::Service {
  grpc::Status GetScorecard(grpc::ServerContext* context, const v1::GetScorecardRequest* request,
                            v1::Scorecard* card) override {
    if (request->partner_id() == "nobody") return UnknownPartner(request->partner_id());
    card->set_partner_id(request->partner_id());
    card->mutable_partner()->set_name("Acme");
    *card->mutable_as_of() = request->as_of();
    return grpc::Status::OK;
  }
};

class FakeConnectors : public v1::ConnectorService::Service {
  grpc::Status RunConnector(grpc::ServerContext* context, const v1::RunConnectorRequest* request,
                            grpc::ServerWriter<v1::RunConnectorResponse>* writer) override {
    v1::RunConnectorResponse progress;
    progress.mutable_run()->set_connector(request->connector());
    for (const v1::RunState state : {v1::RUN_STATE_RUNNING, v1::RUN_STATE_PARTIAL}) {
      progress.mutable_run()->set_state(state);
      writer->Write(progress);
    }
    if (request->connector() == "broken") return {grpc::StatusCode::UNAVAILABLE, "the server stops"};
    return grpc::Status::OK;
  }
};

class FakeIngest : public v1::IngestService::Service {
  grpc::Status StreamEvents(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::StreamEventsResponse, v1::StreamEventsRequest>* stream) override {
    v1::StreamEventsRequest request;
    while (stream->Read(&request)) {
      v1::StreamEventsResponse response;
      response.set_sequence(request.sequence());
      response.mutable_counts()->set_applied(request.program() == "solar" ? 1 : 0);
      stream->Write(response);
    }
    return grpc::Status::OK;
  }
};

struct Result {
  int exit_code;
  std::string out;
  std::string err;
};

class CallTest : public testing::Test {
 protected:
  CallTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&scores_);
    builder.RegisterService(&connectors_);
    builder.RegisterService(&ingest_);
    server_ = builder.BuildAndStart();
  }

  Result Run(std::vector<std::string> args, const std::string& input = "") {
    args.insert(args.end(), {"--server", absl::StrCat("127.0.0.1:", port_)});
    std::istringstream in(input);
    std::ostringstream out, err;
    Environment environment = {.in = &in, .screen = {.out = &out, .err = &err}, .time = {}};
    environment.time.today = absl::CivilDay(2026, 3, 31);
    const int exit_code = RunPartnerctl(Commands(), args, environment);
    return {exit_code, out.str(), err.str()};
  }

  static google::protobuf::Struct Json(const std::string& text) {
    google::protobuf::Struct json;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(text, &json).ok()) << text;
    return json;
  }

  FakeScores scores_;
  FakeConnectors connectors_;
  FakeIngest ingest_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(CallTest, UnaryInEveryFormat) {
  const Result table = Run({"scorecard", "acme", "--as-of", "today-1d"});
  EXPECT_EQ(table.exit_code, 0) << table.err;
  EXPECT_THAT(table.out, HasSubstr("PARTNER SCORECARD: Acme"));
  EXPECT_THAT(table.out, HasSubstr("As of 2026-03-30"));
  const Result json = Run({"scorecard", "acme", "-o", "json"});
  EXPECT_EQ(Json(json.out).fields().at("unresolved_facts").string_value(), "0");
  const Result csv = Run({"scorecard", "acme", "-o", "csv"});
  EXPECT_THAT(csv.out, HasSubstr("metric.id,"));
}

TEST_F(CallTest, RequestsComeFromJsonFilesAndStandardInput) {
  const std::string path = testing::TempDir() + "/partnerctl_request.json";
  std::ofstream(path) << R"({"partner_id": "from-file"})";
  EXPECT_THAT(Run({"scorecard", "--json", "@" + path, "-o", "json"}).out, HasSubstr("from-file"));
  EXPECT_THAT(Run({"scorecard", "--json", "-", "-o", "json"}, R"({"partner_id": "from-stdin"})").out,
              HasSubstr("from-stdin"));
  EXPECT_EQ(Run({"scorecard", "--json", "@/does/not/exist"}).exit_code, 2);
}

TEST_F(CallTest, ErrorsCarryReasonRemedyAndExitCode) {
  const Result text = Run({"scorecard", "nobody"});
  EXPECT_EQ(text.exit_code, 4);
  EXPECT_THAT(text.out, IsEmpty());
  EXPECT_EQ(text.err,
            "error: there is no partner \"nobody\" (UNKNOWN_PARTNER)\n  What to do: see partnerctl partner list\n");
  const Result json = Run({"scorecard", "nobody", "-o", "json"});
  EXPECT_EQ(json.exit_code, 4);
  EXPECT_THAT(json.err, IsEmpty());
  EXPECT_EQ(Json(json.out).fields().at("error").struct_value().fields().at("reason").string_value(), "UNKNOWN_PARTNER");
}

TEST_F(CallTest, BadValuesAreUsageErrorsAndNothingIsSent) {
  server_->Shutdown();
  const Result text = Run({"scorecard", "--as-of", "soon"});
  EXPECT_EQ(text.exit_code, 2);
  EXPECT_THAT(text.err, HasSubstr("error: --as-of: \"soon\" is not a date; write 2026-03-31, today"));
  const Result json = Run({"scorecard", "--asof", "soon", "-o", "json"});
  EXPECT_EQ(json.exit_code, 2);
  EXPECT_EQ(Json(json.out).fields().at("error").struct_value().fields().at("reason").string_value(), "USAGE");
}

TEST_F(CallTest, AServerThatIsNotThere) {
  server_->Shutdown();
  const Result result = Run({"scorecard", "acme"});
  EXPECT_EQ(result.exit_code, 7);
  EXPECT_THAT(result.err, HasSubstr("see that partnerd runs and listens at 127.0.0.1:"));
}

TEST_F(CallTest, AMethodThatTheServerDoesNotKnow) {
  const Result result = Run({"status"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("the server does not know this command"));
}

TEST_F(CallTest, StreamsFromTheServer) {
  const Result text = Run({"connector", "run", "crm"});
  EXPECT_EQ(text.exit_code, 9) << text.err;
  EXPECT_THAT(text.out, HasSubstr("of crm: PARTIAL"));
  const Result json = Run({"connector", "run", "crm", "-o", "json"});
  EXPECT_EQ(json.exit_code, 9);
  const std::vector<std::string> lines = absl::StrSplit(json.out, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u);
  for (const std::string& line : lines) Json(line);
  const Result broken = Run({"connector", "run", "broken", "-o", "json"});
  EXPECT_EQ(broken.exit_code, 7);
  EXPECT_THAT(broken.out, HasSubstr("{\"error\": {\"code\": \"UNAVAILABLE\""));
}

TEST_F(CallTest, StreamsToTheServer) {
  const Result result = Run({"ingest", "stream", "--program", "solar", "-o", "json"},
                            "{\"sequence\": 1}\n\n{\"sequence\": 2, \"program\": \"other\"}\n");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::vector<std::string> lines = absl::StrSplit(result.out, '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[1], HasSubstr("\"sequence\":\"2\""));
  EXPECT_THAT(lines[1], HasSubstr("\"applied\":\"1\""));  // The flag goes over what the line states.
  const Result bad = Run({"ingest", "stream"}, "{\"sequence\": 1}\n{\"sequence\": \n");
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("line 2 of the requests:"));
  EXPECT_EQ(Run({"ingest", "stream"}).exit_code, 0);  // No requests are no error.
}

}  // namespace
}  // namespace partnermetrics::cli
