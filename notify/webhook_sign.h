/* Signatures of Standard Webhooks 1.0: HMAC-SHA256 over "<webhook-id>.<webhook-timestamp>.<body>". Pure. */
#ifndef NOTIFY_WEBHOOK_SIGN_H
#define NOTIFY_WEBHOOK_SIGN_H

#include <stddef.h>
#include <stdint.h>

enum {
    WEBHOOK_SECRET_BYTES = 24,
    WEBHOOK_SECRET_TEXT_BYTES = 64, /* "whsec_" and base64, with the NUL */
    WEBHOOK_SIGNATURE_BYTES = 64    /* "v1," and base64, with the NUL */
};

/* "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw": what the receiver is told. */
void webhook_secret_text(const unsigned char secret[WEBHOOK_SECRET_BYTES], char out[WEBHOOK_SECRET_TEXT_BYTES]);

/* "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" */
void webhook_signature(const unsigned char secret[WEBHOOK_SECRET_BYTES], const char *id, int64_t timestamp_s,
                       const char *body, size_t body_bytes, char out[WEBHOOK_SIGNATURE_BYTES]);

#endif
