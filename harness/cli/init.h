/* Between the files of `trapline init`. */
#ifndef TL_CLI_INIT_H
#define TL_CLI_INIT_H

#include "cases/init/init.h"
#include "harness/cli/cli.h"

/* Writes the case where it can be run or stored at all, runs it, corrects what is seen to be wrong in it, and says what came of it and
 * what to type next; what cannot be told of leaves nothing behind. Returns the exit status. In init_run.c, as the next two. */
int tl_cli_init_run(struct tl_init *p, const struct tl_command *c, struct tl_options *o);
/* Prints what was written, and the notes. path: of the case. */
void tl_cli_init_print(const struct tl_init *p, const char *path);
/* A word for a shell, where people type it. A new string. */
char *tl_cli_init_typed(const char *word);

/* From a crash report of a system, which is brought into the database, or from a log with the command in it, which is written
 * and never run: somebody else's text is not to have commands run. Prints it all; the exit status. In init_report.c. */
int tl_cli_init_of_report(struct tl_init *p, const struct tl_command *c, const struct tl_options *o,
                          const char *path);

#endif
