/* Looks at the ledger that event streams share: when a client's change wakes fifty of them that stand at the same position and filter
 * alike, one asks the database and all take its rows. Streams that see other tenants or kinds have looks of their own, and so has
 * each that leaves out its own changes. */
#ifndef FEEDS_LOOKS_H
#define FEEDS_LOOKS_H

#include "feeds/ledger_rows.h"

struct look;
#define scope_look __attribute__((cleanup(look_release)))
void look_release(struct look **look);

/* The page of ledger_read(). stamp: the client's newest, of feed_stamp() before; the rows up to it are there, whoever asked for
 * them. look_release() in any case. */
enum err look_read(const struct ledger_filter *f, int64_t after, int64_t limit, int64_t stamp,
                   struct look **look) must_check;
const struct ledger_page *look_page(const struct look *look);

/* For metrics. */
struct looks_counts {
    unsigned long own, shared;
};
struct looks_counts looks_counts(void);

#endif
