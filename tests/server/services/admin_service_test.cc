// Backups, exports and erasures as callers meet them.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/server/services/server_fixture.h"

namespace partnermetrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class AdminServiceTest : public ServerTest {
 protected:
  void SetUp() override {
    extra_config_ = "backup_dir: 'backups'";
    Start();
    v1::Event lead;
    lead.set_record_id("L1");
    lead.mutable_lead()->set_contact_name("Ann Miller");
    lead.mutable_lead()->set_contact_email("ann@example.com");
    Ingest({PartnerEvent("P1", "Partner"), WonDeal("D1", "P1", 100, 2), lead});
  }

  // All answers of a stream, and its status.
  template <typename Response>
  static grpc::Status ReadAll(grpc::ClientReader<Response>& reader, std::vector<Response>& responses) {
    for (Response response; reader.Read(&response);) responses.push_back(response);
    return reader.Finish();
  }
  std::string Export(bool personal_data) {
    grpc::ClientContext context;
    v1::ExportFactsRequest request;
    request.set_personal_data(personal_data);
    std::vector<v1::ExportResponse> pieces;
    const grpc::Status status = ReadAll(*admin_->ExportFacts(&context, request), pieces);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::string text;
    for (const v1::ExportResponse& piece : pieces) {
      EXPECT_EQ(piece.holds_personal_data(), personal_data);
      text += piece.data();
    }
    return text;
  }
  std::string Values() {
    grpc::ClientContext context;
    v1::QueryMetricsRequest request;
    request.add_scopes()->set_kind(v1::SCOPE_KIND_PROGRAM);
    request.add_partner_ids("crm:P1");
    v1::QueryMetricsResponse response;
    const grpc::Status status = metrics_->QueryMetrics(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    std::string text;
    for (const v1::MetricValue& value : response.values()) text += value.ShortDebugString() + "\n";
    return text;
  }
  grpc::Status Erase(const v1::EraseSubjectRequest& request, v1::EraseSubjectResponse& response) {
    grpc::ClientContext context;
    return admin_->EraseSubject(&context, request, &response);
  }
};

TEST_F(AdminServiceTest, ErasureChangesNoNumber) {
  grpc::ClientContext backup_context;
  std::vector<v1::BackupResponse> progress;
  const grpc::Status backed_up = ReadAll(*admin_->Backup(&backup_context, v1::BackupRequest()), progress);
  ASSERT_TRUE(backed_up.ok()) << backed_up.error_message();
  EXPECT_EQ(progress.back().phase(), v1::BACKUP_PHASE_DONE);
  const std::string values = Values();
  EXPECT_THAT(Export(true), HasSubstr("Ann Miller"));

  v1::EraseSubjectRequest request;
  request.set_person("ann@example.com");
  v1::EraseSubjectResponse erased;
  ASSERT_TRUE(Erase(request, erased).ok());
  EXPECT_EQ(erased.personal_values(), 2);
  ASSERT_EQ(erased.held_by_size(), 1);
  EXPECT_EQ(erased.held_by(0).backup(), progress.back().backup().number());
  EXPECT_EQ(erased.held_by(0).expires_at().seconds(), progress.back().backup().expires_at().seconds());
  EXPECT_THAT(Export(true), Not(HasSubstr("Ann Miller")));
  EXPECT_EQ(Values(), values);
}

TEST_F(AdminServiceTest, ExportsKeepPersonalDataBack) {
  EXPECT_THAT(Export(false), HasSubstr("\"record_id\":\"D1\""));
  EXPECT_THAT(Export(false), Not(HasSubstr("ann@example.com")));
  grpc::ClientContext context;
  v1::ExportCellsRequest request;
  request.add_scopes("partner:crm:P1");
  request.set_format(v1::EXPORT_FORMAT_CSV);
  std::vector<v1::ExportResponse> pieces;
  ASSERT_TRUE(ReadAll(*admin_->ExportCells(&context, request), pieces).ok());
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_THAT(pieces[0].data(), HasSubstr("partner:crm:P1,won,2024-03-02,,1,1,100"));
}

TEST_F(AdminServiceTest, MistakesAreNamed) {
  v1::EraseSubjectResponse erased;
  v1::EraseSubjectRequest request;
  EXPECT_THAT(InfoOf(Erase(request, erased)).fields, ElementsAre(HasSubstr("person")));
  request.mutable_record()->set_source("crm");
  request.mutable_record()->set_id("L1");
  request.mutable_record()->set_kind("leed");
  EXPECT_THAT(InfoOf(Erase(request, erased)).fields, ElementsAre(HasSubstr("record.kind")));
  grpc::ClientContext context;
  v1::ExportFactsRequest unknown;
  unknown.add_kinds("deel");
  std::vector<v1::ExportResponse> pieces;
  EXPECT_THAT(InfoOf(ReadAll(*admin_->ExportFacts(&context, unknown), pieces)).fields, ElementsAre(HasSubstr("kinds")));
}

TEST_F(AdminServiceTest, WithoutAFolderABackupSaysWhatToDo) {
  Stop();
  extra_config_.clear();
  Start();
  grpc::ClientContext context;
  std::vector<v1::BackupResponse> progress;
  const grpc::Status status = ReadAll(*admin_->Backup(&context, v1::BackupRequest()), progress);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(InfoOf(status).remedy, HasSubstr("backup_dir"));
}

}  // namespace
}  // namespace partnermetrics
