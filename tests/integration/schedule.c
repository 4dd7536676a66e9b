/* The schedule of nightly runs from the command line, for its tests:
 *   schedule install SUITE PATH PROGRAM AT DB|"" [ARGUMENT…]
 *   schedule uninstall SUITE
 *   schedule status
 *   schedule program
 *   schedule keep NAME ABOUT PROGRAM [ARGUMENT…]     a service
 *   schedule forget NAME
 * Prints what comes of it as JSON; a failure as one line on stderr, with the exit status of its kind. */
#include "harness/schedule/schedule.h"
#include "harness/schedule/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int install(char **argv, json_t **done, struct tl_error *e)
{
    char **environment = tl_schedule_environment();
    struct tl_schedule s = {.suite = argv[0],
                            .path = argv[1],
                            .program = argv[2],
                            .at = argv[3],
                            .db = *argv[4] ? argv[4] : NULL,
                            .more = (const char *const *)argv + 5,
                            .environment = (const char *const *)environment};
    int rc = tl_schedule_install(&s, done, e);
    tl_schedule_environment_free(environment);
    return rc;
}

static int program(json_t **done, struct tl_error *e)
{
    char *path = tl_schedule_program(e);
    *done = path ? json_string(path) : NULL;
    free(path);
    return *done ? 0 : -1;
}

static int keep(char **argv, json_t **done, struct tl_error *e)
{
    char **environment = tl_schedule_environment();
    struct tl_service s = {.name = argv[0],
                           .about = argv[1],
                           .argv = (const char *const *)argv + 2,
                           .environment = (const char *const *)environment};
    int rc = tl_service_install(&s, done, e);
    tl_schedule_environment_free(environment);
    return rc;
}

int main(int argc, char **argv)
{
    struct tl_error e = {0};
    json_t *done = NULL;
    int rc;
    if (argc >= 7 && !strcmp(argv[1], "install"))
        rc = install(argv + 2, &done, &e);
    else if (argc == 3 && !strcmp(argv[1], "uninstall"))
        rc = tl_schedule_uninstall(argv[2], &done, &e);
    else if (argc == 2 && !strcmp(argv[1], "status"))
        rc = tl_schedule_status(&done, &e);
    else if (argc >= 5 && !strcmp(argv[1], "keep"))
        rc = keep(argv + 2, &done, &e);
    else if (argc == 3 && !strcmp(argv[1], "forget"))
        rc = tl_service_uninstall(argv[2], &done, &e);
    else if (argc == 2 && !strcmp(argv[1], "program"))
        rc = program(&done, &e);
    else
        return 64;
    if (rc)
        fprintf(stderr, "%s: %s: %s\n", e.what, e.where, e.why);
    else
        json_dumpf(done, stdout, JSON_ENCODE_ANY);
    json_decref(done);
    return rc ? tl_error_exit_status(e.kind) : 0;
}
