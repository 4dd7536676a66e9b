/* What is known of one finished trial: filled by the supervisor, stored by db/, shown by cli/ and reports/.
 *
 * Ownership: a struct tl_trial_record owns everything it points to; tl_trial_record_free releases it. */
#ifndef TL_RECORD_H
#define TL_RECORD_H

#include "harness/base/fault.h"
#include "harness/base/hash.h"
#include "harness/base/system_report.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tl_outcome {
    TL_OUTCOME_PASS,
    TL_OUTCOME_CRASH,
    TL_OUTCOME_HANG,
    TL_OUTCOME_OOM,
    TL_OUTCOME_ERROR,
    TL_OUTCOME_WRONG,
    TL_OUTCOME_FALLBACK,
    TL_OUTCOME_UNSUPPORTED,
    TL_OUTCOME_LOST,
};
#define TL_OUTCOME_COUNT 9

enum tl_phase {
    TL_PHASE_START,
    TL_PHASE_GENERATE,
    TL_PHASE_LOAD,
    TL_PHASE_COMPILE,
    TL_PHASE_EXECUTE,
    TL_PHASE_CHECK,
    TL_PHASE_DONE,
};
#define TL_PHASE_COUNT 7

const char *tl_outcome_name(enum tl_outcome o); /* "pass", … */
int tl_outcome_parse(const char *name);         /* -1 when it is none */
const char *tl_phase_name(enum tl_phase p);     /* "start", … */
int tl_phase_parse(const char *name);           /* -1 when it is none */
bool tl_outcome_is_failure(enum tl_outcome o);  /* everything but pass and unsupported */
/* The graver, the larger, where nobody said which of several failures is meant: a crash before numbers that are wrong, as both may come
 * of memory that is read where it should not be. 0: no failure of its own. */
int tl_outcome_gravity(enum tl_outcome o);
/* A clean error: it said what it does not like, and no signal ended it. */
bool tl_outcome_is_refusal(enum tl_outcome o, int signal);
/* Not judged: it ended well, and nothing could be compared with what is right. */
bool tl_outcome_is_not_judged(enum tl_outcome o, enum tl_phase p);
/* Whether a process that dies of this signal has crashed: those that a fault or abort() raises. */
bool tl_signal_is_crash(int signal);
const char *tl_signal_name(int signal); /* "SIGSEGV"; "SIGRTMIN+n"; "signal n" (static storage per thread) */
/* The number here of a signal that tl_signal_name named, also on another system. One that this system does not
 * have is TL_SIGNAL_ELSEWHERE. */
int tl_signal_parse(const char *name);
#define TL_SIGNAL_ELSEWHERE 999

/* What a module can be read from although its path leads nowhere or to another file: deleted, replaced, in another mount
 * namespace. */
struct tl_module_file {
    int fd;      /* open; -1 for none */
    char *bytes; /* then: an ELF file made of what was in memory */
    size_t size;
};

/* A file mapped executable in the process that was captured. */
struct tl_module {
    char *path;        /* as the kernel names it, without " (deleted)"; "[vdso]" for the vDSO */
    char build_id[65]; /* hexadecimal GNU build-id; "" when the file has none */
    uint64_t base;     /* load bias: address in memory minus ELF virtual address */
    uint64_t start;    /* lowest and highest address mapped */
    uint64_t end;
    uint64_t look; /* how the file at path looked (tl_file_look); 0: unknown, TL_LOOK_NONE: it is not there */
    struct tl_module_file *file; /* until its frames have names; else NULL. Neither is stored */
};

#define TL_LOOK_NONE UINT64_MAX

/* NULL, and fd is closed and bytes are freed, when more are open than a process can well have. */
struct tl_module_file *tl_module_file_new(int fd, char *bytes, size_t size);
void tl_module_file_free(struct tl_module_file *f);

#define TL_NO_MODULE UINT32_MAX

enum tl_frame_flag {
    TL_FRAME_GUESSED = 1, /* found by scanning the stack, not by unwinding */
    TL_FRAME_SIGNAL = 2, /* the frame in which a signal interrupted (its pc is exact, not a return address) */
    TL_FRAME_FIRST = 4,  /* innermost frame: its pc is exact */
    TL_FRAME_WILD = 8,   /* pc outside every executable mapping (a jump to NULL or a wild address) */
};

struct tl_frame {
    uint32_t module; /* index into tl_capture.modules, or TL_NO_MODULE: offset is then the absolute pc */
    uint32_t flags;
    uint64_t offset; /* pc minus the module's load bias: an ELF virtual address, the same in every run */
    uint64_t start;  /* start of the function by the unwind tables, same terms as offset; 0 when unknown */
};

/* One line of a symbolised frame. A frame has one symbol, and before it one for each call inlined at the pc.
 */
struct tl_symbol {
    char *function; /* demangled; NULL when unknown */
    char *file;     /* source file as the debug information names it; NULL when unknown */
    int line;       /* 0 when unknown */
    bool inlined;   /* this call was inlined into the symbol that follows */
    bool apart;     /* by link-time optimisation: written in another unit than its caller. Not stored */
};

struct tl_frame_symbols {
    size_t n; /* 0 when nothing is known; otherwise the last one is not inlined */
    struct tl_symbol *symbols;
};

#define TL_THREAD_WAITS                                                                                      \
    "waiting in " /* how the state of a thread begins that was stopped in a call of the kernel */

#define TL_FRAMES_TOP 256   /* innermost frames kept of a very deep stack */
#define TL_FRAMES_BOTTOM 64 /* outermost frames kept */

struct tl_thread {
    int pid;
    int tid;
    char name[17];
    bool crashed; /* the thread that took the signal */
    bool on_cpu;  /* could not be stopped in time: state says where it is */
    char *
        state; /* of a hang: "waiting in CALL"; of one that could not be stopped: "D, in CALL, wchan …"; or NULL */
    size_t n_frames; /* innermost first */
    struct tl_frame *frames;
    size_t omitted_at;                /* index of the frame before which `omitted` frames are missing */
    uint64_t omitted;                 /* frames left out of the middle of a very deep stack; 0 for none */
    bool truncated;                   /* the unwinder gave up before the outermost frame */
    char stack_id[TL_ID_SIZE];        /* content id of the frames; see tl_stack_id */
    struct tl_frame_symbols *symbols; /* n_frames of them, or NULL when not symbolised */
};

struct tl_register {
    char name[12];
    uint64_t value;
};

enum tl_capture_kind { TL_CAPTURE_SIGNAL, TL_CAPTURE_HANG };

/* What a process was going to do with a signal when it was captured. */
enum tl_signal_action {
    TL_ACTION_UNKNOWN,
    TL_ACTION_HANDLED, /* it has a handler of its own */
    TL_ACTION_IGNORED,
    TL_ACTION_DEFAULT, /* nothing handles it: the process dies of it */
};

/* The state of one process at a fatal signal or at a deadline. */
struct tl_capture {
    enum tl_capture_kind kind;
    int pid;      /* of the process (thread group) */
    int tid;      /* of the thread that took the signal; 0 for a hang */
    char *exe;    /* path of the executable */
    bool is_main; /* the process of the trial itself, not a descendant */
    bool fatal;   /* the process then died of this signal */
    int signal;   /* 0 for a hang */
    int si_code;
    int sender_pid;   /* sender, when si_code says that a process sent it; else 0 */
    bool has_address; /* fault_address is meaningful (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP) */
    uint64_t fault_address;
    size_t n_registers; /* of thread tid */
    struct tl_register *registers;
    struct tl_fault *fault; /* of a fault of the processor; NULL: it was none, or it could not be looked at */
    size_t n_modules;
    struct tl_module *modules;
    size_t n_threads; /* the crashed thread first */
    struct tl_thread *threads;
    uint64_t capture_ns; /* from the stop to the end of unwinding */
    int parent;          /* of a hang: its parent; 0 when that is not known. Not stored, nor is the next */
    bool awaits;         /* of a hang: its first thread waits as one does for a child, or any in vfork */
    enum tl_signal_action action; /* not stored, nor is the next */
    uint64_t taken_ns;            /* when, by the monotonic clock */
    bool outlived; /* its process took that signal again, and was not captured then. Not stored */
    bool
        reported; /* it stood in a report of the system, which tells neither si_code nor sender. Not stored */
};

/* Whether a process sent the signal of a capture; not where that is not known. */
bool tl_capture_was_sent(const struct tl_capture *c);

/* What a report that the system itself wrote (a crash report of macOS) says of the death of a process. */
struct tl_crash_report {
    struct tl_capture capture; /* its stacks; no threads: it has none */
    int signal;                /* 0: it names none that is known here */
    bool launch_failure;       /* the loader refused to start the process */
    size_t n_lines;
    struct tl_report_line *lines; /* what libraries left for the report, in its order */
    char *reason;                 /* the exception that was thrown, in words; or NULL */
    char *exception;              /* Mach exception: "EXC_BAD_ACCESS"; or NULL */
    char *termination;            /* why the system ended the process: namespace, code and reasons; or NULL */
    char *ended_by;               /* the namespace alone: "SIGNAL", "DYLD", "JETSAM"; or NULL */
    uint64_t ended_code;          /* and the code alone */
    bool has_reasons;             /* termination holds reasons in words */
};

struct tl_report_line {
    char *library, *text;
};

/* The beginning and the end of a stream of output. */
struct tl_output {
    char *head; /* the first bytes; NUL-terminated, may hold NULs */
    size_t head_size;
    char *tail; /* the last bytes, when there were more than head holds */
    size_t tail_size;
    uint64_t total; /* bytes written by the trial; total - head_size - tail_size were dropped */
    char *notable;  /* lines from what was dropped that may say why it failed; NULL, and never stored */
    size_t notable_size;
};

/* The last line that says something, for the one line that says why a program failed: without the blanks
 * around its end, of a longer one the first 400 bytes. A new string; NULL when there is none. */
char *tl_output_last_line(const struct tl_output *o);

struct tl_signature {
    char id[TL_ID_SIZE];        /* content id of outcome, phase, signal and title; "" when there is none */
    char coarse_id[TL_ID_SIZE]; /* the part that can be compared across builds and machines */
    char *title;                /* one line */
    char *coarse_title;
};

struct tl_trial_record {
    char id[TL_UUID_SIZE];
    int64_t started_us; /* wall clock, microseconds since 1970 UTC */

    /* What was asked for. */
    char *case_name;
    char case_hash[TL_ID_SIZE];
    char *variant; /* canonical JSON object; tl_variant_json */
    char variant_hash[TL_ID_SIZE];
    char *unit;                      /* RUNNER[@BUILD]:DEVICE[%ALIAS] as asked for */
    char environment_id[TL_ID_SIZE]; /* runtime content, OS build, machine, driver */
    char *command;                   /* JSON list: the argv that was started */
    char *request;                   /* the request line sent to the runner; NULL for none */
    bool fresh;                      /* its own process from exec on, not forked by a fork server */
    size_t n_pids;                   /* of its processes, its own first; not all of very many */
    int *pids;

    /* What came of it. */
    enum tl_outcome outcome;
    enum tl_phase phase;   /* the furthest reached */
    char *observed_device; /* as the runner tells; NULL when it does not */
    char *error_domain;    /* of a clean error; NULL for none */
    char *error_code;
    char *message;   /* assertion or abort text, the error's text, or why this outcome; or NULL */
    int signal;      /* that ended the trial's process; 0 for none */
    int exit_status; /* -1 when it did not exit */
    double phase_seconds[TL_PHASE_COUNT]; /* time spent in each phase; negative when not entered */
    double wall_seconds;
    double user_seconds, system_seconds; /* of the process and its waited-for descendants */
    uint64_t peak_rss;                   /* bytes */
    json_t *result;                      /* the runner's result object; NULL for none */
    char *outputs; /* directory with the files of its outputs while it is being reported; NULL; not stored */
    uint64_t memory_limit; /* bytes; of one that ran out of it; not stored */
    struct tl_output out, err;
    size_t n_captures; /* the decisive one first */
    struct tl_capture *captures;
    size_t n_reports; /* files of the system about it, its own first */
    struct tl_system_report *reports;
    struct tl_signature signature; /* only for failures */
    char set_aside[TL_UUID_SIZE];  /* stored: the later trial that contradicts it; "" for none */
};

void tl_capture_free(struct tl_capture *c);           /* its contents, not c itself */
void tl_crash_report_free(struct tl_crash_report *p); /* likewise */
void tl_trial_record_free(struct tl_trial_record *r); /* likewise */

#define TL_PIDS_MOST 64
void tl_trial_record_joined(struct tl_trial_record *r, int pid); /* a process of it was seen */

/* The report that a trial was made of, which trapline did not run; NULL of one that it ran. */
const struct tl_system_report *tl_trial_imported(const struct tl_trial_record *r);

/* The identity of a stack: its frames as (module build-id or file name, offset, flags) and what was omitted.
 * Equal in every process that runs the same files, wherever they are loaded. */
void tl_stack_id(const struct tl_module *modules, const struct tl_thread *thread, char id[TL_ID_SIZE]);

#endif
