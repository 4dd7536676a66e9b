/* What tests of imported reports share: a database, a folder for reports, and trials that ran when the fixtures were captured. */
#ifndef TL_TEST_IMPORT_FIXTURE_H
#define TL_TEST_IMPORT_FIXTURE_H

#include "harness/executor/import.h"
#include "tests/unit/store_fixture.h"

#define BEGAN INT64_C(1927876800500000) /* 2031-02-03 09:20:00.5 UTC: the launch in the fixtures */
#define SECONDS 40.0                    /* the trials ran over all their moments */

extern char folder[96]; /* of this test */
extern const struct tl_machine mac, phone_host;

void import_setup(void); /* for TestSuite */
void import_teardown(void);

/* What was answered, and of the last report what was said. */
struct answers {
    size_t n, counts[TL_IMPORT_RESULTS];
    char trial[TL_UUID_SIZE], why[1024], title[400];
    enum tl_outcome outcome;
    int signal;
    size_t n_trials;
    bool completed;
};

void on_told(void *arg, const struct tl_import_answer *a); /* arg: struct answers */
struct answers import(struct tl_store *s, const char *what);
struct answers fixture(struct tl_store *s, const char *name);
/* A fixture with one text replaced by another, imported as a file of its own. */
struct answers changed(struct tl_store *s, const char *name, const char *from, const char *to);
/* A trial of one's own that ran when the fixtures were captured, of these processes. */
void own(struct tl_store *s, const struct tl_machine *m, enum tl_outcome outcome, int signal, int pid,
         int child, char id[TL_UUID_SIZE]);
struct tl_trial_record read_trial(struct tl_store *s, const char *id); /* the caller's to release */

#endif
