#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "partnermetrics/v1/partner_service.grpc.pb.h"
#include "server/base/errors.h"
#include "server/engine/partners.h"
#include "server/facts/event_view.h"
#include "server/queries/page_token.h"
#include "server/queries/partner_list.h"
#include "server/queries/partner_records.h"
#include "server/queries/partner_suggestions.h"
#include "server/services/call.h"
#include "server/services/services.h"
#include "server/sync/page_request.h"
#include "storage/mutex.h"

namespace partnermetrics {
namespace {

constexpr char kActor[] = "service:partner";

absl::Status CheckNewId(absl::string_view id) {
  const bool fits = !id.empty() && id.size() <= 100 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("-_.:", absl::string_view(reinterpret_cast<char*>(&c), 1));
  });
  if (fits) return absl::OkStatus();
  return InvalidField("partner_id", "MALFORMED", "must be 1 to 100 letters, digits, '-', '_', '.' or ':'");
}

// The alias as it is looked up, without personal data.
absl::StatusOr<ReferenceKey> ReadAlias(const Programs& programs, v1::PartnerReference& alias, absl::string_view field) {
  programs.pseudonymiser().Redact(alias);
  if (alias.has_domain()) alias.set_domain(absl::AsciiStrToLower(alias.domain()));
  ReferenceKey key = ReadReference(alias.SerializeAsString());
  if (key.empty()) {
    return InvalidField(field, "REQUIRED", "must name an external id, an e-mail address, a domain or a partner id");
  }
  return key;
}

// Whether the domain of the reference belongs to nobody in particular.
bool IsSharedDomain(const Catalog& catalog, absl::string_view reference) {
  if (!absl::ConsumePrefix(&reference, "domain:")) return false;
  const auto& shared = catalog.program().shared_domains();
  return IsFreeMailDomain(reference) || std::find(shared.begin(), shared.end(), reference) != shared.end();
}

std::vector<std::string> Claimants(const std::vector<AliasClaim>& claims) {
  std::vector<std::string> ids;
  for (const AliasClaim& claim : claims) {
    if (ids.empty() || ids.back() != claim.partner_id) ids.push_back(claim.partner_id);
  }
  return ids;
}

absl::Status UnknownPartner(absl::string_view id) {
  return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_PARTNER", absl::StrCat("there is no partner '", id, "'"),
                   "list the partners: partnerctl partner list");
}

class PartnerServiceImpl final : public v1::PartnerService::Service {
 public:
  explicit PartnerServiceImpl(const Backend& backend) : backend_(backend) {}

  grpc::Status GetPartner(grpc::ServerContext* context, const v1::GetPartnerRequest* request,
                          v1::PartnerEntity* response) override {
    return Handle(backend_, *context, "PartnerService.GetPartner", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), request->min_position()));
      if (request->partner_id().empty()) return InvalidField("partner_id", "REQUIRED", "must name a partner");
      Engine::View view(program->engine());
      ASSIGN_OR_RETURN(const std::string id, FindPartner(view, request->partner_id()));
      return Show(view, id, *response);
    });
  }

  grpc::Status ListPartners(grpc::ServerContext* context, const v1::ListPartnersRequest* request,
                            v1::ListPartnersResponse* response) override {
    return Handle(backend_, *context, "PartnerService.ListPartners", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), request->min_position()));
      return partnermetrics::ListPartners(*program, *request, *response);
    });
  }

  grpc::Status CreatePartner(grpc::ServerContext* context, const v1::CreatePartnerRequest* request,
                             v1::PartnerEntity* response) override {
    return Handle(backend_, *context, "PartnerService.CreatePartner", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), 0));
      RETURN_IF_ERROR(CheckNewId(request->partner_id()));
      if (request->partner().name().empty()) return InvalidField("partner.name", "REQUIRED", "must be given");
      MutexLock lock(&changes_);
      ASSIGN_OR_RETURN(std::optional<PartnerState> existing, Read(*program, request->partner_id()));
      if (existing.has_value()) {
        return MakeError(absl::StatusCode::kAlreadyExists, "PARTNER_EXISTS",
                         absl::StrCat("there is a partner '", request->partner_id(), "' already"),
                         "use UpdatePartner, or another id");
      }
      return State(*program, request->partner_id(), request->partner(), *response);
    });
  }

  grpc::Status UpdatePartner(grpc::ServerContext* context, const v1::UpdatePartnerRequest* request,
                             v1::PartnerEntity* response) override {
    return Handle(backend_, *context, "PartnerService.UpdatePartner", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), 0));
      MutexLock lock(&changes_);
      ASSIGN_OR_RETURN(std::optional<PartnerState> existing, Read(*program, request->partner_id()));
      if (!existing.has_value()) return UnknownPartner(request->partner_id());
      if (!request->etag().empty() && request->etag() != absl::StrCat(existing->version)) {
        return MakeError(absl::StatusCode::kAborted, "ETAG_MISMATCH",
                         absl::StrCat("partner '", request->partner_id(), "' has changed since it was read"),
                         "read it again, look at the changes and update with its new etag");
      }
      return State(*program, request->partner_id(), request->partner(), *response);
    });
  }

  grpc::Status AddAlias(grpc::ServerContext* context, const v1::AddAliasRequest* request,
                        v1::AddAliasResponse* response) override {
    return Handle(backend_, *context, "PartnerService.AddAlias", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const WriteResult result, ChangeAlias(*request, /*removed=*/false));
      response->set_facts(result.moved_facts);
      response->set_position(result.position);
      response->set_job(result.job);
      return absl::OkStatus();
    });
  }

  grpc::Status RemoveAlias(grpc::ServerContext* context, const v1::RemoveAliasRequest* request,
                           v1::RemoveAliasResponse* response) override {
    return Handle(backend_, *context, "PartnerService.RemoveAlias", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const WriteResult result, ChangeAlias(*request, /*removed=*/true));
      response->set_facts(result.moved_facts);
      response->set_position(result.position);
      response->set_job(result.job);
      return absl::OkStatus();
    });
  }

  grpc::Status ResolvePartner(grpc::ServerContext* context, const v1::ResolvePartnerRequest* request,
                              v1::ResolvePartnerResponse* response) override {
    return Handle(backend_, *context, "PartnerService.ResolvePartner", [&]() -> absl::Status {
      ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request->program(), request->min_position()));
      v1::PartnerReference reference = request->reference();
      ASSIGN_OR_RETURN(const ReferenceKey key, ReadAlias(backend_.programs(), reference, "reference"));
      Engine::View view(program->engine());
      ASSIGN_OR_RETURN(const std::vector<AliasClaim> claims, view.Claims(key));
      if (!IsSharedDomain(*view.catalog(), key)) response->set_partner_id(WinnerOf(claims));
      for (std::string& id : Claimants(claims)) response->add_candidates(std::move(id));
      response->set_position(view.header().position);
      return absl::OkStatus();
    });
  }

  grpc::Status ListUnresolvedReferences(grpc::ServerContext* context,
                                        const v1::ListUnresolvedReferencesRequest* request,
                                        v1::ListUnresolvedReferencesResponse* response) override {
    return Handle(backend_, *context, "PartnerService.ListUnresolvedReferences",
                  [&] { return ListUnresolved(*request, *response); });
  }

 private:
  static absl::StatusOr<std::optional<PartnerState>> Read(ProgramRuntime& program, absl::string_view id) {
    Engine::View view(program.engine());
    return ReadPartner(view, id);
  }

  static absl::Status Show(const Engine::View& view, absl::string_view id, v1::PartnerEntity& entity) {
    ASSIGN_OR_RETURN(std::optional<PartnerState> partner, ReadPartner(view, id));
    if (!partner.has_value()) return UnknownPartner(id);
    entity = ToEntity(*std::move(partner));
    entity.set_position(view.header().position);
    return absl::OkStatus();
  }

  // Writes what the server's own source states about a partner from now on, and shows the partner then.
  absl::Status State(ProgramRuntime& program, const std::string& id, const v1::Partner& partner,
                     v1::PartnerEntity& response) PM_REQUIRES(changes_) {
    Programs& programs = backend_.programs();
    v1::Event event;
    event.set_record_id(id);
    *event.mutable_partner() = partner;
    std::shared_ptr<const Catalog> catalog;
    {
      Engine::View view(program.engine());
      catalog = view.catalog();
      ASSIGN_OR_RETURN(auto own, view.Fact({v1::Event::kPartnerFieldNumber, kOwnSource, id}));
      event.set_revision(own.has_value() ? own->version.revision + 1 : 1);
    }
    auto prepared = Prepare(std::move(event), {program.id(), kOwnSource, catalog->program().currency_code(),
                                               programs.Today(*catalog), &programs.pseudonymiser()});
    if (const auto* error = std::get_if<FieldError>(&prepared); error != nullptr) return InvalidFields({*error});
    WriteRequest write;
    write.actor = kActor;
    write.events.push_back(std::move(std::get<PreparedEvent>(prepared)));
    RETURN_IF_ERROR(program.writer().Write(std::move(write)).status);
    Engine::View view(program.engine());
    return Show(view, id, response);
  }

  // `Request` is AddAliasRequest or RemoveAliasRequest.
  template <typename Request>
  absl::StatusOr<WriteResult> ChangeAlias(const Request& request, bool removed) {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), 0));
    log::v1::AliasChange change;
    change.set_partner_id(request.partner_id());
    change.set_removed(removed);
    *change.mutable_alias() = request.alias();
    ASSIGN_OR_RETURN(const ReferenceKey key, ReadAlias(backend_.programs(), *change.mutable_alias(), "alias"));
    MutexLock lock(&changes_);
    RETURN_IF_ERROR(CheckAliasChange(*program, change, key));
    WriteRequest write;
    write.actor = kActor;
    write.records = [&change](const std::vector<EventResult>&) {
      storage::LogRecord record;
      record.type = storage::RecordType::kAlias;
      record.payload = change.SerializeAsString();
      return std::vector<storage::LogRecord>{std::move(record)};
    };
    WriteResult result = program->writer().Write(std::move(write));
    RETURN_IF_ERROR(result.status);
    return result;
  }

  static absl::Status CheckAliasChange(ProgramRuntime& program, const log::v1::AliasChange& change,
                                       const ReferenceKey& key) {
    Engine::View view(program.engine());
    ASSIGN_OR_RETURN(auto known, view.IndexValue(Index::kPartner, change.partner_id()));
    if (!known.has_value()) return UnknownPartner(change.partner_id());
    if (!change.removed()) {
      if (!IsSharedDomain(*view.catalog(), key)) return absl::OkStatus();
      return InvalidField("alias.domain", "SHARED_DOMAIN", "belongs to nobody in particular and never names a partner");
    }
    ASSIGN_OR_RETURN(const std::vector<AliasClaim> claims, view.Claims(key));
    const AliasClaim wanted = {change.partner_id(), kAdminClaimant};
    if (std::find(claims.begin(), claims.end(), wanted) != claims.end()) return absl::OkStatus();
    return MakeError(absl::StatusCode::kNotFound, "UNKNOWN_ALIAS",
                     absl::StrCat("'", key, "' was not added to partner '", change.partner_id(), "' by AddAlias"),
                     "aliases that a source states are removed in the source");
  }

  absl::Status ListUnresolved(const v1::ListUnresolvedReferencesRequest& request,
                              v1::ListUnresolvedReferencesResponse& response) {
    ASSIGN_OR_RETURN(ProgramRuntime * program, backend_.ProgramAt(request.program(), request.min_position()));
    ASSIGN_OR_RETURN(const int page_size, PageSize(request.page_size()));
    ASSIGN_OR_RETURN(const std::string after, ReadPageToken(request.page_token(), "unresolved"));
    std::vector<ReferenceEvidence> evidence;  // of each reference of the page
    std::vector<PartnerRecord> partners;
    {
      Engine::View view(program->engine());
      RETURN_IF_ERROR(ReadUnresolvedPage(view, page_size, after, response, evidence));
      ASSIGN_OR_RETURN(partners, ReadPartnerRecords(view));
    }
    const PartnerSuggester suggester(partners);
    for (int i = 0; i < response.references_size(); ++i) {
      v1::UnresolvedReference& reference = *response.mutable_references(i);
      for (v1::PartnerSuggestion& suggestion : suggester.Suggest(evidence[static_cast<size_t>(i)])) {
        *reference.add_suggestions() = std::move(suggestion);
      }
      if (reference.suggestions().empty()) continue;
      const v1::PartnerSuggestion& best = reference.suggestions(0);
      reference.set_suggestion(absl::StrCat(best.name(), ": ", best.reason()));
      reference.set_confirm(ConfirmCommand(request.program(), best.partner_id(), reference.reference()));
    }
    return absl::OkStatus();
  }

  static absl::Status ReadUnresolvedPage(const Engine::View& view, int page_size, const std::string& after,
                                         v1::ListUnresolvedReferencesResponse& response,
                                         std::vector<ReferenceEvidence>& evidence) {
    response.set_position(view.header().position);
    ASSIGN_OR_RETURN(const std::vector<UnresolvedGroup> groups, UnresolvedReferences(view));
    auto it = std::upper_bound(groups.begin(), groups.end(), after,
                               [](const std::string& key, const auto& group) { return key < group.reference; });
    for (; it != groups.end() && response.references_size() < page_size; ++it) {
      v1::UnresolvedReference& reference = *response.add_references();
      reference.set_reference(it->reference);
      reference.set_facts(it->facts);
      ASSIGN_OR_RETURN(const std::vector<AliasClaim> claims, view.Claims(it->reference));
      for (std::string& id : Claimants(claims)) reference.add_candidates(std::move(id));
      const FactSchema* kind = FactSchemas::Get().FindByNumber(it->example.kind);
      reference.set_example(
          absl::StrCat(it->example.source, "/", kind == nullptr ? "" : kind->name(), "/", it->example.record_id));
      ASSIGN_OR_RETURN(ReferenceEvidence found, EvidenceOf(view, *it));
      const auto shared = [&](const std::string& domain) {
        return IsSharedDomain(*view.catalog(), absl::StrCat("domain:", domain));
      };
      found.domains.erase(std::remove_if(found.domains.begin(), found.domains.end(), shared), found.domains.end());
      evidence.push_back(std::move(found));
    }
    if (it != groups.end()) response.set_next_page_token(MakePageToken((it - 1)->reference, "unresolved"));
    return absl::OkStatus();
  }

  const Backend& backend_;
  Mutex changes_;  // changes are checked against what they change: one at a time
};

}  // namespace

std::unique_ptr<grpc::Service> MakePartnerService(const Backend& backend) {
  return std::make_unique<PartnerServiceImpl>(backend);
}

}  // namespace partnermetrics
