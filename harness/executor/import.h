/* Reports that an operating system wrote, brought into the database: each becomes a trial of its own, or part of the
 * trials that it is about. Nothing is run. */
#ifndef TL_IMPORT_H
#define TL_IMPORT_H

#include "db/store.h"
#include "harness/base/error.h"
#include "harness/base/record.h"
#include "harness/base/watch.h"

enum tl_import_result {
    TL_IMPORT_ADDED,     /* a trial was made of it */
    TL_IMPORT_ATTACHED,  /* it is of a process of a trial that trapline ran */
    TL_IMPORT_HELPER,    /* it is of a process that worked for trials */
    TL_IMPORT_NOTED,     /* it is of the machine on which trials ran then */
    TL_IMPORT_KNOWN,     /* it was here already */
    TL_IMPORT_UNRELATED, /* no trial ran then, and it makes none: nothing was stored */
    TL_IMPORT_REFUSED,   /* it cannot be read */
};
#define TL_IMPORT_RESULTS 7

/* What became of one report of a file. Borrowed for the call. */
struct tl_import_answer {
    enum tl_import_result result;
    const char *path;
    size_t number;                        /* of the report in its file, from 1; 0: the file holds no other */
    const struct tl_system_report *about; /* NULL of a file that is no report */
    size_t n_trials;                      /* that it made, or belongs to */
    const char (*trials)[TL_UUID_SIZE];
    const struct tl_trial_record *record; /* of the first; NULL */
    bool completed;                       /* that trial had no stack, and now has this one */
    const char *why;                      /* refused, unrelated; or what else is to be said; NULL */
};
typedef void (*tl_import_told)(void *arg, const struct tl_import_answer *a);

/* Imports a file ("-": standard input), or all files below a folder but hidden ones, in the order of their names. A file that is refused does
 * not stop the others. -1 when path cannot be read at all, the database cannot be written, or it was interrupted: what was
 * imported by then stays. */
int tl_import(struct tl_store *s, const char *path, const struct tl_watch *watch, tl_import_told told,
              void *arg, struct tl_error *e);

#endif
