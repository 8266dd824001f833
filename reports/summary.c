#include "reports/summary.h"

#include <string.h>

#include "base/clock.h"
#include "reports/pdf.h"

/* The rows stay until the PDF is done: the report borrows their texts. */
struct material {
    struct rows incident, items, responses, messages;
};

static void material_free(struct material *m) {
    rows_free(&m->incident);
    rows_free(&m->items);
    rows_free(&m->responses);
    rows_free(&m->messages);
}
#define scope_material __attribute__((cleanup(material_free)))

/* ---- reading ---- */

static enum err read_incident(const struct db_scope *scope, const char *id, struct rows *out) {
    return db_read(
        scope, out,
        "select c.name, i.tenant_name, i.incident_number, i.summary, i.priority, i.status, i.resolution, i.origin,"
        "       i.attack_stage, i.detection_technology, i.creation_time, i.update_time, i.detected_at,"
        "       i.description, i.client_description, i.recommendations, i.status_description"
        "  from incidents i join clients c on c.client_id = i.client_id"
        " where i.client_id = $1 and i.incident_id = $2",
        "ss", scope->client_id, id);
}

/* list, value, type, description */
static enum err read_items(const struct db_scope *scope, const char *id, struct rows *out) {
    return db_read(
        scope, out,
        "with i as (select * from incidents where client_id = $1 and incident_id = $2)"
        "select l.list, l.value, l.type, l.description from ("
        "    select 'host' as list, h.value, '' as type, '' as description, h.n"
        "      from i, unnest(i.affected_hosts) with ordinality h(value, n)"
        "    union all"
        "    select 'tactic', t.value, '', '', t.n from i, unnest(i.mitre_tactics) with ordinality t(value, n)"
        "    union all"
        "    select 'technique', t.value, '', '', t.n from i, unnest(i.mitre_techniques) with ordinality t(value, n)"
        "    union all"
        "    select 'host_ioc', o.e ->> 'value', o.e ->> 'type', concat_ws(' ', o.e ->> 'filename', o.e ->> "
        "'description'),"
        "           o.n from i, json_array_elements(i.host_based_iocs) with ordinality o(e, n)"
        "    union all"
        "    select 'network_ioc', o.e ->> 'value', o.e ->> 'type', concat_ws(' ', o.e ->> 'filename', o.e ->> "
        "'description'),"
        "           o.n from i, json_array_elements(i.network_based_iocs) with ordinality o(e, n)"
        ") l order by l.list, l.n",
        "ss", scope->client_id, id);
}

/* The time of a decision is known until execution moves update_time on. */
static enum err read_responses(const struct db_scope *scope, const char *id, struct rows *out) {
    return db_read(
        scope, out,
        "select l.* from ("
        "    select p.type, coalesce(a.host_name || ':', '') || p.asset_id, p.status, p.description, p.comment,"
        "           p.parameters::text, p.decided_by ->> 'name',"
        "           case when p.execution ->> 'state' <> 'none'"
        "                then concat_ws(': ', p.execution ->> 'state', nullif(p.execution ->> 'message', '')) end,"
        "           p.creation_time,"
        "           case when p.status <> 'New' and p.execution ->> 'state' in ('none', 'pending')"
        "                then p.update_time end"
        "      from responses p left join assets a on a.client_id = p.client_id and a.asset_id = p.asset_id"
        "     where p.client_id = $1 and p.incident_id = $2"
        "     order by p.creation_time desc limit $3"
        ") l order by l.creation_time",
        "ssi", scope->client_id, id, (int64_t)SUMMARY_RESPONSES_MAX);
}

static enum err read_messages(const struct db_scope *scope, const char *id, struct rows *out) {
    return db_read(scope, out,
                   "select l.* from ("
                   "    select author_name, origin, text, creation_time, '' as file_name, 0 as file_size"
                   "      from comments where client_id = $1 and incident_id = $2"
                   "    union all"
                   "    select author_name, origin, caption, creation_time, full_name, file_size"
                   "      from attachments where client_id = $1 and incident_id = $2"
                   "     order by creation_time desc limit $3"
                   ") l order by l.creation_time",
                   "ssi", scope->client_id, id, (int64_t)SUMMARY_MESSAGES_MAX);
}

static enum err read_material(const struct db_scope *scope, const char *id, struct material *m) {
    TRY(read_incident(scope, id, &m->incident));
    if (!m->incident.n) return ERR_NOT_FOUND;
    TRY(read_items(scope, id, &m->items));
    TRY(read_responses(scope, id, &m->responses));
    return read_messages(scope, id, &m->messages);
}

/* ---- into a report ---- */

static void take_incident(const struct rows *rows, struct report *report) {
    const char **const texts[] = {&report->organisation,
                                  &report->tenant,
                                  NULL,
                                  &report->summary,
                                  &report->priority,
                                  &report->status,
                                  &report->resolution,
                                  &report->origin,
                                  &report->attack_stage,
                                  &report->detection_technology,
                                  NULL,
                                  NULL,
                                  NULL,
                                  &report->description,
                                  &report->client_description,
                                  &report->recommendations,
                                  &report->status_description};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i]) *texts[i] = rows_text(rows, 0, (int)i);
    report->number = rows_int(rows, 0, 2);
    report->created_ms = rows_int(rows, 0, 10);
    report->updated_ms = rows_int(rows, 0, 11);
    report->detected_ms = rows_int(rows, 0, 12);
}

static const char *const *take_list(struct arena *arena, const struct rows *rows, const char *list, size_t *n) {
    const char **values = arena_alloc(arena, ((size_t)rows->n + 1) * sizeof *values);
    for (int i = 0; i < rows->n; i++)
        if (!strcmp(rows_text(rows, i, 0), list)) values[(*n)++] = rows_text(rows, i, 1);
    return values;
}

static const struct report_ioc *take_iocs(struct arena *arena, const struct rows *rows, const char *list, size_t *n) {
    struct report_ioc *iocs = arena_alloc(arena, ((size_t)rows->n + 1) * sizeof *iocs);
    for (int i = 0; i < rows->n; i++)
        if (!strcmp(rows_text(rows, i, 0), list))
            iocs[(*n)++] = (struct report_ioc){rows_text(rows, i, 2), rows_text(rows, i, 1), rows_text(rows, i, 3)};
    return iocs;
}

static void take_items(struct arena *arena, const struct rows *rows, struct report *report) {
    report->hosts = take_list(arena, rows, "host", &report->hosts_n);
    report->tactics = take_list(arena, rows, "tactic", &report->tactics_n);
    report->techniques = take_list(arena, rows, "technique", &report->techniques_n);
    report->host_iocs = take_iocs(arena, rows, "host_ioc", &report->host_iocs_n);
    report->network_iocs = take_iocs(arena, rows, "network_ioc", &report->network_iocs_n);
}

static void take_responses(struct arena *arena, const struct rows *rows, struct report *report) {
    struct report_response *responses = arena_alloc(arena, ((size_t)rows->n + 1) * sizeof *responses);
    for (int i = 0; i < rows->n; i++)
        responses[i] = (struct report_response){
            .type = rows_text(rows, i, 0),
            .asset = rows_text(rows, i, 1),
            .status = rows_text(rows, i, 2),
            .description = rows_text(rows, i, 3),
            .comment = rows_text(rows, i, 4),
            .parameters = rows_text(rows, i, 5),
            .decided_by = rows_text(rows, i, 6),
            .execution = rows_text(rows, i, 7),
            .created_ms = rows_int(rows, i, 8),
            .decided_ms = rows_int(rows, i, 9),
        };
    report->responses = responses;
    report->responses_n = (size_t)rows->n;
}

static void take_messages(struct arena *arena, const struct rows *rows, struct report *report) {
    struct report_message *messages = arena_alloc(arena, ((size_t)rows->n + 1) * sizeof *messages);
    for (int i = 0; i < rows->n; i++)
        messages[i] = (struct report_message){
            .author = rows_text(rows, i, 0),
            .origin = rows_text(rows, i, 1),
            .text = rows_text(rows, i, 2),
            .time_ms = rows_int(rows, i, 3),
            .file_name = rows_text(rows, i, 4),
            .file_bytes = rows_int(rows, i, 5),
        };
    report->messages = messages;
    report->messages_n = (size_t)rows->n;
}

enum err summary_render(struct arena *arena, const struct db_scope *scope, const char *incident_id,
                        const char *language, const char *timezone, struct buf *pdf, struct summary *out) {
    scope_material struct material m = {0};
    TRY(read_material(scope, incident_id, &m));
    struct report report = {.language = language, .timezone = timezone, .generated_ms = now_ms()};
    take_incident(&m.incident, &report);
    take_items(arena, &m.items, &report);
    take_responses(arena, &m.responses, &report);
    take_messages(arena, &m.messages, &report);
    out->number = report.number;
    out->headline = arena_strdup(arena, report.summary);
    out->organisation = arena_strdup(arena, report.organisation);
    return report_pdf(&report, pdf);
}
