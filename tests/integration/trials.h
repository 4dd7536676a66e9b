/* What tests of the supervisor share: an executor with a database of its own, and trials of the selftest
 * runner. */
#ifndef TL_TEST_TRIALS_H
#define TL_TEST_TRIALS_H

#include "harness/executor/executor.h"

struct trials {
    char directory[64];
    char *db;
    struct tl_case *c;
    struct tl_executor *x;
    const struct tl_unit *unit;
};

/* A case of the selftest family with every behaviour, and limits that make its traps short. */
void trials_begin(struct trials *t, unsigned jobs, double timeout_s, bool no_cgroup);
void trials_end(struct trials *t);

/* Submits one trial; assignments is "axis=value axis=value". done may take the record's contents by copying.
 */
void trials_submit(struct trials *t, const char *assignments, bool fresh, tl_executor_done done, void *arg);
void trials_finish(struct trials *t);

/* Runs one trial to its end; *r is the caller's to tl_trial_record_free. Read back from the database. */
void trials_run(struct trials *t, const char *assignments, bool fresh, struct tl_trial_record *r);

/* Whether a function of that name is in the crashing thread's (or a hang's first thread's) stack. */
bool trials_stack_has(const struct tl_capture *c, const char *function);
bool trials_any_stack_has(const struct tl_capture *c, const char *function);

/* Processes that are children or traced by this one, and descendants that call themselves selftest. */
size_t trials_processes_left(void);
size_t trials_open_fds(void);
size_t trials_own_memory(void); /* bytes resident that are no file's */

#endif
