/* Names of tenants. Pure. Source: contract A3. */
#ifndef TENANTS_NAMES_H
#define TENANTS_NAMES_H

#include <stdbool.h>

/* "-" and "" name the root: no tenant may be called so, nor so with blanks around. */
bool tenant_name_reserved(const char *name);

#endif
