#include "commands/commands.h"
__attribute__((weak)) enum err demo_prepare(bool *loaded) { *loaded = false; return OK; }
__attribute__((weak)) void serve_welcome(bool first_start) { (void)first_start; }
__attribute__((weak)) int command_demo(const struct arguments *a) { (void)a; return EXIT_FAILED; }
__attribute__((weak)) int command_ledger_verify(const struct arguments *a) { (void)a; return EXIT_FAILED; }
