/* The made-up organisation: its hosts, and what happened to them. Everything follows from the seed and the number of
 * the asset or incident, so nothing is kept in memory and slices can be made in any order. */
#ifndef DEMO_WORLD_H
#define DEMO_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/random.h"
#include "demo/copy.h"
#include "demo/dice.h"
#include "demo/stock.h"

struct world {
    const char *client_id;
    uint64_t seed;
    int64_t now_ms;                 /* the last year ends here */
    uint32_t assets_n, incidents_n; /* with incidents at least WORLD_ASSETS_MIN assets */
};
enum { WORLD_ASSETS_MIN = 3 }; /* the hosts of the showcases */

/* ---- hosts ---- */

struct host {
    char asset_id[35];
    char name[80];
    char user[32]; /* who works there */
    char ip[16];
    enum system system;
    bool server, critical, isolated;
    const struct tenant *tenant;
};
void host_make(const struct world *w, uint32_t number, struct host *out);

/* A row of assets for COPY (ASSET_COLUMNS). */
#define ASSET_COLUMNS                                                                                                  \
    "client_id, asset_id, tenant_id, host_name, domain, first_seen, last_seen, os_version, installed_product_info, "   \
    "product_map, ksc_host_id, isolation, network_interfaces, tags, group_name, policy_name, device_kind, "            \
    "components, "                                                                                                     \
    "databases_time, problems"
void host_row(const struct world *w, uint32_t number, struct buf *scratch, struct copy *out);

/* ---- what happened ---- */

enum step_kind { STEP_CREATE, STEP_COMMENT, STEP_ATTACHMENT, STEP_RESPONSE, STEP_DECISION, STEP_STATUS };
enum fate { FATE_NEW, FATE_NEW_UNTIL, FATE_CONFIRMED, FATE_DECLINED, FATE_EXPIRED };

struct step {
    enum step_kind kind;
    bool by_customer;
    uint8_t person;   /* index of customer_names */
    uint8_t line;     /* of the dialogue; which picture */
    uint8_t response; /* STEP_DECISION: the step that made the response */
    enum fate fate;   /* STEP_RESPONSE, STEP_DECISION */
    int64_t at_ms;    /* as wished; the stamp may be later */
};

enum { PLAN_STEPS_MAX = 16, PLAN_HOSTS_MAX = 3 };

/* One incident's course. Steps are in time order; the first creates it, STEP_STATUS is the last. */
struct plan {
    int showcase; /* enum showcase, -1 = none */
    const struct story *story;
    bool japanese, custom; /* custom: made by the customer */
    uint8_t person;
    uint32_t hosts[PLAN_HOSTS_MAX];
    size_t hosts_n;
    const char *priority, *status, *resolution;
    struct step steps[PLAN_STEPS_MAX];
    size_t steps_n;
};
void plan_make(const struct world *w, uint32_t incident, struct plan *out);

size_t plan_records(const struct plan *p); /* rows of history: one for each step but the status, and the last update */
int64_t plan_number(const struct world *w, uint32_t incident); /* incident_number */
int64_t world_last_number(const struct world *w);

/* Ids of an incident and of what a step made. */
void incident_id(const struct world *w, uint32_t incident, char out[ID20_BYTES]);
enum { STEP_ID_BYTES = 48 };
void step_id(const struct world *w, uint32_t incident, size_t step, enum step_kind kind, char out[STEP_ID_BYTES]);

const char *step_author(const struct step *s); /* "Security Team" or the customer's name */

#define STREAM_HOST 1
#define STREAM_PLAN 2
#define STREAM_FACTS 3
#define STREAM_IDS 16

#endif
