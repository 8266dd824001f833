/* Idempotency-Key: a write that is repeated with the same key and body is answered with its first answer. The answer is stored in
 * the transaction of the change itself: whatever happens to a connection or a process, either both are there or neither, and
 * repeating resolves a COMMIT whose outcome is unknown. Of two at once the database lets one through. Only answers of 200 are
 * kept: others changed nothing, and the key stays free. Source: contract B, top. */
#ifndef AUTH_IDEMPOTENCY_H
#define AUTH_IDEMPOTENCY_H

#include "auth/request.h"

enum { IDEMPOTENCY_KEY_MAX = 255, IDEMPOTENCY_KEEP_MS = 48 * 3600 * 1000 };

/* Fills `out` with the first answer and sets *replayed where there is one. ERR_IDEMPOTENCY_MISMATCH: it was to another body. */
enum err idempotency_begin(struct request *r, struct reply *out, bool *replayed) must_check;

/* Stores the answer, inside the transaction of the change. ERR_IDEMPOTENCY_RUNNING: the same request ran at the same time and
 * was first; the caller rolls back, asking again gets the answer. */
enum err idempotency_finish(struct request *r, struct tx *tx, const struct reply *out) must_check;

#endif
