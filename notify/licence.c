#include "notify/licence.h"

#include <string.h>

#include "auth/gateway.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/tz.h"
#include "notify/daily.h"
#include "notify/notice_queue.h"

enum { TEXT_MAX_BYTES = 256 * 1024 };

static enum err read_administrators(struct request *r, struct rows *out) {
    return db_read(
        &r->scope, out,
        "select u.user_id, u.email, u.language, u.timezone, " NOTICE_RIGHTS_SQL ", c.name,"
        "       case when u.all_tenants then '*' else array_to_string(u.tenants, ',') end"
        "  from users u join clients c on c.client_id = u.client_id"
        " where u.client_id = $1 and u.role = 'SUPERVISOR' and u.status = 'active' and 'licence' = any(u.notify)"
        " order by u.user_id",
        "s", r->client_id);
}

/* ---- what there is to say ---- */

/* Name, expiry and its state, assets, limit and its state; tenants with anything to say. */
static enum err read_tenants(struct tx *tx, const char *client_id, struct rows *out) {
    return tx_run(tx, out,
                  "select * from ("
                  "    select t.tenant_id, t.tenant_name, t.expiration_time,"
                  "           case when t.expiration_time = 0 or t.expiration_time > $2 + 30 * $3 then ''"
                  "                when t.expiration_time > $2 + 7 * $3 then 'month'"
                  "                when t.expiration_time > $2 then 'week' else 'expired' end as expiry,"
                  "           n.assets, t.asset_limit,"
                  "           case when t.asset_limit = 0 or n.assets * 10 < t.asset_limit * 9 then ''"
                  "                when n.assets < t.asset_limit then 'near' else 'full' end as room"
                  "      from tenants t, lateral (select count(*) as assets from assets a"
                  "           where a.client_id = $1 and a.tenant_id = t.tenant_id and t.asset_limit > 0) n"
                  "     where t.client_id = $1 and (t.expiration_time > 0 or t.asset_limit > 0)"
                  ") v where expiry <> '' or room <> '' order by lower(tenant_name)",
                  "sii", client_id, now_ms(), DAY_MS);
}

static void add_expiry(struct buf *b, const struct rows *rows, int i, const struct tz *zone, bool ja) {
    const char *state = rows_text(rows, i, 3);
    if (!*state) return;
    bool over = !strcmp(state, "expired");
    struct tm t = tz_local(zone, rows_int(rows, i, 2) / 1000);
    const char *words = over ? (ja ? "有効期限切れ" : "expired on") : (ja ? "有効期限" : "expires on");
    buf_addf(b, "\n    %s %04d-%02d-%02d", words, t.tm_year + 1900, t.tm_mon + 1, t.tm_mday);
}

static void add_room(struct buf *b, const struct rows *rows, int i, bool ja) {
    if (!*rows_text(rows, i, 6)) return;
    buf_addf(b, ja ? "\n    資産 %lld 台（上限 %lld 台）" : "\n    %lld assets of at most %lld",
             (long long)rows_int(rows, i, 4), (long long)rows_int(rows, i, 5));
}

static struct notice_words compose(struct arena *arena, const struct notice_receiver *to, const struct rows *rows) {
    bool ja = !strcmp(to->language, "ja");
    scope_tz struct tz *zone = tz_open(to->timezone);
    if (!zone) zone = tz_open("UTC");
    scope_buf struct buf b;
    buf_init(&b, TEXT_MAX_BYTES);
    buf_addf(&b, "%s\n\n%s\n", to->organisation,
             ja ? "ライセンスの確認が必要なテナント:" : "Tenants whose licence needs attention:");
    for (int i = 0; i < rows->n; i++) {
        buf_addf(&b, "- %s", rows_text(rows, i, 1));
        add_expiry(&b, rows, i, zone, ja);
        add_room(&b, rows, i, ja);
        buf_addc(&b, '\n');
    }
    buf_addf(&b, "\n%s\n", config()->public_url);
    const char *subject = arena_printf(arena,
                                       ja ? "[MDR] ライセンス: テナント %d 件の確認が必要です"
                                          : "[MDR] Licence: tenants that need attention: %d",
                                       rows->n);
    return (struct notice_words){subject, arena_strdup(arena, buf_text(&b))};
}

/* ---- telling it ---- */

static const char *key_of(struct arena *arena, const struct rows *rows) {
    scope_buf struct buf b;
    buf_init(&b, TEXT_MAX_BYTES);
    for (int i = 0; i < rows->n; i++)
        buf_addf(&b, "%s:%s:%s ", rows_text(rows, i, 0), rows_text(rows, i, 3), rows_text(rows, i, 6));
    return arena_strdup(arena, buf_text(&b));
}

/* Notes it; *news: it is not what the user was told last. */
static enum err note(struct tx *tx, const struct notice_receiver *to, const char *key, bool *news) {
    scope_rows struct rows rows = {0};
    TRY(tx_run(tx, &rows,
               "insert into notices as n (client_id, user_id, after_position, pending, licence_told)"
               " values ($1, $2, 0, false, $3)"
               " on conflict (client_id, user_id) do update set licence_told = excluded.licence_told"
               "    where n.licence_told <> excluded.licence_told"
               " returning 1",
               "sss", to->scope.client_id, to->user_id, key));
    *news = rows.n > 0 && *key;
    return OK;
}

static enum err tell(struct request *r, const struct notice_receiver *to) {
    bool news = false;
    scope_rows struct rows rows = {0};
    scope_tx struct tx tx = {0};
    TRY(tx_begin(&tx, &to->scope));
    TRY(read_tenants(&tx, r->client_id, &rows));
    TRY(note(&tx, to, key_of(r->arena, &rows), &news));
    if (news) {
        struct notice_words words = compose(r->arena, to, &rows);
        TRY(notice_queue(r->arena, &tx, to, &words));
    }
    return tx_commit(&tx);
}

static enum err run(struct request *r, const char *object_id) {
    int64_t now = 0;
    scope_rows struct rows rows = {0};
    TRY(daily_claim(r, "licence", object_id, &now));
    if (!now || !*config()->smtp_url) return OK;
    TRY(read_administrators(r, &rows));
    for (int i = 0; i < rows.n; i++) {
        struct notice_receiver to = {.user_id = rows_text(&rows, i, 0),
                                     .email = rows_text(&rows, i, 1),
                                     .language = rows_text(&rows, i, 2),
                                     .timezone = rows_text(&rows, i, 3),
                                     .rights = rows_text(&rows, i, 4),
                                     .organisation = rows_text(&rows, i, 5),
                                     .scope = {.client_id = r->client_id, .tenants = rows_text(&rows, i, 6)}};
        TRY(tell(r, &to));
    }
    return OK;
}

enum err licence_due(const char *client_id, const char *object_id) { return gateway_run(run, client_id, object_id); }
