#include "tenants/names.h"

#include <string.h>

bool tenant_name_reserved(const char *name) {
    name += strspn(name, " ");
    if (*name == '-') name++;
    return !name[strspn(name, " ")];
}
