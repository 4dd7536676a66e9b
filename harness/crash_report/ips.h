/* A report that macOS or iOS wrote (.ips), as the parts of a trial's record. Pure parsing of a text;
 * nothing here looks for files. Written from Apple's format as it is found in public reports (macOS 15 and
 * 26). */
#ifndef TL_IPS_H
#define TL_IPS_H

#include "harness/base/error.h"
#include "harness/base/record.h"
#include "harness/crash_report/document.h"

#define TL_IPS_MOST (16u << 20) /* bytes of a report that is read */

/* What a report is good for. */
enum tl_ips_kind {
    TL_IPS_CRASH,  /* the end of a process, with its stacks */
    TL_IPS_MEMORY, /* the system ended a process for want of memory */
    TL_IPS_NOTE,   /* what befell the machine, its GPU, or a process that went on */
    TL_IPS_UNREAD, /* nothing: refused says why */
};

/* One report. Owns everything in it; tl_ips_free releases it. Strings are NULL when the report has none. */
struct tl_ips {
    enum tl_ips_kind kind;
    int bug_type;          /* 309 is a crash */
    const char *kind_name; /* the same in words; static */
    char *refused;         /* why nothing more of it is read */
    char *incident;        /* identifier of the report */
    bool crash;            /* bug_type 309 */
    int pid;
    int parent;          /* pid of its parent, which may have ended by then; 0 when not told */
    int responsible;     /* pid of the process for which it worked; 0 when not told */
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
    char *note;                    /* of any kind but a crash: what happened, in words */
    size_t from, to;               /* of the text it was read from: where it begins and ends */
    struct tl_crash_report report; /* what it says of the death; empty when it is not a crash */
};

/* Parses the first report of a text. -1 (kind TL_ERROR_INPUT) when it is none, or a crash that cannot be read; *ips is
 * then empty. Of another kind, 0 with kind TL_IPS_UNREAD and the reason is the answer to what cannot be read. */
int tl_ips_parse(const char *text, size_t size, struct tl_ips *ips, struct tl_error *e);
void tl_ips_free(struct tl_ips *ips); /* its contents, not ips itself */

/* All reports of a text, one after another, however many there are. */
struct tl_ips_reader {
    struct tl_documents documents;
    json_t *header; /* of the next one; NULL: there is none */
    size_t to;      /* where the one before ended */
};
/* -1 when the text, which is borrowed until the end, begins with none. */
int tl_ips_reader_begin(struct tl_ips_reader *r, const char *text, size_t size, struct tl_error *e);
/* One that cannot be read is of kind TL_IPS_UNREAD. False, and *ips is as it was, after the last. */
bool tl_ips_reader_next(struct tl_ips_reader *r, struct tl_ips *ips);
/* Says why a rest of the text was not looked at; the caller's. NULL: it was. */
char *tl_ips_reader_end(struct tl_ips_reader *r);

/* Whether a report is of the process pid, which was started at launched_us and was seen to have ended at
 * ended_us (wall clock, microseconds). */
bool tl_ips_matches(const struct tl_ips *ips, int pid, int64_t launched_us, int64_t ended_us);
#define TL_IPS_SLACK_US 1000000 /* by which two clocks' readings of the same moment may differ */

/* The same as what is kept of it. text: what from and to are places in. The result is the caller's. */
struct tl_system_report tl_ips_kept(const struct tl_ips *ips, enum tl_report_relation relation,
                                    const char *name, const char *text);

#endif
