/* What came of a trial, from what was seen of it. Pure: no process, no file, no clock. */
#ifndef TL_CLASSIFY_H
#define TL_CLASSIFY_H

#include "harness/base/record.h"

enum tl_end {
    TL_END_BY_ITSELF,
    TL_END_DEADLINE,  /* killed: a phase took too long */
    TL_END_MEMORY,    /* killed: more memory than the limit, seen by the supervisor's own watch */
    TL_END_DISK,      /* killed: scratch grew beyond the limit */
    TL_END_PROCESSES, /* killed: more processes than the limit */
    TL_END_CANCELLED, /* killed: the user stopped the run */
    TL_END_NOT_BEGUN, /* its intent could not be recorded, or it could not be started */
};

/* What was seen. Strings are borrowed. */
struct tl_seen {
    enum tl_end end;
    int status;    /* wait status of the trial's process; meaningless for TL_END_NOT_BEGUN */
    bool protocol; /* it was to speak the runner protocol */
    bool executed; /* it became the program that was asked for */
    bool got_result, got_error, got_unsupported;
    const char *violation;             /* the first violation of the protocol; NULL */
    const char *abort_message;         /* found on stderr; NULL */
    const int *descendant_signals;     /* [65]: how many descendants died of each signal */
    uint64_t cgroup_oom_kills;         /* during the trial */
    uint64_t memory_limit;             /* bytes; 0: none */
    uint64_t data_at_crash;            /* bytes of private memory at the fatal signal; 0: unknown */
    const struct tl_capture *captures; /* unordered */
    size_t n_captures;
    double timeout_s;
    const char *device_asked; /* NULL: any */
};

/* Whether a process that dies of this signal has crashed: those that a fault or abort() raises. */
bool tl_signal_is_crash(int signal);

/* Fills outcome, phase (only ever to `done`), signal, exit_status, error_domain, error_code and message of
 * *r, whose phase, result, observed_device and (for a clean error or unsupported) error fields are already
 * those the runner sent. Returns the index of the decisive capture, or -1. */
int tl_classify(const struct tl_seen *seen, struct tl_trial_record *r);

/* Adds what the system's own report says of the death of a process: its capture first (moved out of *p), its
 * signal and message where the record has none, and outcome unsupported for a process that was refused by the
 * loader. The caller then makes the signature. */
void tl_verdict_add_report(struct tl_crash_report *p, struct tl_trial_record *r);

/* Whether a message speaks of an allocation that failed. */
bool tl_speaks_of_memory(const char *message);

#endif
