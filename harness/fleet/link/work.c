/* Who runs trials: jobs in, records out.
 *
 * Theory of operation. A thread for each class of jobs asks the server for one job at a time, as long as trapline has a place free: a fetch
 * waits in the library, with a place that no other class has meanwhile, so the more classes there are, and as jobs come, the shorter it is.
 * (Jobs of this machine alone are asked for without a place.) What it was given is kept until trapline brings the record; meanwhile the server is
 * told every few seconds that it is being worked on, so that a machine that is gone is noticed in TL_FLEET_ACK_WAIT_S, however long a trial
 * takes. The record is published first and acknowledged then: should this end between the two, the job is run twice and recorded once. And
 * before trapline hears of a job the server has it that this machine is about to run it, for those that get it after this machine is gone; it is
 * said anew as long as it is true.
 *
 * The main thread does all the rest, and only it looks at what is held; the lock is for the places that are free, and for new jobs. */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND UINT64_C(1000000000)
#define FETCH_MS 1000         /* that one question for a job waits, among all classes */
#define FETCH_LEAST_MS 10     /* of one of many classes */
#define FETCH_BUSY_MS 100     /* the same while jobs come */
#define BUSY_NS (10 * SECOND) /* so long after the last one */
#define LATER_MS 500 /* until a class is looked for again of which nobody has asked for a trial yet */

struct held {
    uint64_t token;
    natsMsg *message;
    char *subject, *body; /* of the record, which is to be published; NULL: the trial runs */
    size_t size;
    bool is_large; /* its parts are to be published before it */
    uint64_t next_ns;
};

struct class_of_jobs {
    struct tl_connection *c;
    const char *stream;
    char *subject, *consumer;
    bool own;           /* of this machine alone: these go first */
    struct tl_low *low; /* jobs of nights; NULL: it has none */
    pthread_t thread;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned free_places, own_waiting; /* jobs of this machine alone that wait for a place */
    bool closed;                       /* no place becomes free: nothing is to be taken now */
    unsigned opened;  /* how often it was closed and opened again: a place of before is none any more */
    uint64_t busy_ns; /* when the last job came or ended */
    int asking;       /* classes of which somebody has asked for a trial, and which share the places */
    uint64_t tokens;
    struct held *held;
    size_t n_held;
    struct class_of_jobs **classes;
    size_t n_classes;
    json_t *announcement;
    uint64_t announce_ns, progress_ns, intents_ns; /* when next */
    uint64_t *later;                               /* when each of some places is free again */
    size_t n_later;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void pause_ms(long ms)
{
    const struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* When it was opened last, for who gives the place back. */
static unsigned take_place(void)
{
    pthread_mutex_lock(&state.lock);
    while (!state.free_places || state.own_waiting)
        pthread_cond_wait(&state.changed, &state.lock);
    state.free_places--;
    unsigned opened = state.opened;
    pthread_mutex_unlock(&state.lock);
    return opened;
}

/* One that was taken, and that nobody came for. */
static void return_place(unsigned opened)
{
    pthread_mutex_lock(&state.lock);
    state.free_places += !state.closed && state.opened == opened;
    pthread_cond_broadcast(&state.changed);
    pthread_mutex_unlock(&state.lock);
}

/* One for which a job came: of before it takes one of now. */
static void use_place(unsigned opened)
{
    pthread_mutex_lock(&state.lock);
    state.free_places -= state.opened != opened && state.free_places;
    pthread_mutex_unlock(&state.lock);
}

/* The next place that becomes free, for a job that nobody else can take; the server is told meanwhile that it is not forgotten. */
static unsigned take_place_first(natsMsg *message)
{
    pthread_mutex_lock(&state.lock);
    state.own_waiting++;
    while (!state.free_places) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 500000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (pthread_cond_timedwait(&state.changed, &state.lock, &until))
            natsMsg_InProgress(message, NULL);
    }
    state.own_waiting--;
    state.free_places--;
    unsigned opened = state.opened;
    pthread_cond_broadcast(&state.changed);
    pthread_mutex_unlock(&state.lock);
    return opened;
}

static void give_places(unsigned n)
{
    pthread_mutex_lock(&state.lock);
    state.free_places += state.closed ? 0 : n;
    pthread_cond_broadcast(&state.changed);
    pthread_mutex_unlock(&state.lock);
}

static void close_places(void)
{
    pthread_mutex_lock(&state.lock);
    state.closed = true;
    state.free_places = 0;
    pthread_mutex_unlock(&state.lock);
}

static void open_places(unsigned n)
{
    pthread_mutex_lock(&state.lock);
    state.closed = false;
    state.opened++;
    state.free_places = n;
    pthread_cond_broadcast(&state.changed);
    pthread_mutex_unlock(&state.lock);
}

/* --- intents -------------------------------------------------------------------------------------------- */

/* jobs.kind.KIND.DEVICE.JOB, on.MACHINE.DEVICE.JOB; NULL: nobody who may ask has asked for it */
static const char *job_of(natsMsg *message)
{
    const char *dot = strrchr(natsMsg_GetSubject(message), '.');
    return dot && tl_is_token(dot + 1) && !tl_is_relayed(message, 0) ? dot + 1 : NULL;
}

/* Nobody is to have it any more. */
static void end_job(natsMsg *message)
{
    jsErrCode code = 0;
    natsMsg_AckSync(message, NULL, &code);
}

/* Durable before the trial begins: whatever becomes of this machine, another one can know. text "": not any more. */
static natsStatus tell_intent(struct tl_connection *c, const char *job, const char *text)
{
    char *subject = tl_format("intents.%s.%s", job, c->key.name);
    jsErrCode code = 0;
    natsStatus s = js_Publish(NULL, c->js, subject, text, (int)strlen(text), NULL, &code);
    free(subject);
    return s;
}

/* It goes back, and is given out again after a while: who asked hears that it is not forgotten (under_way.c). intent: what is known of this machine
 * and the job from now on. */
static void leave(struct tl_connection *c, natsMsg *message, const char *intent)
{
    tell_intent(c, job_of(message), intent);
    natsMsg_NakWithDelay(message, tl_ack_wait_s() * INT64_C(1000), NULL);
}

/* Machines that began a job and came back know what became of it, and answer from their databases: it is left to them for a while before
 * another one says that it is lost. */
static bool is_theirs(const struct tl_connection *c, const json_t *before)
{
    json_t *name;
    size_t i;
    if (json_array_size(before) < TL_FLEET_TRIED_MOST)
        return false;
    json_array_foreach(before, i, name)
        if (!strcmp(json_string_value(name), c->key.name))
            return false;
    return true;
}

/* A job has come: it is held, and trapline is told. false: it went back, since it cannot be told whom it took with it or is left to those, or is
 * none. */
static bool hold(const struct class_of_jobs *k, natsMsg *message)
{
    struct tl_connection *c = k->c;
    jsMsgMetaData *about = NULL;
    const char *job = job_of(message);
    uint64_t delivered = natsMsg_GetMetaData(&about, message) ? 2 : about->NumDelivered;
    jsMsgMetaData_Destroy(about);
    if (!job) {
        end_job(message);
        natsMsg_Destroy(message);
        return false;
    }
    json_t *before = delivered > 1 ? tl_intents(c, job) : json_array();
    bool last = k->own || delivered + 1 >= TL_FLEET_DELIVER_MOST;
    if (!last && is_theirs(c, before)) {
        leave(c, message, "");
        json_decref(before);
        natsMsg_Destroy(message);
        return false;
    }
    if (!before || tell_intent(c, job, c->key.name)) {
        json_decref(before);
        natsMsg_Nak(message, NULL);
        natsMsg_Destroy(message);
        return false;
    }
    pthread_mutex_lock(&state.lock);
    struct held h = {.token = ++state.tokens, .message = message};
    state.busy_ns = tl_monotonic_ns();
    *TL_GROW(state.held, state.n_held) = h;
    pthread_mutex_unlock(&state.lock);
    tl_tell(json_pack("{s:b,s:I,s:o,s:I,s:b}", "job", 1, "token", (json_int_t)h.token, "before", before,
                      "delivered", (json_int_t)delivered, "last", last),
            natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message));
    return true;
}

/* --- jobs ----------------------------------------------------------------------------------------------- */

/* NULL: it is not there before somebody has asked for such a trial, and the server may be away. */
static natsSubscription *subscribe(const struct class_of_jobs *k)
{
    natsSubscription *sub = NULL;
    jsSubOptions options;
    jsErrCode code = 0;
    jsSubOptions_Init(&options);
    options.Stream = k->stream;
    options.Consumer = k->consumer;
    return js_PullSubscribe(&sub, k->c->js, k->subject, NULL, NULL, &options, &code) ? NULL : sub;
}

static void count_asking(int more)
{
    pthread_mutex_lock(&state.lock);
    state.asking += more;
    pthread_mutex_unlock(&state.lock);
}

/* How long a class that shares the places may wait for a job with one. */
static int64_t fetch_ms(void)
{
    pthread_mutex_lock(&state.lock);
    bool busy = state.n_held || (state.busy_ns && tl_monotonic_ns() - state.busy_ns < BUSY_NS);
    int ms = state.asking > 1 ? (busy ? FETCH_BUSY_MS : FETCH_MS) / state.asking : FETCH_MS;
    pthread_mutex_unlock(&state.lock);
    return ms > FETCH_LEAST_MS ? ms : FETCH_LEAST_MS;
}

/* Waits for a job of a queue; NULL: none came. *lost: the queue cannot be asked any more. */
static natsMsg *next_job(natsSubscription *from, int64_t wait_ms, bool *lost)
{
    natsMsgList list = {0};
    jsErrCode code = 0;
    natsStatus s = natsSubscription_Fetch(&list, from, 1, wait_ms, &code);
    natsMsg *job = !s && list.Count ? list.Msgs[0] : NULL;
    if (job)
        list.Msgs[0] = NULL; /* it is somebody else's now */
    *lost = s && s != NATS_TIMEOUT;
    natsMsgList_Destroy(&list);
    return job;
}

static void *serve(void *arg)
{
    const struct class_of_jobs *k = arg;
    bool asks = false;
    for (natsSubscription *sub = NULL;;) {
        bool lost = false;
        if (!sub)
            sub = subscribe(k);
        unsigned opened = k->own ? 0 : take_place();
        natsSubscription *from = k->low ? tl_low_choose(k->low, sub) : sub;
        if (!k->own && asks != (from != NULL)) {
            asks = !asks;
            count_asking(asks ? 1 : -1);
        }
        natsMsg *job = from ? next_job(from, k->own ? FETCH_MS : fetch_ms(), &lost) : NULL;
        if (job && k->own)
            opened = take_place_first(job);
        if (job && hold(k, job)) {
            use_place(opened);
            continue;
        }
        if (job || !k->own)
            return_place(opened);
        if (lost && from == sub) {
            natsSubscription_Destroy(sub);
            sub = NULL;
        } else if (lost) {
            tl_low_forget(k->low);
        }
        if (job || lost || !from)
            pause_ms(LATER_MS);
    }
    return NULL;
}

static void add_class(struct class_of_jobs *k)
{
    if (pthread_create(&k->thread, NULL, serve, k) == 0)
        *TL_GROW(state.classes, state.n_classes) = k;
}

static void add_classes(struct tl_connection *c, const json_t *list)
{
    json_t *one;
    size_t i;
    struct class_of_jobs *own = tl_calloc(1, sizeof *own);
    *own = (struct class_of_jobs){.c = c,
                                  .stream = TL_FLEET_ON,
                                  .subject = tl_format("on.%s.>", c->key.name),
                                  .consumer = tl_strdup(c->key.name),
                                  .own = true};
    add_class(own);
    json_array_foreach(list, i, one) {
        const char *kind = json_string_value(json_object_get(one, "kind")),
                   *device = json_string_value(json_object_get(one, "device"));
        if (!tl_is_token(kind) || !tl_is_token(device))
            continue;
        struct class_of_jobs *k = tl_calloc(1, sizeof *k);
        k->c = c;
        k->stream = TL_FLEET_JOBS;
        k->subject = tl_format("jobs.kind.%s.%s.*", kind, device);
        k->consumer = tl_format("%s-%s", kind, device);
        k->low = tl_low_new(c, kind, device);
        add_class(k);
    }
}

/* By its token; the lock is held, and the place is valid as long as it is. NULL: it was given back. */
static struct held *find(uint64_t token)
{
    for (size_t i = 0; i < state.n_held; i++)
        if (state.held[i].token == token)
            return &state.held[i];
    return NULL;
}

static void drop(uint64_t token)
{
    pthread_mutex_lock(&state.lock);
    struct held *h = find(token);
    state.busy_ns = tl_monotonic_ns();
    if (h) {
        natsMsg_Destroy(h->message);
        free(h->subject);
        free(h->body);
        memmove(h, h + 1, (size_t)(state.held + --state.n_held - h) * sizeof *h);
    }
    pthread_mutex_unlock(&state.lock);
}

/* A copy of what is to be done, so that nothing is waited for with the lock held. Only this thread removes any. */
static bool next_record(struct held *h, uint64_t now)
{
    bool found = false;
    pthread_mutex_lock(&state.lock);
    for (size_t i = 0; i < state.n_held && !found; i++) {
        found = state.held[i].body && state.held[i].next_ns <= now;
        if (found)
            *h = state.held[i];
    }
    pthread_mutex_unlock(&state.lock);
    return found;
}

static void again_later(uint64_t token)
{
    pthread_mutex_lock(&state.lock);
    struct held *h = find(token);
    if (h)
        h->next_ns = tl_monotonic_ns() + SECOND;
    pthread_mutex_unlock(&state.lock);
}

static void publish_records(struct tl_connection *c)
{
    struct held h;
    uint64_t now = tl_monotonic_ns();
    while (next_record(&h, now)) {
        jsErrCode code = 0;
        struct tl_error e;
        char *pointer = NULL;
        natsStatus s = h.is_large ? tl_large_put(c, job_of(h.message), h.body, h.size, &pointer) : NATS_OK;
        const char *body = pointer ? pointer : h.body;
        s = s ? s
              : js_Publish(NULL, c->js, h.subject, body, (int)(pointer ? strlen(pointer) : h.size), NULL,
                           &code);
        free(pointer);
        s = s ? s : natsMsg_AckSync(h.message, NULL, &code);
        if (s && tl_jetstream_is_passing(s, code)) {
            tl_patience(s, code, "cannot tell the fleet what came of a trial");
            again_later(h.token);
            continue;
        }
        tl_patience_end();
        if (s) {
            tl_nats_fail(s, "the fleet refused a record", h.subject, &e);
            tl_tell_failure("stored", json_integer((json_int_t)h.token), &e);
        } else {
            tl_tell(json_pack("{s:I}", "stored", (json_int_t)h.token), NULL, 0);
        }
        drop(h.token);
    }
}

/* It is held no more, and given to nobody. */
static void drop_job(uint64_t token)
{
    pthread_mutex_lock(&state.lock);
    struct held *h = find(token);
    natsMsg *message = h ? h->message : NULL; /* only this thread drops it */
    pthread_mutex_unlock(&state.lock);
    if (message)
        end_job(message);
    drop(token);
}

static void add_record(struct tl_connection *c, const struct tl_frame_in *f)
{
    uint64_t token = (uint64_t)json_integer_value(json_object_get(f->head, "token"));
    const char *id = json_string_value(json_object_get(f->head, "record")),
               *submitter = json_string_value(json_object_get(f->head, "submitter"));
    struct tl_error e;
    pthread_mutex_lock(&state.lock);
    struct held *h = find(token);
    const char *job = h ? job_of(h->message) : NULL;
    bool is_its = job && tl_is_token(submitter) && id && !strcmp(id, job);
    if (h && !h->body && is_its) {
        h->subject = tl_format("results.%s.%s.%s", c->key.name, submitter, id);
        h->body = tl_malloc(f->size + 1);
        memcpy(h->body, f->body, f->size + 1);
        h->size = f->size;
        h->is_large = f->size > tl_large_most();
    }
    pthread_mutex_unlock(&state.lock);
    if (!h || is_its)
        return;
    /* Nobody would ever ask for such a record. Whoever waits for this job asks again. */
    tl_fail(&e, TL_ERROR_INPUT, "a job has another id than its message", job, "nobody can be told of it");
    tl_tell_failure("stored", json_integer((json_int_t)token), &e);
    drop_job(token);
}

/* free_ms: until its place here is free again, 0: never. (A delay until others are given it the server takes for ACK_WAIT at least.) begun: it
 * was here before, and others are to know that. */
static void give_back(struct tl_connection *c, uint64_t token, int64_t free_ms, bool begun)
{
    pthread_mutex_lock(&state.lock);
    struct held *h = find(token);
    natsMsg *message = h ? h->message : NULL; /* only this thread drops it */
    pthread_mutex_unlock(&state.lock);
    if (message && begun) {
        leave(c, message, c->key.name);
    } else if (message) {
        tell_intent(c, job_of(message), "");
        natsMsg_Nak(message, NULL);
    }
    drop(token);
    if (message && free_ms > 0)
        *TL_GROW(state.later, state.n_later) = tl_monotonic_ns() + (uint64_t)free_ms * 1000000;
}

static void free_later(void)
{
    for (size_t i = 0; i < state.n_later;)
        if (state.later[i] <= tl_monotonic_ns()) {
            state.later[i] = state.later[--state.n_later];
            give_places(1);
        } else {
            i++;
        }
}

/* For who asks, who would take it for forgotten else (under_way.c). Nothing is waited for; the lock is held. */
static void renew_intents(struct tl_connection *c)
{
    for (size_t i = 0; i < state.n_held; i++) {
        char *subject = tl_format("intents.%s.%s", job_of(state.held[i].message), c->key.name);
        natsConnection_PublishString(c->nats, subject, c->key.name);
        free(subject);
    }
}

/* That what is held is being worked on. */
static void tell_progress(struct tl_connection *c)
{
    uint64_t now = tl_monotonic_ns();
    if (now < state.progress_ns)
        return;
    pthread_mutex_lock(&state.lock);
    for (size_t i = 0; i < state.n_held; i++)
        natsMsg_InProgress(state.held[i].message, NULL);
    if (now >= state.intents_ns) {
        renew_intents(c);
        state.intents_ns = now + (uint64_t)tl_ack_wait_s() * SECOND;
    }
    pthread_mutex_unlock(&state.lock);
    state.progress_ns = now + (uint64_t)tl_ack_wait_s() * SECOND / 4;
}

struct fetch {
    struct tl_connection *c;
    char *sha256, *path;
    int64_t size;
};

static void *fetch(void *arg)
{
    struct fetch *k = arg;
    struct tl_error e;
    bool here;
    if (tl_file_get(k->c, k->sha256, k->path, k->size, &here, &e))
        tl_tell(json_pack("{s:s,s:b,s:o}", "got", k->sha256, "here", here, "failed", tl_frame_error(&e)),
                NULL, 0);
    else
        tl_tell(json_pack("{s:s}", "got", k->sha256), NULL, 0);
    free(k->sha256);
    free(k->path);
    free(k);
    return NULL;
}

/* In a thread of its own: a model of gigabytes takes a while, and trapline must not wait to be read. */
static void get_file(struct tl_connection *c, const struct tl_frame_in *f)
{
    const char *sha = json_string_value(json_object_get(f->head, "get")),
               *path = json_string_value(json_object_get(f->head, "path"));
    pthread_t thread;
    struct tl_error e;
    if (!tl_is_token(sha) || !path)
        return;
    struct fetch *k = tl_calloc(1, sizeof *k);
    *k = (struct fetch){c, tl_strdup(sha), tl_strdup(path),
                        json_integer_value(json_object_get(f->head, "size"))};
    int err = pthread_create(&thread, NULL, fetch, k);
    if (!err) {
        pthread_detach(thread);
        return;
    }
    tl_fail_errno(&e, TL_ERROR_ENVIRONMENT, err, "cannot get a file of the fleet", sha, NULL);
    tl_tell_failure("got", json_string(sha), &e);
    free(k->sha256);
    free(k->path);
    free(k);
}

void tl_work_frame(struct tl_connection *c, const struct tl_frame_in *f)
{
    const json_t *n;
    if (json_object_get(f->head, "announce")) {
        json_decref(state.announcement);
        state.announcement = json_loadb(f->body, f->size, 0, NULL);
        state.announce_ns = 0;
    } else if (json_object_get(f->head, "serve")) {
        add_classes(c, json_object_get(f->head, "serve"));
        tl_control_begin(c);
    } else if ((n = json_object_get(f->head, "free"))) {
        give_places((unsigned)json_integer_value(n));
    } else if (json_object_get(f->head, "get")) {
        get_file(c, f);
    } else if (json_object_get(f->head, "record")) {
        add_record(c, f);
    } else if ((n = json_object_get(f->head, "give_back"))) {
        give_back(c, (uint64_t)json_integer_value(n), json_integer_value(json_object_get(f->head, "free_ms")),
                  json_is_true(json_object_get(f->head, "begun")));
    } else if (json_object_get(f->head, "close")) {
        state.n_later = 0; /* whoever opens says how many places there are */
        close_places();
    } else if ((n = json_object_get(f->head, "open"))) {
        state.n_later = 0;
        open_places((unsigned)json_integer_value(n));
    } else if ((n = json_object_get(f->head, "drop"))) {
        drop_job((uint64_t)json_integer_value(n));
    }
}

/* With the time of this machine, so that one whose clock is wrong can be told. */
static void announce(struct tl_connection *c)
{
    char *subject = tl_format("machines.%s", c->key.name);
    jsErrCode code = 0;
    json_object_set_new(state.announcement, "at_us", json_integer((json_int_t)tl_wall_us()));
    char *text = json_dumps(state.announcement, JSON_COMPACT);
    struct tl_error e;
    natsStatus s = js_Publish(NULL, c->js, subject, text, (int)strlen(text), NULL, &code);
    if (s && !tl_jetstream_is_passing(s, code)) { /* nobody would ever hear of this machine */
        tl_nats_fail(s, "the fleet does not take what this machine says of itself", subject, &e);
        tl_tell_failure(NULL, NULL, &e);
    }
    free(text);
    free(subject);
    state.announce_ns = tl_monotonic_ns() + TL_FLEET_HEARTBEAT_S * SECOND;
}

void tl_work_turn(struct tl_connection *c)
{
    uint64_t now = tl_monotonic_ns();
    publish_records(c);
    tl_control_turn(c);
    if (state.announcement && now >= state.announce_ns)
        announce(c);
    tell_progress(c);
    free_later();
}
