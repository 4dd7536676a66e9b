/* What came of a trial: its outcome and why, and the signature of a failure. Pure: no process, no file, no
 * clock. Each of the three tl_verdict_of_… ends in the signature of the record. */
#ifndef TL_CLASSIFY_H
#define TL_CLASSIFY_H

#include "harness/base/error.h"
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

/* The death of a descendant that every process above it passed on as a failure. */
struct tl_passed_on {
    int pid, signal; /* signal 0: there was none */
    int exit_status; /* of one that handled the signal and then exited; -1: the signal killed it */
};

/* What was seen of a trial's process, besides what its record holds. Strings are borrowed. */
struct tl_process_facts {
    enum tl_end end;
    int status;    /* wait status of the trial's process; meaningless for TL_END_NOT_BEGUN */
    bool protocol; /* it was to speak the runner protocol */
    bool executed; /* it became the program that was asked for */
    bool got_result, got_error, got_unsupported;
    const char *violation;         /* the first violation of the protocol; NULL */
    const int *descendant_signals; /* [65]: how many descendants died of each signal */
    struct tl_passed_on passed_on;
    /* Of a step whose status is judged: a signal that nothing was going to handle, which its exit status does not
     * tell; and the phase it came in. */
    struct tl_passed_on in_hand;
    enum tl_phase in_hand_phase;
    uint64_t cgroup_oom_kills;  /* during the trial */
    const char *killed;         /* name of the first process that somebody else killed; NULL: unknown */
    uint64_t memory_limit;      /* bytes; 0: none */
    uint64_t data_at_crash;     /* bytes of private memory at the fatal signal; 0: unknown */
    uint64_t refused_at_crash;  /* bytes, of the last large allocation of the process that died; 0: granted */
    uint64_t most_wanted;       /* bytes: a larger allocation is not refused for the limit; 0: unknown */
    uint64_t refused_bytes;     /* of the last allocation that was refused for the limit; 0: none known */
    uint64_t data_when_refused; /* bytes of private memory then */
    bool left_refused;          /* what failed exited, and would be refused its last allocation again */
    bool left_full;             /* what failed exited, and had all of the limit in use */
    uint64_t disk_limit;        /* bytes; 0: none */
    uint64_t file_limit;        /* bytes: RLIMIT_FSIZE of what was ended by SIGXFSZ; 0: unknown */
    bool disk_over;             /* its scratch directory, or a file in it, has reached that limit */
    const char *full_scratch;   /* the scratch directory, when its file system was full; NULL */
    bool filled_scratch;        /* most of what is in it then is the trial's own */
    bool untraced;              /* something of it was not traced, as its case asks */
    bool elsewhere;             /* its model ran on another machine, where nobody traces it */
    bool got_died, got_lost;    /* there: it died of died_signal; that machine went away */
    int died_signal;
    double timeout_s;               /* of the phase it was in */
    const char *device_asked;       /* NULL: any */
    bool has_reference;             /* its outputs will be compared: they alone do not say what is right */
    const char *unmet_code, *unmet; /* what its case expects of its output and is not so; NULL */
    const char *fallback;           /* that its output says it succeeded in another way; NULL */
    struct tl_crash_report *report; /* the system's own, whose capture is moved into the record; NULL */
};

/* Of a process. Fills outcome, phase (only ever to `done`), signal, exit_status, error_domain, error_code,
 * message and signature of *r, in which phase, result, observed_device, stderr, the captures (symbolised, in
 * any order) and, for a clean error or unsupported, the error fields are already what was sent and seen. The
 * decisive capture, if there is one, comes first. */
void tl_verdict_of_process(const struct tl_process_facts *facts, struct tl_trial_record *r);

/* Of the generator of a model, after the verdict of its process: one that refused is unsupported; what else it
 * failed in is its own error or crash, in phase generate. */
void tl_verdict_of_generator(struct tl_trial_record *r);

/* Of the outputs of a trial that passed so far, beside those of its reference. found: what the comparison
 * found, in the form of executor/reference.h, which becomes part of the result (taken); or NULL, and why_not
 * says why they could not be compared. What could not be compared is not judged: unsupported in phase check. */
void tl_verdict_of_comparison(json_t *found, const char *why_not, struct tl_trial_record *r);

/* Of a trial that never ran, because it is not possible here, and because trapline could not run it, which is
 * no verdict on the runtime. They take the message, and fill no signature. */
void tl_verdict_unsupported(enum tl_phase phase, char *message, struct tl_trial_record *r);
void tl_verdict_not_run(char *message, struct tl_trial_record *r);
/* The same of one that ran, and of which nothing is known as trapline itself failed: it is stored. */
void tl_verdict_lost(char *message, struct tl_trial_record *r);
bool tl_verdict_is_own_failure(const struct tl_trial_record *r); /* whether it is such a one */

/* Whether a record says something about a runtime; else trapline itself could not run its trial. */
bool tl_verdict_is_given(const struct tl_trial_record *r);

#endif
