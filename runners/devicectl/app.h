/* The app on the device, as its console tells of it. */
#ifndef TL_APP_H
#define TL_APP_H

#include "runners/devicectl/console.h"
#include "runners/devicectl/tool.h"

#include <stdint.h>

#define TL_APP_MARK                                                                                          \
    "@trapline " /* what a message of the app begins with: the line has the words of others, too */

struct tl_app {
    const struct tl_tool *tool;
    const json_t *environment; /* NAME: VALUE, for the app; NULL */
    double most_s;             /* it is ended after that; 0: never */
    /* A message of it, checked to be an object; what it is for the protocol is the receiver's business. */
    void (*on_message)(struct tl_app *app, const json_t *message);
    void (*on_launched)(struct tl_app *app); /* it runs; NULL */
    void *arg;

    bool launched;       /* devicectl says so, or it has said something itself */
    int pid;             /* 0: it has not told */
    char *process;       /* its name; NULL */
    int64_t its_time_us; /* by its own clock, when it told them */
    uint64_t told_ns;    /* when that was, by the monotonic one */
    int signal;          /* that ended it, as its system numbers them; 0: none that was told */
    int signal_stream;   /* where it was told */
    bool blank[2];       /* an empty line of stdout, of stderr, is held back: it may belong to a message */
    char *complaint;     /* the last line of stderr, without what is hidden; NULL */
    struct tl_console console;
};

/* Launches it with arguments (NULL at their end), and waits for its end. What it writes goes to our own streams. -1
 * with *e when devicectl itself could not be run. */
int tl_app_run(struct tl_app *app, const char *const *arguments, struct tl_error *e);
void tl_app_free(struct tl_app *app);

/* The number in "App terminated due to signal N."; 0 when a line does not end in that. */
int tl_app_signal_in(const char *line);
/* The name of a signal that Apple's systems number so: a text that lives on. */
const char *tl_app_signal_name(int number);

#endif
