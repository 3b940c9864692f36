// The plugin salesforce_export: a folder or zip of a Salesforce data export in any of its dialects.
#include <array>
#include <string_view>

#include "connectors/salesforce_export/export_files.h"
#include "connectors/salesforce_export/objects.h"
#include "connectors/salesforce_export/options.h"
#include "connectors/salesforce_export/run.h"
#include "partnermetrics/connector.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::Level;
using sdk::Status;

struct ObjectReader {
  const char* object;
  MakeMapper make;              // null: a history of deals, which is read by deal
  bool joins_partners = false;  // by parts of the deals
};

// In the order of reading: partners and customers come before what refers to them.
constexpr std::array<ObjectReader, 21> kObjects = {{
    {"Partner", &MakePartnerMapper},
    {"OpportunityPartner", &MakePartnerMapper},
    {"CurrencyType", &MakeCurrencyMapper},
    {"DatedConversionRate", &MakeDatedRateMapper},
    {"Account", &MakeAccountMapper},
    {"Opportunity", &MakeOpportunityMapper, true},
    {"OpportunityHistory", nullptr},
    {"OpportunityFieldHistory", nullptr},
    {"EntityHistory", nullptr},
    {"Lead", &MakeLeadMapper},
    {"Case", &MakeCaseMapper},
    {"Contract", &MakeContractMapper},
    {"PartnerFundRequest", &MakeFundRequestMapper},
    {"MDF_Request__c", &MakeFundRequestMapper},
    {"PartnerFundClaim", &MakeFundClaimMapper},
    {"Campaign", &MakeCampaignMapper},
    {"CampaignMember", &MakeCampaignMemberMapper},
    {"Task", &MakeTaskMapper},
    {"Event", &MakeEventMapper},
    {"LoginHistory", &MakeLoginMapper},
    {"User", &MakeLastLoginMapper},
}};

// The kinds that are complete when the export has all of these objects, and all rows of them and of some others were
// read well.
struct CompleteKind {
  const char* kind;
  std::vector<std::string> objects;
  std::vector<std::string> others = {};
};

const std::vector<CompleteKind>& CompleteKinds() {
  static const std::vector<CompleteKind> kKinds = {
      {"partner", {"Account"}},
      {"customer", {"Account"}},
      {"deal", {"Opportunity"}},
      {"deal_registration", {"Opportunity", "Lead"}},
      {"deal_stage", {"OpportunityHistory"}},
      {"lead", {"Lead"}},
      {"support_ticket", {"Case"}},
      {"contract", {"Contract"}},
      {"mdf_request", {"PartnerFundRequest"}, {"MDF_Request__c"}},
      {"mdf_spend", {"PartnerFundRequest", "PartnerFundClaim"}, {"MDF_Request__c"}},
      {"marketing_activity", {"Campaign"}},
      {"event_invitation", {"Campaign", "CampaignMember", "Contact"}, {"Lead"}},
      {"communication", {"Task", "Event", "Contact"}, {"Lead"}},
  };
  return kKinds;
}

size_t IndexOf(const std::string& object) {
  for (size_t i = 0; i < kObjects.size(); ++i) {
    if (object == kObjects[i].object) return i;
  }
  return 0;
}

// True when the object is read for facts of its own. Of several histories of deals the first one is; users have facts
// where nothing better tells of their logins.
sdk::Result<bool> IsRead(const ObjectReader& object, const ExportFiles& files) {
  if (files.Of(object.object).empty()) return false;
  if (object.object == std::string_view("OpportunityFieldHistory")) return files.Of("OpportunityHistory").empty();
  if (object.object != std::string_view("User")) return true;
  if (!files.Of("LoginHistory").empty()) return false;
  for (const sdk::Input& input : files.Of("User")) {
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, files.Open(input));
    if (csv != nullptr && csv->header().Find("LastLoginDate") < 0) return false;
  }
  return true;
}

// Reads the rows of a file whose ids are in `part`.
Status ReadFile(const ObjectReader& object, const sdk::Input& input, const Part& part, bool first_pass,
                MapperContext context, Run* run) {
  PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, run->files.Open(input));
  if (csv == nullptr) {
    if (first_pass) run->sink.Problem(Level::kWarning, input.name, "the file is empty");
    return {};
  }
  sdk::ColumnBinder bind(csv->header(), object.object, run->options.column_map);
  context.file_micros = input.modified_unix_ns / 1000;
  std::unique_ptr<ObjectMapper> mapper = object.make(&bind, context);
  if (first_pass) PM_RETURN_IF_ERROR(run->CheckColumns(input.name, bind));
  const int id = csv->header().Find("Id");
  sdk::CsvRow row;
  MappedRow mapped;
  while (true) {
    PM_ASSIGN_OR_RETURN(bool more, csv->Next(&row));
    if (!more) return {};
    PM_RETURN_IF_ERROR(run->Progress(input, row));
    if (!part.Has(row.Cell(id)) || run->Done()) continue;
    sdk::CsvRecord record(row, csv->header(), run->options.cells);
    mapped.Clear();
    if (record.ok()) mapper->Map(&record, &mapped);
    sdk::Place place{input.name, row.number, row.offset};
    if (record.ok() && mapped.skip != nullptr) {
      PM_RETURN_IF_ERROR(run->sink.Skip(place, mapped.skip));
    } else if (run->IsUnchanged(mapped.changed)) {  // what was rejected then is in quarantine
      PM_RETURN_IF_ERROR(run->sink.Skip(place, "unchanged"));
    } else if (!record.ok()) {
      PM_RETURN_IF_ERROR(run->Reject(place, row.raw, record.fault()));
    } else {
      PM_RETURN_IF_ERROR(run->sink.Emit(place, row.raw, mapped.events));
    }
    run->Saw(mapped.changed);
    PM_RETURN_IF_ERROR(run->Checkpoint());
  }
}

Status ReadObject(const ObjectReader& object, const Lookups& lookups, sdk::Reporter& reporter, Run* run) {
  run->Begin(object.object);
  if (object.make == nullptr) return ReadHistory(object.object, run);
  Part part;
  for (bool first_pass = true;; first_pass = false) {
    DealLinks deals;
    if (object.joins_partners) {
      PM_ASSIGN_OR_RETURN(deals, DealLinks::Load({run->files, run->options, reporter, *lookups.memory}, &part));
    }
    const MapperContext context{run->options, lookups, deals};
    for (const sdk::Input& input : run->files.Of(object.object)) {
      PM_RETURN_IF_ERROR(ReadFile(object, input, part, first_pass, context, run));
    }
    if (part.IsLast()) return {};
    part = part.Next();
  }
}

}  // namespace

class SalesforceExport : public sdk::Connector {
 public:
  static constexpr char kName[] = "salesforce_export";
  static constexpr char kVersion[] = "1.0.0";

  static Description Describe() {
    return {
        .summary =
            "Reads a folder or zips of a Salesforce data export: weekly export, Data Loader, Bulk API, SFDMU or "
            "report files of accounts, opportunities with their history and partners, leads, cases, contracts, "
            "campaigns, activities, funds, logins and exchange rates.",
        .settings = Options::Specs(),
        .fact_kinds = {"partner", "customer", "deal", "deal_stage", "deal_registration", "lead", "support_ticket",
                       "contract", "mdf_request", "mdf_spend", "marketing_activity", "event_invitation",
                       "communication", "portal_session", "fx_rate"},
        .delete_model = sdk::DeleteModel::kMarked,
        .revision_rule =
            "SystemModstamp in microseconds, else LastModifiedDate, else CreatedDate, else the file's "
            "time; for a deal also that of its Partner rows, for a partner that of its memberships and people, for a "
            "stage that of the row that ends it.",
    };
  }

  Status Open(const Settings& settings) override {
    PM_ASSIGN_OR_RETURN(options_, Options::Parse(settings));
    return {};
  }

  Status Check(Reader& reader, Reporter& reporter) override {
    PM_ASSIGN_OR_RETURN(ExportFiles files, ExportFiles::List(reader, options_));
    bool any = false;
    PM_RETURN_IF_ERROR(
        ForEachHeader(files, [&](const auto& object, const auto& input, const auto& csv, const auto& context) {
          any = true;
          if (!csv.ok()) {
            reporter.Problem(Level::kError, csv.status().where(), csv.status().message(), csv.status().remedy());
          } else if (*csv == nullptr) {
            reporter.Problem(Level::kWarning, input.name, "the file is empty");
          } else {
            CheckHeader(object, input, **csv, context, reporter);
          }
        }));
    for (const std::string& name : files.unknown()) {
      reporter.Problem(Level::kInfo, name, "the file is not read", "name its object in the setting file_map");
    }
    if (!any) {
      reporter.Problem(Level::kError, "", "the folder has no file that this plugin reads",
                       "put Account.csv, Opportunity.csv … or their zip there, or use the setting file_map");
    }
    return {};
  }

  Status Read(std::string_view state_text, Reader& reader, Sink& sink) override {
    PM_ASSIGN_OR_RETURN(State state, State::Parse(state_text));
    if (state.fingerprint != options_.fingerprint) {
      if (!state_text.empty()) sink.Log(Level::kInfo, "the settings have changed: everything is read again");
      state = State();
      state.fingerprint = options_.fingerprint;
    }
    if (options_.complete_export) state.since.clear();
    PM_ASSIGN_OR_RETURN(ExportFiles files, ExportFiles::List(reader, options_));
    // Nothing but settings and files decides what is stated, and all of these files was read.
    if (!options_.complete_export && state.finished == files.Fingerprint()) return sink.Commit(state.Serialize());
    bool resumes = state.Resumes(files.Fingerprint());
    for (const std::string& name : files.unknown()) {
      sink.Problem(Level::kInfo, name, "the file is not read", "name its object in the setting file_map");
    }
    PM_RETURN_IF_ERROR(TellColumns(files, sink));
    PM_ASSIGN_OR_RETURN(Lookups lookups, Lookups::Load(files, options_, sink));
    if (lookups.partners.bad_rows() > 0) state.incomplete.insert("Contact");
    Run run(options_, files, sink, std::move(state));
    for (size_t i = resumes ? IndexOf(run.state.object) : 0; i < kObjects.size(); ++i) {
      PM_ASSIGN_OR_RETURN(bool read, IsRead(kObjects[i], files));
      if (read) PM_RETURN_IF_ERROR(ReadObject(kObjects[i], lookups, sink, &run));
    }
    if (options_.complete_export) PM_RETURN_IF_ERROR(CompleteAll(files, run));
    run.state.Finish();
    return sink.Commit(run.state.Serialize());
  }

 private:
  sdk::ColumnBinder Bind(const ObjectReader& object, const sdk::CsvReader& csv, const MapperContext& context) const {
    sdk::ColumnBinder bind(csv.header(), object.object, options_.column_map);
    if (object.make != nullptr) {
      object.make(&bind, context);
    } else {
      BindHistory(object.object, &bind);
    }
    return bind;
  }

  // Before any row is read: then a run that fails, or goes on behind some objects, has told of all of them.
  Status TellColumns(const ExportFiles& files, Sink& sink) const {
    return ForEachHeader(files, [&](const auto& object, const auto&, const auto& csv, const auto& context) {
      if (!csv.ok() || *csv == nullptr) return;  // reading it says so
      sink.Columns(object.object, Bind(object, **csv, context).Columns());
    });
  }

  // Opens each file that is read, without its rows: visit(object, input, csv, context).
  template <typename Visit>
  Status ForEachHeader(const ExportFiles& files, const Visit& visit) const {
    const Lookups no_lookups(0);
    const DealLinks no_deals;
    const MapperContext context{options_, no_lookups, no_deals};
    for (const ObjectReader& object : kObjects) {
      PM_ASSIGN_OR_RETURN(bool read, IsRead(object, files));
      if (!read) continue;
      for (const sdk::Input& input : files.Of(object.object)) visit(object, input, files.Open(input), context);
    }
    return {};
  }

  void CheckHeader(const ObjectReader& object, const sdk::Input& input, const sdk::CsvReader& csv,
                   const MapperContext& context, Reporter& reporter) const {
    const sdk::ColumnBinder bind = Bind(object, csv, context);
    for (const std::string& column : bind.missing()) {
      reporter.Problem(Level::kError, input.name, "the required column " + column + " is missing",
                       "export it too, or name it in the setting column_map");
    }
    TellUnmapped(input.name, bind, reporter);
  }

  // A kind is complete when every row of its objects was read well; a rejected row may hide a fact.
  Status CompleteAll(const ExportFiles& files, const Run& run) const {
    for (const CompleteKind& kind : CompleteKinds()) {
      bool complete = true;
      for (const std::string& object : kind.objects) {
        complete = complete && !files.Of(object).empty() && run.state.incomplete.count(object) == 0;
      }
      for (const std::string& object : kind.others) complete = complete && run.state.incomplete.count(object) == 0;
      if (complete) PM_RETURN_IF_ERROR(run.sink.Complete(kind.kind));
    }
    return {};
  }

  Options options_;
};

}  // namespace partnermetrics::salesforce

PARTNERMETRICS_CONNECTOR(partnermetrics::salesforce::SalesforceExport)
