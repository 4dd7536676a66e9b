/* Commands that are suggested: they are to find what this one found, also where --db named another database. */
#ifndef TL_CLI_FOLLOW_UP_H
#define TL_CLI_FOLLOW_UP_H

#include <stdbool.h>

/* The database that the command line named; NULL: none. What configuration and variables say holds for the next command,
 * too. The string stays the caller's. */
void tl_cli_follow_up_db(const char *db);

/* A text in which every `trapline …` that uses the database names it. published: as it is shown to others, without whose
 * home it is in. The caller's. */
char *tl_cli_follow_up(const char *text, bool published);

#endif
