/* What the commands share: options, exit statuses, and the only functions of trapline that print. */
#ifndef TL_CLI_H
#define TL_CLI_H

#include "harness/base/error.h"
#include "harness/base/watch.h"
#include "reports/extent.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum tl_exit {
    TL_EXIT_OK = 0,          /* nothing failed */
    TL_EXIT_FAILURE = 1,     /* a failure was found */
    TL_EXIT_INPUT = 2,       /* the command, the case or the data was wrong */
    TL_EXIT_ENVIRONMENT = 3, /* trapline itself or its environment failed */
    TL_EXIT_INTERRUPTED = 130,
};

/* Every option of every command, parsed. Strings are argv's. */
struct tl_options {
    const char *db;       /* of the option, otherwise what the configuration says; NULL: the default */
    const char *db_given; /* of the option alone: commands that are suggested need it, too */
    const char *color;
    const struct tl_config *config;
    bool json, quiet;
    int verbose;
    unsigned jobs; /* 0: tl_jobs_default() */
    const char **units, **sets;
    size_t n_units, n_sets;
    uint64_t repeat;
    const char *fleet, *key, *on, *directory, *listen,
        *why; /* of a fleet: its URL, a key file, which machines; the files of its server, its address; what for */
    const char **known_good; /* of worker: [UNIT=]CASE */
    size_t n_known_good;
    uint64_t unhealthy_after;
    const char *recover;   /* a file: what mends the machine */
    uint64_t cache_gb;     /* of a worker; 0: as it is for all */
    const char *allow;     /* what others may have a worker run; NULL: as it is for all */
    bool sandbox, network; /* of trials */
    const char *user;      /* as whom they run; NULL */
    bool fresh, cached, keep_scratch, no_cgroup, stacks, case_file;
    bool keep_paths, force, zip;
    bool brief, full;                   /* --short, --full */
    const char *format, *bundle, *site; /* of a report */
    const char *project, *build;        /* --for of a report; --build of its retest */
    const char *purpose;                /* --for of run */
    bool retest;
    const char *keep_outputs, *case_name, *outcome, *signature, *since, *after;
    uint64_t limit, max_trials, max_seconds;
    const char *frontier, *over;
    bool exhaustive, no_cache, pairs, only_changed;
    const char *by;    /* of compare */
    const char *match; /* of isolate */
    bool quick, thorough;
    const char **suspects; /* of isolate */
    size_t n_suspects;
    bool foreground; /* of fleet, as the next */
    uint64_t replicas;
    bool install, uninstall, status; /* of nightly; the first two of fleet and worker, too */
    const char *at, *history, *notify, *junit, *site_url;
    const char *as, *url, *known_status, *until, *note; /* of known */
    const char **axes;                                  /* of init */
    size_t n_axes;
    const char *runner;
    const char **inputs; /* of reduce */
    size_t n_inputs;
    const char **samples;
    size_t n_samples;
    const char *out, *against, *tolerance, *failure_text;
    uint64_t timeout_s, memory_mb;
    bool keep_names, first_difference;
    char **args; /* what is not an option */
    int n_args;
    char **words; /* of a command behind "--", where it is taken */
    int n_words;
};

struct tl_command {
    const char *name;
    const char *arguments; /* for the usage line */
    const char *about;     /* one line */
    const char *options;   /* long names this command takes besides the common ones, space between */
    bool unattended;       /* run by a timer as well: what it stores is nobody's last */
    bool in_fleet;         /* other machines run its trials, where --fleet names some */
    bool own_each;         /* … and each is a new one */
    bool drains;           /* the first SIGINT or SIGTERM lets what runs end */
    bool goes_on;          /* one case that lacks its tools does not end it */
    bool takes_words;      /* "--" and a command behind it */
    bool about_itself;     /* what it says does not depend on the configuration, which may be wrong */
    int (*run)(struct tl_options *o);
};

/* All of them, in the order in which they are listed; NULL-terminated. */
extern const struct tl_command *const tl_commands[];
/* NULL when there is none of this name. */
const struct tl_command *tl_command_named(const char *name);
/* Prints that there is no such command, with the one that may be meant. Returns the exit status. */
int tl_command_unknown(const char *name);
/* The place in argv of the first word that is neither an option nor the value of one; argc when there is none. */
int tl_command_place(int argc, char **argv);
/* What is done when no command is named: --help, --version, or a mistake is said. Returns the exit status. */
int tl_command_none(int argc, char **argv);

/* Parses argv, whose first word is the command's name. Prints what is wrong and returns the exit status, or -1 to go on. */
int tl_options_parse(const struct tl_command *c, int argc, char **argv, struct tl_options *o);
void tl_options_free(struct tl_options *o);
/* Whether the word behind this one is its value: of "--db" and "-vj", not of "--db=x" and "-j4". */
bool tl_options_value_follows(const char *word);
/* Prints the options of a command. */
void tl_options_help(const struct tl_command *c);
/* Commands (NULL-terminated) and their options, as docs/commands.md says. */
json_t *tl_options_document(const struct tl_command *const *commands);

/* The selection that the options name. Prints what is wrong and returns the exit status, or -1 to go on. */
struct tl_filter;
int tl_filter_of(const struct tl_command *c, const struct tl_options *o, struct tl_filter *f);

/* Prints an error as "trapline: what: where: why" and returns the exit status of its kind. */
int tl_print_error(const struct tl_error *e);
int tl_usage_error(const struct tl_command *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints on stderr what is good to know and no mistake: "trapline: ", and a line. With -q nothing is printed. */
void tl_cli_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* With -q: notes and progress are left out from now on. */
void tl_cli_be_quiet(bool quiet);
bool tl_cli_is_quiet(void);
/* Prints a line on stdout, or on stderr: one, however many its texts would make. */
void tl_cli_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void tl_cli_error_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says which version this is. Returns the exit status. */
int tl_cli_print_version(bool json);
/* The exit status of so many trials, of which `judged` passed or failed. What was not judged says nothing, and that
 * is never what a green light means: why it is 2 is printed. */
int tl_cli_trials_status(uint64_t ended, uint64_t failed, uint64_t not_judged, uint64_t judged);
/* Prints a document on stdout. Returns 0, or the exit status when stdout cannot be written. */
int tl_print_json(json_t *document); /* takes the reference */
/* --format of a report: -1 to go on, or the exit status after printing that there is no such format. */
int tl_cli_check_format(const struct tl_command *c, const struct tl_options *o);
/* Prints a report, whose reference is taken, in the format asked for. Returns the exit status. */
struct tl_cli_formats {
    char *(*markdown)(const json_t *document, enum tl_extent extent),
        *(*html)(const json_t *document, enum tl_extent extent), *(*junit)(const json_t *document);
};
int tl_cli_print_report(const struct tl_options *o, const struct tl_cli_formats *f, json_t *document);
/* Flushes stdout: status, or TL_EXIT_ENVIRONMENT with a message when what was printed did not arrive. */
int tl_finish_output(int status);

/* Columns of the terminal on stdout; where there is none COLUMNS, or else `otherwise`. */
size_t tl_output_width(size_t otherwise);
/* What --color says: "auto", "always" or "never". False for any other word. */
bool tl_cli_set_colour(const char *when);
bool tl_cli_is_colour(const char *when); /* auto, always or never */
bool tl_colour(FILE *f); /* as --color says; otherwise a terminal, and neither NO_COLOR nor TERM=dumb */
const char *tl_outcome_colour(int outcome); /* escape sequence to start with; "\033[0m" ends it */
/* ": why" a device can or cannot be used, on one line; "" when it can and there is no more to say. */
char *tl_reason_text(bool usable, const char *why);
char *tl_time_text(int64_t wall_us); /* local time to the second; the caller's to free */

/* A line on stderr that is written over while work goes on: on a terminal at most ten times a second,
 * elsewhere as plain lines every few seconds. Its watch answers that work is to stop once a signal was
 * caught. */
struct tl_cli_progress {
    struct tl_watch watch;
    bool live, quiet;
    uint64_t started_ns, last_ns;
};
void tl_cli_progress_begin(struct tl_cli_progress *p, const struct tl_options *o); /* p stays where it is */
void tl_cli_progress_clear(void);   /* before other output to the same terminal */
void tl_cli_catch_interrupts(void); /* SIGINT and SIGTERM, from now on */
bool tl_cli_interrupted(void);

extern const struct tl_command tl_command_run, tl_command_matrix, tl_command_compare, tl_command_report,
    tl_command_isolate, tl_command_reduce, tl_command_nightly, tl_command_list, tl_command_show,
    tl_command_doctor, tl_command_builds, tl_command_devices, tl_command_fleet, tl_command_worker,
    tl_command_db, tl_command_import, tl_command_init, tl_command_known, tl_command_config, tl_command_help,
    tl_command_version;

/* Whether the libraries are there without which no trial is told from another; says what is missing. Where they are loaded late
 * (late_linux.c), a command begins with this: later it could do nothing but fail in the middle. */
bool tl_cli_late_libraries(void);

#endif
