/* Until when a response has to be decided. Pure. Source: contract A7. */
#ifndef TENANTS_DEADLINES_H
#define TENANTS_DEADLINES_H

#include <stddef.h>
#include <stdint.h>

/* Response types that have a deadline setting, in the order of the reply. */
extern const char *const deadline_types[];
extern const size_t deadline_types_n;

/* Seconds to decide where neither the response nor the client says: 600 for RUN_SCRIPT, else 7 days. */
int64_t deadline_default_s(const char *type);

#endif
