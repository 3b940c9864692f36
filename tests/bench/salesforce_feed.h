// A made-up weekly export of Salesforce, as large as wanted: accounts, deals, their partners and their histories.
#ifndef PARTNERMETRICS_TESTS_BENCH_SALESFORCE_FEED_H_
#define PARTNERMETRICS_TESTS_BENCH_SALESFORCE_FEED_H_

#include <cstdint>
#include <string>

namespace partnermetrics::bench {

// Writes Account.csv (a tenth of the deals), Opportunity.csv, Partner.csv (one row for each deal) and
// OpportunityHistory.csv (three) into a new folder. Rows that belong together stand far apart, as in real exports. The
// same number of deals gives the same bytes. Ends the program when the disk is full.
void WriteSalesforceFeed(const std::string& folder, int64_t deals);

}  // namespace partnermetrics::bench

#endif  // PARTNERMETRICS_TESTS_BENCH_SALESFORCE_FEED_H_
