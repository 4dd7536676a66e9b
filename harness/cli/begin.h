/* What commands that run trials begin with. All print what is wrong. */
#ifndef TL_CLI_BEGIN_H
#define TL_CLI_BEGIN_H

#include "cases/case.h"
#include "cases/load.h"
#include "harness/campaign/nightly.h"
#include "harness/cli/cli.h"
#include "harness/executor/unit_list.h"

/* Loads a case file. Returns NULL, and the exit status, after printing all its mistakes. */
struct tl_case *tl_load_case(const char *path, int *status);
/* The values that -s names, the others at the baseline; without -s the failing variant of the case, if it has
 * one. Returns the exit status; v is to be released. */
int tl_cli_variant(const struct tl_options *o, const struct tl_case *c, struct tl_variant *v);
/* A line for each mistake. A text that is in no file has no numbers of lines: then they are left out. */
void tl_cli_print_each_mistake(const char *path, const struct tl_mistakes *m, bool lines);
/* Prints the mistakes of a file, or the error when there are none. Returns the exit status. */
int tl_cli_print_mistakes(const char *path, const struct tl_mistakes *m, const struct tl_error *e);
/* Says on stderr that stored trials were set aside, when there are any, and which trial contradicts them. */
void tl_cli_print_set_aside(size_t n, const char *because);
/* Loads a suite with its cases, and prints the mistakes of all of them. Returns the exit status; n is to be
 * released. */
int tl_cli_load_suite(struct tl_nightly *n, const char *path);
/* Opens the database for writing. While another process is waited for, that is said on stderr. */
int tl_cli_store(const struct tl_options *o, struct tl_store **s, struct tl_error *e);
/* Whether options that say what trials in a sandbox have go with one; -1 with *e. sandbox: there is one. */
int tl_cli_check_sandbox(bool sandbox, const struct tl_options *o, struct tl_error *e);
/* Opens the database and what runs trials: machines of a fleet where the command takes --fleet and that names one. The session's row
 * holds the command with its arguments. Nothing is printed. */
int tl_cli_executor(const struct tl_command *c, const struct tl_options *o, struct tl_executor **x,
                    struct tl_error *e);
/* Adds the units that a text names; of a fleet the text as it is, since its machines have the builds. */
int tl_cli_unit_add(const struct tl_options *o, struct tl_unit_list *names, const char *text,
                    struct tl_error *e);
/* Of a fleet: the builds that its machines have in the place of ranges of them, and "UNIT on MACHINE" for each machine with --on each. */
int tl_cli_machines(const struct tl_options *o, struct tl_executor *x, struct tl_unit_list *names,
                    struct tl_error *e);
/* An absolute name of a file that need not be there yet; the caller's. */
char *tl_cli_absolute(const char *path);
/* Warns of axes of the case that nothing reads on any of these units, which are described for that (unread.c). */
void tl_cli_warn_unread(struct tl_executor *x, const struct tl_case *c, const char *const *units, size_t n);

#endif
