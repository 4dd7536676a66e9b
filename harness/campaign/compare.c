/* Sets stored trials side by side: by unit, build, machine, session or versions.
 *
 * A row has a cell for each side (compare_trials.c); what differs is judged when all is read. Sides that cannot try a variant
 * are not compared, and a side that nobody named and that has no row in common with another is left out. */
#include "harness/campaign/compare_impl.h"

#include "harness/base/buffer.h"
#include "harness/base/number_order.h"
#include "harness/base/quantile.h"
#include "harness/base/time_text.h"
#include "harness/base/unit_name.h"
#include "harness/base/version.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const tl_compare_by_names[] = {"unit", "build", "machine", "session", "versions"};

/* --- sides ---------------------------------------------------------------------------------------------- */

static char *session_name(const struct tl_compare_side *x)
{
    char *when = tl_time_format(x->started_us, TL_TIME_LOCAL), *name = tl_format("%.13s %s", x->id, when);
    free(when);
    return name;
}

/* A machine or session that the user names by its name or the beginning of its id. */
static int choose_one(struct tl_compare *c, const struct tl_compare_sides *all, const char *text,
                      struct tl_error *e)
{
    const struct tl_compare_side *found = NULL;
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct tl_compare_side *x = &all->list[i];
        bool named = c->by == TL_BY_MACHINE && x->name && !strcmp(x->name, text);
        if (named || (*text && !strncmp(x->id, text, strlen(text)))) {
            found = x;
            n++;
        }
    }
    if (n != 1)
        return tl_fail(e, TL_ERROR_INPUT,
                       n ? "several begin like that"
                         : (c->by == TL_BY_MACHINE ? "no such machine" : "no such session with trials"),
                       text,
                       n ? "give more of the id" : "`trapline compare --by %s` without names shows some",
                       tl_compare_by_names[c->by]);
    char *name = c->by == TL_BY_SESSION ? session_name(found) : tl_strdup(found->name);
    tl_compare_add_side(c, found->id, name);
    free(name);
    return 0;
}

static int choose_sides(struct tl_compare *c, struct tl_store *s, struct tl_error *e)
{
    struct tl_compare_sides all = {0};
    int result = 0;
    c->chosen = c->n_names > 0;
    if (c->by == TL_BY_UNIT || c->by == TL_BY_BUILD || c->by == TL_BY_VERSIONS) {
        for (size_t i = 0; i < c->n_names; i++)
            tl_compare_add_side(c, c->names[i], NULL);
        for (size_t i = 0; c->by == TL_BY_UNIT && i < c->n_units; i++) {
            tl_compare_add_side(c, c->units[i], NULL);
            c->chosen = true;
        }
        return 0;
    }
    result = c->by == TL_BY_MACHINE ? tl_query_machines(s, &all, e) : tl_query_sessions(s, &all, e);
    for (size_t i = 0; i < c->n_names && !result; i++)
        result = choose_one(c, &all, c->names[i], e);
    if (!result && !c->n_names && c->by == TL_BY_SESSION) { /* the last two, the older one first */
        c->chosen = true;
        for (size_t i = all.n < 2 ? all.n : 2; i-- > 0;) {
            char *name = session_name(&all.list[i]);
            tl_compare_add_side(c, all.list[i].id, name);
            free(name);
        }
    }
    tl_compare_sides_free(&all);
    return result;
}

static bool comes_before(const struct tl_compare *c, size_t a, size_t b)
{
    const char *x = c->sides[a].name, *y = c->sides[b].name;
    return (c->by == TL_BY_BUILD || c->by == TL_BY_VERSIONS ? tl_version_compare(x, y) : strcmp(x, y)) < 0;
}

/* As named; builds by version, and other sides by name, when none are. */
static void order_sides(struct tl_compare *c)
{
    c->order = tl_calloc(c->n_sides + 1, sizeof *c->order);
    for (size_t i = 0; i < c->n_sides; i++) {
        size_t k = i;
        for (; k && !c->chosen && comes_before(c, i, c->order[k - 1]); k--)
            c->order[k] = c->order[k - 1];
        c->order[k] = i;
    }
}

/* --- what differs --------------------------------------------------------------------------------------- */

const struct tl_side_cell *tl_compare_cell(const struct tl_compare *c, const struct tl_compare_row *r,
                                           size_t place)
{
    static const struct tl_side_cell none;
    size_t side = c->order[place];
    return side < r->n_cells ? &r->cells[side] : &none;
}

static const char *coarse_of(const struct tl_compare *c, const struct tl_group *g)
{
    return g->label == TL_NO_LABEL ? "" : c->labels.list[g->label].coarse_id;
}

const struct tl_measures *tl_compare_measures(const struct tl_compare_row *r, const struct tl_side_cell *k)
{
    return &k->measures[k->measures[r->fresh].n ? r->fresh : !r->fresh];
}

/* A fork server's child has loaded nothing itself, and shares its memory: it is never compared with a process
 * of its own. What most sides have counts. */
static void sort_measures(struct tl_compare_row *r)
{
    size_t sides[2] = {0}, trials[2] = {0};
    for (size_t i = 0; i < r->n_cells; i++)
        for (int fresh = 0; fresh < 2; fresh++) {
            struct tl_measures *m = &r->cells[i].measures[fresh];
            sides[fresh] += m->n > 0;
            trials[fresh] += m->n;
            tl_sort(m->seconds, m->n);
            tl_sort(m->memory, m->n);
        }
    r->fresh = sides[1] != sides[0] ? sides[1] > sides[0] : trials[1] > trials[0];
}

/* Sides that cannot try a variant are not compared. Of a side whose trials disagree the most frequent failure
 * counts. */
static void judge(struct tl_compare *c, struct tl_compare_row *r)
{
    const struct tl_group *first = NULL, *last = NULL;
    bool exact = true, coarse = true, all_fail = true;
    for (size_t i = 0; i < r->n_cells; i++) {
        struct tl_side_cell *k = &r->cells[i];
        tl_groups_sort(&k->groups);
    }
    sort_measures(r);
    for (size_t i = 0; i < c->n_sides; i++) {
        const struct tl_side_cell *k = tl_compare_cell(c, r, i);
        if (!k->groups.n || k->groups.list[0].outcome == TL_OUTCOME_UNSUPPORTED)
            continue;
        const struct tl_group *g = &k->groups.list[0];
        r->present++;
        last = g;
        all_fail = all_fail && tl_group_is_failure(g);
        if (!first)
            first = g;
        exact = exact && first->label == g->label;
        coarse = coarse && first->outcome == g->outcome && !strcmp(coarse_of(c, first), coarse_of(c, g));
        r->regressed = r->regressed || (!tl_group_is_failure(first) && tl_group_is_failure(g));
    }
    r->differs = r->present > 1 && !coarse;
    r->fixed = first && tl_group_is_failure(first) && !tl_group_is_failure(last);
    if (r->present > 1 && all_fail && first->label != TL_NO_LABEL)
        r->match = exact ? TL_MATCH_EXACT : coarse ? TL_MATCH_COARSE : TL_MATCH_NONE;
    c->differing += r->differs;
    c->regressed += r->regressed;
    c->alone += r->present < 2;
}

/* Sides that nobody named and that have no row in common with another are left out. */
static void leave_out(struct tl_compare *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_sides; i++) {
        bool shared = c->chosen;
        for (size_t r = 0; r < c->n_rows && !shared; r++)
            shared = c->rows[r].present > 1 && tl_compare_cell(c, &c->rows[r], i)->groups.n;
        if (shared)
            c->order[n++] = c->order[i];
    }
    c->n_shown = n;
}

static int by_variant(const void *a, const void *b)
{
    const struct tl_compare_row *x = a, *y = b;
    int order = strcmp(x->case_name, y->case_name);
    order = order ? order : strcmp(x->case_hash, y->case_hash);
    order = order ? order : tl_number_order(x->variant, y->variant);
    order = order ? order : strcmp(x->variant_hash, y->variant_hash);
    return order ? order : strcmp(x->where, y->where);
}

bool tl_compare_row_shown(const struct tl_compare *c, const struct tl_compare_row *r)
{
    return r->present > 1 && (r->differs || !c->only_changed);
}

/* --- the whole ------------------------------------------------------------------------------------------ */

static int collect(struct tl_compare *c, struct tl_store *s, struct tl_filter *f, struct tl_error *e)
{
    const char **keys = tl_calloc(c->n_sides + 1, sizeof *keys);
    for (size_t i = 0; i < c->n_sides; i++)
        keys[i] = c->sides[i].key;
    struct tl_compare_only only = {0};
    if (c->by == TL_BY_UNIT && c->chosen) {
        only.units = keys;
        only.n_units = c->n_sides;
    } else if (c->n_units) {
        only.units = c->units;
        only.n_units = c->n_units;
    }
    if (c->by == TL_BY_SESSION && c->n_sides) {
        only.sessions = keys;
        only.n_sessions = c->n_sides;
    }
    f->unit = NULL;
    int result = tl_compare_read(c, s, f, &only, e);
    free(keys);
    if (result)
        return -1;
    if (c->n_rows)
        qsort(c->rows, c->n_rows, sizeof *c->rows, by_variant);
    order_sides(c);
    for (size_t i = 0; i < c->n_rows; i++)
        judge(c, &c->rows[i]);
    leave_out(c);
    size_t used = 0;
    for (size_t i = 0; i < c->n_sides; i++)
        used += c->sides[i].trials > 0;
    for (size_t i = 0; i < c->n_sides && c->chosen; i++)
        if (!c->sides[i].trials)
            return tl_fail(e, TL_ERROR_INPUT, "nothing to compare", c->sides[i].name,
                           "no trial of it is in the selection; `trapline list trials` shows what there is");
    if (used < 2)
        return tl_fail(e, TL_ERROR_INPUT, "nothing to compare", tl_store_path(s),
                       "trials of at least two %ss are needed, and the selection has %zu",
                       tl_compare_by_names[c->by], used);
    return 0;
}

static void note_shown(struct tl_compare *c)
{
    c->shows = tl_calloc(c->labels.n * c->n_shown + 1, sizeof *c->shows);
    for (size_t i = 0; i < c->n_rows; i++)
        for (size_t k = 0; k < c->n_shown; k++) {
            const struct tl_groups *g = &tl_compare_cell(c, &c->rows[i], k)->groups;
            for (size_t n = 0; n < g->n; n++)
                if (g->list[n].label != TL_NO_LABEL)
                    c->shows[g->list[n].label * c->n_shown + k] = true;
        }
}

bool tl_compare_shows(const struct tl_compare *c, size_t label, size_t place)
{
    return c->shows[label * c->n_shown + place];
}

static void give_letters(struct tl_compare *c)
{
    for (size_t i = 0; i < c->n_rows; i++)
        for (size_t k = 0; k < c->n_shown && tl_compare_row_shown(c, &c->rows[i]); k++) {
            const struct tl_side_cell *cell = tl_compare_cell(c, &c->rows[i], k);
            for (size_t g = 0; g < cell->groups.n; g++)
                tl_labels_letter(&c->labels, cell->groups.list[g].label);
        }
    tl_labels_lettered(&c->labels);
}

int tl_compare_run(struct tl_compare *c, struct tl_store *s, struct tl_filter *f, struct tl_error *e)
{
    if (choose_sides(c, s, e) || collect(c, s, f, e))
        return -1;
    give_letters(c);
    note_shown(c);
    return 0;
}

void tl_compare_free(struct tl_compare *c)
{
    for (size_t i = 0; i < c->n_rows; i++) {
        struct tl_compare_row *r = &c->rows[i];
        for (size_t k = 0; k < r->n_cells; k++) {
            for (int fresh = 0; fresh < 2; fresh++) {
                free(r->cells[k].measures[fresh].seconds);
                free(r->cells[k].measures[fresh].memory);
            }
            free(r->cells[k].groups.list);
        }
        free(r->cells);
        free(r->case_name);
        free(r->variant);
        free(r->where);
    }
    for (size_t i = 0; i < c->n_sides; i++) {
        free(c->sides[i].key);
        free(c->sides[i].name);
    }
    free(c->rows);
    free(c->sides);
    free(c->order);
    free(c->shows);
    tl_labels_free(&c->labels);
}
