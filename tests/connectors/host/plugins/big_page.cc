// A plugin without the wrapper's care: its only page is larger than pages may be.
#include <cstring>
#include <string>

#include "partnermetrics/connector_abi.h"

namespace {

pm_bytes Describe() {
  return {reinterpret_cast<const uint8_t*>("{}"), 2};
}

int32_t Open(const pm_host* host, const pm_setting*, size_t, size_t, void** instance, pm_error*) {
  *instance = const_cast<pm_host*>(host);
  return PM_OK;
}

int32_t Check(void*, pm_error*) {
  return PM_OK;
}

int32_t Read(void* instance, const pm_bytes*, pm_error* error) {
  const pm_host* host = static_cast<const pm_host*>(instance);
  const std::string bytes(PM_PAGE_MAX_BYTES + 1, 'x');
  pm_record record = {};
  record.raw = {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
  record.skip = "rule";
  return host->commit(host->ctx, &record, 1, sizeof(record), nullptr, error);
}

void Close(void*) {}

}  // namespace

extern "C" const pm_connector partnermetrics_connector = {
    PM_MAGIC, PM_ABI_VERSION, sizeof(pm_connector), "big_page", "1.0.0", "C++", Describe, Open, Check, Read, Close};
