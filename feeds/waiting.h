/* Those who wait for changes: event streams and long polls. Each keeps a thread, so how many there may be is bounded, in all and of
 * one client (MDR_STREAM_LIMIT, MDR_STREAMS_PER_CLIENT); one user or connection has at most half of the client's, so that none
 * keeps the others from waiting. */
#ifndef FEEDS_WAITING_H
#define FEEDS_WAITING_H

#include "auth/request.h"

/* A place among those who wait; {0} is none. */
struct waiting {
    const char *client_id, *reader_id; /* borrowed until waiting_leave() */
    bool stream, entered;
    struct waiting *next, *previous;
};
#define scope_waiting __attribute__((cleanup(waiting_leave)))

/* ERR_RATE: the client or the reader has as many as it may have; ERR_UNAVAILABLE: there are as many as there may be. Entering twice is nothing. */
enum err waiting_enter(struct request *r, struct waiting *w, const char *client_id, const char *reader_id,
                       bool stream) must_check;
void waiting_leave(struct waiting *w);

/* For metrics. */
void waiting_sent(int rows); /* that many rows went out by a stream */
struct waiting_counts {
    long streams, polls;
    unsigned long rows_sent;
};
struct waiting_counts waiting_counts(void);

#endif
