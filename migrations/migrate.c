#include "migrations/migrate.h"

#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/log.h"

enum { REPEATED_FROM = 900 };

static bool repeated(const struct migration *m) { return atoi(m->name) >= REPEATED_FROM; }

/* Japanese text has trigrams only under a UTF-8 locale. */
static enum err check_encoding(struct db_admin *admin) {
    scope_rows struct rows rows = {0};
    TRY(db_admin_query(
        admin, &rows,
        "select pg_encoding_to_char(encoding), datctype, array_length(show_trgm('東京都'), 1) is not null"
        "  from pg_database where datname = current_database()",
        ""));
    if (!strcmp(rows_text(&rows, 0, 0), "UTF8") && rows_bool(&rows, 0, 2)) return OK;
    LOG(ERROR, "database_encoding", log_s("encoding", rows_text(&rows, 0, 0)), log_s("ctype", rows_text(&rows, 0, 1)),
        log_s("hint", "create the database with encoding UTF8 and locale C.UTF-8"));
    return ERR_CONFLICT;
}

static bool is_ours(const char *name) {
    for (size_t i = 0; i < migrations_n; i++)
        if (!strcmp(migrations[i].name, name)) return true;
    return false;
}

static enum err check_not_newer(const struct rows *done) {
    for (int i = 0; i < done->n; i++) {
        if (is_ours(rows_text(done, i, 0))) continue;
        LOG(ERROR, "database_newer", log_s("migration", rows_text(done, i, 0)));
        return ERR_CONFLICT;
    }
    return OK;
}

static bool is_done(const struct rows *done, const char *name) {
    for (int i = 0; i < done->n; i++)
        if (!strcmp(rows_text(done, i, 0), name)) return true;
    return false;
}

static enum err apply(struct db_admin *admin, const struct migration *m) {
    scope_rows struct rows rows = {0};
    LOG(INFO, "migration", log_s("name", m->name));
    TRY(db_admin_run(admin, "begin"));
    TRY(db_admin_run(admin, m->sql));
    if (!repeated(m))
        TRY(db_admin_query(admin, &rows, "insert into schema_migrations (name) values ($1)", "s", m->name));
    return db_admin_run(admin, "commit");
}

static enum err apply_missing(struct db_admin *admin) {
    scope_rows struct rows done = {0};
    bool changed = false;
    TRY(db_admin_query(admin, &done, "select name from schema_migrations order by name", ""));
    TRY(check_not_newer(&done));
    for (size_t i = 0; i < migrations_n; i++) {
        const struct migration *m = &migrations[i];
        if (repeated(m) ? !changed : is_done(&done, m->name)) continue;
        TRY(apply(admin, m));
        changed = true;
    }
    return OK;
}

enum err migrate_run(const char *url) {
    scope_db_admin struct db_admin *admin = db_admin_open(url);
    if (!admin) return ERR_UNAVAILABLE;
    TRY(db_admin_run(admin, "set client_min_messages = warning;"
                            "select pg_advisory_lock(7223372036);"
                            "create extension if not exists pg_trgm;"
                            "create table if not exists schema_migrations (name text primary key,"
                            " applied_at timestamptz not null default now())"));
    TRY(check_encoding(admin));
    return apply_missing(admin);
}

enum err migrate_check(const char **problem) {
    scope_rows struct rows rows = {0};
    *problem = "the database does not answer";
    TRY(db_read(&(struct db_scope){.client_id = ""}, &rows,
                "select (select count(*) from schema_migrations),"
                "       (select proleakproof from pg_proc where oid = 'textlike(text,text)'::regprocedure)",
                ""));
    size_t once = 0;
    for (size_t i = 0; i < migrations_n; i++) once += !repeated(&migrations[i]);
    *problem = "the schema is not that of this program: run mdr-gateway migrate";
    if (rows_int(&rows, 0, 0) != (int64_t)once) return ERR_UNAVAILABLE;
    *problem = rows_bool(&rows, 0, 1) ? NULL : "textlike is not leakproof: searches are slow";
    return OK;
}
