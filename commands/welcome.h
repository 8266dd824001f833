/* The demo organisation of `serve --demo`. */
#ifndef COMMANDS_WELCOME_H
#define COMMANDS_WELCOME_H

#define DEMO_CLIENT "d3m07f2c9a51e04b8d6f3a1c5e7092b4d8"
#define DEMO_NAME "Example Hospital 例示病院"

#endif
