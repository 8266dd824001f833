/* What a request may hold, as tables: written by tools/openapi.py from openapi.yaml, interpreted by api/validate.c.
 *
 * A schema fills one struct. Each member says where its value goes (offset), and how absence is told:
 *   string    const char *            NULL when absent and without default
 *   integer   int64_t + bool has_x    has_x: was given; a default fills the value and leaves has_x false
 *   boolean   bool + bool has_x       the same
 *   strings   struct strings          v is NULL when absent; an empty array has v != NULL and n == 0
 *   object    const struct x *        NULL when absent
 *   objects   struct x * + size_t x_n NULL when absent; an empty array is not NULL
 *   json      json_t *                NULL when absent; borrowed from the request's body */
#ifndef API_SCHEMA_H
#define API_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum member_kind {
    KIND_STRING,
    KIND_INTEGER,
    KIND_BOOLEAN,
    KIND_STRINGS,
    KIND_OBJECT,
    KIND_OBJECTS,
    KIND_JSON,
    KIND_IGNORED
};

/* What a string or integer must look like; see validate.h for each. */
enum format {
    FORMAT_NONE,
    FORMAT_ASSET_ID,
    FORMAT_HOST_REF,
    FORMAT_UUID,
    FORMAT_EMAIL,
    FORMAT_TIME_MS,
    FORMAT_TIMEZONE,
    FORMAT_SHA256,
    FORMAT_MD5,
    FORMAT_CLOCK,
    FORMAT_HOST_GLOB,
};

/* An allowed text, and what the handler sees for it (the same, or what it is another spelling of). */
struct choice {
    const char *text, *value;
};

struct schema;

struct member {
    const char *name;
    enum member_kind kind;
    enum format format;
    bool required;
    bool line;                   /* one line: no control characters */
    const char *alias_of;        /* another spelling of that member (same offset) */
    size_t offset, extra_offset; /* extra: of has_x or x_n */
    int64_t min, max; /* of an integer; of a string (each string of an array) in code points; max < 0 = unbounded */
    int64_t items_min, items_max; /* of an array; items_max < 0 = unbounded */
    const struct choice *choices; /* of a string or each string of an array; NULL = any */
    size_t choices_n;
    bool has_default;
    const char *default_text;
    int64_t default_integer;     /* of an integer or boolean */
    const struct schema *object; /* of KIND_OBJECT, KIND_OBJECTS */
};

struct schema {
    const struct member *members;
    size_t members_n;
    size_t size; /* bytes of the struct that it fills */
    const char *const *const
        *one_of; /* groups of names, each and the whole ended by NULL: one group must be there; or NULL */
};

#endif
