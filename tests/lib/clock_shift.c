/* Preloaded into one gateway: its wall clock is CLOCK_SHIFT_S seconds off, as a node's clock that jumped. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *out) {
    const char *shift = getenv("CLOCK_SHIFT_S");
    int result = (int)syscall(SYS_clock_gettime, id, out);
    if (result == 0 && id == CLOCK_REALTIME && shift) out->tv_sec += atoll(shift);
    return result;
}
