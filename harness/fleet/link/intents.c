/* Who was about to run a job: read by the next machine that is given it, and by who does not want it any more. */
#include "harness/base/buffer.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

#include <stdlib.h>
#include <string.h>

#define MACHINES_MOST 64 /* that are told of to have had a job before */

json_t *tl_intents(struct tl_connection *c, const char *job)
{
    json_t *names = json_array();
    char *subject = tl_format("intents.%s.*", job);
    natsStatus s = NATS_OK;
    for (uint64_t from = 1; !s;) {
        natsMsg *message = NULL;
        jsDirectGetMsgOptions options;
        jsDirectGetMsgOptions_Init(&options);
        options.Sequence = from;
        options.NextBySubject = subject;
        s = js_DirectGetMsg(&message, c->js, TL_FLEET_INTENTS, NULL, &options);
        if (!s && natsMsg_GetDataLength(message) > 0 && !tl_is_relayed(message, 1) &&
            json_array_size(names) < MACHINES_MOST) {
            const char *dot = strrchr(natsMsg_GetSubject(message), '.');
            json_array_append_new(names, json_string(dot ? dot + 1 : ""));
        }
        from = s ? from : natsMsg_GetSequence(message) + 1;
        natsMsg_Destroy(message);
    }
    free(subject);
    if (s == NATS_NOT_FOUND)
        return names;
    json_decref(names);
    return NULL;
}
