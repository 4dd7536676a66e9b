/* What a runner can do, in its own words: asked in a child of a supervisor, or as it said it before
 * (describe.c says what is kept, and for how long). */
#ifndef TL_DESCRIBE_H
#define TL_DESCRIBE_H

#include "harness/supervise/supervisor.h"

#include <time.h>

struct tl_description {
    /* The question. All is borrowed until it is answered. */
    const char *runner;  /* path of the runner's executable */
    const json_t *build; /* what it is told of the build; NULL: none is named */
    const char *unit;    /* what it is asked for, for the record; NULL: nothing in particular */
    /* Of a runner that speaks for another one on a device of this machine; NULL: it speaks for itself. */
    const char *speaks_for, *alias, *device;
    const char *slots_of; /* the device takes one question at a time; NULL */

    /* The answer. Release with tl_description_free. */
    json_t *answer; /* the describe message; it has "devices" */
    bool kept;      /* the answer is an earlier one */

    time_t asked; /* when, in seconds */
    bool ended;   /* of the child */
    struct tl_trial_record record;
    char key[TL_SHA256_SIZE]; /* what the answer is kept for; "": it is not */
};

/* Takes what was kept, unless it is to be asked anew. Returns whether there is such an answer. */
bool tl_description_recall(struct tl_description *d, bool anew);
/* Asks. *d must stay where it is until `ended`, or until the supervisor is idle. */
int tl_description_request(struct tl_description *d, struct tl_supervisor *s, struct tl_error *e);
/* The reply of a child that has ended, which is kept from now on. */
int tl_description_reply(struct tl_description *d, struct tl_error *e);
void tl_description_free(struct tl_description *d); /* its answer */

/* Asks several runners side by side, in a supervisor of its own, those of which no answer is kept.
 * failures[i] says why list[i] has no answer; -1 when nothing could be asked. */
int tl_describe(struct tl_description *list, size_t n, struct tl_error *failures, struct tl_error *e);

#endif
