/* The devices that `devicectl list devices` tells of, in the JSON that it writes. Pure; the text may be anything. */
#ifndef TL_PHONE_H
#define TL_PHONE_H

#include "harness/base/error.h"

#include <jansson.h>
#include <stdbool.h>

#define TL_LISTING_MOST (16u << 20) /* bytes of a document of devicectl that is read */

struct tl_phone {
    char *udid;
    char *model;    /* "iPhone17,1"; NULL like every text below when it is not told */
    char *os;       /* "iOS 27.0" */
    char *os_build; /* "24A437" */
    /* What tells it from all others beside its UDID. */
    char *name, *identifier, *serial, *ecid;
    char *why; /* why nothing can run on it now; NULL when it can */
};

/* Finds the device of a UDID, or of CoreDevice's identifier. 1: found; 0: it is not among them; -1 with *e: the document
 * is not what it should be. Release with tl_phone_free when it was found. */
int tl_phone_find(const char *text, size_t size, const char *udid, struct tl_phone *phone,
                  struct tl_error *e);
void tl_phone_free(struct tl_phone *phone);

/* The names of files in what `devicectl device info files` writes, of those that end in `.ips` and begin with a
 * process's name: newest name first, at most `most`. A new array of strings; NULL with *e when the document is not what
 * it should be. */
json_t *tl_phone_reports(const char *text, size_t size, const char *process, size_t most, struct tl_error *e);

/* Texts that tell a device from all others, and what stands in their place where they would be seen. */
struct tl_hidden {
    const struct tl_phone *phone; /* NULL: nothing is hidden */
    const char *alias;
    const char *name; /* one more, that its user has given; NULL */
};
char *tl_hide(const struct tl_hidden *h, const char *text); /* a new string */
json_t *tl_hide_json(const struct tl_hidden *h, const json_t *document);

#endif
