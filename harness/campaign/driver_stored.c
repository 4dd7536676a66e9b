/* What a search driver knows from before: stored trials, each used once, and signatures that were seen. */
#include "harness/campaign/driver_impl.h"

#include "db/machine.h"
#include "db/query.h"
#include "harness/base/buffer.h"

#include <stdlib.h>
#include <string.h>

#define STORED_MOST 4096 /* stored trials of one variant that are looked at */

static struct tl_driver_use *find_use(struct tl_driver *d, const struct tl_unit *u, const char *hash)
{
    for (size_t i = 0; i < d->n_uses; i++)
        if (d->uses[i].unit == u && !strcmp(d->uses[i].variant_hash, hash))
            return &d->uses[i];
    return NULL;
}

static void read_stored(struct tl_driver *d, const struct tl_variant *v, struct tl_driver_use *use)
{
    char environment[TL_ID_SIZE];
    struct tl_error ignored;
    if (tl_executor_environment(d->x, d->c, v, use->unit, environment, &ignored) ||
        tl_store_cached(tl_executor_store(d->x), d->c->hash, use->variant_hash, use->unit->text, environment,
                        STORED_MOST, &use->list, &use->n, &ignored)) {
        use->list = NULL;
        use->n = 0;
    }
    use->used = tl_calloc(use->n, sizeof *use->used);
}

struct tl_driver_use *tl_driver_use(struct tl_driver *d, const struct tl_unit *u, const struct tl_variant *v)
{
    char hash[TL_ID_SIZE];
    tl_variant_hash(d->c, v, hash);
    struct tl_driver_use *use = find_use(d, u, hash);
    if (use)
        return use;
    use = TL_GROW(d->uses, d->n_uses);
    *use = (struct tl_driver_use){.unit = u};
    memcpy(use->variant_hash, hash, sizeof hash);
    read_stored(d, v, use);
    return use;
}

static bool was_told(const struct tl_driver *d, const char *trial)
{
    for (size_t i = 0; i < d->n_trials; i++)
        if (d->trials[i].told && !strcmp(d->trials[i].id, trial))
            return true;
    return false;
}

void tl_driver_use_again(struct tl_driver *d, const struct tl_unit *u, const struct tl_variant *v)
{
    char hash[TL_ID_SIZE];
    tl_variant_hash(d->c, v, hash);
    struct tl_driver_use *use = find_use(d, u, hash);
    if (!use)
        return;
    free(use->list);
    free(use->used);
    read_stored(d, v, use);
    for (size_t i = 0; i < use->n; i++)
        use->used[i] = was_told(d, use->list[i].id);
}

/* first, last: kinds of process, 0: forked by a server; 1: fresh. */
static const struct tl_cached *take(struct tl_driver *d, const struct tl_unit *u, const struct tl_variant *v,
                                    int first, int last)
{
    struct tl_driver_use *use = tl_driver_use(d, u, v);
    int64_t boot = tl_machine_booted_us();
    for (int pass = first; pass <= last; pass++)
        for (size_t i = use->n; i-- > 0;) {
            const struct tl_cached *t = &use->list[i];
            bool lost = t->outcome == TL_OUTCOME_LOST,
                 with_machine = lost && !t->stopped && boot && t->started_us < boot;
            if (use->used[i] || (lost && !with_machine) || (!with_machine && (int)t->fresh != pass) ||
                (d->no_cache && t->started_us < d->started_us))
                continue;
            use->used[i] = true;
            return t;
        }
    return NULL;
}

const struct tl_cached *tl_driver_take_stored(struct tl_driver *d, const struct tl_unit *u,
                                              const struct tl_variant *v, bool fresh)
{
    return take(d, u, v, fresh, d->all_forked ? 0 : 1);
}

const struct tl_cached *tl_driver_take_forked(struct tl_driver *d, const struct tl_unit *u,
                                              const struct tl_variant *v)
{
    return take(d, u, v, 0, 0);
}

const struct tl_cached *tl_driver_stored(struct tl_driver *d, const struct tl_unit *u,
                                         const struct tl_variant *v, size_t *n)
{
    const struct tl_driver_use *use = tl_driver_use(d, u, v);
    *n = use->n;
    return use->list;
}

void tl_driver_count_stored(struct tl_driver *d, const struct tl_cached *t)
{
    if (t->started_us < d->started_us) {
        d->n_cached++;
        tl_stored_seen(&d->span, t->started_us);
    } else {
        d->n_run++;
    }
}

const struct tl_driver_signature *tl_driver_signature(const struct tl_driver *d, const char *id)
{
    for (size_t i = 0; i < d->n_signatures; i++)
        if (!strcmp(d->signatures[i].id, id))
            return &d->signatures[i];
    return NULL;
}
