/* How long to wait before trying again. */
#ifndef NOTIFY_RETRY_H
#define NOTIFY_RETRY_H

#include <stdint.h>

/* first_ms, twice that, four times ... at most 4 h, each by up to a fifth longer so that those who failed together do not
 * come back together. failures: in a row before this one. */
int64_t retry_delay_ms(int64_t first_ms, int64_t failures);

#endif
