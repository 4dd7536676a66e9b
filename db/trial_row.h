/* A trial as a row (struct tl_trial_row): its own columns and those of what it refers to. For the inside of
 * db/.
 *
 * In all but name this is a view over trial, variant, signature, environment, session, machine and
 * night_session: a table of named columns (trial_row.c), of which a query asks for those that it wants;
 * joined are the tables that these columns need and no others, so that a walk over a million trials stays
 * narrow.
 *
 * It is no view in the database. A stored one would be a new version of the schema, and a file of the version
 * before, on media that cannot be written, could not be read any more; a merge refuses a file that holds
 * views, for a view of a stranger runs when it is read; and INDEXED BY, on which the walks rely, does not
 * reach through a view. */
#ifndef TL_TRIAL_ROW_H
#define TL_TRIAL_ROW_H

#include "db/query.h"
#include "db/rows.h"

/* Prepares a query for trials, of which a row is one of the structs below; chosen: see tl_rows_choose. from ends with
 * the table trial; rest is what follows the joins. */
int tl_trials_open(struct tl_rows *q, struct tl_store *s, const struct tl_column *columns, const char *chosen,
                   const char *from, const char *rest, const char *what, struct tl_error *e);
/* Likewise for one that is asked again and again: prepared at its first use and kept in that slot. */
int tl_trials_open_kept(struct tl_rows *q, struct tl_store *s, enum tl_statement which,
                        const struct tl_column *columns, const char *chosen, const char *from,
                        const char *rest, const char *what, struct tl_error *e);
extern const struct tl_column tl_row_columns[];    /* struct tl_trial_row */
extern const struct tl_column tl_line_columns[];   /* struct tl_trial_line */
extern const struct tl_column tl_record_columns[]; /* struct tl_trial_record, without outputs and captures */

/* Hands out every struct tl_trial_row, whose strings it releases, and closes the query. */
int tl_trial_rows_each(struct tl_rows *q, tl_trial_row_found found, void *arg, struct tl_error *e);
void tl_trial_row_free(struct tl_trial_row *t); /* what each row owns: command, request, result */

/* What belongs to a trial, of the tables output, capture, and thread with stack. */
struct tl_output_row {
    const char *trial_id;
    int stream, packed; /* schema.sql */
    uint64_t total;
    struct tl_bytes head, tail;
};
extern const struct tl_column tl_output_columns[];
/* Moves it to where its stream belongs. */
void tl_output_take(struct tl_store *s, const struct tl_output_row *row, struct tl_output *out,
                    struct tl_output *err);

struct tl_capture_row {
    const char *trial_id;
    int64_t number;
    struct tl_capture c; /* without kind, registers, modules and threads */
    const char *kind, *registers, *set, *fault;
    char *bases;
};
extern const struct tl_column tl_capture_columns[];
/* Moves it to the end of a list. */
struct tl_capture *tl_capture_take(struct tl_capture_row *row, struct tl_capture **list, size_t *n);

struct tl_thread_row {
    const char *trial_id;
    int64_t capture;
    struct tl_thread t; /* without frames and symbols */
    char *frames, *symbols;
};
extern const struct tl_column tl_thread_columns[];

#endif
