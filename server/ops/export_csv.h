// Rows of CSV (RFC 4180) as exports have them.
//
// Functions are free of state.
#ifndef PARTNERMETRICS_SERVER_OPS_EXPORT_CSV_H_
#define PARTNERMETRICS_SERVER_OPS_EXPORT_CSV_H_

#include <string>
#include <vector>

#include "partnermetrics/v1/admin_service.pb.h"
#include "server/facts/fact_schema.h"

namespace partnermetrics {

// The fields with commas between them and CRLF behind.
std::string CsvRow(const std::vector<std::string>& fields);

// Columns of a kind of fact: those that every fact has, then its own fields with the kind before them ("deal.amount").
// An amount of money has a second column for its currency; lists and messages are JSON.
std::vector<std::string> FactColumns(const FactSchema& kind);
std::vector<std::string> FactFields(const v1::ExportedFact& fact);

}  // namespace partnermetrics

#endif  // PARTNERMETRICS_SERVER_OPS_EXPORT_CSV_H_
