#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "partnermetrics/v1/standings_service.grpc.pb.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/queries/dates.h"
#include "server/reports/standings.h"
#include "server/services/call.h"
#include "server/services/services.h"
#include "server/views/standings_tables.h"

namespace partnermetrics {
namespace {

constexpr int kDefaultRows = 10;
constexpr int kMostRows = 1000;

absl::Status CheckAttribute(const Standings& standings, const std::string& request_field, const std::string& name) {
  // Labels are what sources make them; without partners nothing is known.
  if (standings.ids->empty() || standings.attributes->count(name) > 0 || absl::StartsWith(name, "label.")) {
    return absl::OkStatus();
  }
  std::vector<std::string> names;
  for (const auto& [known, values] : *standings.attributes) names.push_back(known);
  return InvalidField(
      request_field, "UNKNOWN_ATTRIBUTE",
      absl::StrCat("'", name, "' is no attribute of a partner; there are ", absl::StrJoin(names, ", ")));
}

absl::Status CheckSegments(const Standings& standings, const Segments& segments) {
  for (const v1::Scope& scope : segments) {
    if (scope.kind() != v1::SCOPE_KIND_SEGMENT) {
      return InvalidField("segments", "NO_SEGMENT", "must be segments, such as segment:tier=Gold");
    }
    RETURN_IF_ERROR(CheckAttribute(standings, "segments", scope.segment().attribute()));
  }
  return absl::OkStatus();
}

class StandingsServiceImpl final : public v1::StandingsService::Service {
 public:
  explicit StandingsServiceImpl(const Backend& backend) : backend_(backend) {}

  grpc::Status GetLeaderboard(grpc::ServerContext* context, const v1::GetLeaderboardRequest* request,
                              v1::Leaderboard* response) override {
    return Handle(backend_, *context, "StandingsService.GetLeaderboard", [&] { return Board(*request, *response); });
  }
  grpc::Status GetDistribution(grpc::ServerContext* context, const v1::GetDistributionRequest* request,
                               v1::Distribution* response) override {
    return Handle(backend_, *context, "StandingsService.GetDistribution", [&] { return Spread(*request, *response); });
  }

 private:
  // Today's standings are kept as such: of another day only while they are asked for.
  template <typename Request>
  absl::Status Read(const Request& request, ProgramRuntime& program,
                    absl::FunctionRef<absl::Status(const Standings&)> use) const {
    if (!v1::WindowKind_IsValid(request.window())) return InvalidField("window", "UNKNOWN", "is no window");
    StandingsKey key = {request.metric_id(), request.window()};
    if (request.has_as_of()) {
      ASSIGN_OR_RETURN(const Day as_of, ReadDate(request.as_of(), "as_of"));
      if (as_of != TodayOf(program)) key.day = as_of;
    }
    return backend_.standings().Of(program).Read(key, use);
  }

  Day TodayOf(ProgramRuntime& program) const {
    Engine::View view(program.engine());
    return backend_.programs().Today(*view.catalog());
  }

  absl::Status Board(const v1::GetLeaderboardRequest& request, v1::Leaderboard& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), request.min_position()));
    if (!v1::LeaderboardEnd_IsValid(request.end())) return InvalidField("end", "UNKNOWN", "is no end");
    if (request.limit() < 0 || request.limit() > kMostRows) {
      return InvalidField("limit", "OUT_OF_RANGE", absl::StrCat("must be between 0 and ", kMostRows));
    }
    std::string around;
    if (!request.around().empty()) {
      Engine::View view(program->engine());
      ASSIGN_OR_RETURN(around, FindPartner(view, request.around()));
    }
    LeaderboardRequest wanted;
    wanted.segments = request.segments();
    wanted.from_bottom = request.end() == v1::LEADERBOARD_END_BOTTOM;
    wanted.limit = static_cast<size_t>(request.limit() > 0 ? request.limit() : kDefaultRows);
    return Read(request, *program, [&](const Standings& standings) {
      RETURN_IF_ERROR(CheckSegments(standings, request.segments()));
      if (!around.empty()) {
        const auto at = std::find(standings.ids->begin(), standings.ids->end(), around);
        if (at != standings.ids->end()) wanted.around = static_cast<uint32_t>(at - standings.ids->begin());
      }
      response = BuildLeaderboard(standings, wanted);
      return absl::OkStatus();
    });
  }

  absl::Status Spread(const v1::GetDistributionRequest& request, v1::Distribution& response) const {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), request.min_position()));
    return Read(request, *program, [&](const Standings& standings) {
      RETURN_IF_ERROR(CheckSegments(standings, request.segments()));
      if (!request.group_by().empty()) RETURN_IF_ERROR(CheckAttribute(standings, "group_by", request.group_by()));
      response = BuildDistribution(standings, request.segments(), request.group_by());
      return absl::OkStatus();
    });
  }

  const Backend& backend_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeStandingsService(const Backend& backend) {
  return std::make_unique<StandingsServiceImpl>(backend);
}

}  // namespace partnermetrics
