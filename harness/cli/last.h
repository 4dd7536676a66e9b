/* `last`, `last:COMMAND` and `last:OUTCOME` where an id is taken: the newest that the user started, and no night did. */
#ifndef TL_CLI_LAST_H
#define TL_CLI_LAST_H

#include "db/query.h"
#include "db/started.h"

struct tl_command;
/* The commands that may be named, NULL-terminated. The list stays the caller's. */
void tl_cli_last_commands(const struct tl_command *const *list);

/* Puts the id that the word stands for into id and has *word point there; any other word stays. kinds: what is taken here
 * (enum tl_started_kind). Prints what is wrong and returns the exit status, or -1 to go on. */
int tl_cli_last(struct tl_store *s, unsigned kinds, const char **word, char id[TL_UUID_SIZE]);

/* The same of the signature of a filter and of what a list goes on after. */
struct tl_cli_last_ids {
    char signature[TL_UUID_SIZE], after[TL_UUID_SIZE];
};
int tl_cli_last_of_filter(struct tl_store *s, unsigned after, struct tl_filter *f,
                          struct tl_cli_last_ids *ids);

#endif
