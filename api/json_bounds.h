/* What a JSON body may cost: checked before it is parsed, because parsing multiplies bytes (4 MB became 84 MB). */
#ifndef API_JSON_BOUNDS_H
#define API_JSON_BOUNDS_H

#include "auth/request.h"

enum { JSON_DEPTH_MAX = 32, JSON_NODES_MAX = 10000 };

enum err json_bounds_check(struct request *r, const char *text, size_t len, size_t nodes_max) must_check;

/* What jansson found, in our words: line and column, never library text. Returns ERR_MALFORMED. */
enum err json_fail(struct request *r, const json_error_t *error);

#endif
