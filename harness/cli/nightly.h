/* What the parts of `trapline nightly` share:
 *
 *   nightly.c           a night (harness/campaign), and what is made of it
 *   nightly_notify.c    --notify
 *   nightly_history.c   --history
 *   nightly_schedule.c  --install, --uninstall, --status */
#ifndef TL_CLI_NIGHTLY_H
#define TL_CLI_NIGHTLY_H

#include "harness/cli/cli.h"

#include <jansson.h>

/* In the format asked for. Returns the exit status. */
int tl_cli_nightly_print(const struct tl_options *o, const json_t *document);

/* Commands of their own, which return the exit status. */
int tl_cli_nightly_history(const struct tl_options *o);
int tl_cli_nightly_install(struct tl_options *o);
int tl_cli_nightly_uninstall(struct tl_options *o);
int tl_cli_nightly_status(struct tl_options *o);

/* nightly_notify.c. Runs the program of --notify: the summary is its stdin, and what the night came to in its environment. -1 with *e when it
 * could not be run or did not succeed. */
int tl_cli_night_notify(const struct tl_options *o, char *const *words, const json_t *document,
                        const char *summary, int night_status, struct tl_error *e);

#endif
