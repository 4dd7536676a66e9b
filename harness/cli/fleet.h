/* A fleet of machines, as commands that run trials reach it. */
#ifndef TL_CLI_FLEET_H
#define TL_CLI_FLEET_H

#include "harness/cli/cli.h"
#include "harness/fleet/link.h"

/* Where the files of the server are: of --dir, or the user's own. The caller's; NULL with *e. */
char *tl_cli_fleet_directory(const struct tl_options *o, struct tl_error *e);
/* Connects to the fleet of --fleet with the key of --key; before an executor is made. */
int tl_cli_fleet_open(const struct tl_options *o, struct tl_fleet_link **link, struct tl_error *e);

#endif
