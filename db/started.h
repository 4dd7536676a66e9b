/* What the user of this process started, and where cases were when they were run: what `last` stands for, and how a trial
 * is run again. Of this database alone: a merge brings none of it. Functions return 0, or -1 with *e filled. */
#ifndef TL_STARTED_H
#define TL_STARTED_H

#include "db/store.h"

#include <stdbool.h>

/* The session that is open was started by the user, not by a timer or a night. command: the name of trapline's command.
 * Durable when it returns: what is found lost of it later is the user's, too. */
int tl_started_session(struct tl_store *s, const char *command, struct tl_error *e);
/* So was a finding, if the session that is open was. Called before the finding is stored. */
int tl_started_finding(struct tl_store *s, const char *finding_id, struct tl_error *e);

enum tl_started_kind {
    TL_STARTED_TRIAL = 1,
    TL_STARTED_FINDING = 2,
    TL_STARTED_SIGNATURE = 4, /* of a trial that has one */
    TL_STARTED_SESSION = 8,   /* that has trials */
};

struct tl_started_wish {
    unsigned kinds;      /* of enum tl_started_kind; a session or a signature stands alone */
    const char *command; /* NULL: of any */
    const char *outcome; /* of the trial, or of the failure that the finding is about; NULL: any */
};

struct tl_started {
    enum tl_started_kind kind;
    char id[TL_UUID_SIZE]; /* "": there is none */
    char session[TL_UUID_SIZE];
};

/* The newest that the user of this process started. Of one session a finding comes before trials: it is what they were run
 * for. */
int tl_started_last(struct tl_store *s, const struct tl_started_wish *wish, struct tl_started *found,
                    struct tl_error *e);

/* Which command that writes findings the user of this process started last behind the session in which one was found; ""
 * when there is none. */
#define TL_STARTED_COMMAND 16
int tl_started_in_vain(struct tl_store *s, const char *after, char command[TL_STARTED_COMMAND],
                       struct tl_error *e);

/* Where the file of a case is; replaces what was known. Belongs to the open group. */
int tl_started_case_place(struct tl_store *s, const char *case_hash, const char *path, struct tl_error *e);
/* Where all of them are: a list that ends with NULL, for tl_strings_free. */
int tl_started_case_paths(struct tl_store *s, char ***paths, struct tl_error *e);
/* The caller's; NULL in *path when it is not known. */
int tl_started_case_path(struct tl_store *s, const char *case_hash, char **path, struct tl_error *e);

#endif
