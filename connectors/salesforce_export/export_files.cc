#include "connectors/salesforce_export/export_files.h"

#include "connectors/salesforce_export/hash.h"
#include "connectors/sdk/readers/encoding.h"
#include "connectors/sdk/readers/text.h"

namespace partnermetrics::salesforce {
namespace {

constexpr const char* kObjects[] = {"Account",
                                    "Campaign",
                                    "CampaignMember",
                                    "Case",
                                    "ChannelProgram",
                                    "ChannelProgramLevel",
                                    "ChannelProgramMember",
                                    "Contact",
                                    "Contract",
                                    "CurrencyType",
                                    "DatedConversionRate",
                                    "EntityHistory",
                                    "Event",
                                    "Lead",
                                    "LeadHistory",
                                    "LoginHistory",
                                    "MDF_Request__c",
                                    "Opportunity",
                                    "OpportunityFieldHistory",
                                    "OpportunityHistory",
                                    "OpportunityPartner",
                                    "Partner",
                                    "PartnerFundClaim",
                                    "PartnerFundRequest",
                                    "PartnerFundRequestHistory",
                                    "Task",
                                    "User"};

// "Account_2.csv" -> "Account".
std::string Stem(const std::string& base_name) {
  std::string stem = base_name.substr(0, base_name.size() - 4);
  size_t digits = stem.find_last_not_of("0123456789");
  if (digits != std::string::npos && digits + 1 < stem.size() && (stem[digits] == '_' || stem[digits] == '-')) {
    stem.erase(digits);
  }
  return stem;
}

std::string ObjectOf(const std::string& base_name, const Options& options) {
  auto mapped = options.file_map.find(sdk::ToLower(base_name));
  if (mapped != options.file_map.end()) return mapped->second;
  if (!sdk::EndsWithIgnoreCase(base_name, ".csv")) return "";
  for (const char* object : kObjects) {
    if (sdk::EqualsIgnoreCase(Stem(base_name), object)) return object;
  }
  return "";
}

}  // namespace

sdk::Result<ExportFiles> ExportFiles::List(sdk::Reader& reader, const Options& options) {
  PM_ASSIGN_OR_RETURN(sdk::Inputs inputs, sdk::Inputs::List(reader));
  ExportFiles files(std::move(inputs));
  for (const sdk::Input& input : files.inputs_.files()) {
    files.objects_.push_back(ObjectOf(input.base_name, options));
    if (files.objects_.back().empty()) files.unknown_.push_back(input.name);
  }
  return files;
}

std::vector<sdk::Input> ExportFiles::Of(const std::string& object) const {
  std::vector<sdk::Input> files;
  for (size_t i = 0; i < objects_.size(); ++i) {
    if (sdk::EqualsIgnoreCase(objects_[i], object)) files.push_back(inputs_.files()[i]);
  }
  return files;
}

std::string ExportFiles::Fingerprint() const {
  uint64_t hash = kHashBegin;
  for (const sdk::Input& input : inputs_.files()) {
    hash = Hash(input.name, hash);
    hash = Hash(" " + std::to_string(input.size) + " " + std::to_string(input.modified_unix_ns) + "\n", hash);
  }
  return std::to_string(hash);
}

sdk::Result<std::unique_ptr<sdk::CsvReader>> ExportFiles::Open(const sdk::Input& input) const {
  PM_ASSIGN_OR_RETURN(std::unique_ptr<sdk::ByteStream> bytes, inputs_.Open(input));
  auto csv = std::make_unique<sdk::CsvReader>(std::make_unique<sdk::DecodingStream>(std::move(bytes)));
  sdk::Result<bool> any = csv->ReadHeader();
  if (!any.ok()) {
    return sdk::Status(any.status().code(), input.name + ", " + any.status().where(), any.status().message(),
                       any.status().remedy());
  }
  if (!*any) csv.reset();
  return csv;
}

}  // namespace partnermetrics::salesforce
