/* A program that runs all the time, started by the system with the user's session and again when it fails: a unit of the user's systemd
 * on Linux, a launchd agent on macOS. As with schedules (schedule.h) the system's own file is the only memory of what is installed. */
#ifndef TL_SERVICE_H
#define TL_SERVICE_H

#include "harness/base/error.h"

#include <jansson.h>

/* All texts are UTF-8 without control characters. Lists are NULL-terminated; NULL is an empty one. */
struct tl_service {
    const char *name;        /* [a-z0-9][a-z0-9._-]*, at most 100: trapline_NAME.service, org.trapline.NAME */
    const char *about;       /* in a few words */
    const char *const *argv; /* the program first, absolute */
    const char *const *environment; /* NAME=VALUE…; see tl_schedule_environment */
};

/* Installs it, or installs it anew, and starts it. A file of that name that trapline did not write is refused (input). *done is {"service",
 * "files": [PATH…], "replaced": BOOL, "notes": [TEXT…]}, the caller's. When the file is written but the system could not be told to use
 * it, fails (environment) saying so, and with which command to do it later. */
int tl_service_install(const struct tl_service *s, json_t **done, struct tl_error *e);
/* Ends it and removes its file. An input error when it is not there. *done is {"service", "removed": [PATH…], "notes": [TEXT…]}. */
int tl_service_uninstall(const char *name, json_t **done, struct tl_error *e);

#endif
