/* Units: where a trial runs. RUNNER[@BUILD]:DEVICE[%ALIAS], resolved to an executable, a build and a device.
 *
 * RUNNER is the name of a runner that is installed, or a path (with a '/') of any executable that speaks the
 * protocol. BUILD is a version that `trapline builds` knows, or a path of a library. ALIAS is a device that `trapline
 * devices` knows, and that hangs on this machine. */
#ifndef TL_UNIT_H
#define TL_UNIT_H

#include "db/machine.h"
#include "harness/base/error.h"
#include "harness/base/hash.h"

#include <jansson.h>
#include <stdbool.h>

/* Of a unit of a fleet: where it is (remote_machines.c). */
struct tl_unit_place {
    struct tl_machine machine;   /* one of the kind; its strings are those of `said` */
    json_t *said, *environment;  /* what it says of itself, and of the unit */
    char stands_for[TL_ID_SIZE]; /* the environment of the kind that was asked for last */
    unsigned places;             /* trials at a time, on all machines that may be asked */
    char **machines;             /* that alone may be, where that are not all of the kind */
    unsigned *busy, *width;      /* of each: jobs of this process, and places */
    size_t n_machines;
    bool pinned; /* what this machine alone has shown is an answer */
};

struct tl_unit {
    char *text;           /* as asked for */
    char *runner;         /* name or path */
    char *build;          /* NULL when none is named */
    char *device;         /* the part before '%' */
    char *alias;          /* NULL: this machine itself */
    char *slots_of;       /* what its slots are counted for; NULL: the unit itself */
    char *path;           /* of the runner's executable, absolute */
    json_t *build_object; /* what the runner is told of the build; NULL */
    char *build_missing;  /* why the build cannot be used; NULL when it can */

    /* From the runner's own description (tl_executor_unit). */
    char *runner_version;
    char *os_build; /* of the device; NULL: this machine's */
    char *os;       /* of the device, with its version; NULL, as the next: it does not say */
    char *model;    /* what the device is */
    json_t *axes;   /* names of those that it understands; NULL: it does not say */
    bool can_serve;
    bool usable;                 /* the device can be used here with this build */
    char *why;                   /* why not */
    unsigned slots;              /* trials at a time; 0: as many as asked for */
    char *kind;                  /* of the machines of a fleet that it is of; NULL: this one */
    struct tl_unit_place *place; /* likewise */
    char environment_id[TL_ID_SIZE];
};

/* Splits and checks the syntax. Release with tl_unit_free, also after a failure. */
int tl_unit_parse(const char *text, struct tl_unit *u, struct tl_error *e);
/* Finds the runner's executable. */
int tl_unit_find(struct tl_unit *u, struct tl_error *e);
/* Finds it and the build. A runner that does not exist is an error; a build that does
 * not is not: build_missing is set. */
int tl_unit_resolve(struct tl_unit *u, struct tl_error *e);
/* The file that is the runtime: that of the build, or else the runner; NULL: not known. */
const char *tl_unit_runtime(const struct tl_unit *u);
/* Fails when one of them names a build that is not here. */
int tl_units_check_builds(const struct tl_unit *const *units, size_t n, struct tl_error *e);
void tl_unit_free(struct tl_unit *u);

/* The executable of a runner: a path as it is, a name from $TRAPLINE_RUNNERS (directories, ':' between), the
 * user's $XDG_DATA_HOME/trapline/runners, or where trapline is installed. NULL with *e naming those that
 * exist. */
char *tl_runner_find(const char *name, struct tl_error *e);
/* Names of all runners that can be found, sorted: a JSON array of {"name","path"}. */
json_t *tl_runner_list(void);

#endif
