/* A plugin in C whose table is wrong in the way that the build asks for; without a macro it is right. */
#include "partnermetrics/connector_abi.h"

#ifndef BAD_MAGIC
#define BAD_MAGIC PM_MAGIC
#endif
#ifndef BAD_VERSION
#define BAD_VERSION PM_ABI_VERSION
#endif
#ifndef BAD_SIZE
#define BAD_SIZE sizeof(pm_connector)
#endif

static pm_bytes describe(void) {
  static const char json[] = "{\"name\":\"in_c\"}";
  pm_bytes bytes = {(const uint8_t*)json, sizeof(json) - 1};
  return bytes;
}

static int32_t open_instance(const pm_host* host, const pm_setting* settings, size_t count, size_t setting_size,
                             void** instance, pm_error* error) {
  (void)settings;
  (void)count;
  (void)setting_size;
  (void)error;
  *instance = (void*)host;
  return PM_OK;
}

static int32_t check(void* instance, pm_error* error) {
  (void)instance;
  (void)error;
  return PM_OK;
}

/* Reads nothing and hands over one record, as an author without the SDK would. */
static int32_t read_source(void* instance, const pm_bytes* state, pm_error* error) {
  const pm_host* host = (const pm_host*)instance;
  pm_record record = {{0, 0}, {0, 0}, "file", 7, 0, 0, "rule", 0, 0};
  (void)state;
  return host->commit(host->ctx, &record, 1, sizeof(record), 0, error);
}

#ifdef BAD_NULL
#define CLOSE 0
#else
static void close_instance(void* instance) {
  (void)instance;
}
#define CLOSE close_instance
#endif

#ifdef BAD_EXPORTS
__attribute__((visibility("default"))) int another_symbol = 1;
#endif
#ifdef BAD_NAME
#define partnermetrics_connector something_else
extern const pm_connector something_else;
#endif

__attribute__((visibility("default"))) const pm_connector partnermetrics_connector = {
    BAD_MAGIC, BAD_VERSION, BAD_SIZE, "in_c", "1.0.0", "C", describe, open_instance, check, read_source, CLOSE};
