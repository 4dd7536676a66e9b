/* What tests of the store share: a database in a directory of its own, and records of trials. */
#ifndef TL_TEST_STORE_FIXTURE_H
#define TL_TEST_STORE_FIXTURE_H

#include "db/machine.h"
#include "db/store.h"

#include <criterion/criterion.h>

extern char directory[64], path[96]; /* of this test, and of the database in it */
extern struct tl_error error;        /* of the last call */
extern const struct tl_machine machine;

#define OK(call) cr_assert_eq((call), 0, "%s (%s): %s", error.what, error.where, error.why)

void store_setup(void); /* for TestSuite */
void store_teardown(void);

struct tl_store *open_store(enum tl_store_mode mode);
void close_store(struct tl_store *s);
void check(struct tl_store *s);              /* asserts that tl_store_check finds nothing */
void say_wrong(void *arg, const char *text); /* for tl_store_check */
int64_t count(struct tl_store *s, const char *sql);
void sql(const char *text); /* run on the closed database, as any program could */

/* Of the last error: which database was saved beside this one, and how many trials are in it; asserts that it is sound, and how many are
 * lost. */
int64_t saved_beside(char *saved, size_t size, int64_t lost);

/* A record as the supervisor fills it before the child runs; and one after a crash, with everything there is,
 * in which threads 1 and 2 have the same stack. The caller's to tl_trial_record_free. */
struct tl_trial_record asked(int variant);
struct tl_trial_record crashed(int variant);
struct tl_thread make_thread(const struct tl_module *modules, int tid, size_t n, uint64_t first);
void same_record(const struct tl_trial_record *a, const struct tl_trial_record *b); /* asserts it */

#endif
