/* Compiled as C99 and as C++20: the header is plain C, and a table can be written without the SDK. */
#include "partnermetrics/connector_abi.h"

static pm_bytes describe(void) {
  pm_bytes none = {0, 0};
  return none;
}

static int32_t open_instance(const pm_host* host, const pm_setting* settings, size_t count, size_t setting_size,
                             void** instance, pm_error* error) {
  (void)settings;
  (void)count;
  (void)setting_size;
  (void)error;
  *instance = host->ctx;
  return PM_HAS(host, pm_host, close) ? PM_OK : PM_UNSUPPORTED;
}

static int32_t check(void* instance, pm_error* error) {
  (void)instance;
  (void)error;
  return PM_OK;
}

static int32_t read_source(void* instance, const pm_bytes* state, pm_error* error) {
  (void)instance;
  (void)state;
  (void)error;
  return PM_OK;
}

static void close_instance(void* instance) {
  (void)instance;
}

const pm_connector partnermetrics_connector = {PM_MAGIC,      PM_ABI_VERSION, sizeof(pm_connector), "c",   "1.0.0",
                                               "C99",         describe,       open_instance,        check, read_source,
                                               close_instance};
