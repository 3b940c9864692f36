#include "tests/bench/load.h"

#include <algorithm>
#include <random>

#include "absl/strings/str_cat.h"
#include "partnermetrics/v1/ingest_service.pb.h"

namespace partnermetrics::bench {
namespace {

constexpr int64_t kFirstDay = 1'640'995'200;  // 2022-01-01
constexpr int kDays = 4 * 365;
constexpr int64_t kSecondsPerDay = 86'400;

using Random = std::mt19937_64;

int Below(Random& random, uint64_t limit) {
  return static_cast<int>(random() % limit);
}

// Collects events into the requests of one stream.
class Packer {
 public:
  Packer(int batch, Load& load) : batch_(batch), load_(load) { load_.streams.emplace_back(); }
  ~Packer() { Flush(); }
  Packer(const Packer&) = delete;
  Packer& operator=(const Packer&) = delete;

  void Add(const v1::Event& event) {
    *request_.add_events() = event;
    ++load_.events;
    load_.bytes += static_cast<int64_t>(event.ByteSizeLong());
    if (request_.events_size() == batch_) Flush();
  }

 private:
  void Flush() {
    if (request_.events_size() == 0) return;
    request_.set_program(kProgram);
    request_.set_source(kSource);
    request_.set_sequence(++sequence_);
    request_.set_detail(v1::RESULT_DETAIL_NONE);
    load_.streams.back().push_back(request_.SerializeAsString());
    request_.Clear();
  }

  const int batch_;
  Load& load_;
  v1::StreamEventsRequest request_;
  uint64_t sequence_ = 0;
};

void SetDay(int64_t day, v1::Date* date) {
  // Months of 28 days are days enough for a load.
  date->set_year(static_cast<int32_t>(2022 + day / 365));
  date->set_month(static_cast<int32_t>(1 + day % 365 / 31));
  date->set_day(static_cast<int32_t>(1 + day % 28));
}

// A version of a deal, as a CRM has it. Few partners have most of the deals.
void FillDeal(int64_t number, int64_t revision, int partners, Random& random, v1::Event& event) {
  event.Clear();
  event.set_record_id(absl::StrCat("006A0000", 1'000'000 + number, "QAZ"));
  event.set_revision(revision);
  v1::Deal& deal = *event.mutable_deal();
  const int of_partner = Below(random, 10);
  for (int i = 0; i < (of_partner < 3 ? 0 : of_partner < 9 ? 1 : 2); ++i) {
    v1::Attribution& attribution = *deal.add_attributions();
    const double skew = static_cast<double>(Below(random, 1'000'000)) / 1'000'000;
    v1::ExternalId& id = *attribution.add_partner_refs()->mutable_external();
    id.set_source(kSource);
    id.set_id(PartnerId(static_cast<int64_t>(skew * skew * partners)));
    attribution.set_role(i == 0 && of_partner < 7 ? v1::ATTRIBUTION_ROLE_SOURCED : v1::ATTRIBUTION_ROLE_INFLUENCED);
    attribution.set_primary(i == 0);
  }
  deal.set_customer_id(absl::StrCat("001B0000", 1'000'000 + number / 3, "QAZ"));
  deal.set_name(absl::StrCat("Deal ", number));
  deal.mutable_amount()->set_currency_code("USD");
  deal.mutable_amount()->set_units(1'000 + Below(random, 200'000));
  deal.mutable_amount()->set_nanos(Below(random, 100) * 10'000'000);
  const int64_t created = Below(random, kDays - 200);
  deal.mutable_created_at()->set_seconds(kFirstDay + created * kSecondsPerDay + Below(random, kSecondsPerDay));
  const int outcome = Below(random, 10);
  const int64_t closes = created + 10 + Below(random, 180);
  if (outcome < 3) {
    deal.set_outcome(v1::DEAL_OUTCOME_OPEN);
    deal.set_stage("Proposal");
    SetDay(closes, deal.mutable_expected_close_on());
  } else {
    deal.set_outcome(outcome < 7 ? v1::DEAL_OUTCOME_WON : v1::DEAL_OUTCOME_LOST);
    deal.set_stage(outcome < 7 ? "Closed Won" : "Closed Lost");
    SetDay(closes, deal.mutable_closed_on());
  }
  deal.set_kind(v1::DEAL_KIND_NEW);
  deal.set_owner("0051A000003xYzAQAU");
  deal.set_lead_source("Partner");
}

}  // namespace

std::string PartnerId(int64_t partner) {
  return absl::StrCat("001A0000", 1'000'000 + partner, "QAZ");
}

Load PartnerLoad(const LoadOptions& options) {
  Load load;
  Packer packer(options.batch, load);
  v1::Event event;
  for (int i = 0; i < options.partners; ++i) {
    event.Clear();
    event.set_record_id(PartnerId(i));
    event.set_revision(1);
    v1::Partner& partner = *event.mutable_partner();
    partner.set_name(absl::StrCat("Partner ", i));
    partner.set_type(v1::PARTNER_TYPE_RESELLER);
    partner.set_tier(i % 10 == 0 ? "Gold" : "Silver");
    partner.add_domains(absl::StrCat("partner", i, ".example"));
    packer.Add(event);
  }
  return load;
}

Load DealLoad(const LoadOptions& options) {
  Load load;
  v1::Event event;
  for (int s = 0; s < options.streams; ++s) {
    Random random(options.seed + static_cast<uint64_t>(s));
    Packer packer(options.batch, load);
    int64_t mine = 0, owed = 0;
    for (int64_t number = s; number < options.deals; number += options.streams) {
      FillDeal(number, 1, options.partners, random, event);
      packer.Add(event);
      ++mine;
      // So many corrections are due by now; each of any deal before.
      for (; static_cast<double>(owed) < static_cast<double>(mine) * options.corrections; ++owed) {
        const int64_t corrected = s + static_cast<int64_t>(random() % static_cast<uint64_t>(mine)) * options.streams;
        FillDeal(corrected, 2 + owed, options.partners, random, event);
        packer.Add(event);
      }
    }
  }
  return load;
}

Load CorrectionLoad(const LoadOptions& options, int64_t corrections, int round) {
  Load load;
  Random random(options.seed + 1'000 + static_cast<uint64_t>(round));
  Packer packer(options.batch, load);
  v1::Event event;
  for (int64_t i = 0; i < corrections; ++i) {
    const auto number = static_cast<int64_t>(random() % static_cast<uint64_t>(options.deals));
    FillDeal(number, 2 + options.deals * round + i, options.partners, random, event);
    packer.Add(event);
  }
  return load;
}

std::vector<std::string> SampleEvents(const LoadOptions& options, int64_t count) {
  std::vector<std::string> events;
  Random random(options.seed);
  v1::Event event;
  for (int64_t i = 0; i < count; ++i) {
    FillDeal(i, 1, options.partners, random, event);
    event.set_program(kProgram);
    event.set_source(kSource);
    events.push_back(event.SerializeAsString());
  }
  return events;
}

}  // namespace partnermetrics::bench
