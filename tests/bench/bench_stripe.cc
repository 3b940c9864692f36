// Measures the plugin stripe_billing alone: a file of API objects, read in this process, its pages thrown away.
//
//   bench_stripe PLUGIN.so FOLDER [MEGABYTES]
//
// Writes FOLDER/objects.jsonl (invoices of both shapes, subscriptions, customers, charges, refunds) and prints objects
// and bytes a second and the most memory that the process had.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "partnermetrics/connector_abi.h"

namespace {

struct Bench {
  std::string path;
  std::uint64_t size = 0;
  int fd = -1;
  std::uint64_t records = 0;
};

Bench* Self(void* ctx) {
  return static_cast<Bench*>(ctx);
}

std::int32_t Commit(void* ctx, const pm_record*, std::size_t count, std::size_t, const pm_bytes*, pm_error*) {
  Self(ctx)->records += count;
  return PM_OK;
}
std::int32_t Complete(void*, const char*, pm_error*) {
  return PM_OK;
}
std::int32_t Cancelled(void*) {
  return 0;
}
void Progress(void*, std::uint64_t, std::uint64_t, const char*) {}
void Log(void*, std::int32_t, const char*) {}
void Problem(void*, std::int32_t level, const char* where, const char* message, const char*) {
  if (level >= PM_WARNING) std::fprintf(stderr, "%s: %s\n", where, message);
}
void Columns(void*, const char*, const pm_column*, std::size_t, std::size_t) {}
std::int32_t Describe(Bench* bench, pm_file* out) {
  std::strcpy(out->name, "objects.jsonl");
  out->size = bench->size;
  return PM_OK;
}
std::int32_t List(void* ctx, std::uint64_t index, pm_file* out, pm_error*) {
  return index > 0 ? static_cast<std::int32_t>(PM_END) : Describe(Self(ctx), out);
}
std::int32_t Open(void* ctx, const char*, pm_file* out, std::uint64_t* handle, pm_error*) {
  *handle = 1;
  return Describe(Self(ctx), out);
}
std::int32_t ReadAt(void* ctx, std::uint64_t, std::uint64_t offset, void* buffer, std::size_t size, std::size_t* got,
                    pm_error*) {
  const ssize_t n = pread(Self(ctx)->fd, buffer, size, static_cast<off_t>(offset));
  *got = n > 0 ? static_cast<std::size_t>(n) : 0;
  return n < 0 ? PM_SOURCE : PM_OK;
}
void Close(void*, std::uint64_t) {}

// One of each kind for a customer; the mix of a year's export: mostly invoices.
std::string Objects(std::uint64_t n) {
  const std::string i = std::to_string(n), t = std::to_string(1'700'000'000 + n % 50'000'000);
  std::string text;
  for (int k = 0; k < 6; ++k) {
    const std::string id = i + "_" + std::to_string(k);
    text +=
        R"({"id":"in_)" + id + R"(","object":"invoice","livemode":true,"account_country":"US","created":)" + t +
        R"(,"currency":"usd","customer":"cus_)" + i +
        R"(","customer_email":"billing@example.com","customer_name":"Example Inc.","number":"A-)" + id +
        R"(","status":"paid","collection_method":"send_invoice","billing_reason":"subscription_cycle","due_date":)" +
        t + R"(,"subtotal":10000,"total":11900,"total_excluding_tax":10000,"amount_due":11900,"amount_paid":11900,)" +
        R"("amount_remaining":0,"attempt_count":1,"attempted":true,"auto_advance":false,"metadata":{},)" +
        R"("lines":{"object":"list","data":[{"id":"il_)" + id +
        R"(","object":"line_item","amount":10000,"currency":"usd","description":"1 x Plan","quantity":1,)" +
        R"("period":{"end":1790000000,"start":1780000000}}],"has_more":false},"status_transitions":)" +
        R"({"finalized_at":)" + t + R"(,"paid_at":)" + t + R"(,"marked_uncollectible_at":null,"voided_at":null},)" +
        (k % 2 == 0 ? R"("subscription":"sub_)" + i + R"(","charge":"ch_)" + id + "\"}\n"
                    : R"("parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_)" + i +
                          R"(","metadata":{}}}})" + "\n");
  }
  text += R"({"id":"cus_)" + i + R"(","object":"customer","livemode":true,"created":)" + t +
          R"(,"name":"Example Inc.","email":"billing@example.com","metadata":{"account_id":"0015f00000AAAAB"}})" + "\n";
  text +=
      R"({"id":"sub_)" + i + R"(","object":"subscription","livemode":true,"created":)" + t + R"(,"start_date":)" + t +
      R"(,"currency":"usd","customer":"cus_)" + i +
      R"(","status":"active","discounts":[],"metadata":{},"items":{"object":"list","data":[{"id":"si_)" + i +
      R"(","quantity":5,"current_period_end":1790000000,"price":{"id":"price_1","product":"prod_1","currency":"usd",)"
      R"("unit_amount":2000,"recurring":{"interval":"month","interval_count":1,"usage_type":"licensed"}}}]}})"
      "\n";
  text += R"({"id":"ch_)" + i + R"(_0","object":"charge","livemode":true,"created":)" + t +
          R"(,"currency":"usd","status":"succeeded","captured":true,"amount":11900,"invoice":"in_)" + i + "_0\"}\n";
  if (n % 100 == 0) {
    text += R"({"id":"re_)" + i + R"(","object":"refund","created":)" + t +
            R"(,"currency":"usd","amount":100,"status":"succeeded","charge":"ch_)" + i + "_0\"}\n";
  }
  return text;
}

int Run(const char* plugin, const std::string& folder, std::uint64_t megabytes) {
  Bench bench;
  bench.path = folder + "/objects.jsonl";
  std::filesystem::create_directories(folder);
  {
    std::ofstream out(bench.path, std::ios::binary);
    for (std::uint64_t n = 0; bench.size < megabytes << 20U; ++n) {
      const std::string text = Objects(n);
      bench.size += text.size();
      out << text;
    }
    if (!out.flush()) return std::perror(bench.path.c_str()), 1;
  }
  bench.fd = open(bench.path.c_str(), O_RDONLY | O_CLOEXEC);
  void* library = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr || bench.fd < 0) return std::fprintf(stderr, "%s\n", dlerror()), 1;
  const auto* table = static_cast<const pm_connector*>(dlsym(library, "partnermetrics_connector"));
  const pm_host host = {PM_MAGIC, PM_ABI_VERSION, sizeof(pm_host), &bench, &Commit, &Complete, &Cancelled, &Progress,
                        &Log,     &Problem,       &List,           &Open,  &ReadAt, &Close,    &Columns};
  pm_error error = {};
  error.struct_size = sizeof(error);
  void* instance = nullptr;
  const auto start = std::chrono::steady_clock::now();
  std::int32_t code = table->open(&host, nullptr, 0, sizeof(pm_setting), &instance, &error);
  if (code == PM_OK) code = table->read(instance, nullptr, &error);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (code != PM_OK) return std::fprintf(stderr, "%s: %s\n", error.where, error.message), 1;
  table->close(instance);
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "stripe_billing: %llu objects, %.0f MiB in %.1f s: %.0f objects/s, %.0f MiB/s, at most %ld MiB of memory\n",
      static_cast<unsigned long long>(bench.records), static_cast<double>(bench.size) / (1 << 20), seconds,
      static_cast<double>(bench.records) / seconds, static_cast<double>(bench.size) / (1 << 20) / seconds,
      usage.ru_maxrss / 1024);
  return std::filesystem::remove(bench.path) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: bench_stripe PLUGIN.so FOLDER [MEGABYTES]\n"), 2;
  return Run(argv[1], argv[2], argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 256);
}
