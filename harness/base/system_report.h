/* A file that an operating system wrote about a failure, and what it has to do with a trial. */
#ifndef TL_SYSTEM_REPORT_H
#define TL_SYSTEM_REPORT_H

#include "harness/base/hash.h"

#include <stddef.h>
#include <stdint.h>

enum tl_report_relation {
    TL_REPORT_IMPORTED, /* the trial was made of it, and never run by trapline */
    TL_REPORT_OWN,      /* it is of a process of the trial */
    TL_REPORT_HELPER,   /* of a process of the system that worked for the trial, and failed while it ran */
    TL_REPORT_NOTE,     /* of the machine, or of everybody on it, while the trial ran */
};
#define TL_REPORT_RELATIONS 4
const char *tl_report_relation_name(enum tl_report_relation r); /* "imported", "own", "helper", "note" */
int tl_report_relation_parse(const char *name);                 /* -1 when it is none */

/* Owns everything in it; tl_system_report_free releases it. Strings are NULL, and numbers 0, for what it does not tell. */
struct tl_system_report {
    char id[TL_ID_SIZE]; /* what it is known by: content id of its incident id, or of its text without one */
    enum tl_report_relation relation;
    int bug_type;                     /* the system's number of its kind: 309 is a crash */
    char *kind;                       /* the same in words */
    char *incident;                   /* the system's identifier of it */
    char *process;                    /* name of the process that it is of */
    int pid;                          /* of that process */
    int parent;                       /* pid of its parent, which may have ended by then */
    int responsible;                  /* pid of the process for which it worked */
    int64_t launched_us, captured_us; /* wall clock, microseconds since 1970 UTC */
    char *os, *os_build, *model, *cpu;
    char *exception, *subtype, *codes, *queue;
    char *reason;      /* the exception that was thrown, in words */
    char *termination; /* why the system ended the process */
    char *title;       /* what it says in one line */
    char *name;        /* of the file, without its directory */
    char *text;        /* the file, or the part of it that is this report; NUL-terminated, may hold NULs */
    size_t size;
};

void tl_system_report_free(struct tl_system_report *r); /* its contents, not r itself */
/* Fills id from incident and text. */
void tl_system_report_identify(struct tl_system_report *r);

#endif
