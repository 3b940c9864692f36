// One class per object of the export: which columns it reads and which events a row becomes.
//
// A mapper is made for each file, because each has its own header.
#ifndef PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_OBJECTS_H_
#define PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_OBJECTS_H_

#include <memory>
#include <string>

#include "connectors/salesforce_export/deal_links.h"
#include "connectors/salesforce_export/lookups.h"
#include "connectors/salesforce_export/options.h"
#include "connectors/sdk/readers/record.h"
#include "partnermetrics/v1/event.pb.h"

namespace partnermetrics::salesforce {

// What mappers share.
struct MapperContext {
  const Options& options;
  const Lookups& lookups;
  const DealLinks& deals;
  int64_t file_micros = 0;  // revision of rows without any time
};

// A row, mapped. Faults stay in the record.
struct MappedRow {
  v1::EventBatch events;
  const char* skip = nullptr;  // the rule by which the row is left out
  int64_t changed = 0;         // microseconds since 1970

  // For the next row; keeps memory.
  void Clear() {
    events.Clear();
    skip = nullptr;
    changed = 0;
  }
};

class ObjectMapper {
 public:
  virtual ~ObjectMapper() = default;
  virtual void Map(sdk::CsvRecord* record, MappedRow* out) const = 0;
};

using MakeMapper = std::unique_ptr<ObjectMapper> (*)(sdk::ColumnBinder* bind, const MapperContext& context);

std::unique_ptr<ObjectMapper> MakeAccountMapper(sdk::ColumnBinder* bind, const MapperContext& context);
std::unique_ptr<ObjectMapper> MakeOpportunityMapper(sdk::ColumnBinder* bind, const MapperContext& context);
std::unique_ptr<ObjectMapper> MakeLeadMapper(sdk::ColumnBinder* bind, const MapperContext& context);
std::unique_ptr<ObjectMapper> MakeCaseMapper(sdk::ColumnBinder* bind, const MapperContext& context);
// Rows of Partner.csv take effect with their deal; this one accounts for them.
std::unique_ptr<ObjectMapper> MakePartnerMapper(sdk::ColumnBinder* bind, const MapperContext& context);
std::unique_ptr<ObjectMapper> MakeCurrencyMapper(sdk::ColumnBinder* bind, const MapperContext& context);
std::unique_ptr<ObjectMapper> MakeDatedRateMapper(sdk::ColumnBinder* bind, const MapperContext& context);
std::unique_ptr<ObjectMapper> MakeContractMapper(sdk::ColumnBinder* bind, const MapperContext& context);
// PartnerFundRequest and the custom object MDF_Request__c.
std::unique_ptr<ObjectMapper> MakeFundRequestMapper(sdk::ColumnBinder* bind, const MapperContext& context);
std::unique_ptr<ObjectMapper> MakeFundClaimMapper(sdk::ColumnBinder* bind, const MapperContext& context);
std::unique_ptr<ObjectMapper> MakeCampaignMapper(sdk::ColumnBinder* bind, const MapperContext& context);
std::unique_ptr<ObjectMapper> MakeCampaignMemberMapper(sdk::ColumnBinder* bind, const MapperContext& context);
std::unique_ptr<ObjectMapper> MakeTaskMapper(sdk::ColumnBinder* bind, const MapperContext& context);
std::unique_ptr<ObjectMapper> MakeEventMapper(sdk::ColumnBinder* bind, const MapperContext& context);
std::unique_ptr<ObjectMapper> MakeLoginMapper(sdk::ColumnBinder* bind, const MapperContext& context);
// The last login of each user, for exports without LoginHistory.
std::unique_ptr<ObjectMapper> MakeLastLoginMapper(sdk::ColumnBinder* bind, const MapperContext& context);

// Columns that nearly every object has.
struct CommonColumns {
  explicit CommonColumns(sdk::ColumnBinder* bind);

  int id;
  int is_deleted;
  int created;
  ChangeColumns changed;
};

// Columns of a deal registration, on opportunities and leads.
struct RegistrationColumns {
  explicit RegistrationColumns(sdk::ColumnBinder* bind);

  bool present() const { return status >= 0 || registered >= 0; }
  // Adds a DealRegistration when the row has a status or a date of one.
  v1::DealRegistration* Map(sdk::CsvRecord* record, const std::string& record_id, int64_t revision,
                            v1::EventBatch* events) const;

  int registered;
  int status;
  int decided;
  int expires;
};

v1::RegistrationStatus RegistrationStatusOf(const std::string& text);

// An event about a row.
v1::Event* AddEvent(v1::EventBatch* events, const std::string& record_id, int64_t revision);

// The event that a row states: record id, revision and whether the row was deleted.
v1::Event* Begin(sdk::CsvRecord* record, const CommonColumns& columns, const MapperContext& context, MappedRow* out);

// Names the account as the fact's partner; false when it is none.
bool AddPartner(const std::string& account_id, const MapperContext& context,
                google::protobuf::RepeatedPtrField<v1::PartnerReference>* refs);

}  // namespace partnermetrics::salesforce

#endif  // PARTNERMETRICS_CONNECTORS_SALESFORCE_EXPORT_OBJECTS_H_
