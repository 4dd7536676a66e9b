/* Sets stored trials side by side: by unit, build, machine, session or versions.
 *
 * Trials come from the database in the order of case and variant, so that all that belong to one row arrive
 * together, and the rows of one variant are the last few. A row has a cell for each side; what differs is
 * judged when all is read. Sides that cannot try a variant are not compared, and a side that nobody named and
 * that has no row in common with another is left out. */
#include "harness/campaign/compare.h"

#include "harness/base/buffer.h"
#include "harness/base/number_order.h"
#include "harness/base/quantile.h"
#include "harness/base/time_text.h"
#include "harness/base/unit_name.h"
#include "harness/base/version.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDES_MOST 256

const char *const tl_compare_by_names[] = {"unit", "build", "machine", "session", "versions"};

/* --- sides ---------------------------------------------------------------------------------------------- */

static size_t add_side(struct tl_compare *c, const char *key, const char *name)
{
    for (size_t i = 0; i < c->n_sides; i++)
        if (!strcmp(c->sides[i].key, key))
            return i;
    c->sides = tl_realloc(c->sides, c->n_sides + 1, sizeof *c->sides);
    c->sides[c->n_sides] = (struct tl_side){tl_strdup(key), tl_strdup(name && *name ? name : key), 0};
    return c->n_sides++;
}

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
    add_side(c, found->id, name);
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
            add_side(c, c->names[i], NULL);
        for (size_t i = 0; c->by == TL_BY_UNIT && i < c->n_units; i++) {
            add_side(c, c->units[i], NULL);
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
            add_side(c, all.list[i].id, name);
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

/* --- rows ----------------------------------------------------------------------------------------------- */

/* The build in a unit's name, or what its runner said it runs; a new string, NULL when nothing is known. */
static char *build_of(const struct tl_trial_row *t)
{
    struct tl_unit_name name = tl_unit_name_of(t->unit);
    if (name.build.n)
        return tl_unit_part_text(name.build);
    return tl_strdup(t->runtime_version && *t->runtime_version ? t->runtime_version : t->os_build);
}

/* What the case's commands said of versions, as "NAME VERSION, …"; a new string, NULL when nothing is known. */
static char *versions_of(const struct tl_trial_row *t)
{
    struct tl_buffer b = TL_BUFFER_INIT;
    json_t *versions = t->versions ? json_loads(t->versions, 0, NULL) : NULL, *text;
    const char *name;
    json_object_foreach(versions, name, text)
        tl_buffer_printf(&b, "%s%s %s", b.size ? ", " : "", name, json_string_value(text));
    json_decref(versions);
    return b.size ? tl_buffer_take(&b) : NULL;
}

/* Versions that are named may be named by a part of them. */
static bool is_side(const struct tl_compare *c, const char *side, const char *key)
{
    return c->by == TL_BY_VERSIONS && c->chosen ? strstr(key, side) != NULL : !strcmp(side, key);
}

static char *without_build(const char *unit)
{
    struct tl_unit_name name = tl_unit_name_of(unit);
    return name.build.n ? tl_unit_without_build(&name) : tl_strdup(unit);
}

static struct tl_compare_row *row_of(struct tl_compare *c, const struct tl_trial_row *t, const char *where)
{
    const struct tl_compare_row *first = c->n_rows ? &c->rows[c->block] : NULL;
    if (!first || strcmp(first->case_hash, t->case_hash) || strcmp(first->variant_hash, t->variant_hash))
        c->block = c->n_rows;
    for (size_t i = c->block; i < c->n_rows; i++)
        if (!strcmp(c->rows[i].where, where))
            return &c->rows[i];
    if (!(c->n_rows & (c->n_rows - 1))) /* a power of two: room for as many again */
        c->rows = tl_realloc(c->rows, c->n_rows ? 2 * c->n_rows : 1, sizeof *c->rows);
    struct tl_compare_row *r = &c->rows[c->n_rows++];
    *r = (struct tl_compare_row){
        .case_name = tl_strdup(t->case_name),
        .variant = tl_strdup(t->variant ? t->variant : "{}"),
        .where = tl_strdup(where),
    };
    snprintf(r->case_hash, sizeof r->case_hash, "%s", t->case_hash);
    snprintf(r->variant_hash, sizeof r->variant_hash, "%s", t->variant_hash);
    return r;
}

static void take_result(struct tl_side_cell *k, const char *text)
{
    json_t *result = text ? json_loads(text, 0, NULL) : NULL, *output, *error;
    struct tl_buffer hashes = TL_BUFFER_INIT;
    size_t i;
    json_array_foreach(json_object_get(result, "outputs"), i, output) {
        const char *hash = json_string_value(json_object_get(output, "hash"));
        tl_buffer_printf(&hashes, "%s\n", hash ? hash : "");
    }
    if (hashes.size) {
        char id[TL_ID_SIZE];
        tl_content_id(hashes.data, hashes.size, id);
        k->vary = k->vary || (*k->outputs && strcmp(k->outputs, id));
        memcpy(k->outputs, id, sizeof id);
    }
    tl_buffer_free(&hashes);
    error = json_object_get(json_object_get(result, "reference"), "max_error");
    if (error) {
        k->has_error = true;
        k->infinite = k->infinite || !json_is_number(error);
        k->error = fmax(k->error, json_number_value(error));
    }
    json_decref(result);
}

/* A trial beside what its case expects. Trials of a case come one after the other. */
static int standing_of(struct tl_compare *c, const struct tl_trial_row *t, enum tl_standing *standing,
                       struct tl_error *e)
{
    if (strcmp(c->case_hash, t->case_hash) != 0) {
        char *text = NULL;
        if (tl_query_case_json(c->store, t->case_hash, &text, e))
            return -1;
        json_decref(c->case_document);
        c->case_document = text ? json_loads(text, 0, NULL) : NULL;
        snprintf(c->case_hash, sizeof c->case_hash, "%s", t->case_hash);
        free(text);
    }
    const json_t *expected = json_object_get(c->case_document, "expected");
    const char *const texts[2] = {t->message, t->title};
    json_t *variant = expected && t->variant ? json_loads(t->variant, 0, NULL) : NULL;
    *standing = tl_expected_standing(expected, variant, t->unit, t->outcome, texts, NULL);
    json_decref(variant);
    return 0;
}

static void take_trial(struct tl_compare *c, struct tl_compare_row *r, size_t side,
                       const struct tl_trial_row *t, enum tl_standing standing)
{
    if (r->n_cells <= side) {
        r->cells = tl_realloc(r->cells, side + 1, sizeof *r->cells);
        memset(r->cells + r->n_cells, 0, (side + 1 - r->n_cells) * sizeof *r->cells);
        r->n_cells = side + 1;
    }
    struct tl_side_cell *k = &r->cells[side];
    size_t label =
        tl_labels_count(&c->labels, t->signature_id, t->coarse_id, t->title, t->outcome, t->phase, t->signal);
    tl_groups_count(&k->groups, t->outcome, standing, label);
    if (t->outcome == TL_OUTCOME_PASS) {
        struct tl_measures *m = &k->measures[t->fresh];
        size_t n = m->n++;
        if (!(n & (n - 1))) {
            m->seconds = tl_realloc(m->seconds, n ? 2 * n : 1, sizeof *m->seconds);
            m->memory = tl_realloc(m->memory, n ? 2 * n : 1, sizeof *m->memory);
        }
        m->seconds[n] = t->wall_seconds;
        m->memory[n] = (double)t->peak_rss;
    }
    take_result(k, t->result);
    c->sides[side].trials++;
}

static int on_trial(void *arg, const struct tl_trial_row *t, struct tl_error *e)
{
    struct tl_compare *c = arg;
    c->trials++;
    if (tl_watch_line(c->watch, "compare: %llu trials read", (unsigned long long)c->trials))
        return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", "", "while the database was read");
    char *build = c->by == TL_BY_BUILD ? build_of(t) : c->by == TL_BY_VERSIONS ? versions_of(t) : NULL;
    const char *key = t->session_id;
    if (c->by == TL_BY_UNIT)
        key = t->unit;
    else if (c->by == TL_BY_BUILD || c->by == TL_BY_VERSIONS)
        key = build;
    else if (c->by == TL_BY_MACHINE)
        key = t->machine_id;
    size_t side = SIZE_MAX;
    for (size_t i = 0; key && i < c->n_sides; i++)
        if (is_side(c, c->sides[i].key, key))
            side = i;
    if (key && *key && side == SIZE_MAX && !c->chosen && c->n_sides < SIDES_MOST)
        side = add_side(c, key, c->by == TL_BY_MACHINE ? t->machine_name : NULL);
    if (side != SIZE_MAX) {
        enum tl_standing standing;
        if (standing_of(c, t, &standing, e)) {
            free(build);
            return -1;
        }
        char *where = c->by == TL_BY_UNIT    ? tl_strdup("")
                      : c->by == TL_BY_BUILD ? without_build(t->unit)
                                             : tl_strdup(t->unit);
        take_trial(c, row_of(c, t, where), side, t, standing);
        free(where);
    } else {
        c->left_out++;
    }
    free(build);
    return 0;
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
    int result = tl_query_comparable(s, f, &only, on_trial, c, e);
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
    c->store = s;
    if (choose_sides(c, s, e) || collect(c, s, f, e))
        return -1;
    give_letters(c);
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
    json_decref(c->case_document);
    free(c->rows);
    free(c->sides);
    free(c->order);
    tl_labels_free(&c->labels);
}
