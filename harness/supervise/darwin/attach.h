/* What macOS wrote about the processes of a trial, and about those that worked for it, as part of its record. */
#ifndef TL_DARWIN_ATTACH_H
#define TL_DARWIN_ATTACH_H

#include "harness/supervise/darwin/report_wait.h"
#include "harness/supervise/trial.h"

/* They take what they are given, and leave it empty. */
void tl_darwin_keep_report(struct tl_trial *t, struct tl_system_report *r);
void tl_darwin_keep_helpers(struct tl_trial *t, struct tl_report_helpers *h);

/* The pids of all descendants of a trial that were seen. A new list, the caller's. */
int *tl_darwin_descendants(const struct tl_trial *t, size_t *n);

/* Of a trial that failed without a crash of its own, whose main process has just ended: a service that compiled or ran its
 * model may have crashed. Its report is looked for once; one that comes later is what `trapline import` is for. */
void tl_darwin_find_helpers(const struct tl_process *main, const char *const *directories);

#endif
