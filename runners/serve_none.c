/* Where a fork without exec is not safe (macOS, once Objective-C or Metal is loaded) no runner serves. */
#include "runners/channel.h"
#include "runners/serve.h"

const bool tl_serve_possible = false;

int tl_serve(const struct tl_runner *runner, const json_t *request, tl_serve_trial trial)
{
    tl_channel_error("protocol", "cannot-serve", "runners cannot serve on this system");
    return 0;
}
