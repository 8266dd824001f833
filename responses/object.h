/* Does an action touch what the operating system or its protection needs? Asked when it is proposed and again when it is
 * handed out. Pure; the lists are in responses/critical.h. */
#ifndef RESPONSES_OBJECT_H
#define RESPONSES_OBJECT_H

#include "build/gen/operations.h"

/* values: struct params_<TYPE>; systems: bits of the assets' systems, unknown ones as SYSTEMS_ALL. The member that names a
 * critical object ("/parameters/path"); NULL = none does. */
const char *object_critical(const struct response_type *type, const void *values, unsigned systems);

#endif
