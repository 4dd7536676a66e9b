/* Helper programs: found in PATH, run to their end, and nothing goes through a shell. They are waited for by
 * pid: not to be called while a supervisor collects every child there is. */
#ifndef TL_PROGRAM_H
#define TL_PROGRAM_H

#include "harness/base/buffer.h"
#include "harness/base/error.h"

struct tl_program {
    const char *const *argv;        /* NULL-terminated */
    const char *directory;          /* in which it is run; NULL: trapline's own */
    const char *const *environment; /* NAME=VALUE…, besides trapline's own and stronger; NULL: none */
    const char *input;              /* what it can read from its stdin; NULL: nothing */
    struct tl_buffer *out, *err;    /* the first 32 MiB of its stdout and the end of its stderr; NULL:
                                       it writes where trapline's own stderr goes */
    double timeout_s;               /* it and its process group are killed after that; 0: never */
    int status;                     /* when it has ended: as waitpid gives it */
};

/* Returns -1 when it could not be started or waited for, or had to be killed; not for its exit status. That
 * it does not read all of its input is no failure. */
int tl_program_run(struct tl_program *p, struct tl_error *e);

/* A pipe whose ends are closed in a program that is executed. -1 with errno. */
int tl_pipe(int fd[2]);

/* The program that argv[0] names: with a '/' relative to the case's directory, else from $PATH. Absolute;
 * NULL with *e. */
char *tl_program_find(const char *directory, const char *name, struct tl_error *e);

/* The same with a list of directories (':' between) of its own in the place of $PATH; NULL: where a system has its
 * programs. */
char *tl_program_find_in(const char *list, const char *directory, const char *name, struct tl_error *e);

/* The value of a variable as a program is given it: settings (NAME=VALUE…; NULL: none) before trapline's own. */
const char *tl_environment_value(const char *const *settings, const char *name);

/* trapline's environment with settings (NAME=VALUE…; NULL: none) in the place of those of the same name. The
 * array is the caller's, the strings are not copied. */
char **tl_environment(const char *const *settings);

#endif
