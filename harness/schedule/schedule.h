/* The nightly run of a suite, started by the system: a timer of the user's systemd on Linux, a launchd agent
 * on macOS. What is installed is read back from the system's own files; trapline keeps no list of its own. */
#ifndef TL_SCHEDULE_H
#define TL_SCHEDULE_H

#include "harness/base/error.h"

#include <jansson.h>

/* All texts are UTF-8 without control characters. Lists are NULL-terminated; NULL is an empty one. */
struct tl_schedule {
    const char *suite;   /* its name, which becomes part of file names: [a-z0-9][a-z0-9._-]*, at most 100 */
    const char *path;    /* absolute: its file */
    const char *program; /* absolute: the trapline to run; see tl_schedule_program */
    const char *db;      /* absolute, or NULL: the default */
    const char *at;      /* "HH:MM", local time */
    const char *const *more;        /* further arguments of `trapline nightly` */
    const char *const *environment; /* NAME=VALUE…; see tl_schedule_environment */
};

/* 00:00 to 23:59, always two digits. Input error otherwise. hour and minute may be NULL. */
int tl_schedule_time(const char *at, int *hour, int *minute, struct tl_error *e);
int tl_schedule_suite_valid(const char *suite, struct tl_error *e);

/* The program that runs now, absolute, the caller's: the entry of PATH that is a link to it, as that outlives
 * an upgrade; else its file. */
char *tl_schedule_program(struct tl_error *e);
/* The variables that trapline goes by and that are set here, as NAME=VALUE…: PATH, those that say where its
 * runners, profiles and data are. */
char **tl_schedule_environment(void);
void tl_schedule_environment_free(char **environment);

/* Installs the nightly run, or installs it anew, and starts its timer. A file of that name that trapline did
 * not write is refused (input). *done is {"suite", "path", "at", "files": [PATH…], "replaced": BOOL,
 * "next_us": N or null, "notes": [TEXT…]}, the caller's. When the files are written but the system could not
 * be told to use them, fails (environment) saying so, and with which command to do it later. */
int tl_schedule_install(const struct tl_schedule *s, json_t **done, struct tl_error *e);

/* Stops the timer and removes its files. An input error, which names what is installed, when it is not there.
 * *done is {"suite", "removed": [PATH…], "notes": [TEXT…]}. */
int tl_schedule_uninstall(const char *suite, json_t **done, struct tl_error *e);

/* Every nightly run that is installed, by name: an array of {"suite", "path", "at", "command": [ARGUMENT…],
 * "files": [PATH…], "enabled": BOOL, "active": BOOL, "running": BOOL, "last": {"started_us": N or null,
 * "result": TEXT, "exit_status": N | "signal": N or TEXT} or null, "next_us": N or null}. When the system
 * could not be asked, what only it knows is null and "unknown" says why; "problem" says what is wrong with
 * the files.
 */
int tl_schedule_status(json_t **list, struct tl_error *e);

#endif
