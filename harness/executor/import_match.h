/* Which failures of one's own are the failure of a trial that was imported. */
#ifndef TL_IMPORT_MATCH_H
#define TL_IMPORT_MATCH_H

#include "db/store.h"
#include "harness/base/error.h"
#include "harness/base/record.h"

enum tl_import_how {
    TL_IMPORT_SAME,   /* outcome, signal and title agree */
    TL_IMPORT_COARSE, /* what can be compared across builds agrees */
    TL_IMPORT_STACK,  /* the stack agrees; the message stood on stderr, which a report does not have */
};
const char *tl_import_how_words(enum tl_import_how how);

struct tl_import_match {
    enum tl_import_how how;
    char signature_id[TL_ID_SIZE], trial_id[TL_UUID_SIZE]; /* the newest trial that has it */
    enum tl_phase phase;
    char *title, *case_name, *unit; /* of the signature, and of that trial */
    uint64_t trials;
};
struct tl_import_matches {
    size_t n;
    struct tl_import_match *list; /* what agrees most comes first */
};

/* Phases are not compared: a report does not tell one. A failure of which nothing is known but its signal matches
 * nothing. */
int tl_import_match(struct tl_store *s, const struct tl_trial_record *r, struct tl_import_matches *m,
                    struct tl_error *e);
/* [{"how", "signature", "title", "phase", "case", "unit", "trial", "trials"}] */
json_t *tl_import_matches_json(const struct tl_import_matches *m);
void tl_import_matches_free(struct tl_import_matches *m);

#endif
