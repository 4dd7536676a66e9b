/* Records that who asked has for good, and that need not be on the server any more: it has the subject of each message in its memory.
 *
 * Theory of operation. Each message of a record, its parts included, is given a number of this process's own as it comes; trapline says up to which
 * number its database has them, and they are deleted one by one. What is known of a message is its place in the stream, which is another one's
 * where the server has lost all that it had: so all that is not deleted yet is forgotten with each new connection, and goes by its age. So does what
 * cannot be deleted. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

#include <pthread.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define AT_A_TIME 64
#define TURN_NS (SECOND / 10) /* before somebody else has a turn */
#define WAIT_MS 1000          /* for the server's answer */
#define END_NS SECOND         /* for what is left in the end */
#define PAUSE_NS SECOND       /* after it failed, and twice as long each time */
#define PAUSE_MOST_NS (600 * SECOND)

struct message {
    uint64_t number, sequence;
};

static struct {
    pthread_mutex_t lock;     /* messages come in a thread of NATS's */
    struct message *messages; /* by their numbers */
    size_t first, n_messages; /* those before the first one are done */
    uint64_t numbers, recorded;
    uint64_t next_ns, pause_ns; /* these are the main thread's alone */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

uint64_t tl_recorded_number(uint64_t sequence)
{
    pthread_mutex_lock(&state.lock);
    struct message m = {++state.numbers, sequence};
    *TL_GROW(state.messages, state.n_messages) = m;
    pthread_mutex_unlock(&state.lock);
    return m.number;
}

void tl_recorded_until(uint64_t number)
{
    pthread_mutex_lock(&state.lock);
    if (number > state.recorded)
        state.recorded = number;
    pthread_mutex_unlock(&state.lock);
}

void tl_recorded_forget(void)
{
    pthread_mutex_lock(&state.lock);
    state.first = state.n_messages = 0;
    pthread_mutex_unlock(&state.lock);
}

/* The first ones that the database has; how many. */
static size_t take(struct message *list, size_t most)
{
    size_t n = 0;
    pthread_mutex_lock(&state.lock);
    while (n < most && state.first + n < state.n_messages &&
           state.messages[state.first + n].number <= state.recorded) {
        list[n] = state.messages[state.first + n];
        n++;
    }
    state.first += n;
    if (state.first > state.n_messages / 2) {
        state.n_messages -= state.first;
        memmove(state.messages, state.messages + state.first, state.n_messages * sizeof *list);
        state.first = 0;
    }
    pthread_mutex_unlock(&state.lock);
    return n;
}

/* Whether the server has answered; one that is not there any more is gone, too. */
static bool delete_one(struct tl_connection *c, const struct message *m)
{
    jsOptions options;
    jsErrCode code = 0;
    jsOptions_Init(&options);
    options.Wait = WAIT_MS;
    natsStatus s = js_DeleteMsg(c->js, TL_FLEET_RESULTS, m->sequence, &options, &code);
    return !s || !tl_jetstream_is_passing(s, code);
}

/* Whether there may be more. */
static bool delete_some(struct tl_connection *c)
{
    struct message list[AT_A_TIME];
    size_t n;
    if (c->broken || natsConnection_Status(c->nats) != NATS_CONN_STATUS_CONNECTED ||
        !(n = take(list, TL_COUNT(list))))
        return false;
    for (size_t i = 0; i < n; i++)
        if (c->broken || !delete_one(c, &list[i])) {
            state.pause_ns =
                state.pause_ns * 2 < PAUSE_MOST_NS ? state.pause_ns * 2 + PAUSE_NS : PAUSE_MOST_NS;
            state.next_ns = tl_monotonic_ns() + state.pause_ns;
            return false;
        }
    state.pause_ns = 0;
    return n == TL_COUNT(list);
}

static void delete_for(struct tl_connection *c, uint64_t ns)
{
    uint64_t end = tl_monotonic_ns() + ns;
    while (delete_some(c) && tl_monotonic_ns() < end)
        ;
}

void tl_recorded_turn(struct tl_connection *c)
{
    if (tl_monotonic_ns() >= state.next_ns)
        delete_for(c, TURN_NS);
}

void tl_recorded_end(struct tl_connection *c)
{
    delete_for(c, END_NS);
}
