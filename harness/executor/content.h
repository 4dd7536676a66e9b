/* What files hold, as far as it decides what a command or a runner does: the digests that outcomes are known by. */
#ifndef TL_CONTENT_H
#define TL_CONTENT_H

#include "harness/base/hash.h"
#include "harness/base/known_hash.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* How files are come upon. */
enum tl_content_mode {
    TL_CONTENT_TREE = 't',    /* everything in a directory that is named */
    TL_CONTENT_BESIDE = 'b',  /* what a script of a case may import and read: files beside it and below */
    TL_CONTENT_RUNNER = 'r',  /* the same of a runner's: what has an extension, or can be executed */
    TL_CONTENT_SOURCES = 's', /* source files in a directory and below */
    TL_CONTENT_FLAT = 'p',    /* source files in a directory */
    TL_CONTENT_FILE = 'f',    /* one file of data */
    TL_CONTENT_PROGRAM = 'x', /* one file that is run, or a library that it is linked with */
    /* Only told, where somebody asks for files (tl_content.found): */
    TL_CONTENT_NAMED = 'n', /* what a program may open: files of a directory and below */
    TL_CONTENT_LINK = 'l',  /* a path that goes through links, which count */
    TL_CONTENT_IN_PATH =
        'q', /* a program of somebody's own that a bare name found in $PATH; it is told as one, too */
    TL_CONTENT_TOOL = 'o', /* a program that whoever has the same tools has */
};
/* Is told each file that counts, as it is come upon. top: what was named, a directory that holds it or the file itself. */
typedef void (*tl_content_found)(void *arg, enum tl_content_mode mode, const char *path, const char *top);

/* One for each executor. Zeroed is empty; tl_content_end writes what is to be remembered and releases it. */
struct tl_content {
    struct tl_known_hashes table;
    char *key; /* its name */
    bool is_open;
    tl_content_found
        found; /* NULL; else what the case itself has is told, and nothing of interpreters and packages, nor of
                               programs that everybody has (content_tools.h) */
    void *found_arg;
    json_t *memo;      /* digests that were computed within this second, by what they are of */
    uint64_t memo_ns;  /* when it was begun */
    json_t *first;     /* digests of data, which stay what they were when the command began */
    json_t *roots;     /* what data was looked for in: "MODE PATH" */
    json_t *states;    /* of each data file, when it was seen first: "STATE\nAS", what it counts as */
    json_t *counted;   /* what counts: PATH -> {"content", "named_by"}; the latter where a script names it */
    const char *namer; /* the script that names what is looked at now; NULL */
    struct tl_content_session {
        char *path; /* of what stays if this process is killed; NULL: nothing yet */
        int fd;     /* locked as long as the process lives */
        bool running, unsaved;
        struct timespec began; /* running: when the first trial did */
        uint64_t beat_ns;
        struct tl_content_span {
            struct timespec from, until;
        } * earlier; /* in which trials of processes ran that were killed */
        size_t n_earlier;
    } session;
    json_t *notes;           /* what could not be seen: texts, in the keys */
    struct stat streams[2];  /* stdout and stderr: what they are written to is no data of a case */
    char *database, *own[3]; /* what trapline writes itself: files beside the first, and in directories */
};

/* Variables that name directories in which interpreters look for modules; NULL-terminated. */
extern const char *const tl_content_module_variables[];

/* Before anything else. key names the table of remembered hashes: the directory of a case. */
void tl_content_begin(struct tl_content *x, const char *key, const char *database);
/* ran: trials were run since. Data that changed meanwhile is theirs. */
void tl_content_end(struct tl_content *x, bool ran);

/* Adds a command: its words (the first is the program), with what stands behind them. directory: of the case;
 * settings: of its environment, NAME=VALUE, or NULL. */
void tl_content_command(struct tl_content *x, struct tl_hash *h, const char *directory,
                        const char *const *settings, char *const *words);
/* Adds what a file of a command names or is linked with, where it was come upon in a directory: a module, a library. */
void tl_content_follow(struct tl_content *x, struct tl_hash *h, const char *directory, const char *file);
/* Adds what a runner reads when it is a script. */
void tl_content_runner(struct tl_content *x, struct tl_hash *h, const char *runner,
                       const char *const *settings);

/* The digest of something is computed once in a second. True when it was, and is added; else the caller computes it
 * into *inner, and hands that to tl_content_know. */
bool tl_content_known(struct tl_content *x, struct tl_hash *h, const char *key, struct tl_hash *inner);
void tl_content_know(struct tl_content *x, struct tl_hash *h, const char *key, struct tl_hash *inner);

/* content_walk.c: the files of a directory or below it. */
void tl_content_walk(struct tl_content *x, struct tl_hash *h, enum tl_content_mode mode, const char *path);
bool tl_content_is_source(const char *name);
/* The content of one file as it is now. */
void tl_content_now(struct tl_content *x, struct tl_hash *h, const char *path);
/* Whether a program, by its name, is a shell, whose words name other programs. */
bool tl_content_is_shell(const char *program);
void tl_content_note(struct tl_content *x, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same of data as a process left it that was killed at a time: what changed later is nobody's trial. */
void tl_content_close_data(struct tl_content *x, const struct timespec *until);

/* content_session.c: what trials of a process wrote that was killed before it could look at that. */
void tl_content_session_adopt(struct tl_content *x); /* of those that are gone */
/* A trial is about to run: what was seen so far stays, whatever becomes of this process. */
void tl_content_session_keep(struct tl_content *x);
void tl_content_session_beat(struct tl_content *x); /* it still lives */
void tl_content_session_end(struct tl_content *x);

/* content_packages.c: what is installed for an interpreter, without reading all of it. */
void tl_content_python(struct tl_content *x, struct tl_hash *h, const char *interpreter);
void tl_content_environment_of(struct tl_content *x, struct tl_hash *h,
                               const char *directory); /* .venv, node_modules */

#endif
