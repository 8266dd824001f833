#include <stdio.h>

#include "auth/keys.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/home.h"
#include "commands/commands.h"

int command_keys_rotate(const struct arguments *a) {
    (void)a;
    char kid[KEY_ID_MAX + 1];
    scope_buf struct buf why;
    buf_init(&why, 8192);
    enum err e = keys_load(config()->key_file, now_ms(), &why);
    if (e == OK) e = keys_rotate(config()->key_file, now_ms(), kid, &why);
    if (e != OK) {
        home_complain("%s", buf_text(&why));
        return EXIT_FAILED;
    }
    printf("{\"kid\":\"%s\",\"signs_in_s\":%d}\n", kid, KEYS_SETTLE_MS / 1000);
    return EXIT_DONE;
}
