#include "tests/server/services/server_fixture.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace partnermetrics {
namespace {

constexpr char kProgram[] = R"pb(
  id: "acme"
  display_name: "Acme partners"
  currency_code: "USD"
  time_zone: "America/New_York"
  segments { attribute: "tier" membership: SEGMENT_MEMBERSHIP_AS_WAS }
  segments { attribute: "region" membership: SEGMENT_MEMBERSHIP_AS_IS }
  scorecard { title: "Revenue" metrics: "partner_revenue" metrics: "deals_won" }
  dashboard { title: "Revenue" metrics: "partner_revenue" }
)pb";

constexpr char kCatalog[] = R"pb(
  measures {
    id: "won"
    fact: "deal"
    kind: MEASURE_KIND_FLOW
    sum: "amount"
    at: "closed_on"
    where: "outcome == WON && role == SOURCED"
  }
  metrics {
    id: "partner_revenue"
    display_name: "Partner Revenue"
    category: METRIC_CATEGORY_REVENUE
    unit: METRIC_UNIT_MONEY
    formula: "won.sum"
    window: WINDOW_KIND_QUARTER_TO_DATE
  }
  metrics {
    id: "deals_won"
    display_name: "Deals Won"
    category: METRIC_CATEGORY_PIPELINE
    unit: METRIC_UNIT_COUNT
    formula: "won.count"
    window: WINDOW_KIND_QUARTER_TO_DATE
  }
)pb";

}  // namespace

ErrorInfo InfoOf(const grpc::Status& status) {
  ErrorInfo info;
  google::rpc::Status details;
  details.ParseFromString(status.error_details());
  for (const auto& detail : details.details()) {
    google::rpc::ErrorInfo reason;
    google::rpc::BadRequest bad;
    if (detail.UnpackTo(&reason)) {
      info.reason = reason.reason();
      if (reason.metadata().contains("remedy")) info.remedy = reason.metadata().at("remedy");
    } else if (detail.UnpackTo(&bad)) {
      for (const auto& field : bad.field_violations()) {
        info.fields.push_back(absl::StrCat(field.field(), ": ", field.description()));
      }
    } else {
      info.retry = info.retry || detail.Is<google::rpc::RetryInfo>();
    }
  }
  return info;
}

ServerTest::ServerTest() {
  Write("acme.textproto", kProgram);
  Write("catalog.textproto", kCatalog);
}

std::string ServerTest::Write(const std::string& name, const std::string& text) const {
  std::ofstream(Path(name)) << text;
  return Path(name);
}

absl::StatusOr<LoadedConfig> ServerTest::Config() const {
  return LoadConfig(Write("partnerd.textproto", absl::StrCat(R"pb(
                                                               listen: "127.0.0.1:0"
                                                               data_dir: "data"
                                                               program_files: "acme.textproto"
                                                               catalog_paths: "catalog.textproto"
                                                               port_file: "port"
                                                             )pb",
                                                             extra_config_)));
}

void ServerTest::Start() {
  absl::StatusOr<LoadedConfig> config = Config();
  ASSERT_TRUE(config.ok()) << config.status();
  config->host_binary = PM_BINARY_DIR "/bin/partner-connector-host";
  auto server = Server::Start(*std::move(config), [this] { return absl::FromUnixMicros(now_us_); });
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  const auto channel = Connect();
  ingest_ = v1::IngestService::NewStub(channel);
  partners_ = v1::PartnerService::NewStub(channel);
  metrics_ = v1::MetricService::NewStub(channel);
  scores_ = v1::ScoreService::NewStub(channel);
  connectors_ = v1::ConnectorService::NewStub(channel);
  admin_ = v1::AdminService::NewStub(channel);
}

void ServerTest::Stop() {
  const absl::Status stopped = server_->Stop();
  EXPECT_TRUE(stopped.ok()) << stopped;
  server_.reset();
}

std::shared_ptr<grpc::Channel> ServerTest::Connect() const {
  grpc::ChannelArguments arguments;
  // A client of its own for each: channels to one address would share a connection, and its state.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxSendMessageSize(-1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server_->port()), grpc::InsecureChannelCredentials(),
                                   arguments);
}

v1::IngestEventsResponse ServerTest::Ingest(const std::vector<v1::Event>& events, v1::ResultDetail detail) {
  v1::IngestEventsRequest request;
  request.set_program("acme");
  request.set_source("crm");
  request.set_detail(detail);
  for (const v1::Event& event : events) *request.add_events() = event;
  v1::IngestEventsResponse response;
  grpc::ClientContext context;
  const grpc::Status status = ingest_->IngestEvents(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response;
}

v1::Date MakeDate(int year, int month, int day) {
  v1::Date date;
  date.set_year(year);
  date.set_month(month);
  date.set_day(day);
  return date;
}

v1::Event PartnerEvent(const std::string& id, const std::string& name, const std::string& tier) {
  v1::Event event;
  event.set_record_id(id);
  event.set_revision(1);
  event.mutable_partner()->set_name(name);
  event.mutable_partner()->set_tier(tier);
  return event;
}

v1::Event WonDeal(const std::string& id, const std::string& partner, int64_t amount, int day) {
  v1::Event event;
  event.set_record_id(id);
  event.set_revision(1);
  v1::Deal& deal = *event.mutable_deal();
  deal.set_outcome(v1::DEAL_OUTCOME_WON);
  deal.mutable_amount()->set_units(amount);
  *deal.mutable_closed_on() = MakeDate(2024, 3, day);
  v1::Attribution& attribution = *deal.add_attributions();
  attribution.set_role(v1::ATTRIBUTION_ROLE_SOURCED);
  v1::ExternalId& external = *attribution.add_partner_refs()->mutable_external();
  external.set_source("crm");
  external.set_id(partner);
  return event;
}

}  // namespace partnermetrics
