/* Which queue of a class of jobs a machine takes the next one from: what somebody waits for goes before nights.
 *
 * Theory of operation. Each class has two queues, and a question that waits for a job can be put to one of them at a time. So the server is asked
 * first what waits: nights have their turn only where nothing waits in the first queue, and where both are empty it is the first one that is
 * listened to, so that somebody who asks for a trial does not wait for the second that a question takes. What was given back or was lost with a machine counts as taken
 * until it is given out again: where there is any of that the nights have every other turn. As long as nobody has asked for a night the second queue is not there,
 * which is looked for once a second, and costs nothing else. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

#include <stdlib.h>

#define LOOK_NS UINT64_C(1000000000)

struct tl_low {
    struct tl_connection *c;
    char *subject, *consumer, *first; /* first: the consumer of the queue that goes before */
    natsSubscription *sub;            /* NULL: nobody has asked for a night */
    uint64_t look_ns;
    unsigned turn;
};

struct tl_low *tl_low_new(struct tl_connection *c, const char *kind, const char *device)
{
    struct tl_low *l = tl_calloc(1, sizeof *l);
    l->c = c;
    l->subject = tl_format("jobs." TL_FLEET_LOW ".%s.%s.*", kind, device);
    l->consumer = tl_format(TL_FLEET_LOW "-%s-%s", kind, device);
    l->first = tl_format("%s-%s", kind, device);
    return l;
}

/* Jobs that wait in a queue, and those that were given out and not answered. false: there is no such queue. */
static bool count(const struct tl_low *l, const char *consumer, uint64_t *waiting, int64_t *out)
{
    jsConsumerInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus s = js_GetConsumerInfo(&info, l->c->js, TL_FLEET_JOBS, consumer, NULL, &code);
    *waiting = s ? 0 : info->NumPending;
    *out = s ? 0 : info->NumAckPending;
    jsConsumerInfo_Destroy(info);
    return !s;
}

static void look(struct tl_low *l)
{
    jsSubOptions options;
    jsErrCode code = 0;
    if (tl_monotonic_ns() < l->look_ns)
        return;
    l->look_ns = tl_monotonic_ns() + LOOK_NS;
    jsSubOptions_Init(&options);
    options.Stream = TL_FLEET_JOBS;
    options.Consumer = l->consumer;
    if (js_PullSubscribe(&l->sub, l->c->js, l->subject, NULL, NULL, &options, &code))
        l->sub = NULL;
}

natsSubscription *tl_low_choose(struct tl_low *l, natsSubscription *first)
{
    uint64_t waiting = 0, low = 0;
    int64_t out = 0;
    if (!l->sub)
        look(l);
    if (!l->sub)
        return first;
    l->turn++;
    count(l, l->first, &waiting, &out);
    if (waiting)
        return first;
    if (!count(l, l->consumer, &low, &out))
        tl_low_forget(l);
    return l->sub && (!first || low || (out && l->turn % 2)) ? l->sub : first;
}

void tl_low_forget(struct tl_low *l)
{
    natsSubscription_Destroy(l->sub);
    l->sub = NULL;
}
