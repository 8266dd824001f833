/* The second factor of a user as it is stored: a TOTP secret, sealed for that user; a code counts once. */
#ifndef AUTH_FACTOR_H
#define AUTH_FACTOR_H

#include "auth/request.h"

/* Makes and stores a new secret; it counts from factor_confirm() on. The otpauth URI in *uri. */
enum err factor_new(struct arena *arena, struct tx *tx, const char *client_id, const char *user_id, const char *email,
                    const char **uri) must_check;

/* Is the code right now, and newer than the last one that was taken? Then it is spent.
 * ERR_CREDENTIALS: no (no code, no secret too). sealed_hex: users.totp_sealed. */
enum err factor_spend(struct tx *tx, const char *client_id, const char *user_id, const char *sealed_hex,
                      const char *code) must_check;

/* From now on log-ins ask for a code; or no longer, and the secret is forgotten. */
enum err factor_confirm(struct tx *tx, const char *client_id, const char *user_id) must_check;
enum err factor_drop(struct tx *tx, const char *client_id, const char *user_id) must_check;

#endif
