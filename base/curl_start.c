#include "base/curl_start.h"

#include <curl/curl.h>
#include <pthread.h>

static pthread_once_t ready = PTHREAD_ONCE_INIT;
static void start(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

void curl_start(void) { pthread_once(&ready, start); }
