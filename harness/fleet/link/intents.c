/* Who was about to run a job: read by the next machine that is given it, and by who does not want it any more. */
#include "harness/base/buffer.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

#include <stdlib.h>
#include <string.h>

#define MACHINES_MOST 64 /* that are told of to have had a job before */

int tl_intents_each(struct tl_connection *c, const char *job, tl_intent_seen seen, void *arg)
{
    char *subject = tl_format("intents.%s.*", job);
    natsStatus s = NATS_OK;
    for (uint64_t from = 1; !s;) {
        natsMsg *message = NULL;
        jsDirectGetMsgOptions options;
        jsDirectGetMsgOptions_Init(&options);
        options.Sequence = from;
        options.NextBySubject = subject;
        s = js_DirectGetMsg(&message, c->js, TL_FLEET_INTENTS, NULL, &options);
        if (!s && !tl_is_relayed(message, 1))
            seen(arg, message);
        from = s ? from : natsMsg_GetSequence(message) + 1;
        natsMsg_Destroy(message);
    }
    free(subject);
    return s == NATS_NOT_FOUND ? 0 : -1;
}

static void add_machine(void *names, natsMsg *message)
{
    const char *dot = strrchr(natsMsg_GetSubject(message), '.');
    if (natsMsg_GetDataLength(message) > 0 && json_array_size(names) < MACHINES_MOST)
        json_array_append_new(names, json_string(dot ? dot + 1 : ""));
}

json_t *tl_intents(struct tl_connection *c, const char *job)
{
    json_t *names = json_array();
    if (!tl_intents_each(c, job, add_machine, names))
        return names;
    json_decref(names);
    return NULL;
}
