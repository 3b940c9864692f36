#include "tests/crash/deal_client.h"

#include <grpcpp/client_context.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/support/server_process.h"

namespace partnermetrics {
namespace {

constexpr char kProgram[] = "partneros";
constexpr size_t kMaxBatch = 50;
constexpr size_t kStreamWindow = 4;  // batches on the way at a time
constexpr size_t kRemembered = 8;
constexpr auto kCallLimit = std::chrono::seconds(30);

// Outcomes after which the events happened once or not at all (promise P3), and the connection is over.
bool IsUnknown(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE ||
         status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
         status.error_code() == grpc::StatusCode::INTERNAL || status.error_code() == grpc::StatusCode::CANCELLED;
}

void ExpectUnknown(const grpc::Status& status) {
  EXPECT_TRUE(IsUnknown(status)) << status.error_code() << ": " << status.error_message();
}

bool IsOpen(const v1::Deal& deal) {
  return deal.outcome() == v1::DEAL_OUTCOME_OPEN;
}
bool IsWon(const v1::Deal& deal) {
  return deal.outcome() == v1::DEAL_OUTCOME_WON;
}

}  // namespace

void CurrentServer::Came(const std::string& address) {
  std::lock_guard<std::mutex> lock(mutex_);
  ++life_.number;
  life_.address = address;
  up_ = true;
  changed_.notify_all();
}

void CurrentServer::Went() {
  std::lock_guard<std::mutex> lock(mutex_);
  up_ = false;
}

void CurrentServer::End() {
  std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

std::optional<CurrentServer::Life> CurrentServer::WaitForNext(int after) {
  std::unique_lock<std::mutex> lock(mutex_);
  changed_.wait(lock, [&] { return ended_ || (up_ && life_.number != after); });
  if (ended_) return std::nullopt;
  return life_;
}

std::string CrashPartnerId(int partner) {
  return absl::StrCat("P", partner);
}

void ExpectedNumbers::Add(const v1::Deal& deal) {
  ++live_deals;
  const auto add = [&](DealSums& sums) {
    ++sums.deals;
    sums.cents += deal.amount().units() * 100 + deal.amount().nanos() / 10'000'000;
  };
  if (IsWon(deal)) add(business_won);
  if (IsWon(deal) && deal.attributions().empty()) add(direct_won);
  if (deal.attributions().empty()) return;
  if (IsWon(deal)) add(program_won);
  if (IsOpen(deal)) add(program_open);
  for (const v1::Attribution& attribution : deal.attributions()) {
    const int partner = std::stoi(attribution.partner_refs(0).external().id().substr(1));
    if (IsWon(deal)) add(partner_won[partner]);
    if (IsOpen(deal)) add(partner_open[partner]);
  }
}

DealClient::DealClient(int number, Way way, uint64_t seed, CurrentServer& server)
    : number_(number), way_(way), server_(server), random_(seed + static_cast<uint64_t>(number)) {}

void DealClient::Run() {
  int life = 0;
  while (!done()) {
    const std::optional<CurrentServer::Life> next = server_.WaitForNext(life);
    if (!next.has_value()) return;
    life = next->number;
    const auto stub = v1::IngestService::NewStub(ConnectTo(next->address));
    if (!CheckRemembered(*stub)) continue;
    if (way_ == Way::kUnary) {
      SendUnary(*stub);
    } else {
      SendStream(*stub);
    }
  }
}

v1::Event DealClient::NewDeal() {
  v1::Event event;
  event.set_record_id(absl::StrCat("deal-", number_, "-", deals_.size()));
  Rewrite(event);
  return event;
}

// Gives the deal another content at a higher revision.
void DealClient::Rewrite(v1::Event& event) {
  const auto below = [&](uint64_t limit) { return static_cast<int>(random_() % limit); };
  event.set_revision(event.revision() + 1 + below(3));
  event.set_deleted(below(25) == 0);
  v1::Deal& deal = *event.mutable_deal();
  deal.Clear();
  if (event.deleted()) return;
  deal.mutable_amount()->set_currency_code("USD");
  deal.mutable_amount()->set_units(below(1'000'000));
  deal.mutable_amount()->set_nanos(below(100) * 10'000'000);
  deal.mutable_created_at()->set_seconds(1'672'531'200 + below(365) * 86'400);  // in 2023
  const int outcome = below(10);
  deal.set_outcome(outcome < 5 ? v1::DEAL_OUTCOME_WON : outcome < 8 ? v1::DEAL_OUTCOME_OPEN : v1::DEAL_OUTCOME_LOST);
  if (!IsOpen(deal)) {
    deal.mutable_closed_on()->set_year(2024);
    deal.mutable_closed_on()->set_month(1 + below(12));
    deal.mutable_closed_on()->set_day(1 + below(28));
  }
  const int partners = std::min(below(4), 2);  // a quarter is direct, half has two partners
  const int first = below(kCrashPartners);
  for (int i = 0; i < partners; ++i) {
    v1::Attribution& attribution = *deal.add_attributions();
    attribution.set_role(i == 0 ? v1::ATTRIBUTION_ROLE_SOURCED : v1::ATTRIBUTION_ROLE_INFLUENCED);
    v1::ExternalId& id = *attribution.add_partner_refs()->mutable_external();
    id.set_source(kCrashSource);
    id.set_id(CrashPartnerId((first + i * 7) % kCrashPartners));
  }
}

DealClient::Batch DealClient::NewBatch() {
  Batch batch;
  std::vector<size_t> used;
  const size_t size = 1 + random_() % kMaxBatch;
  while (batch.events.size() < size) {
    const uint64_t what = random_() % 20;
    if (deals_.empty() || what < 10) {
      used.push_back(deals_.size());
      deals_.push_back(NewDeal());
      batch.events.push_back(deals_.back());
      ++batch.fresh;
      continue;
    }
    const size_t which = random_() % deals_.size();
    if (std::find(used.begin(), used.end(), which) != used.end()) continue;
    used.push_back(which);
    if (what < 18) {
      Rewrite(deals_[which]);
      batch.events.push_back(deals_[which]);
      ++batch.fresh;
    } else if (what == 18) {  // again what is there
      batch.events.push_back(deals_[which]);
    } else {  // a late one of long ago
      v1::Event late = deals_[which];
      late.set_revision(0);
      late.set_deleted(false);
      late.mutable_deal()->mutable_amount()->set_units(77);
      batch.events.push_back(std::move(late));
    }
  }
  return batch;
}

DealClient::Batch* DealClient::Next(size_t& next) {
  if (next == unknown_.size()) {
    if (finishing_) return nullptr;
    unknown_.push_back(NewBatch());
  }
  return &unknown_[next++];
}

void DealClient::Fill(const Batch& batch, v1::IngestEventsRequest& request) const {
  request.set_program(kProgram);
  request.set_source(kCrashSource);
  request.set_detail(v1::RESULT_DETAIL_NONE);
  *request.mutable_events() = {batch.events.begin(), batch.events.end()};
}

void DealClient::SendUnary(v1::IngestService::Stub& stub) {
  while (true) {
    size_t next = 0;
    Batch* batch = Next(next);
    if (batch == nullptr) return;
    v1::IngestEventsRequest request;
    Fill(*batch, request);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallLimit);
    v1::IngestEventsResponse response;
    const grpc::Status status = stub.IngestEvents(&context, request, &response);
    if (status.ok()) {
      Acknowledge(response.position(), response.counts());
    } else if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } else {
      ExpectUnknown(status);
      batch->sent_before = true;
      return;
    }
  }
}

void DealClient::SendStream(v1::IngestService::Stub& stub) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallLimit);
  const auto stream = stub.StreamEvents(&context);
  size_t next = 0;  // of unknown_, to send
  uint64_t sent = 0, answered = 0;
  bool open = true;
  while (open) {
    while (open && next < kStreamWindow) {
      const Batch* batch = Next(next);
      if (batch == nullptr) break;
      v1::IngestEventsRequest filled;
      Fill(*batch, filled);
      v1::StreamEventsRequest request;
      request.set_program(filled.program());
      request.set_source(filled.source());
      request.set_detail(filled.detail());
      request.set_sequence(++sent);
      request.mutable_events()->Swap(filled.mutable_events());
      open = stream->Write(request);
    }
    if (next == 0) break;  // nothing is on the way
    v1::StreamEventsResponse response;
    open = open && stream->Read(&response);
    if (!open) break;
    EXPECT_EQ(response.sequence(), ++answered);
    Acknowledge(response.position(), response.counts());
    --next;
  }
  if (open) stream->WritesDone();
  v1::StreamEventsResponse rest;
  EXPECT_FALSE(open && stream->Read(&rest)) << "an answer that nobody waits for";
  const grpc::Status status = stream->Finish();
  if (open) {
    EXPECT_TRUE(status.ok()) << status.error_message();
  } else {
    ExpectUnknown(status);
  }
  for (size_t i = 0; i < next; ++i) unknown_[i].sent_before = true;
}

void DealClient::Acknowledge(uint64_t position, const v1::IngestCounts& counts) {
  Batch batch = std::move(unknown_.front());
  unknown_.pop_front();
  const auto size = static_cast<int64_t>(batch.events.size());
  EXPECT_EQ(counts.rejected(), 0);
  EXPECT_EQ(counts.applied() + counts.unchanged() + counts.superseded(), size);
  if (!batch.sent_before) {
    EXPECT_EQ(counts.applied(), batch.fresh);
  }
  EXPECT_GE(position, last_position_);
  last_position_ = position;
  acknowledged_events_ += size;
  settled_batches_ += batch.sent_before ? 1 : 0;
  for (const v1::Event& event : batch.events) {
    v1::Event& known = journal_[event.record_id()];
    if (known.record_id().empty() || event.revision() > known.revision()) known = event;
  }
  remembered_.push_back(std::move(batch));
  if (remembered_.size() > kRemembered) remembered_.pop_front();
}

bool DealClient::CheckRemembered(v1::IngestService::Stub& stub) {
  for (const Batch& batch : remembered_) {
    v1::IngestEventsRequest request;
    Fill(batch, request);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallLimit);
    v1::IngestEventsResponse response;
    const grpc::Status status = stub.IngestEvents(&context, request, &response);
    if (!status.ok()) {
      ExpectUnknown(status);
      return false;
    }
    EXPECT_EQ(response.counts().applied(), 0) << "acknowledged events were lost";
    EXPECT_EQ(response.counts().rejected(), 0);
    EXPECT_GE(response.position(), last_position_) << "the log ends before an acknowledged position";
  }
  return true;
}

void DealClient::AddTo(ExpectedNumbers& expected) const {
  for (const auto& [id, event] : journal_) {
    if (!event.deleted()) expected.Add(event.deal());
  }
}

}  // namespace partnermetrics
