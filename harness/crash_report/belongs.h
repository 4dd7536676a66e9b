/* Which crash of another process belongs to a trial. Pure: whoever collects the reports is elsewhere. */
#ifndef TL_CRASH_REPORT_BELONGS_H
#define TL_CRASH_REPORT_BELONGS_H

#include "harness/crash_report/ips.h"

/* A trial as its processes and its time. */
struct tl_report_window {
    int pid;                /* of its main process; 0: not known */
    const int *descendants; /* of those that are known */
    size_t n_descendants;
    int64_t launched_us, ended_us; /* wall clock */
};

/* Whether a report is of a process of the trial: one of those, or a child of one. */
bool tl_report_is_own(const struct tl_ips *ips, const struct tl_report_window *w);

/* Whether a report is of a process that worked for the trial and is none of its own: one that the system holds the trial
 * responsible for, or a service that compiles and runs models for everybody. Of the latter it is certain only that it
 * failed while the trial ran. */
bool tl_report_is_of_helper(const struct tl_ips *ips, const struct tl_report_window *w);

#endif
