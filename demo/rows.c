#include "demo/rows.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "demo/copy.h"
#include "incidents/mitre.h"

enum { BUFFER_BYTES_MAX = 1024 * 1024 * 1024, DAY_S = 86400, RUN_SCRIPT_S = 600, SLA_SHARE = 1000 };
#define GIGABYTES_10 10737418240LL
#define SERVICE_READER "demo-soc"

void rows_init(struct rows_out *out, const struct picture *pictures_all) {
#define X(member, table, columns) buf_init(&out->member, BUFFER_BYTES_MAX);
    ROWS_TABLES(X)
#undef X
    buf_init(&out->scratch, 1024 * 1024);
    buf_init(&out->text, 1024 * 1024);
    out->pictures = pictures_all;
}

void rows_reset(struct rows_out *out) {
#define X(member, table, columns) buf_reset(&out->member);
    ROWS_TABLES(X)
#undef X
}

void rows_end(struct rows_out *out) {
#define X(member, table, columns) buf_free(&out->member);
    ROWS_TABLES(X)
#undef X
    buf_free(&out->scratch);
    buf_free(&out->text);
}

bool rows_failed(const struct rows_out *out) {
    bool failed = out->scratch.failed || out->text.failed;
#define X(member, table, columns) failed |= out->member.failed;
    ROWS_TABLES(X)
#undef X
    return failed;
}

/* ---- what the texts speak of ---- */

struct facts {
    const struct world *w;
    uint32_t incident;
    const struct plan *p;
    const int64_t *stamps;
    struct host hosts[PLAN_HOSTS_MAX];
    char id[ID20_BYTES], sha256[65], md5[33], ip[16], path[200];
    const char *domain;
    const struct tenant *tenant;
    struct rows_out *out;
};

static const char *fact(const struct facts *f, char letter) {
    switch (letter) {
    case 'h': return f->hosts[0].name;
    case 'u': return f->hosts[0].user;
    case 'p': return f->path;
    case 'x': return f->sha256;
    case 'm': return f->md5;
    case 'd': return f->domain;
    case 'i': return f->ip;
    case 'c': return f->p->story->process;
    default: return NULL;
    }
}

static void expand(const struct facts *f, const char *text, struct buf *b) {
    for (const char *s = text; *s; s++) {
        const char *value = s[0] == '{' && s[1] && s[2] == '}' ? fact(f, s[1]) : NULL;
        if (value) {
            buf_adds(b, value);
            s += 2;
        } else {
            buf_addc(b, *s);
        }
    }
}

static const char *in_language(const struct facts *f, const struct bilingual *b) {
    return f->p->japanese && *b->ja ? b->ja : b->en;
}

static void copy_expanded(const struct facts *f, const struct bilingual *text, struct buf *to) {
    buf_reset(&f->out->text);
    expand(f, in_language(f, text), &f->out->text);
    copy_textn(to, buf_text(&f->out->text), f->out->text.len);
}

static bool is_linux_path(const char *path) { return *path == '/'; }

/* Stories that happen on several systems name the path of one. */
static void choose_path(struct facts *f) {
    const char *path = f->p->story->path, *process = f->p->story->process;
    buf_reset(&f->out->text);
    expand(f, path, &f->out->text);
    snprintf(f->path, sizeof f->path, "%s", buf_text(&f->out->text));
    bool windows = f->hosts[0].system == WINDOWS;
    if (*path && windows == is_linux_path(path))
        snprintf(f->path, sizeof f->path, windows ? "C:\\ProgramData\\%s.exe" : "/opt/%s", process);
}

/* The root's incidents are those that concern hosts of several tenants. */
static const struct tenant *tenant_of(const struct facts *f) {
    for (size_t i = 1; i < f->p->hosts_n; i++)
        if (f->hosts[i].tenant != f->hosts[0].tenant) return &tenants_stock[0];
    return f->hosts[0].tenant;
}

static void find_facts(struct facts *f) {
    struct dice d = dice_of(f->w->seed, STREAM_FACTS, f->incident);
    for (size_t i = 0; i < f->p->hosts_n; i++) host_make(f->w, f->p->hosts[i], &f->hosts[i]);
    incident_id(f->w, f->incident, f->id);
    dice_hex(&d, f->sha256, 64);
    dice_hex(&d, f->md5, 32);
    /* addresses for documentation: RFC 5737 */
    snprintf(f->ip, sizeof f->ip, "%s.%u", dice_percent(&d, 50) ? "203.0.113" : "198.51.100", dice_below(&d, 254) + 1);
    f->domain = bad_domains[dice_below(&d, (uint32_t)bad_domains_n)];
    f->tenant = tenant_of(f);
    choose_path(f);
}

static const char *origin_name(bool customer) { return customer ? "Client" : "Service"; }

static void reader_of(const struct step *s, char out[24]) {
    if (s->by_customer)
        snprintf(out, 24, "demo-%u", s->person);
    else
        snprintf(out, 24, SERVICE_READER);
}

/* ---- the incident ---- */

static void add_hosts(const struct facts *f) {
    char texts[PLAN_HOSTS_MAX][120];
    const char *list[PLAN_HOSTS_MAX];
    for (size_t i = 0; i < f->p->hosts_n; i++) {
        snprintf(texts[i], sizeof texts[i], "%s:%s", f->hosts[i].name, f->hosts[i].asset_id);
        list[i] = texts[i];
    }
    copy_array(&f->out->incidents, list, f->p->hosts_n);
}

static void add_ioc(struct buf *b, const char *type, const char *value, const char *file) {
    if (!*value) return;
    json_open(b, '{');
    json_kstr(b, "type", type);
    json_kstr(b, "value", value);
    if (file) json_kstr(b, "filename", file);
    json_close(b, '}');
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '\\');
    if (!slash) slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void add_host_iocs(const struct facts *f) {
    struct buf *b = &f->out->scratch;
    buf_reset(b);
    json_open(b, '[');
    if (!f->p->custom && *f->path) {
        add_ioc(b, "sha256", f->sha256, base_name(f->path));
        add_ioc(b, "file_path", f->path, NULL);
    }
    json_close(b, ']');
    copy_textn(&f->out->incidents, buf_text(b), b->len);
}

static void add_network_iocs(const struct facts *f) {
    struct buf *b = &f->out->scratch;
    bool named = strstr(f->p->story->text.en, "{d}") || strstr(f->p->story->text.en, "{i}");
    buf_reset(b);
    json_open(b, '[');
    if (!f->p->custom && named) {
        add_ioc(b, "domain", strstr(f->p->story->text.en, "{d}") ? f->domain : "", NULL);
        add_ioc(b, "ip", strstr(f->p->story->text.en, "{i}") ? f->ip : "", NULL);
    }
    json_close(b, ']');
    copy_textn(&f->out->incidents, buf_text(b), b->len);
}

static const struct technique *technique_of(const char *id) {
    size_t len = strlen(id);
    for (size_t i = 0; i < techniques_n; i++)
        if (!strncmp(techniques[i].name, id, len) && techniques[i].name[len] == ':') return &techniques[i];
    return NULL;
}

struct attack {
    const char *techniques[STORY_TECHNIQUES_MAX], *tactics[STORY_TECHNIQUES_MAX];
    size_t techniques_n, tactics_n;
};

static void find_attack(const struct facts *f, struct attack *a) {
    *a = (struct attack){0};
    for (size_t i = 0; i < STORY_TECHNIQUES_MAX && f->p->story->techniques[i] && !f->p->custom; i++) {
        const struct technique *t = technique_of(f->p->story->techniques[i]);
        if (!t) continue;
        a->techniques[a->techniques_n++] = t->name;
        bool known = false;
        for (size_t k = 0; k < a->tactics_n; k++)
            known |= a->tactics[k] == t->tactic || !strcmp(a->tactics[k], t->tactic);
        if (!known) a->tactics[a->tactics_n++] = t->tactic;
    }
}

static void add_threat(const struct facts *f) {
    const char *threat = f->p->story->threat;
    copy_array(&f->out->incidents, &threat, *threat && !f->p->custom);
}

static void add_story(const struct facts *f, struct dice *d) {
    const struct plan *p = f->p;
    struct buf *b = &f->out->incidents;
    if (p->custom) {
        const struct bilingual none = {"", ""};
        copy_text(b, "");
        copy_expanded(f, &custom_texts[p->hosts[0] % CUSTOM_N], b);
        copy_expanded(f, *p->resolution ? &closings_true[dice_below(d, CLOSINGS_N)] : &none, b);
        copy_text(b, "");
        return;
    }
    copy_expanded(f, &p->story->text, b);
    copy_text(b, "");
    const struct bilingual *closings = *p->resolution == 'T'   ? closings_true
                                       : *p->resolution == 'F' ? closings_false
                                                               : closings_other;
    if (*p->resolution)
        copy_expanded(f, &closings[dice_below(d, CLOSINGS_N)], b);
    else
        copy_text(b, strcmp(p->status, "On hold") ? ""
                     : p->japanese                ? "お客様の回答を待っています。"
                                                  : "Waiting for the customer's answer.");
    copy_expanded(f, &p->story->advice, b);
}

static int count_steps(const struct plan *p, enum step_kind kind) {
    int n = 0;
    for (size_t i = 0; i < p->steps_n; i++) n += p->steps[i].kind == kind;
    return n;
}

/* Within the SLA for most; the customer's own are known at once. */
static void add_sla(const struct facts *f, struct dice *d) {
    struct buf *b = &f->out->incidents;
    int64_t target_min = *f->p->priority == 'H' ? 60 : *f->p->priority == 'N' ? 240 : 1440;
    int64_t minutes =
        dice_percent(d, 94) ? dice_between(d, 2, target_min - 5) : dice_between(d, target_min, target_min * 2);
    bool few = f->w->incidents_n <= SLA_SHARE || f->incident % (f->w->incidents_n / SLA_SHARE) == 0;
    copy_bool(b, !f->p->custom || few);
    copy_int(b, f->stamps[0] - (f->p->custom ? 0 : minutes * 60000));
    copy_int(b, f->p->custom ? 0 : f->stamps[0]);
}

static void add_incident(const struct facts *f, const struct attack *attack) {
    struct dice d = dice_of(f->w->seed, STREAM_FACTS + 1, f->incident);
    const struct plan *p = f->p;
    struct buf *b = &f->out->incidents;
    char reader[24];
    int64_t last = f->stamps[p->steps_n - 1];
    reader_of(&p->steps[0], reader);
    copy_text(b, f->w->client_id);
    copy_text(b, f->id);
    copy_text(b, f->tenant->id);
    copy_text(b, f->tenant->name);
    copy_int(b, plan_number(f->w, f->incident));
    copy_expanded(f, p->custom ? &custom_summaries[p->hosts[0] % CUSTOM_N] : &p->story->summary, b);
    copy_text(b, p->priority);
    copy_text(b, p->status);
    copy_text(b, p->resolution);
    add_hosts(f);
    add_host_iocs(f);
    add_network_iocs(f);
    copy_text(b, p->custom ? "" : p->story->technology);
    copy_int(b, f->stamps[0]);
    copy_int(b, last);
    copy_text(b, p->custom ? "" : p->story->stage);
    copy_array(b, attack->tactics, attack->tactics_n);
    copy_array(b, attack->techniques, attack->techniques_n);
    add_threat(f);
    add_story(f, &d);
    copy_text(b, origin_name(p->custom));
    copy_text(b, reader);
    add_sla(f, &d);
    copy_int(b, !strcmp(p->status, "Closed") ? last : 0);
    copy_int(b, count_steps(p, STEP_COMMENT));
    copy_int(b, count_steps(p, STEP_ATTACHMENT));
    copy_int(b, count_steps(p, STEP_RESPONSE));
    copy_int(b, (int64_t)plan_records(p));
    copy_end(b);
}

/* ---- what it is found by ---- */

static void add_key(const struct facts *f, const char *kind, const char *key) {
    struct buf *b = &f->out->keys;
    copy_text(b, f->w->client_id);
    copy_text(b, kind);
    copy_text(b, key);
    copy_text(b, f->id);
    copy_end(b);
}

static void add_mitre_keys(const struct facts *f, struct arena *arena, const char *kind, const char *text) {
    const char *keys[2];
    int n = mitre_keys(arena, text, keys);
    for (int i = 0; i < n; i++) add_key(f, kind, keys[i]);
}

static void add_keys(const struct facts *f, const struct attack *attack) {
    struct arena arena;
    arena_init(&arena, 64 * 1024);
    for (size_t i = 0; i < f->p->hosts_n; i++) add_key(f, "asset", f->hosts[i].asset_id);
    for (size_t i = 0; i < attack->tactics_n; i++) add_mitre_keys(f, &arena, "tactic", attack->tactics[i]);
    for (size_t i = 0; i < attack->techniques_n; i++) add_mitre_keys(f, &arena, "technique", attack->techniques[i]);
    if (*f->p->story->threat && !f->p->custom) add_key(f, "threat", f->p->story->threat);
    arena_free(&arena);
}

/* ---- chat ---- */

static void add_child_head(const struct facts *f, size_t step, struct buf *b) {
    char id[STEP_ID_BYTES];
    step_id(f->w, f->incident, step, f->p->steps[step].kind, id);
    copy_text(b, f->w->client_id);
    copy_text(b, id);
    copy_text(b, f->id);
    copy_text(b, f->tenant->id);
}

static void add_author(const struct facts *f, size_t step, struct buf *b) {
    char reader[24];
    reader_of(&f->p->steps[step], reader);
    copy_text(b, step_author(&f->p->steps[step]));
    copy_text(b, reader);
}

static void add_comment(const struct facts *f, size_t step) {
    struct buf *b = &f->out->comments;
    const struct step *s = &f->p->steps[step];
    add_child_head(f, step, b);
    add_author(f, step, b);
    copy_expanded(f, s->by_customer ? &customer_lines[s->line] : &team_lines[s->line], b);
    copy_int(b, f->stamps[step]);
    copy_text(b, origin_name(s->by_customer));
    copy_text(b, "");
    copy_end(b);
}

static void add_piece(const struct facts *f, size_t step, const struct picture *picture) {
    struct buf *b = &f->out->pieces;
    char id[STEP_ID_BYTES];
    step_id(f->w, f->incident, step, STEP_ATTACHMENT, id);
    copy_text(b, f->w->client_id);
    copy_text(b, id);
    copy_int(b, 0);
    copy_bytes(b, picture->png, picture->bytes);
    copy_end(b);
}

static void add_attachment(const struct facts *f, size_t step) {
    struct buf *b = &f->out->attachments;
    const struct step *s = &f->p->steps[step];
    const struct picture *picture = &f->out->pictures[s->line % PICTURES_N];
    char name[80];
    snprintf(name, sizeof name, f->p->japanese ? "スクリーンショット_%zu.png" : "screenshot_%zu.png", step);
    add_child_head(f, step, b);
    add_author(f, step, b);
    copy_text(b, f->p->japanese ? "利用者の画面" : "The user's screen");
    copy_text(b, name);
    copy_int(b, (int64_t)picture->bytes);
    copy_text(b, picture->sha256);
    copy_int(b, f->stamps[step]);
    copy_text(b, origin_name(s->by_customer));
    copy_text(b, "");
    copy_end(b);
    add_piece(f, step, picture);
}

/* ---- responses ---- */

static const char autostart_key[] = "HKEY_LOCAL_MACHINE\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\System";

static const char *response_type(const struct facts *f, size_t step) {
    const struct step *s = &f->p->steps[step];
    bool windows = f->hosts[0].system == WINDOWS;
    if (f->p->showcase == SHOW_RESPONSES) return step == 1 ? "GET_FILE" : "DELETE_REGISTRY_KEY";
    if (s->fate == FATE_EXPIRED && windows) return "RUN_SCRIPT";
    if (s->line % 4 == 0 && *f->path) return "GET_FILE";
    /* processes are ended on Windows only */
    return !windows && !strcmp(f->p->story->response, "KILL_PROCESS") ? "DELETE_FILE" : f->p->story->response;
}

static void add_parameters(const struct facts *f, const char *type, struct buf *b) {
    json_open(b, '{');
    if (!strcmp(type, "GET_FILE")) {
        json_kstr(b, "path", f->path);
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
        json_kstr(b, "process", f->p->story->process);
    } else {
        json_kstr(b, "path", f->path);
        if (!strcmp(type, "PREVENT_EXECUTION")) json_kstr(b, "mode", "block");
    }
    json_close(b, '}');
}

static void add_what(const struct facts *f, const char *type, struct buf *b) {
    buf_reset(&f->out->scratch);
    add_parameters(f, type, &f->out->scratch);
    bool has_path = strstr(buf_text(&f->out->scratch), "\"path\"");
    copy_text(b, type);
    copy_text(b, buf_text(&f->out->scratch));
    copy_text(b, has_path ? f->path : "");
    copy_int(b, strcmp(type, "GET_FILE") ? 0 : GIGABYTES_10);
}

static void add_decided_by(const struct facts *f, const struct step *decision, int64_t stamp, struct buf *b) {
    struct buf *j = &f->out->scratch;
    const char *kind = !decision ? "" : decision->fate == FATE_EXPIRED ? "deadline" : "user";
    bool user = *kind == 'u';
    char reader[24] = "";
    if (user) reader_of(decision, reader);
    const char *name = user ? step_author(decision) : "";
    buf_reset(j);
    json_open(j, '{');
    json_kstr(j, "kind", kind);
    json_kstr(j, "id", reader);
    json_kstr(j, "name", name);
    json_key(j, "approvals");
    json_open(j, '[');
    if (user && decision->fate == FATE_CONFIRMED) {
        json_open(j, '{');
        json_kstr(j, "kind", kind);
        json_kstr(j, "id", reader);
        json_kstr(j, "name", name);
        json_kint(j, "time", stamp);
        json_close(j, '}');
    }
    json_close(j, ']');
    json_close(j, '}');
    copy_textn(b, buf_text(j), j->len);
}

/* What was confirmed was carried out, if there was time for it. */
static void add_execution(const struct facts *f, const struct step *decision, int64_t stamp, struct buf *b) {
    bool done = decision && decision->fate == FATE_CONFIRMED && stamp + 120000 < f->w->now_ms;
    bool failed = done && decision->response % 7 == 3 && stamp % 5 == 0;
    copy_text(b, !done ? "none" : failed ? "failed" : "succeeded");
    copy_text(b, done ? "Management server" : "");
    copy_int(b, done);
    copy_int(b, done ? stamp + 4000 : 0);
    copy_int(b, done ? stamp + 9000 + stamp % 90000 : 0);
    copy_text(b, failed ? "The file was not found." : "");
    copy_text(b, failed ? "not_found" : "");
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
    if (!decision) return "";
    if (decision->fate == FATE_EXPIRED) return "Automatically rejected, because the task timeout has expired";
    if (decision->fate == FATE_CONFIRMED) return japanese ? "承認します。" : "Approved.";
    return japanese ? "業務時間中のため見送ります。" : "Not during working hours, we take care of it ourselves.";
}

static void add_due(const struct facts *f, const char *kind, const char *object_id, int64_t due_at) {
    struct buf *b = &f->out->due;
    copy_text(b, f->w->client_id);
    copy_text(b, kind);
    copy_text(b, object_id);
    copy_int(b, due_at);
    copy_end(b);
}

static int64_t decide_until(const struct step *s, int64_t made) {
    if (s->fate == FATE_NEW) return 0;
    return made + 1000LL * (s->fate == FATE_EXPIRED ? RUN_SCRIPT_S : 7 * DAY_S);
}

static void add_response(const struct facts *f, size_t step) {
    static const struct bilingual why = {"Needed to contain the threat on {h}.",
                                         "{h} の脅威を封じ込めるために必要です。"};
    static const char *const statuses[] = {"New", "New", "Confirmed", "Declined", "Declined"};
    struct buf *b = &f->out->responses;
    const struct step *s = &f->p->steps[step];
    size_t at = step;
    const struct step *decision = decision_on(f->p, step, &at);
    int64_t until = decide_until(s, f->stamps[step]);
    add_child_head(f, step, b);
    copy_text(b, f->hosts[0].asset_id);
    add_what(f, response_type(f, step), b);
    copy_text(b, statuses[s->fate]);
    copy_text(b, decision_comment(decision, f->p->japanese));
    copy_expanded(f, &why, b);
    copy_int(b, f->stamps[step]);
    copy_int(b, f->stamps[at]);
    copy_int(b, until);
    copy_text(b, "Service");
    copy_text(b, SERVICE_READER);
    copy_bool(b, false);
    add_decided_by(f, decision, f->stamps[at], b);
    add_execution(f, decision, f->stamps[at], b);
    copy_text(b, "");
    copy_end(b);
    if (s->fate != FATE_NEW_UNTIL) return;
    char id[STEP_ID_BYTES];
    step_id(f->w, f->incident, step, STEP_RESPONSE, id);
    add_due(f, "decide", id, until);
}

void rows_add(const struct world *w, uint32_t incident, const struct plan *p, const int64_t *stamps,
              struct rows_out *out) {
    struct facts f = {.w = w, .incident = incident, .p = p, .stamps = stamps, .out = out};
    struct attack attack;
    find_facts(&f);
    find_attack(&f, &attack);
    add_incident(&f, &attack);
    add_keys(&f, &attack);
    for (size_t i = 0; i < p->steps_n; i++) {
        if (p->steps[i].kind == STEP_COMMENT) add_comment(&f, i);
        if (p->steps[i].kind == STEP_ATTACHMENT) add_attachment(&f, i);
        if (p->steps[i].kind == STEP_RESPONSE) add_response(&f, i);
    }
    if (!strcmp(p->status, "Resolved")) add_due(&f, "close", f.id, stamps[p->steps_n - 1] + 72LL * 3600 * 1000);
}
