/* Whether anybody is ever going to run a job whose message is on the server.
 *
 * Theory of operation. The message of a job stays until it is acknowledged, but a server that went down may have it again afterwards with a
 * consumer that takes it for done, or gave it out as often as it may: then nobody gets it any more, and nothing says so (a hundred messages
 * were left after twenty kills of a 2.9.10). What tells is what is not heard: whoever has a job says so every acknowledgement wait, in its
 * intent, and who leaves it to others as well. A job that was given out and of which nobody has said that for several of these is in nobody's hands.
 *
 * All times are the server's, so that no clock of a machine matters; its own now is at least the time of the last heartbeat of any machine. If a
 * job is asked for again in error, it is run twice and recorded once. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

#include <stdlib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
#define SILENT_WAITS 3 /* acknowledgement waits without a word */
#define KNOWN_NS                                                                                             \
    UINT64_C(                                                                                                \
        1000000000) /* so long the same answer of the server does, for many jobs are looked after at once */

static struct {
    uint64_t clock_ns, consumer_ns; /* when they were asked for */
    int64_t now;
    char *consumer;
    uint64_t delivered;
} known;

static int64_t server_now(struct tl_connection *c)
{
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    uint64_t now = tl_monotonic_ns();
    if (known.clock_ns && now - known.clock_ns < KNOWN_NS)
        return known.now;
    natsStatus s = js_GetStreamInfo(&info, c->js, TL_FLEET_MACHINES, NULL, &code);
    known.now = s ? 0 : info->State.LastTime;
    known.clock_ns = now;
    jsStreamInfo_Destroy(info);
    return known.now;
}

/* What is behind it was given to nobody yet. 0: nothing was, or the server cannot be asked. */
static uint64_t given_out(struct tl_connection *c, const char *stream, const char *consumer)
{
    jsConsumerInfo *info = NULL;
    jsErrCode code = 0;
    uint64_t now = tl_monotonic_ns();
    if (known.consumer && !strcmp(known.consumer, consumer) && now - known.consumer_ns < KNOWN_NS)
        return known.delivered;
    natsStatus s = js_GetConsumerInfo(&info, c->js, stream, consumer, NULL, &code);
    free(known.consumer);
    known.consumer = tl_strdup(consumer);
    known.consumer_ns = now;
    known.delivered = s ? 0 : info->Delivered.Stream;
    jsConsumerInfo_Destroy(info);
    return known.delivered;
}

static void take_later(void *last, natsMsg *message)
{
    int64_t *at = last;
    if (natsMsg_GetTime(message) > *at)
        *at = natsMsg_GetTime(message);
}

/* When a machine last said that it has a job, or gave it back; 0: none does. -1: the server cannot be asked. */
static int64_t last_intent(struct tl_connection *c, const char *job)
{
    int64_t last = 0;
    return tl_intents_each(c, job, take_later, &last) ? -1 : last;
}

bool tl_job_is_under_way(struct tl_connection *c, const char *stream, const char *consumer, const char *job,
                         natsMsg *message)
{
    int64_t silent = server_now(c) - SILENT_WAITS * tl_ack_wait_s() * SECOND;
    if (natsMsg_GetTime(message) > silent || natsMsg_GetSequence(message) > given_out(c, stream, consumer))
        return true;
    int64_t intent = last_intent(c, job);
    return intent < 0 || intent > silent;
}
