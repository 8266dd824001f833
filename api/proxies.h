/* The caller's address behind trusted proxies (MDR_TRUSTED_PROXIES): the last address in X-Forwarded-For that no trusted proxy has. */
#ifndef API_PROXIES_H
#define API_PROXIES_H

#include <stddef.h>

/* peer: of the socket. forwarded: the header or NULL. trusted: CIDRs, comma separated. Returns peer, or a text in out. */
const char *caller_address(const char *peer, const char *forwarded, const char *trusted, char *out, size_t out_bytes);

#endif
