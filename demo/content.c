#include "demo/content.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_BYTES_MAX = 64 * 1024, ARENA_BYTES_MAX = 1024 * 1024 };
enum { DAY_S = 86400, RUN_SCRIPT_S = 600, SLA_SHARE = 1000 };
#define GIGABYTES_10 10737418240LL
#define SERVICE_READER "demo-soc"

/* ---- what the texts speak of ---- */

static const char *fact(const struct content *c, char letter) {
    switch (letter) {
    case 'h': return c->hosts[0].name;
    case 'u': return c->hosts[0].user;
    case 'p': return c->path;
    case 'x': return c->sha256;
    case 'm': return c->md5;
    case 'd': return c->domain;
    case 'i': return c->ip;
    case 'c': return c->plan.story->process;
    default: return NULL;
    }
}

static const char *expand(struct content *c, const char *text) {
    scope_buf struct buf b;
    buf_init(&b, TEXT_BYTES_MAX);
    for (const char *s = text; *s; s++) {
        const char *value = s[0] == '{' && s[1] && s[2] == '}' ? fact(c, s[1]) : NULL;
        if (value) {
            buf_adds(&b, value);
            s += 2;
        } else {
            buf_addc(&b, *s);
        }
    }
    return arena_strndup(&c->arena, buf_text(&b), b.len);
}

static const char *say(struct content *c, const struct bilingual *text) {
    return expand(c, c->plan.japanese && *text->ja ? text->ja : text->en);
}

static bool is_linux_path(const char *path) { return *path == '/'; }

/* Stories that happen on several systems name the path of one. */
static void choose_path(struct content *c) {
    const char *path = c->plan.story->path, *process = c->plan.story->process;
    snprintf(c->path, sizeof c->path, "%s", expand(c, path));
    bool windows = c->hosts[0].system == WINDOWS;
    if (*path && windows == is_linux_path(path))
        snprintf(c->path, sizeof c->path, windows ? "C:\\ProgramData\\%s.exe" : "/opt/%s", process);
}

/* The root's incidents are those that concern hosts of several tenants. */
static const struct tenant *tenant_of(const struct content *c) {
    for (size_t i = 1; i < c->plan.hosts_n; i++)
        if (c->hosts[i].tenant != c->hosts[0].tenant) return &tenants_stock[0];
    return c->hosts[0].tenant;
}

static const struct technique *technique_of(const char *id) {
    size_t len = strlen(id);
    for (size_t i = 0; i < techniques_n; i++)
        if (!strncmp(techniques[i].name, id, len) && techniques[i].name[len] == ':') return &techniques[i];
    return NULL;
}

static void find_attack(const struct plan *p, struct attack *a) {
    *a = (struct attack){0};
    for (size_t i = 0; i < STORY_TECHNIQUES_MAX && p->story->techniques[i] && !p->custom; i++) {
        const struct technique *t = technique_of(p->story->techniques[i]);
        if (!t) continue;
        a->techniques[a->techniques_n++] = t->name;
        bool known = false;
        for (size_t k = 0; k < a->tactics_n; k++)
            known |= a->tactics[k] == t->tactic || !strcmp(a->tactics[k], t->tactic);
        if (!known) a->tactics[a->tactics_n++] = t->tactic;
    }
}

void content_make(const struct world *w, uint32_t incident, const int64_t *stamps, struct content *out) {
    struct dice d = dice_of(w->seed, STREAM_FACTS, incident);
    *out = (struct content){.w = w, .incident = incident, .stamps = stamps};
    arena_init(&out->arena, ARENA_BYTES_MAX);
    plan_make(w, incident, &out->plan);
    for (size_t i = 0; i < out->plan.hosts_n; i++) host_make(w, out->plan.hosts[i], &out->hosts[i]);
    incident_id(w, incident, out->id);
    dice_hex(&d, out->sha256, 64);
    dice_hex(&d, out->md5, 32);
    /* addresses for documentation: RFC 5737 */
    snprintf(out->ip, sizeof out->ip, "%s.%u", dice_percent(&d, 50) ? "203.0.113" : "198.51.100",
             dice_below(&d, 254) + 1);
    out->domain = bad_domains[dice_below(&d, (uint32_t)bad_domains_n)];
    out->tenant = tenant_of(out);
    choose_path(out);
    find_attack(&out->plan, &out->attack);
}

void content_free(struct content *c) { arena_free(&c->arena); }

static const char *origin_name(bool customer) { return customer ? "Client" : "Service"; }

static const char *reader_of(struct content *c, const struct step *s) {
    return s->by_customer ? arena_printf(&c->arena, "demo-%u", s->person) : SERVICE_READER;
}

/* ---- the incident ---- */

static void add_hosts(struct content *c, struct incident *i) {
    for (; i->hosts_n < c->plan.hosts_n; i->hosts_n++) {
        const struct host *h = &c->hosts[i->hosts_n];
        i->affected_hosts[i->hosts_n] = arena_printf(&c->arena, "%s:%s", h->name, h->asset_id);
    }
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '\\');
    if (!slash) slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void add_iocs(const struct content *c, struct incident *i) {
    const char *text = c->plan.story->text.en;
    if (c->plan.custom) return;
    if (*c->path) {
        i->host_based_iocs[i->host_iocs_n++] = (struct ioc){"sha256", c->sha256, base_name(c->path)};
        i->host_based_iocs[i->host_iocs_n++] = (struct ioc){"file_path", c->path, NULL};
    }
    if (strstr(text, "{d}")) i->network_based_iocs[i->network_iocs_n++] = (struct ioc){"domain", c->domain, NULL};
    if (strstr(text, "{i}")) i->network_based_iocs[i->network_iocs_n++] = (struct ioc){"ip", c->ip, NULL};
}

static const char *closing(struct content *c, struct dice *d) {
    const struct plan *p = &c->plan;
    const struct bilingual *closings = *p->resolution == 'T' || p->custom ? closings_true
                                       : *p->resolution == 'F'            ? closings_false
                                                                          : closings_other;
    if (*p->resolution) return say(c, &closings[dice_below(d, CLOSINGS_N)]);
    if (p->custom || strcmp(p->status, "On hold") != 0) return "";
    return p->japanese ? "お客様の回答を待っています。" : "Waiting for the customer's answer.";
}

static void add_story(struct content *c, struct incident *i, struct dice *d) {
    const struct plan *p = &c->plan;
    uint32_t custom = p->hosts[0] % CUSTOM_N;
    i->summary = say(c, p->custom ? &custom_summaries[custom] : &p->story->summary);
    i->description = p->custom ? "" : say(c, &p->story->text);
    i->client_description = p->custom ? say(c, &custom_texts[custom]) : "";
    i->status_description = closing(c, d);
    i->recommendations = p->custom ? "" : say(c, &p->story->advice);
}

static int64_t count_steps(const struct plan *p, enum step_kind kind) {
    int64_t n = 0;
    for (size_t i = 0; i < p->steps_n; i++) n += p->steps[i].kind == kind;
    return n;
}

/* Within the SLA for most; the customer's own are known at once. */
static void add_sla(const struct content *c, struct incident *i, struct dice *d) {
    const struct plan *p = &c->plan;
    int64_t target_min = *p->priority == 'H' ? 60 : *p->priority == 'N' ? 240 : 1440;
    int64_t minutes =
        dice_percent(d, 94) ? dice_between(d, 2, target_min - 5) : dice_between(d, target_min, target_min * 2);
    bool few = c->w->incidents_n <= SLA_SHARE || c->incident % (c->w->incidents_n / SLA_SHARE) == 0;
    i->has_sla = !p->custom || few;
    i->detected_at = c->stamps[0] - (p->custom ? 0 : minutes * 60000);
    i->notified_at = p->custom ? 0 : c->stamps[0];
}

struct incident content_incident(struct content *c) {
    struct dice d = dice_of(c->w->seed, STREAM_FACTS + 1, c->incident);
    const struct plan *p = &c->plan;
    int64_t last = c->stamps[p->steps_n - 1];
    struct incident i = {
        .incident_id = c->id,
        .tenant_name = c->tenant->name,
        .incident_number = plan_number(c->w, c->incident),
        .priority = p->priority,
        .status = p->status,
        .resolution = p->resolution,
        .detection_technology = p->custom ? "" : p->story->technology,
        .creation_time = c->stamps[0],
        .update_time = last,
        .attack_stage = p->custom ? "" : p->story->stage,
        .attack = &c->attack,
        .threat_class = p->custom ? "" : p->story->threat,
        .origin = origin_name(p->custom),
        .author_reader = reader_of(c, &p->steps[0]),
        .closed_at = strcmp(p->status, "Closed") ? 0 : last,
        .comments_n = count_steps(p, STEP_COMMENT),
        .attachments_n = count_steps(p, STEP_ATTACHMENT),
        .responses_n = count_steps(p, STEP_RESPONSE),
        .history_n = (int64_t)plan_records(p),
    };
    add_hosts(c, &i);
    add_iocs(c, &i);
    add_story(c, &i, &d);
    add_sla(c, &i, &d);
    return i;
}

struct incident content_incident_at_first(struct content *c) {
    struct incident i = content_incident(c);
    i.status = "Open";
    i.resolution = i.status_description = "";
    i.update_time = i.creation_time;
    i.closed_at = i.comments_n = i.attachments_n = i.responses_n = 0;
    i.history_n = 1;
    return i;
}

/* ---- chat ---- */

struct comment content_comment(struct content *c, size_t step) {
    const struct step *s = &c->plan.steps[step];
    struct comment out = {
        .author_name = step_author(s),
        .author_reader = reader_of(c, s),
        .text = say(c, s->by_customer ? &customer_lines[s->line] : &team_lines[s->line]),
        .origin = origin_name(s->by_customer),
        .creation_time = c->stamps[step],
    };
    step_id(c->w, c->incident, step, STEP_COMMENT, out.comment_id);
    return out;
}

struct attachment content_attachment(struct content *c, size_t step) {
    const struct step *s = &c->plan.steps[step];
    bool japanese = c->plan.japanese;
    struct attachment out = {
        .client_id = c->w->client_id,
        .author_name = step_author(s),
        .author_reader = reader_of(c, s),
        .caption = japanese ? "利用者の画面" : "The user's screen",
        .full_name = arena_printf(&c->arena, japanese ? "スクリーンショット_%zu.png" : "screenshot_%zu.png", step),
        .origin = origin_name(s->by_customer),
        .picture = &pictures()[s->line % PICTURES_N],
        .creation_time = c->stamps[step],
    };
    step_id(c->w, c->incident, step, STEP_ATTACHMENT, out.attachment_id);
    return out;
}

/* ---- responses ---- */

static const char autostart_key[] = "HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\System";

static const char *response_type(const struct content *c, size_t step) {
    const struct step *s = &c->plan.steps[step];
    bool windows = c->hosts[0].system == WINDOWS;
    if (c->plan.showcase == SHOW_RESPONSES) return step == 1 ? "GET_FILE" : "DELETE_REGISTRY_KEY";
    if (s->fate == FATE_EXPIRED && windows) return "RUN_SCRIPT";
    if (s->line % 4 == 0 && *c->path) return "GET_FILE";
    /* processes are ended on Windows only */
    return !windows && !strcmp(c->plan.story->response, "KILL_PROCESS") ? "DELETE_FILE" : c->plan.story->response;
}

static void add_parameters(const struct content *c, const char *type, struct buf *b) {
    json_open(b, '{');
    if (!strcmp(type, "GET_FILE")) {
        json_kstr(b, "path", c->path);
        json_kint(b, "max_size_bytes", GIGABYTES_10);
    } else if (!strcmp(type, "RUN_SCRIPT")) {
        json_kstr(b, "interpreter", "powershell");
        json_kstr(b, "script", "Get-ScheduledTask | Where-Object State -ne Disabled | Format-List");
        json_kstr(b, "workingDirectory", "C:\\Windows");
        json_kraw(b, "interpreterParameters", "null");
    } else if (!strcmp(type, "DELETE_REGISTRY_KEY")) {
        json_kstr(b, "key", autostart_key);
    } else if (!strcmp(type, "ISOLATE_HOST")) {
        json_kint(b, "duration_s", DAY_S);
    } else if (!strcmp(type, "MEMORY_DUMP")) {
        json_kstr(b, "process", c->plan.story->process);
    } else {
        json_kstr(b, "path", c->path);
        if (!strcmp(type, "PREVENT_EXECUTION")) json_kstr(b, "mode", "block");
    }
    json_close(b, '}');
}

static void add_what(struct content *c, size_t step, struct response *r) {
    scope_buf struct buf b;
    buf_init(&b, TEXT_BYTES_MAX);
    r->type = response_type(c, step);
    add_parameters(c, r->type, &b);
    r->parameters = arena_strdup(&c->arena, buf_text(&b));
    r->file_path = strstr(r->parameters, "\"path\"") ? c->path : "";
    r->file_size_limit = strcmp(r->type, "GET_FILE") ? 0 : GIGABYTES_10;
}

#define DECIDED_BY_NOBODY "{\"kind\":\"\",\"id\":\"\",\"name\":\"\",\"approvals\":[]}"

static const char *decided_by(struct content *c, const struct step *decision, int64_t stamp) {
    bool user = decision->fate != FATE_EXPIRED;
    const char *reader = user ? reader_of(c, decision) : "", *name = user ? step_author(decision) : "";
    scope_buf struct buf b;
    buf_init(&b, TEXT_BYTES_MAX);
    json_open(&b, '{');
    json_kstr(&b, "kind", user ? "user" : "deadline");
    json_kstr(&b, "id", reader);
    json_kstr(&b, "name", name);
    json_key(&b, "approvals");
    json_open(&b, '[');
    if (decision->fate == FATE_CONFIRMED) {
        json_open(&b, '{');
        json_kstr(&b, "kind", "user");
        json_kstr(&b, "id", reader);
        json_kstr(&b, "name", name);
        json_kint(&b, "time", stamp);
        json_close(&b, '}');
    }
    json_close(&b, ']');
    json_close(&b, '}');
    return arena_strdup(&c->arena, buf_text(&b));
}

static const struct step *decision_on(const struct plan *p, size_t response, size_t *at) {
    for (size_t i = response + 1; i < p->steps_n; i++)
        if (p->steps[i].kind == STEP_DECISION && p->steps[i].response == response) {
            *at = i;
            return &p->steps[i];
        }
    return NULL;
}

static const char *decision_comment(const struct step *decision, bool japanese) {
    if (decision->fate == FATE_EXPIRED) return "Automatically rejected, because the task timeout has expired";
    if (decision->fate == FATE_CONFIRMED) return japanese ? "承認します。" : "Approved.";
    return japanese ? "業務時間中のため見送ります。" : "Not during working hours, we take care of it ourselves.";
}

/* What was confirmed was carried out, if there was time for it. */
static void add_execution(const struct content *c, const struct step *decision, struct response *r) {
    int64_t decided = r->update_time;
    if (decision->fate != FATE_CONFIRMED || decided + 120000 >= c->w->now_ms) return;
    bool failed = decision->response % 7 == 3 && decided % 5 == 0;
    r->execution_state = failed ? "failed" : "succeeded";
    r->connector_name = "Management server";
    r->attempts = 1;
    r->started_at = decided + 4000;
    r->finished_at = decided + 9000 + decided % 90000;
    r->report_message = failed ? "The file was not found." : "";
    r->report_code = failed ? "not_found" : "";
}

static int64_t decide_until(const struct step *s, int64_t made) {
    if (s->fate == FATE_NEW) return 0;
    return made + 1000LL * (s->fate == FATE_EXPIRED ? RUN_SCRIPT_S : 7 * DAY_S);
}

struct response content_response_at_first(struct content *c, size_t step) {
    static const struct bilingual why = {"Needed to contain the threat on {h}.",
                                         "{h} の脅威を封じ込めるために必要です。"};
    struct response r = {
        .incident_id = c->id,
        .asset_id = c->hosts[0].asset_id,
        .status = "New",
        .comment = "",
        .description = say(c, &why),
        .origin = origin_name(false),
        .author_reader = SERVICE_READER,
        .decided_by = DECIDED_BY_NOBODY,
        .execution_state = "none",
        .connector_name = "",
        .report_message = "",
        .report_code = "",
        .creation_time = c->stamps[step],
        .update_time = c->stamps[step],
        .decide_until = decide_until(&c->plan.steps[step], c->stamps[step]),
    };
    step_id(c->w, c->incident, step, STEP_RESPONSE, r.response_id);
    add_what(c, step, &r);
    return r;
}

struct response content_response(struct content *c, size_t step) {
    size_t at = step;
    const struct step *decision = decision_on(&c->plan, step, &at);
    struct response r = content_response_at_first(c, step);
    if (!decision) return r;
    r.status = decision->fate == FATE_CONFIRMED ? "Confirmed" : "Declined";
    r.comment = decision_comment(decision, c->plan.japanese);
    r.update_time = c->stamps[at];
    r.decided_by = decided_by(c, decision, r.update_time);
    add_execution(c, decision, &r);
    return r;
}
