/* Every error that this program can answer, in one table: name, HTTP status, code, title.
 * Source: contract A1 (errors), RFC 9457. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERROR_TABLE(X)                                                                                                 \
    X(OK, 200, "ok", "OK")                                                                                             \
    X(ERR_MALFORMED, 400, "malformed", "The request cannot be read")                                                   \
    X(ERR_INVALID, 400, "invalid", "The request has invalid members")                                                  \
    X(ERR_UNSUPPORTED_ON_ASSET, 400, "unsupported_on_asset", "The asset's system does not support this response")      \
    X(ERR_CRITICAL_OBJECT, 400, "critical_object", "The object is critical for the system or its protection")          \
    X(ERR_UNAUTHENTICATED, 401, "unauthenticated", "No Authorization header")                                          \
    X(ERR_TOKEN, 403, "token_invalid", "The token is invalid, expired or revoked")                                     \
    X(ERR_FORBIDDEN, 403, "forbidden", "The token does not give this right")                                           \
    X(ERR_CREDENTIALS, 403, "credentials_invalid", "E-mail, password or code is wrong")                                \
    X(ERR_NOT_FOUND, 404, "not_found", "No such object")                                                               \
    X(ERR_METHOD, 405, "method_not_allowed", "The method is not allowed here")                                         \
    X(ERR_CONFLICT, 409, "conflict", "The object's state does not allow this")                                         \
    X(ERR_ALREADY_DECIDED, 409, "already_decided", "The response was decided already")                                 \
    X(ERR_DEADLINE_PASSED, 409, "deadline_passed", "The time to decide has passed")                                    \
    X(ERR_SECOND_PERSON, 409, "second_person_required", "Another person has to confirm")                               \
    X(ERR_MOVED, 409, "asset_moved", "The asset belongs to another tenant than when this was decided")                 \
    X(ERR_STALE_EPOCH, 409, "stale_epoch", "The task is not held under this epoch")                                    \
    X(ERR_LEASE_ENDED, 409, "lease_ended", "The lease has ended; lease the task again")                                \
    X(ERR_NOT_AFTER, 409, "not_after_passed", "The time to carry this out has passed")                                 \
    X(ERR_FROZEN, 409, "frozen", "Actions stand still while the client or tenant is frozen")                           \
    X(ERR_EXECUTION_OVER, 409, "execution_over", "The end of this action was told already")                            \
    X(ERR_IDEMPOTENCY_MISMATCH, 409, "idempotency_mismatch", "The Idempotency-Key was used with another body")         \
    X(ERR_IDEMPOTENCY_RUNNING, 409, "idempotency_running", "A request with this Idempotency-Key is still running")     \
    X(ERR_CHANGED, 412, "changed", "What was seen has changed since")                                                  \
    X(ERR_TOO_LARGE, 413, "too_large", "The request is too large")                                                     \
    X(ERR_MEDIA_TYPE, 415, "unsupported_media_type", "This operation takes multipart/form-data")                       \
    X(ERR_RATE, 429, "rate_limited", "Too many requests")                                                              \
    X(ERR_HEADERS_TOO_LARGE, 431, "headers_too_large", "The header block is too large")                                \
    X(ERR_INTERNAL, 500, "internal", "An unexpected fault; the request id finds it in the log")                        \
    X(ERR_UNAVAILABLE, 503, "unavailable", "The service is busy or its database is away; try again")

enum err {
#define X(name, status, code, title) name,
    ERROR_TABLE(X)
#undef X
        ERR_COUNT
};

#define must_check __attribute__((warn_unused_result))

int err_status(enum err e);        /* HTTP status, 200..599 */
const char *err_code(enum err e);  /* "not_found" */
const char *err_title(enum err e); /* one sentence without a full stop */

/* Returns e from the calling function unless it is OK. */
#define TRY(expression)                                                                                                \
    do {                                                                                                               \
        enum err try_err_ = (expression);                                                                              \
        if (try_err_ != OK) return try_err_;                                                                           \
    } while (0)

#endif
