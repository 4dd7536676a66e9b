/* What the owner of the fleet wants of a machine: that it works, that it takes nothing for a while, or that it ends.
 *
 * Theory of operation. control.MACHINE is a stream of which the server keeps the last message of each machine, so a wish reaches a machine that is
 * away now when it comes back. The machine listens to the subject itself, and hears of a wish at once; what it hears is only a reason
 * to look, though, for a message that was sent while its connection was gone is never heard. It looks when it begins, before it takes
 * its first job, and with each heartbeat. It may read its own wish and no other machine's. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define LOOK_AGAIN_NS SECOND /* where the server could not be asked before anything is taken */

static struct {
    bool wanted; /* trapline wants to know */
    bool known;  /* and has been told once */
    uint64_t sequence, look_ns;
    natsSubscription *heard;
} state;
static atomic_bool changed; /* set by a thread of the library */

/* --- of the owner --------------------------------------------------------------------------------------- */

void tl_control_put(struct tl_connection *c, const json_t *wish)
{
    static const char what[] = "cannot tell a machine of the fleet";
    const char *machine = json_string_value(json_object_get(wish, "machine"));
    struct tl_error e;
    jsErrCode code = 0;
    if (!tl_is_token(machine))
        return;
    char *subject = tl_format("control.%s", machine), *text = json_dumps(wish, JSON_COMPACT);
    natsStatus s = js_Publish(NULL, c->js, subject, text, (int)strlen(text), NULL, &code);
    free(subject);
    free(text);
    if (s) {
        tl_nats_fail(s, what, machine, &e);
        tl_tell_failure(NULL, NULL, &e);
    } else {
        tl_tell(json_pack("{s:i}", "done", 1), NULL, 0);
    }
}

/* --- of a machine --------------------------------------------------------------------------------------- */

static void on_control(natsConnection *nc, natsSubscription *sub, natsMsg *message, void *arg)
{
    (void)nc;
    (void)sub;
    (void)arg;
    changed = true;
    natsMsg_Destroy(message);
}

static void tell(natsMsg *message)
{
    json_t *wish = message
                       ? json_loadb(natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message), 0, NULL)
                       : NULL;
    const char *want = json_string_value(json_object_get(wish, "want")),
               *why = json_string_value(json_object_get(wish, "why"));
    tl_tell(json_pack("{s:s,s:s}", "control", want ? want : "well", "why", why ? why : ""), NULL, 0);
    json_decref(wish);
}

static void look(struct tl_connection *c)
{
    natsMsg *message = NULL;
    jsDirectGetMsgOptions options;
    char *subject = tl_format("control.%s", c->key.name);
    jsDirectGetMsgOptions_Init(&options);
    options.LastBySubject = subject;
    changed = false;
    natsStatus s = js_DirectGetMsg(&message, c->js, TL_FLEET_CONTROL, NULL, &options);
    free(subject);
    state.look_ns = tl_monotonic_ns() + (s && !state.known ? LOOK_AGAIN_NS : TL_FLEET_HEARTBEAT_S * SECOND);
    uint64_t sequence = s ? 0 : natsMsg_GetSequence(message);
    /* That there is none is an answer; that nobody answers is none. */
    if ((!s && (!state.known || sequence != state.sequence)) || (s == NATS_NOT_FOUND && !state.known)) {
        state.known = true;
        state.sequence = sequence;
        tell(message);
    }
    natsMsg_Destroy(message);
}

void tl_control_begin(struct tl_connection *c)
{
    char *subject = tl_format("control.%s", c->key.name);
    if (!state.wanted)
        natsConnection_Subscribe(&state.heard, c->nats, subject, on_control, NULL);
    free(subject);
    state.wanted = true;
    look(c);
}

void tl_control_turn(struct tl_connection *c)
{
    if (state.wanted && (changed || tl_monotonic_ns() >= state.look_ns))
        look(c);
}
