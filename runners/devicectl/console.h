/* A program whose output is read as it comes: `devicectl … launch --console`, which lives as long as the app on the
 * device does, passes on what that writes, and passes a signal that can be caught on to it. */
#ifndef TL_CONSOLE_H
#define TL_CONSOLE_H

#include "harness/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct tl_console {
    const char *const *argv;        /* NULL-terminated; argv[0] is a path */
    const char *const *environment; /* NAME=VALUE…, besides its own */
    double patience_s;              /* until `launched` is set; then it is stopped. 0: without end */
    double most_s;                  /* it is stopped after that in any case; 0: never */
    /* A line of stdout (1) or stderr (2) without its newline; one without an end comes in pieces. */
    void (*on_line)(struct tl_console *c, int stream, const char *line);
    void *arg;

    bool launched; /* set by on_line */
    int status;    /* when it has ended: as waitpid gives it */
    bool stopped;  /* it was asked to end: time was up, or tl_console_stop */
    bool too_slow; /* it was not launched in time */
    bool had_to_be_killed;
};

/* Runs it to its end. -1 with *e when it could not be started. */
int tl_console_run(struct tl_console *c, struct tl_error *e);

/* From now on SIGTERM does not end this process but stops the console that runs, and all that would run later. */
void tl_console_catch_stop(void);
bool tl_console_stop_asked(void);
/* Waits; returns early when it is asked to stop. */
void tl_console_wait(double seconds);

#endif
