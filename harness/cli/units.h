/* The units of this machine, as `list units` shows them. */
#ifndef TL_CLI_UNITS_H
#define TL_CLI_UNITS_H

#include <jansson.h>

/* Every runner that can be found, with every build of it, and what it says of its devices: [{"unit", "usable", "why"}, …]. What is wrong is
 * printed. A new reference; NULL where nothing could be asked. */
json_t *tl_cli_units(void);

#endif
