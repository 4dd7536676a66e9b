/* Between the files of `trapline known`. */
#ifndef TL_CLI_KNOWN_H
#define TL_CLI_KNOWN_H

#include "db/known.h"
#include "harness/cli/cli.h"

#define TL_KNOWN_ID_SHOWN 12 /* digits of an id */

/* All of these are in known_list.c. A text as a terminal may have it, whoever wrote it into the database. Takes it, and returns a new string. */
char *tl_cli_known_shown(char *text);
/* "crash SIGSEGV in execute: …". A new string. */
char *tl_cli_known_failure(const struct tl_known *k);

/* As --json has it: with its places, where it is told by them alone; and a list of such. */
json_t *tl_cli_known_json(const struct tl_known *k);
json_t *tl_cli_known_list_json(const struct tl_known *list, size_t n);

/* Prints what is known, of one case or (NULL) of all; the exit status. */
int tl_cli_known_list(const struct tl_options *o, const char *case_name);

#endif
