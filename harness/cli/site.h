/* The site, as the commands that write it do. */
#ifndef TL_CLI_SITE_H
#define TL_CLI_SITE_H

#include "harness/cli/cli.h"
#include "reports/site/site.h"

/* Writes the whole database to the directory o->site, with progress; SIGINT and SIGTERM stop it. Prints what
 * is wrong and returns the exit status. */
int tl_cli_site(const struct tl_options *o, struct tl_site_result *r);

#endif
