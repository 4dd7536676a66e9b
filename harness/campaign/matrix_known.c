/* Which failures of a matrix somebody has judged: `trapline known`, and "known" of its cases. They are failures all the
 * same: only a night asks what is new. */
#include "harness/campaign/matrix.h"

#include "cases/known.h"
#include "harness/base/clock.h"

#include <stdlib.h>
#include <string.h>

int tl_matrix_load_known(struct tl_matrix *m, struct tl_error *e)
{
    m->marks = json_object();
    m->known_at_us = tl_wall_us();
    return tl_known_load(tl_executor_store(m->x), NULL, &m->known, e);
}

static bool has_any(const struct tl_matrix *m, const struct tl_case *c)
{
    bool any = c->known != NULL;
    for (size_t i = 0; i < m->known.n && !any; i++)
        any = !strcmp(m->known.list[i].case_name, c->name);
    return any;
}

/* One of each kind is kept, however many cells have it. Takes the mark. */
static const json_t *keep(const struct tl_matrix *m, json_t *mark)
{
    char *key = mark ? json_dumps(mark, JSON_COMPACT) : NULL;
    if (key && !json_object_get(m->marks, key))
        json_object_set(m->marks, key, mark);
    const json_t *kept = key ? json_object_get(m->marks, key) : NULL;
    json_decref(mark);
    free(key);
    return kept;
}

void tl_matrix_mark(const struct tl_matrix *m, const struct tl_matrix_case *k, size_t row, size_t unit,
                    struct tl_groups *groups)
{
    if (!m->marks || !has_any(m, k->c))
        return;
    json_t *variant = tl_variant_object(k->c, &k->rows[row]);
    char hash[TL_ID_SIZE];
    tl_variant_hash(k->c, &k->rows[row], hash);
    const char *build = json_string_value(json_object_get(m->units[unit]->build_object, "sha256"));
    for (size_t g = 0; g < groups->n; g++) {
        struct tl_group *p = &groups->list[g];
        if (p->label == TL_NO_LABEL || !tl_group_is_failure(p))
            continue;
        const struct tl_label *l = &m->labels.list[p->label];
        const char *id = *l->coarse_id ? l->coarse_id : l->id;
        const struct tl_case_failure failure = {id, l->id, tl_known_is_blind(&m->known, id)};
        const struct tl_known_seen seen = {k->c->name, id, l->id, build, hash, variant};
        p->known =
            keep(m, tl_known_choose(tl_case_known(k->c->known, variant, m->units[unit]->text, &failure),
                                    tl_known_say(&m->known, &seen), m->known_at_us));
    }
    json_decref(variant);
}
