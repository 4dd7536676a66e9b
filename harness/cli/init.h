/* Between the files of `trapline init`. */
#ifndef TL_CLI_INIT_H
#define TL_CLI_INIT_H

#include "cases/init/init.h"
#include "harness/cli/cli.h"

/* Runs the case that was written, corrects what is seen to be wrong in it, and says what came of it and what to type next.
 * Returns the exit status. In init_run.c. */
int tl_cli_init_run(struct tl_init *p, const struct tl_command *c, const struct tl_options *o);

/* From a crash report of a system, which is brought into the database, or from a log with the command in it; the exit status,
 * or -1 to go on with the plan. In init_report.c. */
int tl_cli_init_of_report(struct tl_init *p, const struct tl_command *c, const struct tl_options *o,
                          const char *path);

#endif
