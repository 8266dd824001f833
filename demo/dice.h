/* Repeatable chance: the same seed and stream give the same throws, on every machine. Not for secrets.
 * Source: SplitMix64 (Steele, Lea, Flood 2014). */
#ifndef DEMO_DICE_H
#define DEMO_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

struct dice {
    uint64_t state;
};

/* stream keeps throws apart that belong to different things: any number. */
struct dice dice_of(uint64_t seed, uint64_t stream, uint64_t number);

uint64_t dice_throw(struct dice *d);
uint32_t dice_below(struct dice *d, uint32_t n); /* 0..n-1; n > 0 */
int64_t dice_between(struct dice *d, int64_t from, int64_t to);
bool dice_percent(struct dice *d, unsigned percent);
size_t dice_weighted(struct dice *d, const uint8_t *weights, size_t n); /* index; weights sum to more than 0 */

void dice_hex(struct dice *d, char *out, size_t digits); /* writes the closing NUL too */
void dice_uuid(struct dice *d, char out[UUID_BYTES]);

/* Like the ids of the gateway, but growing with `number`, which keeps index pages of bulk loads in order. */
void dice_id20(struct dice *d, uint64_t number, char out[ID20_BYTES]);

#define DICE_PICK(d, array) ((array)[dice_below(d, sizeof(array) / sizeof *(array))])

#endif
