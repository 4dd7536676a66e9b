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

/* Prepares a query for rows that are struct tl_trial_row, with the columns of these names (see tl_rows_open).
 * from ends with the table trial; rest is what follows the joins. */
int tl_trial_rows_open(struct tl_rows *q, struct tl_store *s, const char *chosen, const char *from,
                       const char *rest, const char *what, struct tl_error *e);
/* Hands out every row, whose strings it releases, and closes the query. */
int tl_trial_rows_each(struct tl_rows *q, tl_trial_row_found found, void *arg, struct tl_error *e);
void tl_trial_row_free(struct tl_trial_row *t); /* what each row owns: command, request, result */
/* The same for rows that are struct tl_trial_record, without outputs and captures. */
int tl_trial_records_open(struct tl_rows *q, struct tl_store *s, const char *from, const char *rest,
                          const char *what, struct tl_error *e);
/* And for rows that are struct tl_trial_line (db/query.h). */
int tl_trial_lines_open(struct tl_rows *q, struct tl_store *s, const char *from, const char *rest,
                        const char *what, struct tl_error *e);

/* Output of a trial: rest begins with "FROM output". */
struct tl_output_row {
    const char *trial_id;
    int stream, packed; /* schema.sql */
    uint64_t total;
    struct tl_bytes head, tail;
};
int tl_output_rows_open(struct tl_rows *q, struct tl_store *s, const char *rest, const char *what,
                        struct tl_error *e);
/* Moves it to where its stream belongs. */
void tl_output_take(struct tl_store *s, const struct tl_output_row *row, struct tl_output *out,
                    struct tl_output *err);

#endif
