/* Walking over JSON text that this program or PostgreSQL rendered: well-formed, compact but for free-form members, with or without the
 * marks of api/project.h. */
#ifndef API_JSON_WALK_H
#define API_JSON_WALK_H

#include "base/buf.h"

enum { MARK = 1, MARK_END = 2 };

struct slice {
    const char *data;
    size_t len;
};

bool slice_is(struct slice s, const char *text);

const char *json_skip_string(const char *at, const char *end); /* from its quote to behind its other quote */
/* Past one value: to the ',', the closing bracket or the mark x after it. */
const char *json_skip_value(const char *at, const char *end);

/* at stands on the quote of a key, or on a ',' or the mark x before it. Key without quotes, value as it stands. Returns what stands
 * behind the value, NULL where there is no further member. */
const char *json_next_member(const char *at, const char *end, struct slice *key, struct slice *value);

/* Appends the text of a string given with its quotes. */
void json_unescape(struct buf *out, struct slice quoted);

#endif
