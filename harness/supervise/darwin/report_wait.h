/* Which file is the crash report that macOS writes of a dead process, and when to look for it again. Reads
 * directories and files, starts nothing, keeps no clock; the caller (trace.c) does the waiting. */
#ifndef TL_REPORT_WAIT_H
#define TL_REPORT_WAIT_H

#include "harness/crash_report/ips.h"

/* The process whose report is wanted. */
struct tl_report_wanted {
    int pid;                /* of the process itself; 0: any of the descendants below */
    int parent;             /* with pid 0: a process whose parent was this one … */
    const int *descendants; /* … or one of these */
    size_t n_descendants;
    int signal;                        /* that it died of; 0: any */
    int64_t launched_us, ended_us;     /* wall clock; the process was seen to have ended at ended_us */
    struct tl_system_report *kept;     /* filled with what is kept of the report that is found; NULL */
    struct tl_report_helpers *helpers; /* reports of processes that worked for this one are added; NULL */
};

/* Reports of processes of the system that failed while a trial ran, and worked for it. Zero to begin with. */
struct tl_report_helpers {
    size_t n;
    struct tl_system_report *list;
};
void tl_report_helpers_free(struct tl_report_helpers *h);

/* Whether a report is the one that is wanted. Pure. */
bool tl_report_fits(const struct tl_ips *ips, const struct tl_report_wanted *w);

/* Files that were read in vain, so that each is parsed once (again when it has changed). Zero to begin with.
 */
struct tl_report_seen {
    struct tl_report_file *list;
    size_t n;
};
void tl_report_seen_free(struct tl_report_seen *seen);

/* Looks once through directories (NULL-terminated list; one that is missing is skipped) for the report. Only
 * regular files NAME.ips that were written after the process was launched are opened. 1: found, *ips is the
 * caller's; 0: not there yet. A file that cannot be parsed may still be being written: it is looked at again
 * once it changes. */
int tl_report_find(const char *const *directories, const struct tl_report_wanted *w,
                   struct tl_report_seen *seen, struct tl_ips *ips);

/* Looks once for reports of helpers alone, where no report of the process itself is expected. */
void tl_report_find_helpers(const char *const *directories, const struct tl_report_wanted *w);

/* How long to wait for a report at most, ms, when the last `missed` ones in succession never came: a minute,
 * and less where the system seems to write none. */
unsigned tl_report_patience_ms(unsigned missed);
/* The time until the next look, ms, `elapsed_ms` after the process ended; 0: give up. Reports come within
 * seconds, so looks are frequent at first. */
unsigned tl_report_next_look_ms(unsigned elapsed_ms, unsigned patience_ms);

#endif
