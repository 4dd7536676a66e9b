/* What runs all the time as a service of the user's system (harness/schedule/service.h): `worker --install` and `fleet up --install`. */
#ifndef TL_CLI_SERVICE_H
#define TL_CLI_SERVICE_H

#include "harness/cli/cli.h"

/* A list of words that ends in NULL, of strings of its own. */
struct tl_words {
    char **list;
    size_t n;
};
void tl_words_add(struct tl_words *w, const char *word); /* copied */
/* An option that was given: value NULL: it is a flag. */
void tl_words_add_option(struct tl_words *w, const char *name, const char *value, bool given);
void tl_words_free(struct tl_words *w);

/* Installs `trapline WORDS` as the service of this name, and says so: prints it, or the error. Returns the exit status. *done, where it is
 * not NULL, is the document instead of its being printed. */
int tl_cli_service_install(const struct tl_options *o, const char *name, const char *about,
                           const struct tl_words *words, json_t **done);
int tl_cli_service_uninstall(const struct tl_options *o, const char *name);

#endif
