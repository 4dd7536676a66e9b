/* Calls of `xcrun devicectl` that run to their end. */
#ifndef TL_TOOL_H
#define TL_TOOL_H

#include "harness/base/devices.h"
#include "runners/devicectl/phone.h"

#include <stdbool.h>

struct tl_tool {
    char *xcrun;      /* its path */
    const char *udid; /* of the device; borrowed */
    const char *bundle;
    const char *directory; /* for the files that it writes; borrowed */
    struct tl_hidden hidden;
    struct tl_phone phone; /* as it was found last; empty before */
};

/* -1 with *e when there is no xcrun. Release with tl_tool_close. */
int tl_tool_open(struct tl_tool *t, const struct tl_device *d, const char *bundle, const char *directory,
                 struct tl_error *e);
void tl_tool_close(struct tl_tool *t);

/* Runs `xcrun devicectl ARGUMENTS…` (NULL at their end), which has that many seconds. *json becomes the document that it
 * writes, with its size, and is the caller's to free; json may be NULL. -1 with *e, whose why is what it said last,
 * without what is hidden. */
int tl_tool_run(const struct tl_tool *t, const char *const *arguments, double seconds, char **json,
                size_t *size, struct tl_error *e);

/* Takes the device for this process until it exits, waiting for others of this user that have it. NULL, or why not (a
 * new string). */
char *tl_tool_take(const struct tl_tool *t, double seconds);

/* Whether the device can be used now: NULL, or why not (a new string). Fills t->phone. */
char *tl_tool_look(struct tl_tool *t, double seconds);

/* Copies a file or directory to a place in the container of the app, or a file or directory from there. */
int tl_tool_copy_to(const struct tl_tool *t, const char *from, const char *to, struct tl_error *e);
int tl_tool_copy_from(const struct tl_tool *t, const char *from, const char *to, struct tl_error *e);

/* Waits for the report that the device writes of a death: of that process, captured between these times of its own
 * clock. It is left as `name` in the directory. False when none came in time. */
bool tl_tool_report(const struct tl_tool *t, const char *process, int pid, int64_t launched_us,
                    int64_t ended_us, double patience_s, const char *name);

#endif
