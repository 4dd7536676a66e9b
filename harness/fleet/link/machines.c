/* The machines of the fleet, as each announced itself last. How long ago that was goes by the server's clock alone: it stamped the announcement,
 * and it says when the consumer was made that reads it. Clocks of machines and of who asks may be wrong by hours. */
#include "harness/base/buffer.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAIT_MS 5000
#define TURNS 60 /* half a minute */
#define AGAIN_NS 500000000l

static const char what_[] = "cannot list the machines of the fleet";

/* One announcement; the stream keeps the last of each machine. */
static void take(json_t *list, natsMsg *message, int64_t at_ns, int64_t now_ns)
{
    static const char prefix[] = "machines.";
    const char *subject = natsMsg_GetSubject(message);
    if (strncmp(subject, prefix, sizeof prefix - 1) || !tl_is_token(subject + sizeof prefix - 1) ||
        tl_has_headers(message))
        return;
    const json_int_t silent_us = now_ns > at_ns ? (now_ns - at_ns) / 1000 : 0;
    json_t *one = json_pack("{s:s,s:s%,s:I,s:I}", "machine", subject + sizeof prefix - 1, "announcement",
                            natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message), "at_us",
                            (json_int_t)(at_ns / 1000), "silent_us", silent_us);
    if (!one) /* no UTF-8: whoever lists machines says that this one says nothing */
        one = json_pack("{s:s,s:s,s:I,s:I}", "machine", subject + sizeof prefix - 1, "announcement", "",
                        "at_us", (json_int_t)(at_ns / 1000), "silent_us", silent_us);
    json_array_append_new(list, one);
}

/* By the server's clock. */
static natsStatus now_of(natsSubscription *sub, int64_t *now_ns)
{
    jsConsumerInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus s = natsSubscription_GetConsumerInfo(&info, sub, NULL, &code);
    *now_ns = s ? 0 : info->Created;
    jsConsumerInfo_Destroy(info);
    return s;
}

static natsStatus read_machines(struct tl_connection *c, json_t *list, jsErrCode *code)
{
    jsStreamInfo *info = NULL;
    natsStatus s = js_GetStreamInfo(&info, c->js, TL_FLEET_MACHINES, NULL, code);
    uint64_t there = s ? 0 : info->State.Msgs;
    jsStreamInfo_Destroy(info);
    natsSubscription *sub = NULL;
    jsSubOptions options;
    jsSubOptions_Init(&options);
    options.Stream = TL_FLEET_MACHINES;
    options.Ordered = true;
    options.Config.DeliverPolicy = js_DeliverLastPerSubject;
    if (!s && there)
        s = js_SubscribeSync(&sub, c->js, "machines.*", NULL, &options, code);
    int64_t now_ns = 0;
    if (!s && there)
        s = now_of(sub, &now_ns);
    for (bool more = there > 0; !s && more;) {
        natsMsg *message = NULL;
        jsMsgMetaData *about = NULL;
        s = natsSubscription_NextMsg(&message, sub, WAIT_MS);
        s = s ? s : natsMsg_GetMetaData(&about, message);
        if (!s) {
            more = about->NumPending > 0;
            take(list, message, about->Timestamp, now_ns);
        }
        jsMsgMetaData_Destroy(about);
        natsMsg_Destroy(message);
    }
    natsSubscription_Destroy(sub);
    return s;
}

json_t *tl_machines(struct tl_connection *c, struct tl_error *e)
{
    const struct timespec pause = {0, AGAIN_NS};
    natsStatus s = NATS_OK;
    jsErrCode code = 0;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        json_t *list = json_array();
        code = 0;
        s = read_machines(c, list, &code);
        if (!s)
            return list;
        json_decref(list);
        if (!tl_jetstream_is_passing(s, code))
            break;
        nanosleep(&pause, NULL); /* one of several servers died, and the others choose one that leads */
    }
    tl_nats_fail(s, what_, "", e);
    return NULL;
}
