/* What happens in order: the delay, the message on stderr, then one of the ways to fail. */
#include "runners/sim/fail.h"

#include "runners/sim/check.h"
#include "runners/sim/crash.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void say(const char *text, const struct tl_sim_model *model)
{
    char *line = tl_sim_expand(text, model);
    fprintf(stderr, TL_SIM_MARK "%s\n", line);
    free(line);
}

static void say_all(const json_t *message, const struct tl_sim_model *model)
{
    size_t i;
    json_t *line;
    if (json_is_string(message))
        say(json_string_value(message), model);
    json_array_foreach((json_t *)message, i, line)
        say(json_string_value(line), model);
    fflush(stderr);
}

static void nap(double seconds)
{
    struct timespec left = {.tv_sec = (time_t)floor(seconds)};
    left.tv_nsec = (long)((seconds - floor(seconds)) * 1e9);
    while (nanosleep(&left, &left) && errno == EINTR)
        ;
}

static void refuse(struct tl_run *run, const json_t *error, const struct tl_sim_model *model)
{
    char *text = tl_sim_expand(json_string_value(json_object_get(error, "message")), model);
    tl_run_error(run, json_string_value(json_object_get(error, "domain")),
                 json_string_value(json_object_get(error, "code")), TL_SIM_MARK "%s", text);
    free(text);
}

bool tl_sim_fail(struct tl_run *run, const json_t *rule, const struct tl_sim_model *model)
{
    const char *phase = json_string_value(json_object_get(rule, "phase"));
    const json_t *signal = json_object_get(rule, "signal"), *error = json_object_get(rule, "error"),
                 *status = json_object_get(rule, "exit_status");
    nap(json_number_value(json_object_get(rule, "delay_s")));
    say_all(json_object_get(rule, "message"), model);
    if (signal)
        tl_sim_crash(tl_sim_site(json_string_value(json_object_get(rule, "in")), phase),
                     tl_sim_signal(json_string_value(signal)),
                     json_string_value(json_object_get(rule, "thread")));
    if (json_object_get(rule, "hang"))
        for (;;)
            pause();
    if (status) {
        fflush(stdout);
        _exit((int)json_integer_value(status));
    }
    if (error)
        refuse(run, error, model);
    return !error;
}
