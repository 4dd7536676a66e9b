/* Units: found, and described by their own runners, each in a child.
 *
 * This file is part of the circle that executor.c speaks of. */
#include "harness/executor/executor_impl.h"

#include "harness/base/buffer.h"
#include "harness/base/known_hash.h"
#include "harness/base/program.h"
#include "harness/executor/describe.h"
#include "harness/executor/identity.h"
#include "harness/executor/remote.h"
#include "harness/executor/remote_machines.h"
#include "harness/executor/unit_list.h"
#include "harness/verdict/classify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Waits until a runner has replied, or cannot any more. Also when the time is up its child is waited for, which is
 * stopped then: it will write what it came to into *d. */
static int wait_for(struct tl_executor *x, const struct tl_unit *u, const struct tl_description *d,
                    struct tl_error *e)
{
    if (x->out_of_time && !d->ended) /* it was begun after the deadline, which has stopped those before */
        tl_supervisor_cancel(x->supervisor);
    while (!d->ended && (tl_supervisor_in_flight(x->supervisor) || tl_supervisor_waiting(x->supervisor)))
        tl_executor_turn(x, TL_STEP_MS);
    if (x->out_of_time)
        return tl_fail(e, TL_ERROR_ENVIRONMENT, "no time is left", u->text,
                       "its runner was still being asked what it can do; give more");
    return !x->interrupted && d->ended ? 0
                                       : tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", u->text,
                                                 "while its runner was asked what it can do");
}

static int take_description(struct tl_unit *u, const json_t *answer, struct tl_error *e)
{
    const char *version = json_string_value(json_object_get(answer, "version"));
    if (u->build && json_is_false(json_object_get(answer, "builds")))
        return tl_fail(e, TL_ERROR_INPUT, "no such build", u->text,
                       "runner %s has no builds; %s:%s was expected", u->runner, u->runner, u->device);
    /* Its content belongs to it: another build of the same version may do things otherwise. */
    char sha[TL_SHA256_SIZE];
    if (tl_known_hash(u->path, sha))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read a runner", u->path, NULL);
    free(u->runner_version);
    u->runner_version = tl_format("%s (%.12s)", version ? version : "unknown", sha);
    u->can_serve = json_is_true(json_object_get(answer, "serve"));
    free(u->os_build);
    free(u->os);
    free(u->model);
    u->os_build = tl_strdup(json_string_value(json_object_get(answer, "os_build")));
    u->os = tl_strdup(json_string_value(json_object_get(answer, "os")));
    u->model = tl_strdup(json_string_value(json_object_get(answer, "model")));
    json_decref(u->axes);
    u->axes = json_incref(json_object_get(answer, "axes"));
    struct tl_buffer known = TL_BUFFER_INIT;
    json_t *device;
    size_t i;
    json_array_foreach(json_object_get(answer, "devices"), i, device) {
        const char *name = json_string_value(json_object_get(device, "name"));
        if (!name)
            continue;
        tl_buffer_printf(&known, "%s%s", known.size ? ", " : "", name);
        if (strcmp(name, u->device))
            continue;
        const char *why = json_string_value(json_object_get(device, "why"));
        json_int_t slots = json_integer_value(json_object_get(device, "slots"));
        u->usable = !json_is_false(json_object_get(device, "usable"));
        free(u->why);
        u->why = tl_strdup(why ? why : "its runner does not say why");
        /* A CPU takes as many as asked for; another device one, unless its runner knows better. */
        u->slots = strcmp(name, "cpu") && strcmp(name, "host");
        if (slots > 0 && slots < 4096)
            u->slots = (unsigned)slots;
        if (u->alias)
            u->slots = 1;
        tl_buffer_free(&known);
        return 0;
    }
    tl_fail(e, TL_ERROR_INPUT, "no such device", u->text, "runner %s has: %s", u->runner,
            known.size ? known.data : "none");
    tl_buffer_free(&known);
    return -1;
}

/* What a case adds to what its outcomes depend on. */
struct case_content {
    bool is_steps; /* what they run is the runtime, not the runner that runs them */
    char sha[TL_SHA256_SIZE];
    const char *versions;
};

/* The sandbox is one of them: what is known of trials in one is none of trials without. The caller's; NULL: there are none. */
static char *versions_in(const struct tl_executor *x, const char *versions)
{
    if (!x->sandbox)
        return tl_strdup(versions);
    json_t *all = versions ? json_loads(versions, 0, NULL) : NULL;
    if (!all)
        all = json_object();
    json_object_set_new(all, "sandbox", json_string(x->sandbox));
    char *text = json_dumps(all, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(all);
    return text;
}

/* What outcomes of this unit depend on; c: of a case, or NULL. */
static int environment_of(struct tl_executor *x, const struct tl_unit *u, const struct case_content *c,
                          char id[TL_ID_SIZE], struct tl_error *e)
{
    char sha[TL_SHA256_SIZE] = "";
    const char *path = json_string_value(json_object_get(u->build_object, "path"));
    const char *version = json_string_value(json_object_get(u->build_object, "version"));
    const char *known = json_string_value(json_object_get(u->build_object, "sha256"));
    if (c && c->is_steps)
        memcpy(sha, c->sha, sizeof sha);
    else if (known && strlen(known) == 64)
        memcpy(sha, known, sizeof sha);
    else if (tl_known_hash(path ? path : u->path, sha))
        return tl_fail_errno(e, TL_ERROR_INPUT, errno, "cannot read the runtime", path ? path : u->path,
                             NULL);
    char *versions = versions_in(x, c ? c->versions : NULL);
    struct tl_environment v = {
        .machine_id = x->machine.id,
        .os_build = u->os_build ? u->os_build : x->machine.machine.os_build,
        .device = u->device,
        .runner = u->runner,
        .runner_version = u->runner_version ? u->runner_version : "",
        .runtime_path = path ? path : u->path,
        .runtime_sha256 = sha,
        .runtime_version = version,
        .content_sha256 = c ? c->sha : NULL,
        .versions = versions,
    };
    int result = tl_store_put_environment(x->store, &v, id, e);
    free(versions);
    return result;
}

static struct tl_unit *find_unit(struct tl_executor *x, const char *text)
{
    for (struct unit_entry *u = x->units; u; u = u->next)
        if (!strcmp(u->name, text))
            return &u->unit;
    return NULL;
}

/* What the runner said of a unit, now or earlier. What was kept is not trusted when it says no: it is asked
 * once more. */
static int describe_unit(struct tl_executor *x, struct tl_unit *u, struct tl_description *d,
                         struct tl_error *e)
{
    if (d->kept) {
        if (!take_description(u, d->answer, e) && u->usable)
            return 0;
        if (tl_description_request(d, x->supervisor, e))
            return -1;
    }
    return wait_for(x, u, d, e) || tl_description_reply(d, e) || take_description(u, d->answer, e) ? -1 : 0;
}

/* Keeps a unit that was described, or releases it. */
static int keep_unit(struct tl_executor *x, struct unit_entry *u, struct tl_description *d,
                     struct tl_error *e)
{
    if (u->unit.build_missing)
        u->unit.why = tl_strdup(u->unit.build_missing);
    else if (!u->unit.kind && /* else the machines of the fleet have told */
             (describe_unit(x, &u->unit, d, e) ||
              environment_of(x, &u->unit, NULL, u->unit.environment_id, e)))
        return -1;
    u->next = x->units;
    x->units = u;
    return 0;
}

static int request(struct tl_executor *x, const struct tl_unit *u, struct tl_description *d,
                   struct tl_error *e)
{
    *d = (struct tl_description){.runner = u->path, .build = u->build_object, .unit = u->text};
    if (u->alias) {
        d->speaks_for = u->runner;
        d->alias = u->alias;
        d->device = u->device;
        d->slots_of = u->slots_of;
    }
    return tl_description_recall(d, x->anew) ? 0 : tl_description_request(d, x->supervisor, e);
}

int tl_executor_units(struct tl_executor *x, const char *const *texts, size_t n, const struct tl_unit **units,
                      struct tl_error *e)
{
    struct unit_entry **made = tl_calloc(n + 1, sizeof(struct unit_entry *));
    struct tl_description *d = tl_calloc(n + 1, sizeof *d);
    int result = 0;
    for (size_t i = 0; i < n && !result; i++) {
        bool earlier = find_unit(x, texts[i]) != NULL;
        for (size_t k = 0; k < i; k++)
            earlier = earlier || !strcmp(texts[k], texts[i]);
        if (earlier)
            continue;
        made[i] = tl_calloc(1, sizeof *made[i]);
        made[i]->name = tl_strdup(texts[i]);
        struct tl_unit *u = &made[i]->unit;
        if (x->remote) {
            char *text = tl_remote_unit_text(texts[i]);
            result = tl_unit_parse(text, u, e) || tl_remote_unit(x, texts[i], u, e) ? -1 : 0;
            free(text);
            continue;
        }
        result = tl_unit_parse(texts[i], u, e) || tl_unit_resolve(u, e) ||
                         (!u->build_missing && request(x, u, &d[i], e))
                     ? -1
                     : 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (made[i] && !result && !keep_unit(x, made[i], &d[i], e))
            made[i] = NULL;
        else if (made[i])
            result = -1;
    }
    for (size_t i = 0; i < n; i++) { /* after a failure others may be on their way still */
        if (made[i] && made[i]->unit.path && !made[i]->unit.build_missing && !d[i].answer)
            wait_for(x, &made[i]->unit, &d[i], NULL);
        tl_description_free(&d[i]);
        if (made[i]) {
            tl_unit_free(&made[i]->unit);
            free(made[i]->name);
        }
        free(made[i]);
        units[i] = result ? NULL : find_unit(x, texts[i]);
    }
    free(made);
    free(d);
    return result;
}

int tl_executor_builds(struct tl_executor *x, const char *text, struct tl_unit_list *l, size_t *bad,
                       struct tl_error *e)
{
    return x->remote ? tl_remote_builds(x, text, l, bad, e) : tl_unit_list_builds(l, text, bad, e);
}

const struct tl_unit *tl_executor_unit(struct tl_executor *x, const char *text, struct tl_error *e)
{
    const struct tl_unit *unit;
    return tl_executor_units(x, &text, 1, &unit, e) ? NULL : unit;
}

int tl_executor_environment(struct tl_executor *x, const struct tl_case *c, const struct tl_variant *v,
                            const struct tl_unit *u, char id[TL_ID_SIZE], struct tl_error *e)
{
    struct case_content content = {.is_steps = c->model_kind == TL_MODEL_STEPS};
    bool failed;
    memcpy(id, u->environment_id, TL_ID_SIZE);
    if (u->kind)
        return tl_remote_environment(x, c, u, id, e);
    if (!u->usable)
        return 0;
    content.versions = tl_identity_versions(x, c, &failed, e);
    return failed || tl_identity_of_trial(x, c, v, u, content.sha, e) || environment_of(x, u, &content, id, e)
               ? -1
               : 0;
}
