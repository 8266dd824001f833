/* The open connections: what each is doing since when, for deadlines; and the upload that its present request carries. */
#ifndef API_CONNECTIONS_H
#define API_CONNECTIONS_H

#include <netinet/in.h>

#include "api/upload.h"

enum connection_phase { PHASE_IDLE, PHASE_HEADERS, PHASE_BODY, PHASE_BUSY };

struct connection {
    int fd;
    char peer[INET6_ADDRSTRLEN], forwarded[INET6_ADDRSTRLEN];
    bool metrics_listener;
    enum connection_phase phase;
    int64_t since_ms;      /* monotonic */
    bool cut;              /* by a deadline */
    size_t body_bytes_max; /* of a JSON body to the present path */
    uint64_t body_bytes;   /* of the present request, as they came over the wire */
    bool keep_raw;         /* a JSON body that calls itself multipart: ulfius would choke on it */
    struct buf raw;
    bool has_upload;
    bool unreadable; /* multipart without a usable boundary: nobody can take it apart */
    struct upload upload;
    struct connection *next, *previous;
};

struct connection *connection_open(int fd, const struct sockaddr *peer, bool metrics_listener);
void connection_close(struct connection *c);
void connection_phase(struct connection *c, enum connection_phase phase);

int connections_count(void);
int connections_running(void);   /* with a request in flight */
void connections_cut_late(void); /* shuts down those past their deadline; called twice a second */

#endif
