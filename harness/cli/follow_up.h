/* Commands that are suggested: they are to find what this one found, also where --db named another database, and to run what they
 * run as this one did. */
#ifndef TL_CLI_FOLLOW_UP_H
#define TL_CLI_FOLLOW_UP_H

#include "harness/cli/cli.h"

#include <stdbool.h>

/* The options that the command line gave. What configuration and variables say holds for the next command, too. They stay the
 * caller's; NULL: none. */
void tl_cli_follow_up_options(const struct tl_options *o);

/* A text in which every `trapline …` that uses the database names it, and every one that runs trials the sandbox. published: as it is shown to others, without whose
 * home it is in. The caller's. */
char *tl_cli_follow_up(const char *text, bool published);

#endif
