/* What the parts of `trapline nightly` share:
 *
 *   nightly.c           a night (harness/campaign), and who is notified of it
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

#endif
