/* Who asks for trials: jobs out, records in.
 *
 * A job that the server did not take, because it is away or choosing a leader, is published again with the same id until it does: the server
 * knows ids for two minutes, and trapline's own table knows them for good. Records come in a thread of NATS's, in order. What sends them lives in the
 * memory of one server: when that went down it is made anew, from the time of the last record on, by the server's clock. A record that comes twice is
 * no news; and a number would be of no use where the server has lost all that it had. Those that trapline has for good are deleted (recorded.c). */
#include "harness/base/buffer.h"
#include "harness/base/clock.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define AGAIN_NS SECOND
#define EARLIER_US INT64_C(3600000000) /* of clocks that differ */

static const char what_[] = "cannot ask the fleet for a trial";

/* Where a job is, or is to be. */
struct address {
    const char *stream;
    char *subject, *filter, *consumer;
};

struct job {
    char *id, *message_id, *body;
    struct address at;
    size_t size;
    uint64_t next_ns;
};

static struct {
    natsSubscription *records;
    bool low;           /* it asks for a night: everything else goes before */
    char *of;           /* the database that they are for */
    atomic_llong at_ns; /* when the last one was published; or from when on they are wanted */
    uint64_t renew_ns;  /* not before */
    bool caught_up;     /* all that was there at the beginning has come */
    struct job *jobs;   /* not taken yet */
    size_t n_jobs;
    char **consumers; /* that are known to be there */
    size_t n_consumers;
} state;

/* Once: from the thread of the records, or where there were none. */
static void tell_caught_up(void)
{
    state.caught_up = true;
    tl_tell(json_pack("{s:i}", "caught_up", 1), NULL, 0);
}

/* results.MACHINE.SUBMITTER.JOB */
static void on_record(natsConnection *nc, natsSubscription *sub, natsMsg *message, void *arg)
{
    char *subject = tl_strdup(natsMsg_GetSubject(message)), *save = NULL, *part[4] = {NULL};
    size_t n = 0;
    (void)nc;
    (void)sub;
    for (char *at = strtok_r(subject, ".", &save); at && n < 4; at = strtok_r(NULL, ".", &save))
        part[n++] = at;
    jsMsgMetaData *about = NULL;
    bool is_dated = natsMsg_GetMetaData(&about, message) == NATS_OK;
    if (n == 4 && !tl_has_headers(message)) {
        const char *data = natsMsg_GetData(message);
        size_t size = (size_t)natsMsg_GetDataLength(message), whole;
        char *large = tl_large_get(arg, part[1], data, size, &whole);
        uint64_t number = tl_recorded_number(is_dated ? about->Sequence.Stream : 0);
        tl_tell(
            json_pack("{s:s,s:s,s:I}", "record", part[3], "machine", part[1], "number", (json_int_t)number),
            large ? large : data, large ? whole : size);
        free(large);
    }
    free(subject);
    if (is_dated) {
        state.at_ns = about->Timestamp;
        if (!state.caught_up && about->NumPending == 0)
            tell_caught_up();
    }
    jsMsgMetaData_Destroy(about);
    natsMsg_Destroy(message);
}

/* From a time on; 0: what is published from now on. */
static natsStatus subscribe(struct tl_connection *c, int64_t from_ns, jsErrCode *code)
{
    jsSubOptions options;
    char *subject = tl_format("results.*.%s.*", state.of);
    jsSubOptions_Init(&options);
    options.Stream = TL_FLEET_RESULTS;
    options.Ordered = true;
    options.Config.DeliverPolicy = from_ns > 0 ? js_DeliverByStartTime : js_DeliverNew;
    options.Config.OptStartTime = from_ns;
    natsStatus s = js_Subscribe(&state.records, c->js, subject, on_record, c, NULL, &options, code);
    free(subject);
    return s;
}

static void renew(struct tl_connection *c)
{
    if (!state.of || !c->broken || tl_monotonic_ns() < state.renew_ns)
        return;
    c->broken = false;
    natsSubscription_Destroy(state.records);
    state.records = NULL;
    tl_recorded_forget();
    jsErrCode code = 0;
    if (subscribe(c, state.at_ns, &code))
        c->broken = true;
    state.renew_ns = tl_monotonic_ns() + AGAIN_NS;
}

static void listen_for(struct tl_connection *c, const char *submitter, int64_t since_us)
{
    jsErrCode code = 0;
    struct tl_error e;
    if (!tl_is_token(submitter) || state.of)
        return;
    state.of = tl_strdup(submitter);
    state.at_ns = since_us > 0 ? since_us * 1000 : (tl_wall_us() - EARLIER_US) * 1000;
    state.caught_up = since_us <= 0;
    natsStatus s = subscribe(c, since_us > 0 ? since_us * 1000 : 0, &code);
    if (s && tl_jetstream_is_passing(s, code)) {
        c->broken = true;
    } else if (s) {
        tl_nats_fail(s, "cannot listen for records of the fleet", "", &e);
        tl_tell_failure(NULL, NULL, &e);
    }
    jsConsumerInfo *info = NULL;
    if (!s && since_us <= 0)
        tell_caught_up();
    if (!s && !state.caught_up && !natsSubscription_GetConsumerInfo(&info, state.records, NULL, &code) &&
        info->NumPending == 0 && info->Delivered.Consumer == 0)
        tell_caught_up();
    jsConsumerInfo_Destroy(info);
}

static void free_address(struct address *a)
{
    free(a->subject);
    free(a->filter);
    free(a->consumer);
}

/* false: what was said of it cannot be a part of a subject. */
static bool find_address(const struct tl_frame_in *f, const char *id, bool low, struct address *a)
{
    const char *kind = json_string_value(json_object_get(f->head, "kind")),
               *device = json_string_value(json_object_get(f->head, "device")),
               *machine = json_string_value(json_object_get(f->head, "machine")),
               *class = low ? TL_FLEET_LOW : "kind";
    if (!tl_is_token(id) || !tl_is_token(kind) || !tl_is_token(device) || (machine && !tl_is_token(machine)))
        return false;
    *a = machine ? (struct address){TL_FLEET_ON, tl_format("on.%s.%s.%s", machine, device, id),
                                    tl_format("on.%s.>", machine), tl_strdup(machine)}
                 : (struct address){TL_FLEET_JOBS, tl_format("jobs.%s.%s.%s.%s", class, kind, device, id),
                                    tl_format("jobs.%s.%s.%s.*", class, kind, device),
                                    tl_format("%s%s-%s", low ? TL_FLEET_LOW "-" : "", kind, device)};
    return true;
}

static bool has_consumer(const char *name)
{
    for (size_t i = 0; i < state.n_consumers; i++)
        if (!strcmp(state.consumers[i], name))
            return true;
    return false;
}

/* Workers of a class share one. It is there already where somebody asked for such a trial before. */
static natsStatus make_consumer(struct tl_connection *c, const struct job *j, jsErrCode *code)
{
    jsConsumerConfig config;
    if (has_consumer(j->at.consumer))
        return NATS_OK;
    jsConsumerConfig_Init(&config);
    config.Durable = j->at.consumer;
    config.FilterSubject = j->at.filter;
    config.AckWait = tl_ack_wait_s() * (int64_t)SECOND;
    config.AckPolicy = js_AckExplicit;
    config.MaxDeliver = TL_FLEET_DELIVER_MOST;
    config.MaxAckPending = TL_FLEET_RUNNING_MOST;
    natsStatus s = js_AddConsumer(NULL, c->js, j->at.stream, &config, NULL, code);
    if (!s)
        *TL_GROW(state.consumers, state.n_consumers) = tl_strdup(j->at.consumer);
    return s;
}

static void free_job(struct job *j)
{
    free(j->id);
    free(j->message_id);
    free(j->body);
    free_address(&j->at);
}

/* Whether it is done with, for good or for bad. */
static bool publish(struct tl_connection *c, struct job *j)
{
    jsPubAck *ack = NULL;
    jsPubOptions options;
    jsErrCode code = 0;
    struct tl_error e;
    jsPubOptions_Init(&options);
    options.MsgId = j->message_id;
    natsStatus s = make_consumer(c, j, &code);
    s = s ? s : js_Publish(&ack, c->js, j->at.subject, j->body, (int)j->size, &options, &code);
    if (!s) {
        tl_patience_end();
        tl_tell(json_pack("{s:s,s:b}", "accepted", j->id, "known", ack->Duplicate), NULL, 0);
    } else if (tl_jetstream_is_passing(s, code)) {
        tl_patience(s, code, what_);
    } else {
        tl_nats_fail(s, what_, j->at.subject, &e);
        tl_tell_failure("refused", json_string(j->id), &e);
    }
    jsPubAck_Destroy(ack);
    return !s || !tl_jetstream_is_passing(s, code);
}

/* The message of a job, by whatever command it was asked for, and where it is, which is to be freed. NULL: it is done, or was never there. */
static natsStatus find_message(struct tl_connection *c, const struct tl_frame_in *f, const char *id,
                               natsMsg **message, struct address *at)
{
    natsStatus s = NATS_NOT_FOUND;
    *at = (struct address){0};
    for (int low = 0; low < 2 && s == NATS_NOT_FOUND; low++) {
        jsDirectGetMsgOptions options;
        free_address(at);
        *at = (struct address){0};
        if (!find_address(f, id, low, at))
            return NATS_INVALID_ARG;
        jsDirectGetMsgOptions_Init(&options);
        options.LastBySubject = at->subject;
        s = js_DirectGetMsg(message, c->js, at->stream, NULL, &options);
    }
    return s;
}

/* The message that nobody gets any more; else both would stay. */
static void remove_message(struct tl_connection *c, const struct tl_frame_in *f, const char *id)
{
    natsMsg *message = NULL;
    jsErrCode code = 0;
    struct address at;
    if (!find_message(c, f, id, &message, &at))
        js_DeleteMsg(c->js, at.stream, natsMsg_GetSequence(message), NULL, &code);
    natsMsg_Destroy(message);
    free_address(&at);
}

static void add_job(struct tl_connection *c, const struct tl_frame_in *f)
{
    const char *id = json_string_value(json_object_get(f->head, "job")),
               *device = json_string_value(json_object_get(f->head, "device")),
               *trial = json_string_value(json_object_get(f->head, "trial"));
    struct address at = {0};
    struct tl_error e;
    if (f->size > TL_FLEET_PAYLOAD_MOST / 2 || !find_address(f, id, state.low, &at)) {
        tl_fail(&e, TL_ERROR_INPUT, what_, device,
                f->size > TL_FLEET_PAYLOAD_MOST / 2 ? "the case is too large for one message"
                                                    : "the device's name cannot be a part of a subject");
        tl_tell_failure("refused", json_string(id ? id : ""), &e);
        return;
    }
    /* The server forgets what it has had twice. By its trial's id, since what was refused is another one when it is asked anew. */
    struct job j = {.id = tl_strdup(id),
                    .message_id =
                        json_object_get(f->head, "again")
                            ? tl_format("%s-%llx", trial ? trial : id, (unsigned long long)tl_wall_us())
                            : tl_strdup(trial ? trial : id),
                    .at = at,
                    .body = tl_malloc(f->size + 1),
                    .size = f->size};
    memcpy(j.body, f->body, f->size + 1);
    if (json_object_get(f->head, "again"))
        remove_message(c, f, id);
    if (publish(c, &j)) {
        free_job(&j);
    } else {
        j.next_ns = tl_monotonic_ns() + AGAIN_NS;
        *TL_GROW(state.jobs, state.n_jobs) = j;
    }
}

/* One that the server has not taken yet never goes. */
static bool forget(const char *id)
{
    for (size_t i = 0; id && i < state.n_jobs; i++)
        if (!strcmp(state.jobs[i].id, id)) {
            free_job(&state.jobs[i]);
            memmove(&state.jobs[i], &state.jobs[i + 1], (--state.n_jobs - i) * sizeof *state.jobs);
            return true;
        }
    return false;
}

/* Whether a job is on the server, or is going to be, and somebody runs it or will. Where that cannot be asked it is taken to be so. */
static void look(struct tl_connection *c, const struct tl_frame_in *f)
{
    const char *id = json_string_value(json_object_get(f->head, "look"));
    natsMsg *message = NULL;
    struct address at;
    bool unsent = false;
    for (size_t i = 0; i < state.n_jobs; i++)
        unsent = unsent || !strcmp(state.jobs[i].id, id);
    natsStatus s = find_message(c, f, id, &message, &at);
    bool there =
        unsent || (s != NATS_NOT_FOUND && (s || tl_job_is_under_way(c, at.stream, at.consumer, id, message)));
    natsMsg_Destroy(message);
    free_address(&at);
    tl_tell(json_pack("{s:s,s:b}", "looked", id, "there", there), NULL, 0);
}

/* It is not to be run. One that somebody is about to run stays: what comes of it is wanted. Where that cannot be told nothing is said. */
static void withdraw(struct tl_connection *c, const struct tl_frame_in *f)
{
    const char *id = json_string_value(json_object_get(f->head, "withdraw"));
    natsMsg *message = NULL;
    jsErrCode code = 0;
    struct address at;
    bool unsent = forget(id);
    natsStatus s = find_message(c, f, id, &message, &at);
    json_t *begun = s ? NULL : tl_intents(c, id);
    if (!s && begun && !json_array_size(begun))
        s = js_DeleteMsg(c->js, at.stream, natsMsg_GetSequence(message), NULL, &code);
    if (s == NATS_NOT_FOUND) /* it is done, and the record is on its way */
        tl_tell(json_pack("{s:s,s:b}", "withdrawn", id, "begun", !unsent), NULL, 0);
    else if (!s && begun)
        tl_tell(json_pack("{s:s,s:b}", "withdrawn", id, "begun", json_array_size(begun) > 0), NULL, 0);
    json_decref(begun);
    natsMsg_Destroy(message);
    free_address(&at);
}

void tl_submit_frame(struct tl_connection *c, const struct tl_frame_in *f)
{
    struct tl_error e;
    json_t *machines;
    if (json_object_get(f->head, "listen")) {
        state.low = json_is_true(json_object_get(f->head, "low"));
        listen_for(c, json_string_value(json_object_get(f->head, "listen")),
                   json_integer_value(json_object_get(f->head, "since_us")));
    } else if (json_object_get(f->head, "recorded")) {
        tl_recorded_until((uint64_t)json_integer_value(json_object_get(f->head, "recorded")));
    } else if (json_object_get(f->head, "look")) {
        look(c, f);
    } else if (json_object_get(f->head, "withdraw")) {
        withdraw(c, f);
    } else if (json_object_get(f->head, "file")) {
        if (tl_file_put(c, json_string_value(json_object_get(f->head, "file")),
                        json_string_value(json_object_get(f->head, "path")),
                        json_integer_value(json_object_get(f->head, "size")), &e))
            tl_tell_failure(NULL, NULL, &e);
    } else if (json_object_get(f->head, "job")) {
        add_job(c, f);
    } else if (json_object_get(f->head, "machines")) {
        if ((machines = tl_machines(c, &e)))
            tl_tell(json_pack("{s:o}", "machines", machines), NULL, 0);
        else
            tl_tell_failure(NULL, NULL, &e);
    }
}

/* One at a time: frames come in between. */
void tl_submit_turn(struct tl_connection *c)
{
    renew(c);
    tl_recorded_turn(c);
    for (size_t i = 0; i < state.n_jobs; i++) {
        struct job *j = &state.jobs[i];
        if (j->next_ns > tl_monotonic_ns())
            continue;
        if (publish(c, j)) {
            free_job(j);
            memmove(j, j + 1, (--state.n_jobs - i) * sizeof *j);
        } else {
            j->next_ns = tl_monotonic_ns() + AGAIN_NS;
        }
        return;
    }
}

void tl_submit_end(struct tl_connection *c)
{
    tl_recorded_end(c);
}
