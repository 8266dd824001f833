#include "reports/markdown.h"

#include <cmark-gfm-core-extensions.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const EXTENSIONS[] = {"table" /* first */, "strikethrough", "autolink", "tasklist"};
enum { EXTENSIONS_N = sizeof EXTENSIONS / sizeof *EXTENSIONS, OPTIONS = CMARK_OPT_VALIDATE_UTF8 };

static pthread_once_t registered = PTHREAD_ONCE_INIT;
/* While it parses inlines, cmark-gfm keeps the extensions' special characters in a table of the whole process. */
static pthread_mutex_t parsing = PTHREAD_MUTEX_INITIALIZER;

void html_escape(struct buf *html, const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        switch (text[i]) {
        case '&': buf_adds(html, "&amp;"); break;
        case '<': buf_adds(html, "&lt;"); break;
        case '>': buf_adds(html, "&gt;"); break;
        case '"': buf_adds(html, "&quot;"); break;
        default: buf_addc(html, text[i]);
        }
    }
}

static bool link_allowed(const char *url) {
    return url &&
           (!strncasecmp(url, "http://", 7) || !strncasecmp(url, "https://", 8) || !strncasecmp(url, "mailto:", 7));
}

static void replace_by_text(cmark_node *node, bool is_block) {
    cmark_node *text = cmark_node_new(CMARK_NODE_TEXT);
    char *literal = strdup(cmark_node_get_literal(node));
    size_t len = literal ? strlen(literal) : 0;
    if (len && literal[len - 1] == '\n') literal[len - 1] = 0;
    cmark_node_set_literal(text, literal ? literal : "");
    free(literal);
    cmark_node *instead = text;
    if (is_block) {
        instead = cmark_node_new(CMARK_NODE_PARAGRAPH);
        cmark_node_append_child(instead, text);
    }
    cmark_node_insert_before(node, instead);
    cmark_node_free(node);
}

static void replace_by_children(cmark_node *node) {
    for (cmark_node *child; (child = cmark_node_first_child(node));) cmark_node_insert_before(node, child);
    cmark_node_free(node);
}

static void clean_node(cmark_node *node, cmark_event_type event) {
    cmark_node_type type = cmark_node_get_type(node);
    if (type == CMARK_NODE_HTML_BLOCK || type == CMARK_NODE_HTML_INLINE)
        replace_by_text(node, type == CMARK_NODE_HTML_BLOCK);
    else if (event == CMARK_EVENT_EXIT && type == CMARK_NODE_IMAGE)
        replace_by_children(node);
    else if (event == CMARK_EVENT_EXIT && type == CMARK_NODE_LINK && !link_allowed(cmark_node_get_url(node)))
        replace_by_children(node);
}

/* Safe while iterating: the iterator has already stepped past the node of a leaf or of an exit. */
static void clean(cmark_node *root) {
    cmark_iter *iter = cmark_iter_new(root);
    for (cmark_event_type event; (event = cmark_iter_next(iter)) != CMARK_EVENT_DONE;)
        clean_node(cmark_iter_get_node(iter), event);
    cmark_iter_free(iter);
}

/* cmark fills every row up to the header's width, and a row costs the square of its own pipes: 8 kB can take half a
 * second. A table worth reading stays far below this. */
static bool tables_affordable(const char *markdown, size_t len) {
    size_t lines = 1, pipes = 0, most = 0;
    for (size_t i = 0; i < len; i++) {
        if (markdown[i] == '|' && ++pipes > most) most = pipes;
        if (markdown[i] == '\n' || markdown[i] == '\r') lines++, pipes = 0;
    }
    return most * (most + lines) <= 32768;
}

static cmark_parser *new_parser(bool tables) {
    pthread_once(&registered, cmark_gfm_core_extensions_ensure_registered);
    cmark_parser *parser = cmark_parser_new(OPTIONS);
    for (int i = tables ? 0 : 1; i < EXTENSIONS_N; i++) {
        cmark_syntax_extension *extension = cmark_find_syntax_extension(EXTENSIONS[i]);
        if (extension) cmark_parser_attach_syntax_extension(parser, extension);
    }
    return parser;
}

static cmark_node *parse(cmark_parser *parser, const char *markdown, size_t len) {
    pthread_mutex_lock(&parsing);
    cmark_parser_feed(parser, markdown, len);
    cmark_node *root = cmark_parser_finish(parser);
    pthread_mutex_unlock(&parsing);
    if (root) clean(root);
    return root;
}

cmark_node *markdown_parse(const char *markdown, size_t len) {
    if (len > MARKDOWN_MAX_BYTES) return NULL;
    cmark_parser *parser = new_parser(tables_affordable(markdown, len));
    cmark_node *root = parse(parser, markdown, len);
    cmark_parser_free(parser);
    return root;
}

/* Text never holds a bare '<', so `<a href=` is always a link that cmark wrote. */
static void add_with_rel(struct buf *html, const char *rendered) {
    static const char LINK[] = "<a href=", REL[] = "<a rel=\"noopener noreferrer nofollow\" href=";
    const char *from = rendered;
    for (const char *hit; (hit = strstr(from, LINK)); from = hit + sizeof LINK - 1) {
        buf_add(html, from, (size_t)(hit - from));
        buf_adds(html, REL);
    }
    buf_adds(html, from);
}

static char *render(const char *markdown, size_t len) {
    cmark_parser *parser = new_parser(tables_affordable(markdown, len));
    cmark_node *root = parse(parser, markdown, len);
    char *rendered = root ? cmark_render_html(root, OPTIONS, cmark_parser_get_syntax_extensions(parser)) : NULL;
    if (root) cmark_node_free(root);
    cmark_parser_free(parser);
    return rendered;
}

enum err markdown_to_html(const char *markdown, size_t len, struct buf *html) {
    char *rendered = len <= MARKDOWN_MAX_BYTES ? render(markdown, len) : NULL;
    if (rendered && strlen(rendered) <= MARKDOWN_HTML_MAX_BYTES) {
        add_with_rel(html, rendered);
    } else {
        buf_adds(html, "<p>");
        html_escape(html, markdown, len);
        buf_adds(html, "</p>\n");
    }
    free(rendered);
    return html->failed ? ERR_INTERNAL : OK;
}
