/* One step of a case: a program that is run as it is, without a shell. */
#ifndef TL_STEP_H
#define TL_STEP_H

#include "harness/base/counters.h"
#include "harness/base/text_search.h"
#include "runners/complaint.h"

#include <sys/types.h>

struct tl_step_end {
    int exec_errno;               /* the program could not be started; otherwise 0 */
    int exit_status;              /* -1 when it died of a signal */
    int signal;                   /* that it died of; otherwise 0 */
    bool timed_out;               /* it was killed because it took longer than it may */
    struct tl_complaint out, err; /* the ends of what it wrote */
};

/* How a step is run. */
struct tl_step_run {
    char *const *argv; /* NULL-terminated */
    double timeout_s;  /* <= 0: no limit */
    bool untraced;
    struct tl_texts *texts;       /* looked for in what it writes */
    struct tl_counters *counters; /* counted there */
    void (*told)(void *arg);      /* called when what is counted has changed, though not all the time; NULL */
    void *arg;
};

/* Runs a program to its end in the working directory, with nothing on stdin. What it writes is passed on to stdout
 * and stderr and looked through. After tl_apart_begin. Returns 0 and fills *end, or -1 with errno set when no process
 * could be made. */
int tl_step_run(const struct tl_step_run *how, struct tl_step_end *end);

#endif
