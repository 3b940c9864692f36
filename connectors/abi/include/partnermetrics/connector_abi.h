/* partnermetrics connector ABI, version 1: the standard between the server's connector host and a plugin.
 *
 * A plugin is one shared library that exports one symbol, the table `partnermetrics_connector`. C++ authors use the
 * wrapper (partnermetrics/connector.h) and never see this file; authors in other languages fill in the table:
 *
 *   static pm_bytes describe(void) { ... }
 *   const pm_connector partnermetrics_connector = {
 *       PM_MAGIC, PM_ABI_VERSION, sizeof(pm_connector), "my_source", "1.0.0", "C", describe, open, check, read, close};
 *
 * Rules. All text is UTF-8.
 *  1. Every pointer passed in a call is borrowed until that call returns; nobody frees the other's memory.
 *  2. Structs only grow at their end. Read or call a member of the other side's struct only where PM_HAS says that it
 * is there; arrays carry the size of their elements.
 *  3. No exception, longjmp, exit or signal handler crosses the boundary.
 *  4. Calls on one instance never overlap. Host functions are called only from the thread that the host called on
 *     (`cancelled` and `log` from any thread), and never after that call returned.
 *
 * Compiles as C99 and later and as C++11 and later. */
#ifndef PARTNERMETRICS_CONNECTOR_ABI_H_
#define PARTNERMETRICS_CONNECTOR_ABI_H_

#include <stddef.h>
#include <stdint.h>

#define PM_MAGIC 0x434d5031u /* "CMP1" */
#define PM_ABI_VERSION 1u

/* The most bytes of one page: events, raw bytes and texts of its records together. */
#define PM_PAGE_MAX_BYTES (4u << 20)
/* The most records of one page. */
#define PM_PAGE_MAX_RECORDS 65536u
/* The most bytes of a state. */
#define PM_STATE_MAX_BYTES (64u << 10)

/* True when the struct at `p`, made by the other side, has `member`. */
#define PM_HAS(p, type, member) ((p)->struct_size >= offsetof(type, member) + sizeof((p)->member))

/* Result codes, held in int32_t. */
enum {
  PM_OK = 0,
  PM_END = 1,         /* list: no more files */
  PM_CANCELLED = 2,   /* the host asked to stop */
  PM_BAD_SETTING = 3, /* a setting is missing or wrong; error.where names it */
  PM_BAD_STATE = 4,   /* the state to resume from is of another version or damaged */
  PM_SOURCE = 5,      /* the source cannot be read, is truncated or has changed while it was read */
  PM_RETRY = 6,       /* the same run may work later */
  PM_LIMIT = 7,       /* a limit was exceeded */
  PM_UNSUPPORTED = 8, /* the source has a form that the plugin does not read */
  PM_INTERNAL = 9     /* a bug of the plugin or the host */
};

/* Levels of log lines and problems. A problem of level PM_ERROR found by `check` means that a run cannot start. */
enum { PM_DEBUG = 0, PM_INFO = 1, PM_WARNING = 2, PM_ERROR = 3 };

typedef struct pm_bytes {
  const uint8_t* data;
  size_t size;
} pm_bytes;

/* A buffer of the caller, which sets struct_size and leaves the rest zeroed; the callee writes zero-terminated text. */
typedef struct pm_error {
  size_t struct_size;
  char where[256];   /* a setting, a file, a file and row: "Account.csv:17" */
  char message[768]; /* what is wrong, in one sentence */
  char remedy[256];  /* what to do about it */
} pm_error;

typedef struct pm_setting {
  const char* name;
  const char* value; /* text; lists and maps as JSON */
} pm_setting;

typedef struct pm_file {
  size_t struct_size;
  uint64_t size;
  int64_t modified_unix_ns;
  char name[512]; /* relative to the connector's folder, with '/' */
} pm_file;

/* One record of the source, in source order: 0..n events, or a rejection, or a skip by rule. */
typedef struct pm_record {
  pm_bytes events;     /* a serialised partnermetrics.v1.EventBatch; empty for a rejection or a skip */
  pm_bytes raw;        /* the record as read; kept only when it ends in quarantine */
  const char* file;    /* as listed; "a.zip!Account.csv" inside archives */
  uint64_t row;        /* row or object number in the file, from 1 */
  uint64_t offset;     /* byte offset in the file */
  const char* reject;  /* reason of a rejection, a short code ("bad_date"), or NULL */
  const char* skip;    /* rule that skipped the record ("test_mode"), or NULL */
  const char* field;   /* field or column at fault, or NULL */
  const char* message; /* for people, or NULL */
} pm_record;

/* A column of the source. */
typedef struct pm_column {
  const char* name; /* as the source calls it */
  int32_t read;     /* not 0: the plugin reads it */
} pm_column;

/* What the host offers to a plugin. Valid from `open` to `close` of the instance. */
typedef struct pm_host {
  uint32_t magic;
  uint32_t abi_version;
  size_t struct_size;
  void* ctx; /* first argument of every function below */

  /* Hands over one atomic page: records and, unless NULL, the state to resume from after them; they become durable
   * together, pages in order. Blocks while the server is behind. PM_CANCELLED: stop now. record_size is
   * sizeof(pm_record). */
  int32_t (*commit)(void* ctx, const pm_record* records, size_t count, size_t record_size, const pm_bytes* state,
                    pm_error* error);
  /* Says that this run has stated every fact of a kind ("deal"). */
  int32_t (*complete)(void* ctx, const char* fact_kind, pm_error* error);
  /* Not 0 when the run shall stop. Cheap; ask once a record. */
  int32_t (*cancelled)(void* ctx);
  /* Tells how far the run is; total 0: not known. */
  void (*progress)(void* ctx, uint64_t done, uint64_t total, const char* unit);
  void (*log)(void* ctx, int32_t level, const char* message);
  /* Something that a person should know: findings of `check`, oddities of a source. */
  void (*problem)(void* ctx, int32_t level, const char* where, const char* message, const char* remedy);

  /* The files of the connector's folder, ordered by name, the same during one run. PM_END after the last. The caller
   * sets out->struct_size. */
  int32_t (*list)(void* ctx, uint64_t index, pm_file* out, pm_error* error);
  /* Opens a regular file inside the folder; symbolic links and paths that leave the folder are refused. Unless NULL,
   * *out (struct_size set by the caller) tells the size and time of what was opened. */
  int32_t (*open)(void* ctx, const char* name, pm_file* out, uint64_t* handle, pm_error* error);
  /* Short reads are normal; *got == 0 is the end. PM_SOURCE when the file has changed since it was opened. */
  int32_t (*read_at)(void* ctx, uint64_t handle, uint64_t offset, void* buffer, size_t size, size_t* got,
                     pm_error* error);
  void (*close)(void* ctx, uint64_t handle);

  /* Not in the first hosts: look with PM_HAS. Tells the columns of a stream when `read` opens it, whatever it reads of
   * it; the host compares them with those of the runs before. A stream is a file or an object under the name that it
   * has in every export: "Account", "logins-#.csv", not "logins-2026-03.csv". When it is told again in one run, the
   * last names count, and a column is read that was read by any. column_size is sizeof(pm_column). */
  void (*columns)(void* ctx, const char* stream, const pm_column* columns, size_t count, size_t column_size);
} pm_host;

/* What a plugin offers to the host. */
typedef struct pm_connector {
  uint32_t magic; /* these three are checked before any function is called */
  uint32_t abi_version;
  size_t struct_size;
  const char* name;       /* static texts: "salesforce_export" */
  const char* version;    /* "1.0.0" */
  const char* built_with; /* compiler and SDK, for reports */

  /* A partnermetrics.v1.ConnectorDescription in proto3 JSON. Static, without side effects. */
  pm_bytes (*describe)(void);
  /* Makes an instance from settings. setting_size is sizeof(pm_setting). On an error *instance stays NULL. */
  int32_t (*open)(const pm_host* host, const pm_setting* settings, size_t count, size_t setting_size, void** instance,
                  pm_error* error);
  /* Looks whether a run would work; reports every problem that it finds by host->problem. */
  int32_t (*check)(void* instance, pm_error* error);
  /* Reads the source from a state (NULL: from the start) to its end. */
  int32_t (*read)(void* instance, const pm_bytes* state, pm_error* error);
  void (*close)(void* instance);
} pm_connector;

#ifdef __cplusplus
extern "C" {
#endif
/* The only exported symbol of a plugin. */
extern __attribute__((visibility("default"))) const pm_connector partnermetrics_connector;
#ifdef __cplusplus
}
#endif

#endif /* PARTNERMETRICS_CONNECTOR_ABI_H_ */
