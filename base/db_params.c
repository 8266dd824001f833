#include "base/db_params.h"

#include <string.h>

enum { STATEMENT_BYTES_MAX = 64 * 1024, VALUES_BYTES_MAX = 8 * 1024 * 1024 };

/* pg_type.dat */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_TEXT = 25, OID_TEXT_ARRAY = 1009 };

void sql_init(struct sql *q) {
    memset(q, 0, sizeof *q);
    buf_init(&q->text, STATEMENT_BYTES_MAX);
    buf_init(&q->values, VALUES_BYTES_MAX);
}

void sql_free(struct sql *q) {
    buf_free(&q->text);
    buf_free(&q->values);
}

static void add_array_element(struct buf *out, const char *s) {
    buf_addc(out, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '\\') buf_addc(out, '\\');
        buf_addc(out, *s);
    }
    buf_addc(out, '"');
}

static void add_array(struct sql *q, const struct strings *list) {
    struct buf *out = &q->values;
    q->params[q->n].null = !list;
    if (!list) return;
    buf_addc(out, '{');
    for (size_t i = 0; i < list->n; i++) {
        if (i) buf_addc(out, ',');
        add_array_element(out, list->v[i]);
    }
    buf_addc(out, '}');
}

static void add_text(struct sql *q, const char *s) {
    q->params[q->n].null = !s;
    if (s) buf_adds(&q->values, s);
}

static void add_one(struct sql *q, char type, va_list *args) {
    if (q->n == SQL_PARAMS_MAX) {
        q->text.failed = true;
        return;
    }
    q->params[q->n].type = type;
    q->params[q->n].offset = q->values.len;
    if (type == 's') add_text(q, va_arg(*args, const char *));
    if (type == 'i') buf_addf(&q->values, "%lld", (long long)va_arg(*args, int64_t));
    if (type == 'b') buf_adds(&q->values, va_arg(*args, int) ? "t" : "f");
    if (type == 'S') add_array(q, va_arg(*args, const struct strings *));
    if (type == 'x') {
        const void *data = va_arg(*args, const void *);
        buf_add(&q->values, data, va_arg(*args, size_t));
        q->params[q->n].binary = true;
    }
    q->params[q->n].len = q->values.len - q->params[q->n].offset;
    buf_addc(&q->values, 0);
    q->n++;
}

void params_add(struct sql *q, const char *types, va_list args) {
    va_list copy;
    va_copy(copy, args);
    for (; *types; types++) add_one(q, *types, &copy);
    va_end(copy);
}

void sql_add(struct sql *q, const char *piece, const char *types, ...) {
    int next = q->n;
    va_list args;
    va_start(args, types);
    params_add(q, types, args);
    va_end(args);
    for (const char *c = piece; *c; c++) {
        if (*c == '?')
            buf_addf(&q->text, "$%d", ++next);
        else
            buf_addc(&q->text, *c);
    }
}

void sql_add_any(struct sql *q, const char *column, const struct strings *list) {
    if (!list->n) return;
    sql_add(q, " and ", "");
    sql_add(q, column, "");
    /* equality with one text lets an index give the rows in the order asked */
    if (list->n == 1)
        sql_add(q, " = ?", "s", list->v[0]);
    else
        sql_add(q, " = any(?)", "S", list);
}

void params_for_pq(const struct sql *q, struct pq_params *out) {
    static const struct {
        char type;
        Oid oid;
    } oids[] = {{'s', OID_TEXT}, {'i', OID_INT8}, {'b', OID_BOOL}, {'S', OID_TEXT_ARRAY}, {'x', OID_BYTEA}};
    for (int i = 0; i < q->n; i++) {
        out->values[i] = q->params[i].null ? NULL : q->values.data + q->params[i].offset;
        out->lengths[i] = (int)q->params[i].len;
        out->formats[i] = q->params[i].binary;
        for (size_t k = 0; k < sizeof oids / sizeof *oids; k++)
            if (oids[k].type == q->params[i].type) out->types[i] = oids[k].oid;
    }
}
