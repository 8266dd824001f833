/* A decision bound to what was seen: it holds only while the response still has the update_time that the decider saw.
 * Source: contract B4 (If-Match, expected_update_time), RFC 9110 13.1.1, security.md "A decision binds what was seen". */
#ifndef RESPONSES_SEEN_H
#define RESPONSES_SEEN_H

#include <jansson.h>

#include "auth/request.h"

/* What was expected of one response, and what it has. */
struct seen {
    const char *response_id, *pointer; /* pointer: of the member that named the expectation */
    int64_t expected_ms, present_ms;
};

/* From If-Match ("1768208096052", with or without quotes; "*" = whatever it is) and the member: 0 = nothing expected.
 * ERR_INVALID: cannot be read, or they disagree. */
enum err seen_of_one(struct request *r, bool has_member, int64_t member_ms, int64_t *expected_ms) must_check;

/* From {response_id: update_time}: *list gets one entry per id that is named; ERR_INVALID: an id that is not among ids, or a value
 * that is no time. */
enum err seen_of_many(struct request *r, const json_t *given, const struct strings *ids, struct seen **list,
                      size_t *n) must_check;

/* ERR_CHANGED, where one of them changed since: errors name the members that differ, `changed` lists them. */
enum err seen_check(struct request *r, struct tx *tx, const struct seen *list, size_t n) must_check;

#endif
