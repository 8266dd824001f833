/* libcurl's own state, made once whoever needs it first: base/mail.c, base/http_out.c. Thread-safe. */
#ifndef BASE_CURL_START_H
#define BASE_CURL_START_H

void curl_start(void);

#endif
