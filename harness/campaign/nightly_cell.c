/* What the files of a night ask of a cell and of the night itself. It calls none of them. */
#include "harness/campaign/nightly.h"

#include "harness/base/awake.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void tl_nightly_machine(const struct tl_nightly *n, struct tl_machine *m)
{
    *m = *tl_executor_machine(n->x);
    for (size_t i = 0; i < n->names.n; i++)
        if (n->units[i]->place) {
            *m = n->units[i]->place->machine;
            m->name = "fleet";
            m->cores = 0;
            m->memory = 0;
            return;
        }
}

double tl_nightly_left(const struct tl_nightly *n)
{
    return n->suite->budget_s > 0 ? n->suite->budget_s - tl_awake_since(n->started_ns) : HUGE_VAL;
}

const struct tl_samples *tl_nightly_seconds(const struct tl_nightly_cell *c, bool *fresh)
{
    *fresh = c->seconds[0].n == 0; /* where a fork server serves, its children are what is compared */
    return &c->seconds[*fresh];
}

json_t *tl_nightly_environment(const struct tl_nightly_cell *c)
{
    const struct tl_machine *m = tl_executor_machine_of(c->nightly->x, c->unit);
    json_t *j = json_object(), *build = c->unit->build_object;
    json_object_set_new(j, "os_build", json_string(m->os_build ? m->os_build : ""));
    json_t *versions = tl_executor_versions(c->nightly->x, c->c);
    if (versions)
        json_object_set_new(j, "versions", versions);
    if (c->unit->runner_version)
        json_object_set_new(j, "runner_version", json_string(c->unit->runner_version));
    if (json_is_string(json_object_get(build, "version")))
        json_object_set(j, "runtime_version", json_object_get(build, "version"));
    if (json_is_string(json_object_get(build, "sha256")))
        json_object_set(j, "runtime_sha256", json_object_get(build, "sha256"));
    if (*c->environment) /* of a fleet that of the kind: which machine of it was the last one is no matter */
        json_object_set_new(j, "id", json_string(c->unit->kind ? c->unit->environment_id : c->environment));
    return j;
}

bool tl_nightly_known_is(const struct tl_nightly_cell *c, const char *state)
{
    const char *is = json_string_value(json_object_get(c->known, "state"));
    return is && !strcmp(is, state);
}

enum tl_class tl_nightly_shown(const struct tl_nightly_cell *c)
{
    if (tl_nightly_known_is(c, "open") && c->class != TL_CLASS_STEADIER)
        return TL_CLASS_KNOWN;
    /* What is a regression by itself is called that. */
    if (tl_nightly_known_is(c, "over") && c->class >= TL_CLASS_REGRESSIONS)
        return TL_CLASS_EXPIRED;
    if (c->moved && c->class >= TL_CLASS_REGRESSIONS)
        return TL_CLASS_CHANGED;
    return c->class;
}

void tl_nightly_kinds_free(struct tl_nightly_cell *c)
{
    for (size_t k = 0; k < c->n_kinds; k++) {
        free(c->kinds[k].title);
        json_decref(c->kinds[k].places);
    }
    free(c->kinds);
    c->kinds = NULL;
    c->n_kinds = 0;
}
