// A programme with data over a folder of the test: partners, won deals, a lead and survey answers of persons.
#ifndef PARTNERMETRICS_TESTS_SERVER_OPS_OPS_FIXTURE_H_
#define PARTNERMETRICS_TESTS_SERVER_OPS_OPS_FIXTURE_H_

#include <gtest/gtest.h>

#include <filesystem>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/text_format.h"
#include "partnermetrics/log/v1/log.pb.h"
#include "server/ingest/programs.h"
#include "server/ops/export.h"
#include "storage/files.h"
#include "tests/storage/temp_dir.h"

namespace partnermetrics {

class OpsFixture : public testing::Test {
 protected:
  void SetUp() override { programs_ = OpenAt(Path("data")); }

  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }

  Programs::Options OptionsAt(const std::string& data_dir) {
    Programs::Options options;
    options.database.data_dir = data_dir;
    options.database.memory_mb = 32;
    options.database.min_free_bytes = 0;
    options.clock = [this] { return now_; };
    log::v1::Definitions& definitions = options.definitions.emplace_back();
    v1::Program& program = *definitions.mutable_program();
    program.set_id("acme");
    program.set_display_name("Acme");
    program.set_currency_code("USD");
    program.set_time_zone("UTC");
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
        R"pb(
          measures {
            id: "won"
            fact: "deal"
            kind: MEASURE_KIND_FLOW
            sum: "amount"
            at: "closed_on"
            where: "outcome == WON"
          }
          measures {
            id: "answers"
            fact: "survey_response"
            kind: MEASURE_KIND_FLOW
            sum: "score"
            at: "date(responded_at)"
          }
        )pb",
        definitions.mutable_catalog()));
    return options;
  }
  std::unique_ptr<Programs> OpenAt(const std::string& data_dir) {
    absl::StatusOr<std::unique_ptr<Programs>> programs = Programs::Open(OptionsAt(data_dir));
    EXPECT_TRUE(programs.ok()) << programs.status();
    return programs.ok() ? *std::move(programs) : nullptr;
  }

  ProgramRuntime& program() { return *programs_->all().front(); }

  // Writes an event in text format; its source is "crm" unless it says otherwise.
  void Ingest(const std::string& text) {
    v1::Event event;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &event)) << text;
    WriteRequest request;
    request.events.push_back(Prepared(std::move(event)));
    const WriteResult result = program().writer().Write(std::move(request));
    ASSERT_TRUE(result.status.ok()) << result.status;
  }
  PreparedEvent Prepared(v1::Event event) {
    PrepareContext context;
    context.program = "acme";
    context.source = "crm";
    context.currency = "USD";
    context.today = ToDay(absl::CivilDay(2024, 6, 30));
    context.pseudonymiser = &programs_->pseudonymiser();
    auto prepared = Prepare(std::move(event), context);
    EXPECT_TRUE(std::holds_alternative<PreparedEvent>(prepared)) << std::get<FieldError>(prepared).description;
    return std::get<PreparedEvent>(std::move(prepared));
  }
  void IngestDeal(int number, int amount) {
    Ingest(absl::StrCat("record_id: 'D", number, "' revision: 1 deal { outcome: DEAL_OUTCOME_WON amount { units: ",
                        amount, " } closed_on { year: 2024 month: 3 day: ", 1 + number % 28,
                        " } attributions { role: ATTRIBUTION_ROLE_SOURCED partner_refs { external { source: 'crm' id: "
                        "'P1' } } } }"));
  }
  void Quarantine(const std::string& raw, const std::string& message = "why") {
    log::v1::QuarantineEntry entry;
    entry.set_raw(raw);
    entry.set_message(message);
    WriteRequest request;
    request.quarantine.push_back({.record = 0, .value = entry.SerializeAsString()});
    ASSERT_TRUE(program().writer().Write(std::move(request)).status.ok());
  }

  // All of an export, and its last piece without the data.
  static std::pair<std::string, v1::ExportResponse> ReadAll(absl::StatusOr<std::unique_ptr<Export>> rows) {
    std::pair<std::string, v1::ExportResponse> all;
    EXPECT_TRUE(rows.ok()) << rows.status();
    if (!rows.ok()) return all;
    v1::ExportResponse piece;
    while (true) {
      const absl::StatusOr<bool> more = (*rows)->Next(piece);
      EXPECT_TRUE(more.ok()) << more.status();
      if (!more.ok() || !*more) break;
      all.first += piece.data();
      all.second = piece;
      EXPECT_LT(piece.data().size(), size_t{3} << 20);
    }
    all.second.clear_data();
    return all;
  }
  std::string Cells(Programs& programs) { return ReadAll(ExportCells(programs, *programs.all().front(), {})).first; }
  std::string Facts(Programs& programs) { return ReadAll(ExportFacts(programs, *programs.all().front(), {})).first; }
  // Everything on disk that holds a text.
  static std::vector<std::string> FilesWith(const std::string& folder, const std::string& text) {
    std::vector<std::string> names;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
      if (!file.is_regular_file()) continue;
      const std::string content = storage::ReadFile(file.path().string()).value_or("");
      if (content.find(text) != std::string::npos) names.push_back(file.path().string());
    }
    return names;
  }

  storage::TempDir folder_;
  absl::Time now_ = absl::FromUnixSeconds(1'719'700'000);
  std::unique_ptr<Programs> programs_;
};

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_TESTS_SERVER_OPS_OPS_FIXTURE_H_
