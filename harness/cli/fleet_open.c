/* The way of commands that run trials to the machines of a fleet. It knows nothing of who looks after one (fleet.c). */
#include "harness/cli/fleet.h"

#include "harness/base/paths.h"

#include <stdlib.h>

bool tl_cli_in_fleet(const struct tl_options *o)
{
    const char *url = o->fleet ? o->fleet : getenv("TRAPLINE_FLEET");
    return url && *url;
}

int tl_cli_fleet_open(const struct tl_options *o, struct tl_fleet_link **link, struct tl_error *e)
{
    *link = NULL;
    if (!tl_cli_in_fleet(o))
        return o->on ? tl_fail(e, TL_ERROR_INPUT, "--on", o->on,
                               "it says which machines of a fleet are meant: add --fleet URL")
                     : 0;
    const char *url = o->fleet ? o->fleet : getenv("TRAPLINE_FLEET");
    char *below = o->key ? NULL : tl_config_home("trapline/fleet/keys/submit.key");
    const struct tl_fleet_link_wish wish = {url, o->key ? o->key : below, TL_FLEET_SUBMIT};
    int result = wish.key_path
                     ? tl_fleet_link_open(&wish, link, e)
                     : tl_fail(e, TL_ERROR_INPUT, "cannot reach the fleet", url, "--key FILE was expected");
    free(below);
    return result;
}
