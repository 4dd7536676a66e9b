/* The queues of jobs, and how much waits in each. A queue is a consumer: one that nobody of the machines that are here takes from
 * waits for a machine that is not. */
#include "harness/base/buffer.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

static json_t *queue_of(const jsConsumerInfo *info)
{
    if (!info->Config || !info->Config->FilterSubject)
        return NULL;
    return json_pack("{s:s,s:s,s:I,s:I}", "queue", info->Name, "subject", info->Config->FilterSubject,
                     "waiting", (json_int_t)info->NumPending, "running", (json_int_t)info->NumAckPending);
}

static natsStatus add_queues(struct tl_connection *c, const char *stream, json_t *list)
{
    jsConsumerInfoList *consumers = NULL;
    jsErrCode code = 0;
    natsStatus s = js_Consumers(&consumers, c->js, stream, NULL, &code);
    for (int i = 0; !s && i < consumers->Count; i++) {
        json_t *one = queue_of(consumers->List[i]);
        if (one)
            json_array_append_new(list, one);
    }
    jsConsumerInfoList_Destroy(consumers);
    return s == NATS_NOT_FOUND ? NATS_OK : s; /* there is none yet */
}

json_t *tl_queues(struct tl_connection *c, struct tl_error *e)
{
    static const char *const streams[] = {TL_FLEET_JOBS, TL_FLEET_ON};
    json_t *list = json_array();
    natsStatus s = NATS_OK;
    for (size_t i = 0; i < TL_COUNT(streams) && !s; i++)
        s = add_queues(c, streams[i], list);
    if (!s)
        return list;
    json_decref(list);
    tl_nats_fail(s, "cannot look at the queues of the fleet", "", e);
    return NULL;
}
