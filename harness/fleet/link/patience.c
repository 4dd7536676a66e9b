/* What is waited for in silence, and when that is said.
 *
 * A server that is away for a moment, or chooses a new leader, is nobody's concern. One that takes nothing for longer, because its disk is full or it is gone,
 * is told of in words, once in a while, and nothing is given up: what was not taken is tried again until it is. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/fleet/link/link_impl.h"

#define SILENT_NS UINT64_C(10000000000)
#define AGAIN_NS UINT64_C(120000000000)

static uint64_t since_ns, said_ns; /* 0: nothing is waited for; nothing was said */

void tl_patience_end(void)
{
    since_ns = said_ns = 0;
}

static bool is_full(jsErrCode code)
{
    return code == JSStreamStoreFailedErr || code == JSConsumerStoreFailedErr ||
           code == JSStorageResourcesExceededErr || code == JSNotEnabledErr ||
           code == JSNotEnabledForAccountErr;
}

void tl_patience(natsStatus s, jsErrCode code, const char *what)
{
    uint64_t now = tl_monotonic_ns();
    struct tl_error e, full;
    if (!since_ns)
        since_ns = now;
    /* That the disk is full does not pass by itself. */
    if ((now - since_ns < SILENT_NS && !is_full(code)) || (said_ns && now - said_ns < AGAIN_NS))
        return;
    said_ns = now;
    tl_nats_fail(s, what, "", &e);
    if (is_full(code)) {
        tl_fail(&full, TL_ERROR_ENVIRONMENT, what, "",
                "the server cannot store it (%s): free its disk, and restart it with `trapline fleet down` "
                "and `up`; "
                "nothing is lost, and it is tried until then",
                e.why);
        e = full;
    }
    json_t *head = json_pack("{s:o}", "waiting", tl_frame_error(&e));
    tl_tell(head, NULL, 0);
}
