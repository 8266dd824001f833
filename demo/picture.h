/* Small PNG pictures for the demo's chat: mock screenshots, each different, made once. */
#ifndef DEMO_PICTURE_H
#define DEMO_PICTURE_H

#include <stddef.h>

enum { PICTURES_N = 6 };

struct picture {
    unsigned char *png; /* some 1-2 KB */
    size_t bytes;
    char sha256[65];
};

/* Draws them at first use; before threads start. NULL: out of memory. */
const struct picture *pictures(void);

#endif
