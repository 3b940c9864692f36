#include <gmock/gmock.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/server/services/server_fixture.h"

namespace partnermetrics {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class PartnerServiceTest : public ServerTest {
 protected:
  void SetUp() override { Start(); }

  grpc::Status Get(const std::string& id, v1::PartnerEntity* partner) {
    grpc::ClientContext context;
    v1::GetPartnerRequest request;
    request.set_partner_id(id);
    return partners_->GetPartner(&context, request, partner);
  }

  grpc::Status List(const v1::ListPartnersRequest& request, v1::ListPartnersResponse* response) {
    grpc::ClientContext context;
    return partners_->ListPartners(&context, request, response);
  }

  // Names of all partners that the request lists, page by page.
  std::vector<std::string> Names(v1::ListPartnersRequest request) {
    std::vector<std::string> names;
    do {
      v1::ListPartnersResponse response;
      const grpc::Status status = List(request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      for (const auto& partner : response.partners()) names.push_back(partner.partner().name());
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return names;
  }

  grpc::Status Create(const std::string& id, const std::string& name, v1::PartnerEntity* partner) {
    grpc::ClientContext context;
    v1::CreatePartnerRequest request;
    request.set_partner_id(id);
    request.mutable_partner()->set_name(name);
    return partners_->CreatePartner(&context, request, partner);
  }

  grpc::Status Update(const std::string& id, const std::string& name, const std::string& etag,
                      v1::PartnerEntity* partner) {
    grpc::ClientContext context;
    v1::UpdatePartnerRequest request;
    request.set_partner_id(id);
    request.set_etag(etag);
    request.mutable_partner()->set_name(name);
    return partners_->UpdatePartner(&context, request, partner);
  }

  v1::ListUnresolvedReferencesResponse Unresolved() {
    grpc::ClientContext context;
    v1::ListUnresolvedReferencesResponse response;
    EXPECT_TRUE(partners_->ListUnresolvedReferences(&context, {}, &response).ok());
    return response;
  }

  std::string Resolve(const v1::PartnerReference& reference) {
    grpc::ClientContext context;
    v1::ResolvePartnerRequest request;
    *request.mutable_reference() = reference;
    v1::ResolvePartnerResponse response;
    const grpc::Status status = partners_->ResolvePartner(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.partner_id();
  }
};

TEST_F(PartnerServiceTest, FindsAPartnerByWhatPeopleCallIt) {
  v1::Event event = PartnerEvent("P1", "Apex Solar");
  event.mutable_partner()->add_domains("apex.example");
  Ingest({event, WonDeal("D1", "P1", 100, 5)});
  for (const char* name : {"crm:P1", "P1", "apex.example", "apex solar"}) {
    v1::PartnerEntity partner;
    const grpc::Status status = Get(name, &partner);
    ASSERT_TRUE(status.ok()) << name << ": " << status.error_message();
    EXPECT_EQ(partner.partner_id(), "crm:P1");
    EXPECT_EQ(partner.facts(), 1);
    EXPECT_THAT(partner.sources(), ElementsAre("crm"));
    EXPECT_THAT(partner.aliases(), Contains("domain:apex.example"));
  }
  v1::PartnerEntity partner;
  const grpc::Status status = Get("nobody", &partner);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(InfoOf(status).reason, "UNKNOWN_PARTNER");
}

TEST_F(PartnerServiceTest, ListsByFilterOrderAndPage) {
  Ingest({PartnerEvent("1", "delta", "Gold"), PartnerEvent("2", "Alpha", "Silver"),
          PartnerEvent("3", "charlie", "Gold"), PartnerEvent("4", "Bravo", "Gold"), WonDeal("D1", "3", 1, 1),
          WonDeal("D2", "3", 1, 1), WonDeal("D3", "1", 1, 1)});
  v1::ListPartnersRequest request;
  EXPECT_THAT(Names(request), ElementsAre("delta", "Alpha", "charlie", "Bravo"));
  for (const int page_size : {1, 2, 3, 10}) {
    request.set_page_size(page_size);
    request.set_order_by("name");
    request.set_filter("");
    EXPECT_THAT(Names(request), ElementsAre("Alpha", "Bravo", "charlie", "delta"));
    request.set_order_by("facts desc");
    EXPECT_THAT(Names(request), ElementsAre("charlie", "delta", "Alpha", "Bravo"));
    request.set_order_by("name desc");
    request.set_filter("tier == \"Gold\"");
    EXPECT_THAT(Names(request), ElementsAre("delta", "charlie", "Bravo"));
  }
  v1::ListPartnersResponse response;
  request.set_page_size(1);
  ASSERT_TRUE(List(request, &response).ok());
  EXPECT_EQ(response.total_size(), 3);
  EXPECT_GT(response.position(), 0u);
}

TEST_F(PartnerServiceTest, ExplainsRequestsThatItCannotList) {
  Ingest({PartnerEvent("1", "A"), PartnerEvent("2", "B")});
  v1::ListPartnersResponse response;
  v1::ListPartnersRequest negative;
  negative.set_page_size(-1);
  EXPECT_THAT(InfoOf(List(negative, &response)).fields, ElementsAre("page_size: must not be negative"));
  v1::ListPartnersRequest order;
  order.set_order_by("nmae");
  EXPECT_THAT(InfoOf(List(order, &response)).fields,
              ElementsAre("order_by: cannot order by 'nmae' (did you mean \"name\"?)"));
  v1::ListPartnersRequest filter;
  filter.set_filter("teir == \"Gold\"");
  const grpc::Status status = List(filter, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("tier"));
  v1::ListPartnersRequest first;
  first.set_page_size(1);
  ASSERT_TRUE(List(first, &response).ok());
  first.set_page_token(response.next_page_token());
  first.set_order_by("name");  // another list than that of the token
  EXPECT_EQ(InfoOf(List(first, &response)).reason, "MALFORMED");
  first.set_page_token("garbage!");
  EXPECT_EQ(InfoOf(List(first, &response)).reason, "MALFORMED");
}

TEST_F(PartnerServiceTest, CreatesAndUpdatesWithEtags) {
  v1::PartnerEntity created;
  ASSERT_TRUE(Create("acme-west", "Acme West", &created).ok());
  EXPECT_EQ(created.partner_id(), "acme-west");
  EXPECT_EQ(created.partner().name(), "Acme West");
  v1::PartnerEntity other;
  EXPECT_EQ(Create("acme-west", "Again", &other).error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_THAT(InfoOf(Create("", "No id", &other)).fields,
              ElementsAre("partner_id: must be 1 to 100 letters, digits, '-', '_', '.' or ':'"));
  EXPECT_THAT(InfoOf(Create("x y", "Space", &other)).fields, testing::SizeIs(1));
  EXPECT_THAT(InfoOf(Create("nameless", "", &other)).fields, ElementsAre("partner.name: must be given"));

  v1::PartnerEntity updated;
  ASSERT_TRUE(Update("acme-west", "Acme West LLC", created.etag(), &updated).ok());
  EXPECT_EQ(updated.partner().name(), "Acme West LLC");
  EXPECT_NE(updated.etag(), created.etag());
  const grpc::Status stale = Update("acme-west", "Lost", created.etag(), &other);
  EXPECT_EQ(stale.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(InfoOf(stale).reason, "ETAG_MISMATCH");
  EXPECT_TRUE(Update("acme-west", "Whatever it is", "", &updated).ok());
  EXPECT_EQ(Update("nobody", "X", "", &other).error_code(), grpc::StatusCode::NOT_FOUND);
}

// What was written can be waited for by whoever reads next, and every answer says where it stands.
TEST_F(PartnerServiceTest, AnswersStandAtPositionsThatReadsCanWaitFor) {
  v1::PartnerEntity created, updated;
  ASSERT_TRUE(Create("acme-west", "Acme West", &created).ok());
  ASSERT_TRUE(Update("acme-west", "Acme West LLC", created.etag(), &updated).ok());
  EXPECT_GT(updated.position(), created.position());

  v1::GetPartnerRequest get;
  get.set_partner_id("acme-west");
  v1::PartnerEntity shown;
  v1::ResolvePartnerRequest resolve;
  resolve.mutable_reference()->set_partner_id("acme-west");
  v1::ResolvePartnerResponse resolved;
  v1::ListUnresolvedReferencesRequest list;
  v1::ListUnresolvedReferencesResponse unresolved;
  const auto read_at = [&](uint64_t position, grpc::StatusCode code) {
    get.set_min_position(position);
    resolve.set_min_position(position);
    list.set_min_position(position);
    grpc::ClientContext contexts[3];
    for (grpc::ClientContext& context : contexts) {  // in place of the server's patience
      if (code != grpc::StatusCode::OK) {
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(300));
      }
    }
    EXPECT_EQ(partners_->GetPartner(&contexts[0], get, &shown).error_code(), code);
    EXPECT_EQ(partners_->ResolvePartner(&contexts[1], resolve, &resolved).error_code(), code);
    EXPECT_EQ(partners_->ListUnresolvedReferences(&contexts[2], list, &unresolved).error_code(), code);
  };
  read_at(updated.position(), grpc::StatusCode::OK);
  for (const uint64_t position : {shown.position(), resolved.position(), unresolved.position()}) {
    EXPECT_EQ(position, updated.position());
  }
  read_at(updated.position() + 1, grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(PartnerServiceTest, StatesMoreAboutAPartnerOfASource) {
  Ingest({PartnerEvent("P1", "Apex", "Silver")});
  v1::PartnerEntity partner;
  ASSERT_TRUE(Update("crm:P1", "Apex Solar", "", &partner).ok());
  EXPECT_EQ(partner.partner().name(), "Apex Solar");  // our own statement goes first
  EXPECT_EQ(partner.partner().tier(), "Silver");      // what it leaves open, the source says
  EXPECT_THAT(partner.sources(), ElementsAre("partnermetrics", "crm"));
}

TEST_F(PartnerServiceTest, SuggestsWhomAnUnknownReferenceMeans) {
  v1::Event customer;
  customer.set_record_id("old-7");
  customer.set_revision(1);
  customer.mutable_customer()->set_name("APEX, Inc.");
  Ingest({PartnerEvent("P1", "Apex"), PartnerEvent("P2", "Bright"), customer, WonDeal("D1", "old-7", 100, 5)});
  const v1::ListUnresolvedReferencesResponse unresolved = Unresolved();
  ASSERT_EQ(unresolved.references_size(), 1);
  const v1::UnresolvedReference& reference = unresolved.references(0);
  ASSERT_EQ(reference.suggestions_size(), 1);
  EXPECT_EQ(reference.suggestions(0).partner_id(), "crm:P1");
  EXPECT_EQ(reference.suggestion(), "Apex: same name 'APEX, Inc.'");
  EXPECT_EQ(reference.confirm(), "partnerctl partner alias add --partner-id crm:P1 --alias external:crm:old-7");
}

TEST_F(PartnerServiceTest, CountsUnresolvedFactsOnceAnAliasIsKnown) {
  Ingest({PartnerEvent("P1", "Apex"), WonDeal("D1", "old-7", 100, 5), WonDeal("D2", "old-7", 50, 6)});
  v1::ListUnresolvedReferencesResponse unresolved = Unresolved();
  ASSERT_EQ(unresolved.references_size(), 1);
  EXPECT_EQ(unresolved.references(0).reference(), "external:crm:old-7");
  EXPECT_EQ(unresolved.references(0).facts(), 2);
  EXPECT_THAT(unresolved.references(0).example(), testing::StartsWith("crm/deal/D"));

  v1::AddAliasRequest add;
  add.set_partner_id("crm:P1");
  add.mutable_alias()->mutable_external()->set_source("crm");
  add.mutable_alias()->mutable_external()->set_id("old-7");
  v1::AddAliasResponse added;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(partners_->AddAlias(&context, add, &added).ok());
  }
  EXPECT_EQ(added.facts(), 2);
  EXPECT_THAT(Unresolved().references(), IsEmpty());
  EXPECT_EQ(Resolve(add.alias()), "crm:P1");
  v1::PartnerEntity partner;
  ASSERT_TRUE(Get("crm:P1", &partner).ok());
  EXPECT_EQ(partner.facts(), 2);

  v1::RemoveAliasRequest remove;
  remove.set_partner_id("crm:P1");
  *remove.mutable_alias() = add.alias();
  v1::RemoveAliasResponse removed;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(partners_->RemoveAlias(&context, remove, &removed).ok());
  }
  EXPECT_EQ(removed.facts(), 2);
  EXPECT_EQ(Unresolved().references_size(), 1);
  grpc::ClientContext context;
  const grpc::Status twice = partners_->RemoveAlias(&context, remove, &removed);
  EXPECT_EQ(twice.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(InfoOf(twice).reason, "UNKNOWN_ALIAS");
}

TEST_F(PartnerServiceTest, TakesEmailAliasesAndNoSharedDomains) {
  Ingest({PartnerEvent("P1", "Apex")});
  v1::AddAliasRequest add;
  add.set_partner_id("crm:P1");
  add.mutable_alias()->set_email("Jo@Apex.example");
  v1::AddAliasResponse added;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(partners_->AddAlias(&context, add, &added).ok());
  }
  v1::PartnerReference reference;
  reference.set_email("jo@apex.example");
  EXPECT_EQ(Resolve(reference), "crm:P1");

  add.mutable_alias()->set_domain("gmail.com");
  {
    grpc::ClientContext context;
    EXPECT_EQ(InfoOf(partners_->AddAlias(&context, add, &added)).reason, "SHARED_DOMAIN");
  }
  add.clear_alias();
  {
    grpc::ClientContext context;
    EXPECT_EQ(InfoOf(partners_->AddAlias(&context, add, &added)).reason, "REQUIRED");
  }
  add.set_partner_id("nobody");
  add.mutable_alias()->set_domain("apex.example");
  grpc::ClientContext context;
  EXPECT_EQ(partners_->AddAlias(&context, add, &added).error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace partnermetrics
