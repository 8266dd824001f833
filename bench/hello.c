/* The least that a server on ulfius can do: it answers every request with the same BYTES of JSON. Flags as in api/edge.c. hello BYTES PORT */
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <ulfius.h>
#include <unistd.h>

static char *body;
static size_t body_bytes;

static int hello(const struct _u_request *in, struct _u_response *out, void *arg) {
    (void)in;
    (void)arg;
    ulfius_set_binary_body_response(out, 200, body, body_bytes);
    return U_CALLBACK_COMPLETE;
}

int main(int argc, char **argv) {
    struct _u_instance instance;
    if (argc < 3 || ulfius_init_instance(&instance, (unsigned)atoi(argv[2]), NULL, NULL) != U_OK) return 2;
    body_bytes = (size_t)atol(argv[1]);
    body = body_bytes < 2 ? NULL : malloc(body_bytes);
    if (!body) return 2;
    memset(body, ' ', body_bytes);
    body[0] = '[';
    body[body_bytes - 1] = ']';
    instance.check_utf8 = 0;
    ulfius_set_default_endpoint(&instance, hello, NULL);
    struct MHD_OptionItem options[] = {
        {.option = MHD_OPTION_NOTIFY_COMPLETED, .value = (intptr_t)mhd_request_completed, .ptr_value = NULL},
        {.option = MHD_OPTION_URI_LOG_CALLBACK, .value = (intptr_t)ulfius_uri_logger, .ptr_value = NULL},
        {.option = MHD_OPTION_CONNECTION_LIMIT, .value = 1000, .ptr_value = NULL},
        {.option = MHD_OPTION_CONNECTION_TIMEOUT, .value = 60, .ptr_value = NULL},
        {.option = MHD_OPTION_CONNECTION_MEMORY_LIMIT, .value = 48 * 1024, .ptr_value = NULL},
        {.option = MHD_OPTION_THREAD_STACK_SIZE, .value = 512 * 1024, .ptr_value = NULL},
        {.option = MHD_OPTION_END, .value = 0, .ptr_value = NULL},
    };
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC;
    if (ulfius_start_framework_with_mhd_options(&instance, flags, options) != U_OK) return 1;
    pause();
}
