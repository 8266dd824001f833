#include "api/metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/edge.h"
#include "api/rate.h"
#include "base/clock.h"
#include "build/gen/operations.h"
#include "build/gen/version.h"
#include "feeds/looks.h"
#include "feeds/waiting.h"
#include "notify/webhooks_lane.h"
#include "rules/counters.h"

enum { OPERATIONS_MAX = 256, BUCKETS = 9 };

static const int64_t bucket_ms[BUCKETS] = {1, 2, 5, 10, 25, 100, 250, 1000, 5000};

/* One more for requests that matched no operation. */
static struct { atomic_ulong by_class[6], in_bucket[BUCKETS + 1], total_ms; } counts[OPERATIONS_MAX + 1];

static size_t index_of(const struct operation *op) { return op ? (size_t)(op - operations) : OPERATIONS_MAX; }

void metrics_count(const struct operation *op, int status, int64_t ms) {
    size_t i = index_of(op), bucket = 0;
    while (bucket < BUCKETS && ms > bucket_ms[bucket]) bucket++;
    atomic_fetch_add_explicit(&counts[i].by_class[status / 100], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counts[i].in_bucket[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counts[i].total_ms, (unsigned long)ms, memory_order_relaxed);
}

static void add_requests(struct buf *out, size_t i, const char *name) {
    for (int class = 2; class < 6; class ++) {
        unsigned long n = atomic_load(&counts[i].by_class[class]);
        if (n) buf_addf(out, "mdr_requests_total{operation=\"%s\",status=\"%dxx\"} %lu\n", name, class, n);
    }
}

static void add_durations(struct buf *out, size_t i, const char *name) {
    unsigned long sum = 0;
    for (int b = 0; b <= BUCKETS; b++) {
        sum += atomic_load(&counts[i].in_bucket[b]);
        if (b < BUCKETS)
            buf_addf(out, "mdr_request_seconds_bucket{operation=\"%s\",le=\"%g\"} %lu\n", name,
                     (double)bucket_ms[b] / 1000, sum);
    }
    buf_addf(out, "mdr_request_seconds_bucket{operation=\"%s\",le=\"+Inf\"} %lu\n", name, sum);
    buf_addf(out, "mdr_request_seconds_sum{operation=\"%s\"} %g\n", name,
             (double)atomic_load(&counts[i].total_ms) / 1000);
    buf_addf(out, "mdr_request_seconds_count{operation=\"%s\"} %lu\n", name, sum);
}

static bool used(size_t i) {
    unsigned long sum = 0;
    for (int class = 0; class < 6; class ++) sum += atomic_load(&counts[i].by_class[class]);
    return sum > 0;
}

static long resident_bytes(void) {
    long total = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f) return 0;
    if (fscanf(f, "%ld %ld", &total, &resident) != 2) resident = 0;
    fclose(f);
    return resident * sysconf(_SC_PAGESIZE);
}

static void add_feeds(struct buf *out) {
    struct waiting_counts feeds = waiting_counts();
    buf_addf(out,
             "# HELP mdr_event_streams Open event streams.\n# TYPE mdr_event_streams gauge\nmdr_event_streams %ld\n",
             feeds.streams);
    buf_addf(
        out,
        "# HELP mdr_long_polls Requests that wait for a change.\n# TYPE mdr_long_polls gauge\nmdr_long_polls %ld\n",
        feeds.polls);
    buf_addf(out,
             "# HELP mdr_events_sent_total Rows sent by event streams.\n# TYPE mdr_events_sent_total counter\n"
             "mdr_events_sent_total %lu\n",
             feeds.rows_sent);
    struct looks_counts looks = looks_counts();
    buf_addf(out,
             "# HELP mdr_event_looks_total Looks for rows by event streams, by whether another stream's was taken.\n"
             "# TYPE mdr_event_looks_total counter\n"
             "mdr_event_looks_total{shared=\"false\"} %lu\nmdr_event_looks_total{shared=\"true\"} %lu\n",
             looks.own, looks.shared);
}

void metrics_text(struct buf *out) {
    buf_addf(
        out,
        "# HELP mdr_build_info The running version.\n# TYPE mdr_build_info gauge\nmdr_build_info{version=\"%s\"} 1\n",
        MDR_VERSION);
    buf_addf(out, "# HELP mdr_connections Open HTTP connections.\n# TYPE mdr_connections gauge\nmdr_connections %d\n",
             edge_connections());
    buf_addf(out,
             "# HELP process_resident_memory_bytes Resident memory.\n# TYPE process_resident_memory_bytes gauge\n"
             "process_resident_memory_bytes %ld\n",
             resident_bytes());
    add_feeds(out);
    rules_counters_text(out);
    buf_adds(out, "# HELP mdr_requests_total Requests answered, by operation and class of status.\n"
                  "# TYPE mdr_requests_total counter\n");
    for (size_t i = 0; i < operations_n; i++) add_requests(out, i, operations[i].id);
    add_requests(out, OPERATIONS_MAX, "none");
    buf_adds(out, "# HELP mdr_rate_refused_total Requests refused by a rate limit, by whose limit it was.\n"
                  "# TYPE mdr_rate_refused_total counter\n");
    for (enum rate rate = 0; rate < RATES; rate++)
        buf_addf(out, "mdr_rate_refused_total{limit=\"%s\"} %lu\n", rate_name(rate), rate_refused(rate));
    buf_adds(out, "# HELP mdr_request_seconds Time from headers and body complete to reply ready.\n"
                  "# TYPE mdr_request_seconds histogram\n");
    for (size_t i = 0; i < operations_n; i++)
        if (used(i)) add_durations(out, i, operations[i].id);
    webhooks_metrics(out);
}
