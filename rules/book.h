/* A client's rules as they are stored, read for judging and for showing. What is stored is checked by the validator that checked
 * it when it came in, so that a damaged or unknown condition is noticed and not passed over. */
#ifndef RULES_BOOK_H
#define RULES_BOOK_H

#include "auth/request.h"
#include "rules/evaluate.h"

enum { RULES_MAX = 200 };

struct rule_book {
    struct rule *rules; /* in their order */
    size_t n;
    json_t *kept; /* what the rules' texts are borrowed from */
};

#define scope_rule_book __attribute__((cleanup(rule_book_close)))
void rule_book_close(struct rule_book *b); /* the rules are gone after it */

/* A rule as it is stored. */
struct rule_row {
    const char *rule_id, *name, *mode, *effect, *conditions, *limits;
    int64_t expires_at;
};

void rule_book_open(struct arena *a, size_t room, struct rule_book *out);

/* Adds a prepared rule; the texts of the row are borrowed. Whatever cannot be read clears `readable`; an unknown mode counts as
 * enforce, an unknown effect as hold. */
void rule_book_add(struct arena *a, struct rule_book *b, const struct rule_row *row);

/* All rules of the request's client. The client is locked by the caller where that matters. */
enum err rule_book_read(struct request *r, struct tx *tx, struct rule_book *out) must_check;

/* Appends `when` as it is stored: empty lists are no conditions and left out. */
void rule_when_json(struct buf *out, const struct rule_when *when);

/* The schemas of `when` and `limits` (build/gen). */
const struct schema *rule_when_schema(void);
const struct schema *rule_limits_schema(void);

#endif
