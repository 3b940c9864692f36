#include "tests/bench/local_program.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "partnermetrics/v1/event.pb.h"
#include "partnermetrics/v1/ingest_service.pb.h"
#include "server/catalog/definitions.h"

namespace partnermetrics::bench {

void Show(const std::string& name, double value, const std::string& unit) {
  std::cout << absl::StrFormat("  %-60s %12.4g %s", name, value, unit) << std::endl;
}

int RunLocal(int argc, char** argv, const std::string& description, LoadOptions options,
             const std::function<void(const std::string& folder, const LoadOptions& options)>& run) {
  CLI::App app(description);
  std::string folder;
  options.streams = 1;
  app.add_option("--folder", folder, "Folder for the data; emptied before")->required();
  app.add_option("--partners", options.partners, "Number of partners")->capture_default_str();
  app.add_option("--deals", options.deals, "Number of deals")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  run(folder, options);
  return 0;
}

LocalProgram::LocalProgram(const std::string& folder, Clock clock) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::string path = PM_SOURCE_DIR "/server/catalog/definitions";
  auto loaded = LoadDefinitions({path});
  Check(loaded.status());
  auto program = LoadProgram(absl::StrCat(path, "/programs/partneros.textproto"));
  Check(program.status());
  *definitions_.mutable_program() = *std::move(program);
  *definitions_.mutable_catalog() = loaded->catalog;
  Programs::Options options;
  options.database.data_dir = folder;
  options.database.sync = false;
  options.clock = std::move(clock);
  options.definitions = {definitions_};
  auto programs = Programs::Open(std::move(options));
  Check(programs.status());
  programs_ = *std::move(programs);
}

void LocalProgram::Ingest(const Load& load) {
  PrepareContext context;
  context.program = kProgram;
  context.source = kSource;
  context.currency = "USD";
  context.today = ToDay(absl::CivilDay(2025, 8, 12));
  context.pseudonymiser = &programs_->pseudonymiser();
  for (const Load::Requests& stream : load.streams) {
    for (const std::string& bytes : stream) {
      v1::StreamEventsRequest request;
      request.ParseFromString(bytes);
      WriteRequest write;
      write.sequence = ++sequence_;
      for (v1::Event& event : *request.mutable_events()) {
        auto prepared = Prepare(std::move(event), context);
        if (!std::holds_alternative<PreparedEvent>(prepared)) Check(absl::InternalError("a bad event"));
        write.events.push_back(std::get<PreparedEvent>(std::move(prepared)));
      }
      Check(runtime().writer().Write(std::move(write), /*wait_for_room=*/true).status);
    }
  }
}

}  // namespace partnermetrics::bench
