/* Customer organisations. */
#ifndef AUTH_CLIENTS_H
#define AUTH_CLIENTS_H

#include "base/err.h"

enum { CLIENT_ID_CHARS = 34, CLIENT_ID_MAX = 50, CLIENT_NAME_MAX = 200 };

/* 34 hex digits (contract A1). */
void client_new_id(char out[CLIENT_ID_CHARS + 1]);

/* Makes the client, its clock, its root tenant and the example of a rule. ERR_CONFLICT: the id is taken. ERR_INVALID: an id of other than
 * 1..50 letters, digits, _ . + -, or a name that is empty or over CLIENT_NAME_MAX bytes. */
enum err client_create(const char *client_id, const char *name) must_check;

#endif
