#include "notify/retry.h"

#include "base/random.h"

enum { DELAY_MAX_MS = 4 * 3600 * 1000, DOUBLINGS_MAX = 24 };

int64_t retry_delay_ms(int64_t first_ms, int64_t failures) {
    uint32_t dice = 0;
    random_bytes(&dice, sizeof dice);
    int64_t delay = first_ms << (failures < DOUBLINGS_MAX ? failures : DOUBLINGS_MAX);
    if (delay > DELAY_MAX_MS) delay = DELAY_MAX_MS;
    return delay + (int64_t)(dice % (uint32_t)(delay / 5));
}
