/* Randomness from the operating system (libsodium); call random_start() once before. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>

#include "base/err.h"

enum { ID20_BYTES = 21, UUID_BYTES = 37 }; /* with the closing NUL */

enum err random_start(void) must_check; /* repeatable; ERR_INTERNAL when the system gives no randomness */
void random_bytes(void *out, size_t bytes);
void random_id20(char out[ID20_BYTES]); /* 20 characters of URL-safe base64: 120 bits (contract A1, ids) */
void random_uuid(char out[UUID_BYTES]); /* version 4, lower case (RFC 9562 section 5.4) */

#endif
