/* What the fleet's owner does: streams, and a look at all of it. */
#include "harness/base/buffer.h"
#include "harness/fleet/link/link_impl.h"
#include "harness/fleet/subjects.h"

#include <string.h>

#define SECOND INT64_C(1000000000)
#define DAY (86400 * SECOND)

static const char what_[] = "cannot set up the fleet";

struct stream {
    const char *name, *subject;
    jsRetentionPolicy retention;
    int64_t age, per_subject, bytes, messages; /* 0: without an end */
    int32_t message;                           /* bytes of one at most; 0: as the server says */
};

#define GIB (INT64_C(1) << 30)
#define KIB 1024

static const struct stream streams[] = {
    /* A server that went down may have jobs again that are done, which nobody ever takes; one that is waited for is asked for again. */
    {TL_FLEET_JOBS, "jobs.>", js_WorkQueuePolicy, 14 * DAY, 0, 4 * GIB, 0, 0},
    {TL_FLEET_ON, "on.>", js_WorkQueuePolicy, 14 * DAY, 0, 4 * GIB, 0, 0},
    /* As long as a submitter may be away, a laptop over a holiday: what it does not find then it asks for again. */
    {TL_FLEET_RESULTS, "results.>", js_LimitsPolicy, 14 * DAY, 1, 4 * GIB, 0, 0},
    /* Those of jobs that run are said anew and anew, and so the youngest. */
    {TL_FLEET_INTENTS, "intents.*.*", js_LimitsPolicy, 14 * DAY, 1, GIB, 2 * TL_FLEET_RUNNING_MOST, KIB},
    {TL_FLEET_MACHINES, "machines.*", js_LimitsPolicy, 90 * DAY, 1, GIB, 0, 256 * KIB},
    {TL_FLEET_CONTROL, "control.*", js_LimitsPolicy, 0, 1, GIB / 64, 0,
     KIB}, /* a machine that is held stays so */
    /* What goes is the oldest; who asks brings it again (files.c). */
    {TL_FLEET_FILES, "files.*.*", js_LimitsPolicy, 14 * DAY, 1, TL_FLEET_FILES_MOST, 0, TL_FLEET_PART + KIB},
};

static natsStatus put(struct tl_connection *c, const struct stream *stream, int64_t replicas)
{
    jsStreamConfig config;
    jsErrCode code = 0;
    const char *subjects[] = {stream->subject};
    jsStreamConfig_Init(&config);
    config.Name = stream->name;
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    config.Retention = stream->retention;
    config.Storage = js_FileStorage;
    config.Replicas = replicas;
    config.MaxAge = stream->age;
    if (stream->per_subject)
        config.MaxMsgsPerSubject = stream->per_subject;
    if (stream->bytes)
        config.MaxBytes = stream->bytes;
    if (stream->messages)
        config.MaxMsgs = stream->messages;
    if (stream->message)
        config.MaxMsgSize = stream->message;
    /* A job that does not fit is sent again later; one that is there is not lost for it. */
    config.Discard = stream->retention == js_WorkQueuePolicy ? js_DiscardNew : js_DiscardOld;
    config.AllowDirect = true;
    config.Duplicates = 120 * SECOND;
    natsStatus s = js_AddStream(NULL, c->js, &config, NULL, &code);
    return code == JSStreamNameExistErr ? js_UpdateStream(NULL, c->js, &config, NULL, &code) : s;
}

static void setup(struct tl_connection *c, const json_t *wish)
{
    struct tl_error e;
    json_int_t replicas = json_integer_value(json_object_get(wish, "replicas"));
    for (size_t i = 0; i < TL_COUNT(streams); i++) {
        natsStatus s = put(c, &streams[i], replicas > 0 ? replicas : 1);
        if (s) {
            tl_nats_fail(s, what_, streams[i].name, &e);
            tl_tell_failure(NULL, NULL, &e);
            return;
        }
    }
    tl_tell(json_pack("{s:i}", "done", 1), NULL, 0);
}

static void status(struct tl_connection *c)
{
    struct tl_error e;
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus s = js_GetStreamInfo(&info, c->js, TL_FLEET_JOBS, NULL, &code);
    json_int_t waiting = s ? 0 : (json_int_t)info->State.Msgs;
    jsStreamInfo_Destroy(info);
    info = NULL;
    s = s ? s : js_GetStreamInfo(&info, c->js, TL_FLEET_ON, NULL, &code);
    waiting += s ? 0 : (json_int_t)info->State.Msgs;
    json_t *machines = s ? NULL : tl_machines(c, &e), *queues = machines ? tl_queues(c, &e) : NULL;
    if (s)
        tl_nats_fail(s, "cannot look at the fleet", TL_FLEET_JOBS, &e);
    if (queues) {
        tl_tell(json_pack("{s:{s:I,s:o,s:o}}", "status", "waiting", waiting, "machines", machines, "queues",
                          queues),
                NULL, 0);
    } else {
        json_decref(machines);
        tl_tell_failure(NULL, NULL, &e);
    }
    jsStreamInfo_Destroy(info);
}

void tl_admin_frame(struct tl_connection *c, const struct tl_frame_in *f)
{
    const json_t *wish = json_object_get(f->head, "setup"), *control = json_object_get(f->head, "control");
    if (wish)
        setup(c, wish);
    else if (control)
        tl_control_put(c, control);
    else if (json_object_get(f->head, "status"))
        status(c);
}
