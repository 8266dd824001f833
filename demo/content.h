/* What an incident and all that hangs on it say, worked out from its plan: for the rows of the tables and for its history. */
#ifndef DEMO_CONTENT_H
#define DEMO_CONTENT_H

#include "base/arena.h"
#include "demo/picture.h"
#include "demo/world.h"

struct attack {
    const char *techniques[STORY_TECHNIQUES_MAX], *tactics[STORY_TECHNIQUES_MAX];
    size_t techniques_n, tactics_n;
};

/* Of one incident. Texts of the shapes below live as long as this. */
struct content {
    struct arena arena;
    const struct world *w;
    uint32_t incident;
    struct plan plan;
    const int64_t *stamps; /* one for each step of the plan */
    struct host hosts[PLAN_HOSTS_MAX];
    char id[ID20_BYTES], sha256[65], md5[33], ip[16], path[200];
    const char *domain;
    const struct tenant *tenant;
    struct attack attack;
};
void content_make(const struct world *w, uint32_t incident, const int64_t *stamps, struct content *out);
void content_free(struct content *c);

/* ---- the shapes: members are called as the columns are ---- */

enum { IOCS_MAX = 2 };
struct ioc {
    const char *type, *value, *filename; /* filename: NULL = none */
};

struct incident {
    const char *incident_id, *tenant_name, *summary, *priority, *status, *resolution, *detection_technology,
        *attack_stage, *description, *client_description, *status_description, *recommendations, *origin,
        *author_reader;
    const char *affected_hosts[PLAN_HOSTS_MAX]; /* NAME:0xID */
    size_t hosts_n;
    struct ioc host_based_iocs[IOCS_MAX], network_based_iocs[IOCS_MAX];
    size_t host_iocs_n, network_iocs_n;
    const struct attack *attack;
    const char *threat_class; /* "" = none */
    int64_t incident_number, creation_time, update_time, detected_at, notified_at, closed_at;
    int64_t comments_n, attachments_n, responses_n, history_n;
    bool has_sla;
};
struct comment {
    char comment_id[STEP_ID_BYTES];
    const char *author_name, *author_reader, *text, *origin;
    int64_t creation_time;
};
struct attachment {
    char attachment_id[STEP_ID_BYTES];
    const char *client_id, *author_name, *author_reader, *caption, *full_name, *origin;
    const struct picture *picture;
    int64_t creation_time;
};
struct response {
    char response_id[STEP_ID_BYTES];
    const char *incident_id, *asset_id, *type, *parameters, *file_path, *status, *comment, *description, *origin,
        *author_reader, *decided_by;
    const char *execution_state, *connector_name, *report_message, *report_code;
    int64_t file_size_limit, creation_time, update_time, decide_until, attempts, started_at, finished_at;
};

/* As it is now. */
struct incident content_incident(struct content *c);
struct comment content_comment(struct content *c, size_t step);
struct attachment content_attachment(struct content *c, size_t step);
struct response content_response(struct content *c, size_t step); /* step: the STEP_RESPONSE */

/* As it was made. */
struct incident content_incident_at_first(struct content *c);
struct response content_response_at_first(struct content *c, size_t step);

#endif
