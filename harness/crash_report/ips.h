/* A crash report that macOS or iOS wrote (.ips), as the parts of a trial's record. Pure parsing of a text;
 * nothing here looks for files. Written from Apple's format as it is found in public reports (macOS 15 and
 * 26). */
#ifndef TL_IPS_H
#define TL_IPS_H

#include "harness/base/error.h"
#include "harness/base/record.h"

#define TL_IPS_MOST (16u << 20) /* bytes of a report that is read */

/* One report. Owns everything in it; tl_ips_free releases it. Strings are NULL when the report has none. */
struct tl_ips {
    int bug_type;   /* 309 is a crash; nothing below incident is filled for any other */
    char *incident; /* identifier of the report */
    bool crash;     /* bug_type 309 */
    int pid;
    int parent;          /* pid of its parent, which may have ended by then; 0 when not told */
    char *process;       /* name of the process */
    char *os;            /* "macOS 26.3" */
    char *os_build;      /* "25D125" */
    char *model;         /* "Mac16,5" */
    char *cpu;           /* "ARM-64" */
    int64_t captured_us; /* wall clock, microseconds since 1970 UTC; 0 when not told */
    int64_t launched_us;
    char *exception; /* "EXC_BAD_ACCESS" */
    char *subtype;   /* "KERN_INVALID_ADDRESS at 0x…" */
    char *codes;
    char *queue;                   /* dispatch queue of the thread that crashed */
    struct tl_crash_report report; /* what it says of the death; empty when it is not a crash */
};

/* Parses a report. -1 (kind TL_ERROR_INPUT) when it is not one; *ips is then empty. */
int tl_ips_parse(const char *text, size_t size, struct tl_ips *ips, struct tl_error *e);
void tl_ips_free(struct tl_ips *ips); /* its contents, not ips itself */

/* Whether a report is of the process pid, which was started at launched_us and was seen to have ended at
 * ended_us (wall clock, microseconds). */
bool tl_ips_matches(const struct tl_ips *ips, int pid, int64_t launched_us, int64_t ended_us);

#endif
