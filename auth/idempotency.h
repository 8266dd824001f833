/* Idempotency-Key: a write that is repeated with the same key and body is answered with its first answer. The answer is stored in
 * the transaction of the change itself, so a lost connection at COMMIT is resolved by repeating. Source: contract B, top. */
#ifndef AUTH_IDEMPOTENCY_H
#define AUTH_IDEMPOTENCY_H

#include "auth/request.h"

enum { IDEMPOTENCY_KEY_MAX = 255, IDEMPOTENCY_KEEP_MS = 48 * 3600 * 1000, IDEMPOTENCY_TAKEOVER_MS = 60 * 1000 };

/* Takes the key, or fills `out` with the first answer and sets *replayed.
 * ERR_IDEMPOTENCY_MISMATCH: another body. ERR_IDEMPOTENCY_RUNNING: the first is not finished. */
enum err idempotency_begin(struct request *r, struct reply *out, bool *replayed) must_check;

/* Stores the answer, inside the transaction of the change. ERR_IDEMPOTENCY_RUNNING: another request took the key over. */
enum err idempotency_finish(struct request *r, struct tx *tx, const struct reply *out) must_check;

/* The write failed, nothing was changed: the key is free again. */
void idempotency_release(struct request *r);

#endif
