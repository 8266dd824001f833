#include "commands/stopping.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cluster.h"
#include "base/log.h"

enum { SAME_SIGNAL_MS = 1000 };

static int64_t softly_ms; /* when the first signal came; only the watching thread uses it */
static atomic_bool waited_for;
static sem_t came;
static sigset_t signals;

static void stop_softly(int number) {
    LOG(INFO, "stopping", log_s("signal", sigabbrev_np(number)));
    softly_ms = monotonic_ms();
    sem_post(&came);
}

static void stop_at_once(int number) {
    LOG(WARN, "stopping_at_once", log_s("signal", sigabbrev_np(number)));
    cluster_stop();
    _exit(128 + number);
}

/* A terminal, make(1) and timeout(1) may each pass on one and the same signal: within a second it counts once. */
static void *watch(void *unused) {
    (void)unused;
    for (int number; sigwait(&signals, &number) == 0;) {
        if (atomic_exchange(&waited_for, false))
            stop_softly(number);
        else if (!softly_ms || monotonic_ms() - softly_ms > SAME_SIGNAL_MS)
            stop_at_once(number);
    }
    return NULL;
}

void stopping_watch(void) {
    pthread_t thread;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    sem_init(&came, 0, 0);
    if (pthread_create(&thread, NULL, watch, NULL))
        LOG(ERROR, "signal_thread", log_errno());
    else
        pthread_detach(thread);
}

void stopping_begin(void) { atomic_store(&waited_for, true); }

bool stopping_wait(int timeout_ms) {
    struct timespec until = monotonic_at(monotonic_ms() + timeout_ms);
    int e;
    do e = sem_clockwait(&came, CLOCK_MONOTONIC, &until);
    while (e < 0 && errno == EINTR);
    return e == 0;
}
