/* Where the pages of a listing ended, so that the next page continues there although others write (contract A1): a row that moves
 * between pages is neither lost nor doubled.
 *
 * Kept in this process for the last few hundred listings, by reader, filter, order and page size. Where a page's end is not known
 * (another node served it, the gateway was restarted) the page is counted off from the start.
 *
 * Under update_time a row that changes moves. Rows given out already are left out (by number, up to PAGE_SERVED_MAX), rows
 * changed after the first page began report its stamp as update_time at most: so a poller that takes the highest update_time and
 * asks for more from there misses no change. */
#ifndef BASE_PAGES_H
#define BASE_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGE_SERVED_MAX = 10000 };

/* How far a listing has got. */
struct position {
    bool started;
    int64_t last_time; /* of the last row given: value of the sort column */
    char last_id[64];
    int64_t snapshot; /* the client's newest stamp when the listing began */
    int64_t *served;  /* incident numbers, under update_time only; malloc */
    size_t served_n;
};
void position_free(struct position *p);
void position_note(struct position *p, int64_t time, const char *id, int64_t number, bool keep_served);

/* Where page `page` - 1 of the listing ended; false: unknown. The copy is the caller's to position_free(). */
bool pages_recall(uint64_t listing, int64_t page, struct position *out);
void pages_remember(uint64_t listing, int64_t page, const struct position *p);

#endif
