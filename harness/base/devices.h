/* Devices that hang on this machine, an iPhone on its Mac: by the alias that a unit names, what it takes to reach
 * them. They are in $XDG_CONFIG_HOME/trapline/devices.json, and nowhere else: what tells one device from all others is
 * in no database. */
#ifndef TL_DEVICES_H
#define TL_DEVICES_H

#include "harness/base/error.h"

#include <stddef.h>

#define TL_DEVICE_RUNNER "devicectl" /* the runner of this machine that has a device do trials */

struct tl_device {
    char *alias;
    char *udid;
    char *name; /* what it calls itself, where the user says so; NULL */
    size_t n_apps;
    struct tl_device_app {
        char *runner, *bundle; /* the program on the device that speaks for a runner */
    } * apps;
};

struct tl_devices {
    char *path; /* of the file */
    size_t n;
    struct tl_device *list;
};

/* What the file holds; without a file nothing. Release with tl_devices_free, also after a failure, which names the
 * place in the file and what was expected there. */
int tl_devices_load(struct tl_devices *all, struct tl_error *e);
int tl_devices_save(const struct tl_devices *all, struct tl_error *e);
void tl_devices_free(struct tl_devices *all);

/* The device of an alias; NULL with *e, which says how one gets it. */
const struct tl_device *tl_devices_find(const struct tl_devices *all, const char *alias, struct tl_error *e);
/* The bundle identifier of the app that speaks for a runner on it; NULL with *e. */
const char *tl_device_app(const struct tl_device *d, const char *runner, struct tl_error *e);

/* What the slots of all its units are counted for. A new string. */
char *tl_device_slots(const struct tl_device *d);

/* Adds a device, or puts it in the place of the one with its alias. words: RUNNER=BUNDLE for each app, name=NAME.
 * What is not valid is an error, and changes nothing. */
int tl_devices_add(struct tl_devices *all, const char *alias, const char *udid, char *const *words, size_t n,
                   struct tl_error *e);
int tl_devices_remove(struct tl_devices *all, const char *alias, struct tl_error *e);

#endif
