/* Checks a request against its schema and fills the handler's argument struct. The only place where requests are
 * checked member by member; handlers see nothing that did not pass. Source: contract A1.
 *
 * Rules: null = absent; a lone string stands for an array of one; unknown members are refused with the nearest known
 * name; integers are JSON integers (no 1.0, no "1"); texts hold no U+0000, and no control character where one line is
 * wanted; lengths count code points; an alias given beside its member must have the same value.
 *
 * Formats (what the handler sees):
 *   asset_id   0x and 32 hex digits, either case; lower-cased
 *   host_ref   NAME:asset_id, name of 1..255 bytes kept as it came; the id lower-cased
 *   uuid, sha256, md5   lower-cased
 *   email      one @, printable ASCII without blanks, quotes and brackets, at most 254 bytes (RFC 5321 limits)
 *   time_ms    0..253402300799999 (the year 9999)
 *   timezone   an IANA name that the system's zoneinfo has
 *   clock      HH:MM, 00:00 to 23:59
 *   host_glob  none of [ ] { } \ / : , which people take for wildcards, or paste with an id, and which no host name holds
 *
 * All strings are borrowed from the JSON (or the pairs) or live in the request's arena: args live as long as these.
 * Errors: ERR_INVALID with up to FAULT_ITEMS_MAX pointers recorded by fail_at(); args are then half filled. */
#ifndef API_VALIDATE_H
#define API_VALIDATE_H

#include <jansson.h>

#include "api/schema.h"
#include "auth/request.h"
#include "base/err.h"

/* A query parameter, decoded. */
struct query_pair {
    const char *name, *value;
};

/* object: a JSON object, or NULL for an absent body (= {}); anything else is refused.
 * args: schema->size zeroed bytes, or NULL to check only. */
enum err validate(struct request *r, const struct schema *schema, json_t *object, void *args) must_check;

/* The same for an object that stands at pointer ("/meta", "/parameters") of the request. */
enum err validate_at(struct request *r, const char *pointer, const struct schema *schema, json_t *object,
                     void *args) must_check;

/* Query parameters of a GET: strings, integers and true|false; a repeated name is refused. */
enum err validate_query(struct request *r, const struct schema *schema, const struct query_pair *pairs, size_t n,
                        void *args) must_check;

#endif
