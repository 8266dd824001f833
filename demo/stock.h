/* What the demo's stories are made of: detections, techniques, dialogues, names. Only tables.
 *
 * Texts may hold {h} host, {u} user, {p} path, {x} SHA-256, {m} MD5, {d} domain, {i} address, {c} process name. */
#ifndef DEMO_STOCK_H
#define DEMO_STOCK_H

#include <stddef.h>
#include <stdint.h>

enum system { WINDOWS = 1, LINUX = 2, MACOS = 4 };

/* MITRE ATT&CK, as shown: "TA0005: Defense Evasion", "T1036: Masquerading". */
struct technique {
    const char *name, *tactic;
};
extern const struct technique techniques[];
extern const size_t techniques_n;

struct bilingual {
    const char *en, *ja;
};

enum { STORY_TECHNIQUES_MAX = 3 };
/* One kind of detection. */
struct story {
    unsigned systems; /* where it happens: bits of enum system */
    const char *technology, *stage;
    const char *threat;                           /* threat class, "" = none */
    uint8_t priorities[3];                        /* weights of HIGH, NORMAL, LOW */
    const char *techniques[STORY_TECHNIQUES_MAX]; /* ids, e.g. "T1036" */
    const char *path, *process;                   /* of the file at fault */
    const char *response;                         /* the response action that fits */
    struct bilingual summary, text, advice;
};
extern const struct story stories[];
extern const size_t stories_n;

/* The stories of the product's slides, always there. */
enum showcase { SHOW_CARBANAK, SHOW_DOCUMENT, SHOW_EVENT_LOGS, SHOW_RESPONSES, SHOWCASES_N };
struct showcase_story {
    int64_t number;
    const char *host;
    int64_t age_ms;
    struct story story;
};
extern const struct showcase_story showcases[SHOWCASES_N];

/* What the team writes and what the customer answers, in turns. */
extern const struct bilingual team_lines[], customer_lines[];
extern const size_t team_lines_n, customer_lines_n;

extern const struct bilingual closings_true[], closings_false[], closings_other[]; /* status_description */
enum { CLOSINGS_N = 4 };

extern const struct bilingual custom_summaries[], custom_texts[]; /* incidents made by customers */
enum { CUSTOM_N = 5 };

extern const char *const customer_names[];
extern const size_t customer_names_n;
extern const char *const user_names[]; /* accounts on hosts */
extern const size_t user_names_n;
extern const char *const bad_domains[];
extern const size_t bad_domains_n;

struct tenant {
    const char *id, *name, *description;
    const char *domain;           /* of its hosts */
    const char *group, *group_ja; /* of its assets */
    int net;                      /* 10.<net>.x.y */
};
extern const struct tenant tenants_stock[]; /* the first is the root */
enum { TENANTS_STOCK_N = 5 };

#endif
