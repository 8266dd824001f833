/* Mail to administrators about tenants that expire within 30 days or 7 days, or have expired, and tenants whose assets reach 90 % or
 * all of their limit. Looked at once a day; who was told the same already is not told again. Source: contract B5 (Mail). */
#ifndef NOTIFY_LICENCE_H
#define NOTIFY_LICENCE_H

#include "base/err.h"

/* The job (due.kind 'licence', one of each client with users). */
enum err licence_due(const char *client_id, const char *object_id) must_check;

#endif
