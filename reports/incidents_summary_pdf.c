/* GET incidents/{incident_id}/summary.pdf */
#include "build/gen/operations.h"
#include "reports/summary.h"

enum err incidents_summary_pdf(struct request *r, const struct incidents_summary_pdf_args *args, struct reply *out) {
    struct summary summary;
    enum err e = summary_render(r->arena, &r->scope, r->path_id, args->lang, args->tz, &out->body, &summary);
    if (e == ERR_NOT_FOUND) return fail_not_found(r);
    TRY(e);
    out->content_type = "application/pdf";
    reply_header(out, "Content-Disposition",
                 arena_printf(r->arena, "inline; filename=\"K-%lld.pdf\"", (long long)summary.number));
    reply_header(out, "Cache-Control", "private, no-store");
    return OK;
}
