/* The runner protocol (docs/runners.md), and the small library a runner in C links.
 *
 * A runner is an executable that is started with a stream socket on fd 3. Each message is one line of JSON of
 * at most TL_MESSAGE_MAX bytes, newline included. This header is all of trapline that a runner knows. */
#ifndef TL_PROTOCOL_H
#define TL_PROTOCOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TL_PROTOCOL_FD 3
#define TL_PROTOCOL_VERSION 1
#define TL_MESSAGE_MAX 65536
#define TL_RESULT_MAX (16 << 20) /* bytes of a result that is in a file */

/* One trial, as the runner sees it. Strings live as long as the trial. */
struct tl_run {
    const json_t *request; /* the whole request */
    const char *case_name;
    const json_t *variant; /* object: axis -> value */
    const char *device;
    const json_t *build; /* object: version, path, …; or NULL */
    const char *model;   /* path of the model file; NULL when there is none */
    const char *inputs;  /* path of the inputs list; NULL when there is none */
    const char *scratch; /* the trial's own directory, which is also the working directory */
    bool forked;         /* by a fork server: leave with _exit */
};

/* What a runner is. Functions return 0, or -1 after tl_run_error. */
struct tl_runner {
    const char *name;
    const char *version;
    /* Fills devices (array of {"name", "usable": bool, "why": text}) and axes (array of names), for describe.
     * build is the request's "build" object or NULL. */
    int (*describe)(const json_t *build, json_t *devices, json_t *axes);
    /* The same for a runner that speaks for others, and is to be told for which: it is handed the whole request, and
     * changes what it likes of the answer. describe is called first. NULL: there is no more to say. */
    int (*describe_request)(const json_t *request, json_t *answer);
    /* Does one trial: tl_run_phase as it goes, then tl_run_result or tl_run_error once. */
    int (*trial)(struct tl_run *run, void *state);
    /* Loads what children of a fork server share (never a session). *state is handed to every trial.
     * NULL: this runner cannot serve. When a trial is not served, load is not called and state is NULL. */
    int (*load)(const json_t *request, void **state, char *why, size_t why_size);
    bool can_serve;
    bool no_builds; /* it is what it is: a unit with a build is a mistake */
    bool fixed;     /* without a build, describe says the same for as long as the program is the same */
};

/* Runs the protocol to its end; the value is main's to return. Without arguments the request is read from
 * fd 3. By hand: --help, --version, --describe, and --trial JSON, which prints the messages on stdout
 * instead. */
int tl_runner_main(int argc, char **argv, const struct tl_runner *runner);

/* Messages to the supervisor, from any thread. All of them flush stdout and stderr first, so that output is
 * not lost or reordered. Texts may hold anything: bytes that are not UTF-8 are replaced, and what is too long
 * is shortened. A result that does not fit in TL_MESSAGE_MAX is left in a file of the scratch directory, which is
 * named instead; one that does not fit in TL_RESULT_MAX is replaced by an error of domain "protocol", code
 * "too-large".
 *
 * On the wire: {"phase":NAME}, {"phase":NAME,"timeout_s":SECONDS}, {"counts":{NAME:N}}, {"operator":{"name","type"}}, {"error":{"domain","code","message"}},
 * {"unsupported":WHY}, {"died":{"signal","message","report"}}, {"lost":WHY} and
 * {"result":{"outputs":[{"name","dtype","shape","hash","finite","min","max","mean",
 * "first":[values],"npy":NAME}],"observed":DEVICE,"versions":{name: version},"fallback":WHY}}, or
 * {"result":{"file":NAME}}. JSON has no NaN: a value that is not finite is null, "nan", "inf" or "-inf", and
 * "finite" is then false. "npy" is a file in the directory that the request names as "outputs", when it does.
 * "observed" is left out where the runtime does not tell; "fallback" is there only when it succeeded in another
 * way than the one that was asked for, and then says which. */
void tl_run_phase(struct tl_run *run, const char *phase);
/* The same with a deadline of this phase's own, in place of the case's. */
void tl_run_phase_within(struct tl_run *run, const char *phase, double seconds);
/* What was counted so far, {NAME: INTEGER}; takes the reference. Told again, a name has the newer value. */
void tl_run_counts(struct tl_run *run, json_t *counts);
/* This operator of the model begins, by its name and its type ("Conv"), of which one may be NULL; both: none is in flight
 * any more. What it is when the process dies is told with the failure. Each call is a message: where operators take
 * microseconds it is not for every trial. */
void tl_run_operator(struct tl_run *run, const char *name, const char *type);
void tl_run_error(struct tl_run *run, const char *domain, const char *code, const char *message, ...)
    __attribute__((format(printf, 4, 5)));
void tl_run_result(struct tl_run *run, json_t *result); /* takes the reference */
void tl_run_unsupported(struct tl_run *run, const char *why, ...) __attribute__((format(printf, 2, 3)));
/* Of a runner that speaks for a program on another machine: it died of a signal (its name, "SIGSEGV"), with its last
 * words and the name of a report in the scratch directory, which is read when this runner has exited; both may be NULL.
 * pid is what its process was called there; 0: not known.
 * And that machine went away while it ran. */
void tl_run_died(struct tl_run *run, const char *signal, const char *message, const char *report, int pid);
void tl_run_lost(struct tl_run *run, const char *why);

/* The value of an axis in the variant, or `otherwise` when the variant does not name it or its type differs.
 */
const char *tl_run_string(const struct tl_run *run, const char *axis, const char *otherwise);
int64_t tl_run_integer(const struct tl_run *run, const char *axis, int64_t otherwise);
bool tl_run_boolean(const struct tl_run *run, const char *axis, bool otherwise);

/* A JSON string of any bytes: what is not UTF-8 becomes U+FFFD, and more than `most` bytes are cut at the end
 * of a character, with a note. A new reference. */
json_t *tl_json_text(const char *text, size_t size, size_t most);

#endif
