// The plugin salesforce_export: a folder or zip of a Salesforce data export in any of its dialects.
#include <array>
#include <functional>

#include "connectors/salesforce_export/export_files.h"
#include "connectors/salesforce_export/objects.h"
#include "connectors/salesforce_export/options.h"
#include "connectors/salesforce_export/partner_links.h"
#include "connectors/salesforce_export/run.h"
#include "partnermetrics/connector.h"

namespace partnermetrics::salesforce {
namespace {

using sdk::Level;
using sdk::Status;

using MakeMapper = std::unique_ptr<ObjectMapper> (*)(sdk::ColumnBinder*, const MapperContext&);

struct ObjectReader {
  const char* object;
  MakeMapper make;  // null: OpportunityHistory, which is read by deal
};

// In the order of reading: partners and customers come before what refers to them.
constexpr std::array<ObjectReader, 7> kObjects = {{
    {"Partner", &MakePartnerMapper},
    {"OpportunityPartner", &MakePartnerMapper},
    {"Account", &MakeAccountMapper},
    {"Opportunity", &MakeOpportunityMapper},
    {"OpportunityHistory", nullptr},
    {"Lead", &MakeLeadMapper},
    {"Case", &MakeCaseMapper},
}};

// The kinds that are complete when all rows of all these objects were read.
struct CompleteKind {
  const char* kind;
  std::vector<std::string> objects;
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
  };
  return kKinds;
}

size_t IndexOf(const std::string& object) {
  for (size_t i = 0; i < kObjects.size(); ++i) {
    if (object == kObjects[i].object) return i;
  }
  return 0;
}

sdk::Result<bool> DealsCarryRegistrations(const ExportFiles& files, const Options& options) {
  for (const sdk::Input& input : files.Of("Opportunity")) {
    PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, files.Open(input));
    if (csv == nullptr) continue;
    sdk::ColumnBinder bind(csv->header(), "Opportunity", options.column_map);
    if (RegistrationColumns(&bind).present()) return true;
  }
  return false;
}

Status ReadFile(const ObjectReader& object, const sdk::Input& input, MapperContext context, Run* run) {
  PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::CsvReader> csv, run->files.Open(input));
  if (csv == nullptr) {
    run->sink.Problem(Level::kWarning, input.name, "the file is empty");
    return {};
  }
  sdk::ColumnBinder bind(csv->header(), object.object, run->options.column_map);
  context.file_micros = input.modified_unix_ns / 1000;
  std::unique_ptr<ObjectMapper> mapper = object.make(&bind, context);
  PM_RETURN_IF_ERROR(run->CheckColumns(input.name, bind));
  sdk::CsvRow row;
  while (true) {
    PM_ASSIGN_OR_RETURN(bool more, csv->Next(&row));
    if (!more) return {};
    if (row.number <= run->state.done) continue;
    sdk::CsvRecord record(row, csv->header(), run->options.cells);
    MappedRow mapped;
    if (record.ok()) mapper->Map(&record, &mapped);
    sdk::Place place{input.name, row.number, row.offset};
    if (!record.ok()) {
      PM_RETURN_IF_ERROR(run->Reject(object.object, place, row.raw, record.fault()));
    } else if (mapped.skip != nullptr) {
      PM_RETURN_IF_ERROR(run->sink.Skip(place, mapped.skip));
    } else if (run->IsUnchanged(object.object, mapped.changed)) {
      PM_RETURN_IF_ERROR(run->sink.Skip(place, "unchanged"));
    } else {
      PM_RETURN_IF_ERROR(run->sink.Emit(place, row.raw, mapped.events));
    }
    run->state.Saw(object.object, mapped.changed);
    run->state.done = row.number;
    if (row.number % 4096 == 0) run->sink.Progress(row.offset, input.size, "bytes of " + input.name);
    PM_RETURN_IF_ERROR(run->Checkpoint());
  }
}

Status ReadObject(const ObjectReader& object, bool resumes, const MapperContext& context, Run* run) {
  std::vector<sdk::Input> inputs = run->files.Of(object.object);
  if (inputs.empty()) return {};
  if (object.make == nullptr) {
    run->state.MoveTo(object.object, inputs.front());
    return ReadHistory(run);
  }
  for (const sdk::Input& input : inputs) {
    if (resumes && input.name < run->state.file) continue;
    run->state.MoveTo(object.object, input);
    PM_RETURN_IF_ERROR(ReadFile(object, input, context, run));
  }
  return {};
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
            "report files of accounts, opportunities with their history and partners, leads and cases.",
        .settings = Options::Specs(),
        .fact_kinds = {"partner", "customer", "deal", "deal_stage", "deal_registration", "lead", "support_ticket"},
        .delete_model = sdk::DeleteModel::kMarked,
        .revision_rule =
            "SystemModstamp in microseconds, else LastModifiedDate, else CreatedDate, else the file's "
            "time; for a deal also that of its Partner rows, for a stage that of the row that ends it.",
    };
  }

  Status Open(const Settings& settings) override {
    PM_ASSIGN_OR_RETURN(options_, Options::Parse(settings));
    return {};
  }

  Status Check(Reader& reader, Reporter& reporter) override {
    PM_ASSIGN_OR_RETURN(ExportFiles files, ExportFiles::List(reader, options_));
    bool any = false;
    PartnerLinks no_links;
    MapperContext context{options_, no_links};
    for (const ObjectReader& object : kObjects) {
      for (const sdk::Input& input : files.Of(object.object)) {
        any = true;
        sdk::Result<std::unique_ptr<sdk::CsvReader>> csv = files.Open(input);
        if (!csv.ok()) {
          reporter.Problem(Level::kError, csv.status().where(), csv.status().message(), csv.status().remedy());
        } else if (*csv == nullptr) {
          reporter.Problem(Level::kWarning, input.name, "the file is empty");
        } else {
          CheckHeader(object, input, **csv, context, reporter);
        }
      }
    }
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
    for (const std::string& name : files.unknown()) {
      sink.Problem(Level::kInfo, name, "the file is not read", "name its object in the setting file_map");
    }
    PM_ASSIGN_OR_RETURN(PartnerLinks links, PartnerLinks::Load(files, options_, sink));
    MapperContext context{options_, links};
    PM_ASSIGN_OR_RETURN(context.deals_carry_registrations, DealsCarryRegistrations(files, options_));

    Run run{options_, files, sink, std::move(state)};
    bool resumes = run.state.Interrupted();
    size_t first = resumes ? IndexOf(run.state.object) : 0;
    for (size_t i = first; i < kObjects.size(); ++i) {
      PM_RETURN_IF_ERROR(ReadObject(kObjects[i], resumes && i == first, context, &run));
    }
    if (options_.complete_export) PM_RETURN_IF_ERROR(CompleteAll(files, run));
    run.state.Finish();
    return sink.Commit(run.state.Serialize());
  }

 private:
  void CheckHeader(const ObjectReader& object, const sdk::Input& input, const sdk::CsvReader& csv,
                   const MapperContext& context, Reporter& reporter) const {
    sdk::ColumnBinder bind(csv.header(), object.object, options_.column_map);
    if (object.make != nullptr) {
      object.make(&bind, context);
    } else {
      BindHistory(&bind);
    }
    for (const std::string& column : bind.missing()) {
      reporter.Problem(Level::kError, input.name, "the required column " + column + " is missing",
                       "export it too, or name it in the setting column_map");
    }
    for (const std::string& column : bind.unmapped()) {
      reporter.Problem(Level::kWarning, input.name, "column_map names the column " + column + ", which is not there");
    }
  }

  // A kind is complete when every row of its objects was read well; a rejected row may hide a fact.
  Status CompleteAll(const ExportFiles& files, const Run& run) const {
    for (const CompleteKind& kind : CompleteKinds()) {
      bool complete = true;
      for (const std::string& object : kind.objects) {
        complete = complete && !files.Of(object).empty() && run.state.incomplete.count(object) == 0;
      }
      if (complete) PM_RETURN_IF_ERROR(run.sink.Complete(kind.kind));
    }
    return {};
  }

  Options options_;
};

}  // namespace partnermetrics::salesforce

PARTNERMETRICS_CONNECTOR(partnermetrics::salesforce::SalesforceExport)
