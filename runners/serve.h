/* The fork server of a runner (serve.c; serve_none.c where a fork without exec is not safe). Inside the
 * library for runners. */
#ifndef TL_SERVE_H
#define TL_SERVE_H

#include "runners/protocol.h"

extern const bool tl_serve_possible;

/* Does the one trial of a forked child; the value is its exit status. */
typedef int (*tl_serve_trial)(const struct tl_runner *runner, void *state);

/* Loads the runtime and forks a child for each trial until fd 3 is closed; then the process ends. Comes back,
 * with main's exit status, only when it cannot serve, which has then been said. */
int tl_serve(const struct tl_runner *runner, const json_t *request, tl_serve_trial trial);

#endif
