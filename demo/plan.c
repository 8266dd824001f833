#include <stdio.h>
#include <string.h>

#include "demo/world.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };
#define DAY (24LL * HOUR)
#define FIRST_NUMBER 1001
enum { EXPIRED_AFTER_MS = 608 * SECOND };

/* The newest incidents are the showcases. */
static int showcase_of(const struct world *w, uint32_t incident) {
    uint32_t shown = w->incidents_n < SHOWCASES_N ? w->incidents_n : SHOWCASES_N;
    return incident >= w->incidents_n - shown ? (int)(incident - (w->incidents_n - shown)) : -1;
}

int64_t plan_number(const struct world *w, uint32_t incident) {
    int showcase = showcase_of(w, incident);
    if (showcase >= 0) return showcases[showcase].number;
    int64_t number = FIRST_NUMBER + incident;
    for (int i = 0; i < SHOWCASES_N; i++) number += number >= showcases[i].number; /* in ascending order */
    return number;
}

int64_t world_last_number(const struct world *w) {
    int64_t shown = showcases[SHOWCASES_N - 1].number, last = FIRST_NUMBER + (int64_t)w->incidents_n + SHOWCASES_N;
    return last > shown ? last : shown;
}

void incident_id(const struct world *w, uint32_t incident, char out[ID20_BYTES]) {
    struct dice d = dice_of(w->seed, STREAM_IDS, incident);
    dice_id20(&d, incident, out);
}

void step_id(const struct world *w, uint32_t incident, size_t step, enum step_kind kind, char out[STEP_ID_BYTES]) {
    struct dice d = dice_of(w->seed, STREAM_IDS + 1 + step, incident);
    char uuid[UUID_BYTES];
    if (kind != STEP_RESPONSE && kind != STEP_DECISION) {
        dice_id20(&d, incident, out);
        return;
    }
    dice_uuid(&d, uuid);
    snprintf(out, STEP_ID_BYTES, "MDR_%s", uuid);
}

const char *step_author(const struct step *s) { return s->by_customer ? customer_names[s->person] : "Security Team"; }

size_t plan_records(const struct plan *p) {
    bool ends_by_status = p->steps[p->steps_n - 1].kind == STEP_STATUS;
    return p->steps_n - ends_by_status + (p->steps_n > 1);
}

/* ---- time ---- */

static int64_t time_of(const struct world *w, struct dice *d, uint32_t incident) {
    double share = (incident + dice_below(d, 1000) / 1000.0) / w->incidents_n;
    return w->now_ms - 365 * DAY + (int64_t)(share * (365.0 * DAY - 5 * MINUTE));
}

static struct step *add_step(struct plan *p, enum step_kind kind, int64_t at_ms) {
    struct step *s = &p->steps[p->steps_n++];
    *s = (struct step){.kind = kind, .person = p->person, .at_ms = at_ms};
    return s;
}

/* Some time after the last step, but not in the future. */
static int64_t later(const struct world *w, struct dice *d, const struct plan *p, int64_t least, int64_t most) {
    int64_t last = p->steps[p->steps_n - 1].at_ms, room = w->now_ms - SECOND - last;
    int64_t gap = dice_between(d, least, most);
    if (gap > room / 2) gap = room > 2 ? dice_between(d, 1, room / 2) : 1;
    return last + gap;
}

/* ---- what is it ---- */

static void choose_hosts(const struct world *w, struct dice *d, struct plan *p) {
    static const uint8_t counts[] = {0, 80, 15, 5};
    p->hosts_n = dice_weighted(d, counts, sizeof counts);
    for (size_t i = 0; i < p->hosts_n; i++) p->hosts[i] = dice_below(d, w->assets_n);
    if (p->hosts_n > 1 && p->hosts[1] == p->hosts[0]) p->hosts_n = 1;
    if (p->hosts_n > 2 && (p->hosts[2] == p->hosts[0] || p->hosts[2] == p->hosts[1])) p->hosts_n = 2;
}

static void choose_story(struct dice *d, struct plan *p, const struct host *h) {
    do p->story = &stories[dice_below(d, (uint32_t)stories_n)];
    while (!(p->story->systems & h->system));
}

static void choose_priority(struct dice *d, struct plan *p) {
    static const char *const names[] = {"HIGH", "NORMAL", "LOW"};
    p->priority = names[dice_weighted(d, p->story->priorities, 3)];
}

/* Young ones are open; what is older than a month hardly ever. Resolved ones close by themselves after 72 hours. */
static void choose_status(const struct world *w, struct dice *d, struct plan *p) {
    static const char *const names[] = {"Open", "On hold", "Resolved", "Closed"};
    static const uint8_t hours[] = {88, 8, 2, 2}, days[] = {42, 14, 24, 20}, weeks[] = {5, 5, 0, 90},
                         old[] = {0, 1, 0, 254};
    int64_t age = w->now_ms - p->steps[0].at_ms;
    const uint8_t *shares = age < 3 * HOUR ? hours : age < 70LL * HOUR ? days : age < 30 * DAY ? weeks : old;
    static const char *const resolutions[] = {"True positive", "False positive", "Other"};
    static const uint8_t resolution_shares[] = {52, 41, 7};
    p->status = names[dice_weighted(d, shares, 4)];
    bool done = !strcmp(p->status, "Resolved") || !strcmp(p->status, "Closed");
    p->resolution = done ? resolutions[dice_weighted(d, resolution_shares, 3)] : "";
}

/* ---- what follows ---- */

static void add_comments(const struct world *w, struct dice *d, struct plan *p, size_t n) {
    bool customer = p->custom;
    for (size_t i = 0; i < n; i++, customer = !customer) {
        struct step *s = add_step(p, STEP_COMMENT, later(w, d, p, MINUTE, 5 * HOUR));
        s->by_customer = customer;
        s->line = (uint8_t)dice_below(d, (uint32_t)(customer ? customer_lines_n : team_lines_n));
    }
}

static void add_picture(const struct world *w, struct dice *d, struct plan *p, bool by_customer) {
    struct step *s = add_step(p, STEP_ATTACHMENT, later(w, d, p, MINUTE, 40 * MINUTE));
    s->by_customer = by_customer;
    s->line = (uint8_t)dice_below(d, 250);
}

static void add_response(const struct world *w, struct dice *d, struct plan *p, enum fate fate) {
    struct step *s = add_step(p, STEP_RESPONSE, later(w, d, p, MINUTE, 2 * HOUR));
    uint8_t made = (uint8_t)(p->steps_n - 1);
    s->line = (uint8_t)dice_below(d, 250);
    if (fate == FATE_EXPIRED && s->at_ms + EXPIRED_AFTER_MS > w->now_ms) fate = FATE_CONFIRMED;
    s->fate = fate;
    if (fate == FATE_NEW || fate == FATE_NEW_UNTIL) return;
    int64_t at = fate == FATE_EXPIRED ? s->at_ms + EXPIRED_AFTER_MS : later(w, d, p, MINUTE, 9 * HOUR);
    s = add_step(p, STEP_DECISION, at);
    s->by_customer = true;
    s->response = made;
    s->fate = fate;
}

static enum fate choose_fate(const struct world *w, struct dice *d, const struct plan *p) {
    static const uint8_t decided[] = {70, 15, 15};
    bool young = p->steps[0].at_ms > w->now_ms - 6 * DAY, over = *p->resolution;
    if (!over && dice_percent(d, 55)) return young ? (dice_percent(d, 70) ? FATE_NEW_UNTIL : FATE_NEW) : FATE_NEW;
    return FATE_CONFIRMED + dice_weighted(d, decided, sizeof decided);
}

static void add_course(const struct world *w, struct dice *d, struct plan *p, const struct host *h) {
    static const uint8_t talk[] = {62, 12, 13, 7, 6}, actions[] = {76, 21, 3};
    size_t comments = dice_weighted(d, talk, sizeof talk);
    size_t responses =
        *p->story->response && !h->critical && !p->custom ? dice_weighted(d, actions, sizeof actions) : 0;
    for (size_t i = 0; i < responses; i++) add_response(w, d, p, choose_fate(w, d, p));
    add_comments(w, d, p, comments);
    if (comments > 1 && dice_percent(d, 18)) add_picture(w, d, p, true);
    if (strcmp(p->status, "Open") != 0)
        add_step(p, STEP_STATUS, later(w, d, p, 10 * MINUTE, 40 * HOUR))->by_customer = p->custom;
}

/* ---- showcases ---- */

static void plan_showcase(const struct world *w, struct dice *d, struct plan *p) {
    static const uint32_t hosts[SHOWCASES_N] = {0, 1, 2, 0};
    p->story = &showcases[p->showcase].story;
    p->japanese = p->custom = false;
    p->hosts_n = 1;
    p->hosts[0] = hosts[p->showcase];
    p->steps[0].at_ms = w->now_ms - showcases[p->showcase].age_ms;
    p->status = "Open";
    p->resolution = "";
    if (p->showcase == SHOW_DOCUMENT) {
        add_comments(w, d, p, 2);
        for (int i = 0; i < 4; i++) add_picture(w, d, p, true);
        for (int i = 0; i < 4; i++) p->steps[p->steps_n - 1 - (size_t)i].line = (uint8_t)i;
        p->steps[1].line = 5; /* asks for a screenshot; the answer brings it */
        p->steps[2].line = 5;
    }
    if (p->showcase == SHOW_RESPONSES) {
        add_response(w, d, p, FATE_NEW);
        add_response(w, d, p, FATE_NEW);
    }
    if (p->showcase == SHOW_CARBANAK) add_comments(w, d, p, 1);
    if (p->showcase != SHOW_EVENT_LOGS) return;
    p->status = "On hold";
    add_step(p, STEP_STATUS, later(w, d, p, HOUR, 2 * HOUR));
}

void plan_make(const struct world *w, uint32_t incident, struct plan *out) {
    struct dice d = dice_of(w->seed, STREAM_PLAN, incident);
    struct host h;
    *out = (struct plan){.showcase = showcase_of(w, incident)};
    out->person = (uint8_t)dice_below(&d, (uint32_t)customer_names_n);
    out->japanese = dice_percent(&d, 50);
    out->custom = dice_percent(&d, 5);
    add_step(out, STEP_CREATE, time_of(w, &d, incident))->by_customer = out->custom;
    choose_hosts(w, &d, out);
    host_make(w, out->hosts[0], &h);
    choose_story(&d, out, &h);
    choose_status(w, &d, out);
    if (out->showcase >= 0)
        plan_showcase(w, &d, out);
    else
        add_course(w, &d, out, &h);
    choose_priority(&d, out);
    out->steps[0].by_customer = out->custom;
}
