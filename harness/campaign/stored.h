/* Stored trials as answers. What no key names may have changed since they were run, so an answer that rests on them
 * is tried again before it is given; stored.c has the theory. */
#ifndef TL_STORED_H
#define TL_STORED_H

#include "harness/executor/executor.h"

#include <jansson.h>

/* A variant of a case on a unit. */
struct tl_stored_cell {
    const struct tl_case *c;
    const struct tl_variant *variant;
    const struct tl_unit *unit;
};

/* What a command has set aside. */
struct tl_stored_aside {
    size_t trials;
    char because[TL_UUID_SIZE]; /* the trial that contradicts them; "" for none */
    int64_t known_us;           /* until when it is known here what was set aside, by whatever process */
};

/* Whether trials of the cell that started at since_us or later contradict older ones, which are then set aside: all
 * that are older, of the case on this unit on this machine. *contradicted is set, and never cleared. */
int tl_stored_settle(struct tl_executor *x, const struct tl_stored_cell *cell, int64_t since_us,
                     struct tl_stored_aside *aside, bool *contradicted, struct tl_error *e);
/* Runs the cell once, and again until it is known whether that contradicts older trials. Nothing else may be
 * pending. */
int tl_stored_try(struct tl_executor *x, const struct tl_stored_cell *cell, bool fresh, int64_t since_us,
                  struct tl_stored_aside *aside, bool *contradicted, struct tl_error *e);

/* When the stored trials were run that a command has used. */
struct tl_stored_span {
    int64_t oldest_us, newest_us; /* 0: there are none */
};
void tl_stored_seen(struct tl_stored_span *span, int64_t started_us);

/* "cached_from" and "set_aside", where there is something to say, as members of a document. */
void tl_stored_add_json(json_t *document, const struct tl_stored_span *span,
                        const struct tl_stored_aside *aside);

/* Whether trials of a variant in fresh processes that were run since then ended like all those from before, and there are
 * both. */
bool tl_stored_confirmed(const struct tl_cached *list, size_t n, int64_t since_us);

#endif
