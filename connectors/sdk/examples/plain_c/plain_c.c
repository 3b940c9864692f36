/* A connector in plain C, without the SDK: costs from feed.csv (id, day, amount in whole units), with nothing but the
 * C header. It shows what the wrapper does for C++ authors: settings, states, pages, places, errors, encoding. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "partnermetrics/connector_abi.h"

#define FILE_NAME "feed.csv"
#define LINE_BYTES 4096
#define PAGE_RECORDS 512
#define RECORD_BYTES 512

typedef struct reader {
  const pm_host* host;
  uint64_t handle, size, offset; /* of the file */
  uint8_t buffer[65536];
  size_t begin, end;
} reader;

/* A page in the making. Records point into `bytes`. */
typedef struct page {
  pm_record records[PAGE_RECORDS];
  size_t count;
  uint8_t bytes[PAGE_RECORDS][RECORD_BYTES]; /* event, then the raw line */
} page;

typedef struct instance {
  const pm_host* host;
  reader reader;
  page page;
} instance;

/* --- Errors: only members that the host's struct has are written. */

static int32_t fail(pm_error* error, int32_t code, const char* where, const char* message, const char* remedy) {
  if (error == NULL) return code;
  if (PM_HAS(error, pm_error, where)) snprintf(error->where, sizeof(error->where), "%s", where);
  if (PM_HAS(error, pm_error, message)) snprintf(error->message, sizeof(error->message), "%s", message);
  if (PM_HAS(error, pm_error, remedy)) snprintf(error->remedy, sizeof(error->remedy), "%s", remedy);
  return code;
}

/* --- Protobuf by hand: an EventBatch with one Event with one Cost. */

static size_t put_varint(uint8_t* out, uint64_t value) {
  size_t size = 0;
  for (; value >= 0x80; value >>= 7) out[size++] = (uint8_t)(value | 0x80);
  out[size++] = (uint8_t)value;
  return size;
}

static size_t put_int(uint8_t* out, uint32_t field, uint64_t value) {
  size_t size = put_varint(out, field << 3);
  return size + put_varint(out + size, value);
}

static size_t put_bytes(uint8_t* out, uint32_t field, const void* bytes, size_t count) {
  size_t size = put_varint(out, (field << 3) | 2);
  size += put_varint(out + size, count);
  memcpy(out + size, bytes, count);
  return size + count;
}

static size_t encode(uint8_t* out, const char* id, uint64_t revision, const int day[3], long long amount) {
  uint8_t date[32], money[32], cost[128], event[384];
  size_t size = put_int(date, 1, (uint64_t)day[0]);
  size += put_int(date + size, 2, (uint64_t)day[1]);
  size += put_int(date + size, 3, (uint64_t)day[2]);
  size_t cost_size = put_bytes(cost, 10, date, size); /* Cost.incurred_on */
  size = put_bytes(money, 1, "USD", 3);
  size += put_int(money + size, 2, (uint64_t)amount);
  cost_size += put_bytes(cost + cost_size, 11, money, size); /* Cost.amount */
  size = put_bytes(event, 3, id, strlen(id));                /* Event.record_id */
  size += put_int(event + size, 4, revision);                /* Event.revision */
  size += put_bytes(event + size, 34, cost, cost_size);      /* Event.cost */
  return put_bytes(out, 1, event, size);                     /* EventBatch.events */
}

/* --- Reading: short reads are normal, an end before the size is not. */

/* A line without its line end; 1 when there is one, 0 at the end, else the negative of a result code. */
static int next_line(reader* in, char* line, uint64_t* line_offset, pm_error* error) {
  size_t size = 0;
  *line_offset = in->offset - (in->end - in->begin);
  for (;;) {
    if (in->begin == in->end) {
      size_t got = 0;
      const int32_t code =
          in->host->read_at(in->host->ctx, in->handle, in->offset, in->buffer, sizeof(in->buffer), &got, error);
      if (code != PM_OK) return -code;
      if (got == 0) {
        if (in->offset < in->size) {
          return -fail(error, PM_SOURCE, FILE_NAME, "the file ends before its size", "export it again");
        }
        line[size] = '\0';
        return size > 0;
      }
      in->offset += got;
      in->begin = 0;
      in->end = got;
    }
    const char c = (char)in->buffer[in->begin++];
    if (c == '\n') {
      line[size] = '\0';
      return 1;
    }
    if (c != '\r' && size + 1 < LINE_BYTES) line[size++] = c;
  }
}

/* --- Pages */

static int32_t flush(instance* self, uint64_t row, pm_error* error) {
  page* page = &self->page;
  char text[32];
  const int size = snprintf(text, sizeof(text), "%llu", (unsigned long long)row);
  const pm_bytes state = {(const uint8_t*)text, (size_t)size};
  const int32_t code =
      self->host->commit(self->host->ctx, page->records, page->count, sizeof(pm_record), &state, error);
  page->count = 0;
  return code;
}

static void add(instance* self, const char* line, uint64_t row, uint64_t offset) {
  page* page = &self->page;
  pm_record* record = &page->records[page->count];
  uint8_t* bytes = page->bytes[page->count++];
  char id[101], rest;
  int day[3];
  long long amount;
  memset(record, 0, sizeof(*record));
  record->file = FILE_NAME;
  record->row = row;
  record->offset = offset;
  if (sscanf(line, "%100[^,],%4d-%2d-%2d,%lld%c", id, &day[0], &day[1], &day[2], &amount, &rest) == 5) {
    record->events.data = bytes;
    record->events.size = encode(bytes, id, row, day, amount);
  } else {
    record->reject = "bad_row";
    record->message = "a row is id,YYYY-MM-DD,amount";
  }
  const size_t room = RECORD_BYTES - record->events.size;
  record->raw.data = bytes + record->events.size;
  record->raw.size = strlen(line) < room ? strlen(line) : room;
  memcpy(bytes + record->events.size, line, record->raw.size);
}

/* --- The five functions */

static pm_bytes describe(void) {
  static const char json[] =
      "{\"name\":\"plain_c\",\"version\":\"1.0.0\",\"summary\":\"Reads costs; an example in plain C.\","
      "\"settings\":[],\"factKinds\":[\"cost\"],\"deleteModel\":\"DELETE_MODEL_NONE\","
      "\"revisionRule\":\"The row's number.\"}";
  const pm_bytes text = {(const uint8_t*)json, sizeof(json) - 1};
  return text;
}

static int32_t open_instance(const pm_host* host, const pm_setting* settings, size_t count, size_t setting_size,
                             void** out, pm_error* error) {
  (void)setting_size; /* a list of settings is stepped through by it */
  if (count > 0) return fail(error, PM_BAD_SETTING, settings->name, "the connector has no settings", "remove it");
  instance* self = calloc(1, sizeof(*self));
  if (self == NULL) return fail(error, PM_RETRY, "", "no memory", "");
  self->host = host;
  *out = self;
  return PM_OK;
}

static int32_t open_feed(instance* self, pm_error* error) {
  pm_file file;
  memset(&file, 0, sizeof(file));
  file.struct_size = sizeof(file);
  memset(&self->reader, 0, sizeof(self->reader));
  self->reader.host = self->host;
  const int32_t code = self->host->open(self->host->ctx, FILE_NAME, &file, &self->reader.handle, error);
  self->reader.size = file.size;
  return code;
}

static int32_t check(void* pointer, pm_error* error) {
  instance* self = pointer;
  const int32_t code = open_feed(self, error);
  if (code == PM_OK) self->host->close(self->host->ctx, self->reader.handle);
  return code;
}

/* Of the header, which is cut up. So people learn when a column comes, goes, or is called otherwise; the first hosts
 * cannot be told. */
static void tell_columns(const pm_host* host, char* header) {
  pm_column columns[16];
  size_t count = 0;
  if (!PM_HAS(host, pm_host, columns)) return;
  for (char* name = header; name != NULL && count < sizeof(columns) / sizeof(columns[0]); ++count) {
    char* comma = strchr(name, ',');
    if (comma != NULL) *comma++ = '\0';
    columns[count].name = name;
    columns[count].read = count < 3;
    name = comma;
  }
  host->columns(host->ctx, FILE_NAME, columns, count, sizeof(pm_column));
}

static int32_t read_rows(instance* self, uint64_t durable, pm_error* error) {
  char line[LINE_BYTES];
  uint64_t row = 0, offset = 0;
  int found = next_line(&self->reader, line, &offset, error); /* the header */
  if (found > 0) tell_columns(self->host, line);
  while (found > 0 && (found = next_line(&self->reader, line, &offset, error)) > 0) {
    if (self->host->cancelled(self->host->ctx)) return PM_CANCELLED;
    if (++row <= durable) continue;
    add(self, line, row, offset);
    if (self->page.count == PAGE_RECORDS) {
      const int32_t code = flush(self, row, error);
      if (code != PM_OK) return code;
    }
  }
  return found < 0 ? -found : flush(self, row, error);
}

static int32_t read_all(void* pointer, const pm_bytes* state, pm_error* error) {
  instance* self = pointer;
  char text[32] = "";
  if (state != NULL && state->size < sizeof(text)) memcpy(text, state->data, state->size);
  int32_t code = open_feed(self, error);
  if (code != PM_OK) return code;
  self->page.count = 0;
  code = read_rows(self, strtoull(text, NULL, 10), error);
  self->host->close(self->host->ctx, self->reader.handle);
  return code;
}

static void close_instance(void* pointer) {
  free(pointer);
}

const pm_connector partnermetrics_connector = {PM_MAGIC,      PM_ABI_VERSION, sizeof(pm_connector), "plain_c", "1.0.0",
                                               "C",           describe,       open_instance,        check,     read_all,
                                               close_instance};
