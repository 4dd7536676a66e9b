/* A fleet of machines, as commands that run trials reach it. */
#ifndef TL_CLI_FLEET_H
#define TL_CLI_FLEET_H

#include "harness/cli/cli.h"
#include "harness/fleet/link.h"

/* Where the files of the server are: of --dir, or the user's own. The caller's; NULL with *e. */
char *tl_cli_fleet_directory(const struct tl_options *o, struct tl_error *e);

/* --- fleet_open.c */
/* Connects to the fleet of --fleet, or $TRAPLINE_FLEET, with the key of --key; before an executor is made. *link is NULL where there is none. */
int tl_cli_fleet_open(const struct tl_options *o, struct tl_fleet_link **link, struct tl_error *e);
/* Whether there is one. */
bool tl_cli_in_fleet(const struct tl_options *o);

/* --- fleet_service.c; each returns the exit status and prints what it has to say */
/* Becomes the server of a directory; returns only when that fails. */
int tl_cli_fleet_become(const char *directory);
/* Ends a server that runs, and has the system run it from now on. */
int tl_cli_fleet_install(const struct tl_options *o, const char *directory);
int tl_cli_fleet_uninstall(const struct tl_options *o);

#endif
