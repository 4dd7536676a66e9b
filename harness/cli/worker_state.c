/* What a worker says of its machine, and whether it takes trials.
 *
 * Theory of operation. Three have a say: who runs this process (SIGTERM), the owner of the fleet (`fleet drain`, `hold` and `release`), and the
 * machine's own health. The strongest of them decides, in that order, and the state is announced by its name as soon as it changes. Only a machine
 * that is well takes jobs; the link is told to close before anything else, and a job that was on its way then goes back.
 * Numbers are announced less often, for a trial may take a millisecond. */
#include "harness/cli/worker.h"

#include "db/machine.h"
#include "harness/base/buffer.h"
#include "harness/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define COUNTED_NS UINT64_C(5000000000) /* between two announcements of nothing but numbers */
#define RUNNING_MOST 64                 /* trials that are named */

void tl_worker_tell(struct tl_worker *w, json_t *head, const char *body)
{
    if (!w->ended && tl_fleet_link_send(w->link, head, body, body ? strlen(body) : 0, &w->e))
        w->ended = true;
}

static const char *state_of(const struct tl_worker *w, const char **why)
{
    *why = w->why ? w->why : "";
    if (w->want == TL_WANT_DRAINED)
        return "drained";
    if (w->ending) {
        *why = "";
        return "ending";
    }
    if (w->want == TL_WANT_HELD)
        return "held";
    if (w->want == TL_WANT_UNKNOWN) {
        *why = "";
        return "checking";
    }
    return tl_health_state(w->health, why);
}

bool tl_worker_takes(const struct tl_worker *w)
{
    return w->open;
}

static json_t *running_of(const struct tl_worker *w)
{
    json_t *list = json_array();
    for (const struct tl_work *k = w->alive; k && json_array_size(list) < RUNNING_MOST; k = k->next)
        if (k->begun_ns && !k->record)
            json_array_append_new(
                list, json_pack("{s:s,s:s,s:I}", "case", k->job.c ? k->job.c->name : "", "unit",
                                k->job.unit ? k->job.unit : "", "seconds",
                                (json_int_t)((tl_monotonic_ns() - k->begun_ns) / UINT64_C(1000000000))));
    return list;
}

static void say(struct tl_worker *w, const char *state, const char *why)
{
    json_t *now = json_pack("{s:s,s:s,s:o,s:I,s:I}", "state", state, "why", why, "running", running_of(w),
                            "done", (json_int_t)w->done, "lost", (json_int_t)w->lost);
    if (!now) /* a reason that is no text */
        now = json_pack("{s:s,s:s}", "state", state, "why", "");
    json_object_update(w->announcement, now);
    json_decref(now);
    char *text = json_dumps(w->announcement, JSON_COMPACT);
    tl_worker_tell(w, json_pack("{s:i}", "announce", 1), text);
    free(text);
    w->said = state;
    w->said_ns = tl_monotonic_ns();
    w->counted = false;
}

static json_t *classes_of(const json_t *announcement, unsigned allow)
{
    json_t *list = json_array(), *u, *name;
    size_t i, k;
    json_array_foreach(json_object_get(announcement, "units"), i, u) {
        json_t *names = tl_remote_classes(json_string_value(json_object_get(u, "kind")), allow);
        json_array_foreach(names, k, name)
            json_array_append_new(
                list, json_pack("{s:O,s:O}", "kind", name, "device", json_object_get(u, "device")));
        json_decref(names);
    }
    return list;
}

int tl_worker_announce(struct tl_worker *w, struct tl_error *e)
{
    char boot[TL_UUID_SIZE];
    tl_machine_boot(boot);
    if (!(w->announcement = tl_remote_announcement(w->x, w->units, w->n_units, w->allow, e)))
        return -1;
    json_object_set_new(w->announcement, "boot", json_string(boot));
    say(w, "checking", "");
    tl_worker_tell(w, json_pack("{s:o}", "serve", classes_of(w->announcement, w->allow)), NULL);
    return 0;
}

void tl_worker_take_control(struct tl_worker *w, const struct tl_frame_in *f)
{
    const char *want = json_string_value(json_object_get(f->head, "control")),
               *why = json_string_value(json_object_get(f->head, "why"));
    bool released = w->want != TL_WANT_UNKNOWN;
    free(w->why);
    w->why = tl_strdup(why ? why : "");
    w->want = !strcmp(want, "drained") ? TL_WANT_DRAINED
              : !strcmp(want, "held")  ? TL_WANT_HELD
                                       : TL_WANT_WELL;
    if (w->want == TL_WANT_WELL && released)
        tl_health_release(w);
}

/* Once for each change, so that it stands in the log of a service. */
static void note(const struct tl_worker *w, const char *state, const char *why)
{
    if (!strcmp(state, "drained"))
        tl_cli_note("worker: this machine was drained%s%s; it ends after what runs, and takes nothing until "
                    "`trapline fleet "
                    "release` on the server's machine",
                    *why ? ": " : "", why);
    else if (!strcmp(state, "held"))
        tl_cli_note(
            "worker: this machine is held%s%s; it takes nothing until `trapline fleet release` on the "
            "server's machine",
            *why ? ": " : "", why);
    else if (!strcmp(state, "unhealthy"))
        tl_cli_note(
            "worker: this machine takes nothing any more: %s. `trapline fleet release` on the server's "
            "machine has it try again",
            why);
    else if (!strcmp(state, "well") && w->said)
        tl_cli_note("worker: this machine is well, and takes trials");
}

void tl_worker_turn(struct tl_worker *w)
{
    const char *why, *state = state_of(w, &why);
    bool well = !strcmp(state, "well");
    unsigned places = tl_executor_jobs(w->x), used = 0;
    if (w->open && !well)
        tl_worker_tell(w, json_pack("{s:i}", "close", 1), NULL);
    if (!w->said || strcmp(w->said, state)) {
        note(w, state, why);
        say(w, state, why);
    } else if (w->counted && tl_monotonic_ns() - w->said_ns >= COUNTED_NS) {
        say(w, state, why);
    }
    if (!w->open && well) {
        for (const struct tl_work *k = w->alive; k; k = k->next)
            used++;
        tl_worker_tell(w, json_pack("{s:i}", "open", (int)(places > used ? places - used : 0)), NULL);
    }
    w->open = well;
}

void tl_worker_say_end(struct tl_worker *w)
{
    const char *why, *state = state_of(w, &why);
    say(w, !strcmp(state, "drained") ? state : "ended", why);
}
