/* What is said of a fleet: its machines and its queues. */
#ifndef TL_CLI_FLEET_STATUS_H
#define TL_CLI_FLEET_STATUS_H

#include "harness/cli/cli.h"

#include <jansson.h>

/* The document of `fleet status --json`. server: as the link tells of it (url, runs, members); told: the link's "status"; NULL: the server does
 * not run. A new reference. Machines may have written anything. */
json_t *tl_cli_fleet_document(const json_t *server, const json_t *told);
/* The same for a person, at `width` columns. */
void tl_cli_fleet_print(const json_t *document, size_t width);

#endif
