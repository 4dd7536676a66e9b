/* Trials of a selection as rows and cells of a comparison.
 *
 * They come in the order in which they are stored. Each is of a row and a side, and what these are follows from its ids. A
 * million trials have some thousand of them: what an id stands for is asked of the database when it is met first, and kept. So
 * are the facts of results, most of which are the same bytes as another one. */
#include "harness/campaign/compare_impl.h"

#include "harness/base/buffer.h"
#include "harness/base/text_index.h"
#include "harness/base/unit_name.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SIDES_MOST 256
#define RESULTS_MOST ((size_t)16 << 20) /* bytes of results that are kept */
#define TURN 256                        /* trials between two lines that are told */

/* Of a unit, an environment and a session. */
struct place {
    size_t side; /* SIZE_MAX: of none */
    char *where;
};

struct facts {
    char outputs[TL_ID_SIZE]; /* "": it has none */
    bool has_error, infinite;
    double error;
};

struct reading {
    struct tl_compare *c;
    struct tl_store *s;
    struct tl_buffer key;
    struct tl_text_index places, cases, results,
        rows; /* numbers: of the lists that follow, and of the rows */
    size_t n_places, n_expected, n_facts;
    struct place *place;
    json_t **expected; /* of a case; NULL: nothing */
    struct facts *facts;
};

/* --- sides ---------------------------------------------------------------------------------------------- */

size_t tl_compare_add_side(struct tl_compare *c, const char *key, const char *name)
{
    for (size_t i = 0; i < c->n_sides; i++)
        if (!strcmp(c->sides[i].key, key))
            return i;
    c->sides = tl_realloc(c->sides, c->n_sides + 1, sizeof *c->sides);
    c->sides[c->n_sides] = (struct tl_side){tl_strdup(key), tl_strdup(name && *name ? name : key), 0};
    return c->n_sides++;
}

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

/* Parts with something between them that is in none. */
static void make_key(struct reading *r, const char *a, const char *b, const char *c)
{
    const char *const parts[] = {a, b, c};
    tl_buffer_clear(&r->key);
    for (size_t i = 0; i < 3; i++)
        tl_buffer_add(&r->key, parts[i] ? parts[i] : "", parts[i] ? strlen(parts[i]) + 1 : 1);
}

struct place_of {
    struct reading *r;
    const char *session_id;
    struct place place;
};

static int find_place(void *arg, const struct tl_trial_row *t, struct tl_error *e)
{
    (void)e;
    struct place_of *of = arg;
    struct tl_compare *c = of->r->c;
    char *build = c->by == TL_BY_BUILD ? build_of(t) : c->by == TL_BY_VERSIONS ? versions_of(t) : NULL;
    const char *key = of->session_id;
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
        side = tl_compare_add_side(c, key, c->by == TL_BY_MACHINE ? t->machine_name : NULL);
    free(build);
    of->place = (struct place){side, c->by == TL_BY_UNIT    ? tl_strdup("")
                                     : c->by == TL_BY_BUILD ? without_build(t->unit)
                                                            : tl_strdup(t->unit)};
    return 0;
}

/* Lists grow when what they hold is known: an error ends the reading. */
static int place_of(struct reading *r, const struct tl_comparable *t, struct place *place, struct tl_error *e)
{
    bool added;
    make_key(r, t->unit, t->environment_id, t->session_id);
    size_t i = tl_text_index_number(&r->places, r->key.data, r->key.size, &added);
    if (added) {
        struct place_of of = {r, t->session_id, {0}};
        if (tl_query_referred(r->s, t->n, find_place, &of, e))
            return -1;
        *TL_GROW(r->place, r->n_places) = of.place;
    }
    *place = r->place[i];
    return 0;
}

/* --- rows ----------------------------------------------------------------------------------------------- */

/* What the case of a trial expects. */
static int expected_of(struct reading *r, const char *case_hash, const json_t **expected, struct tl_error *e)
{
    bool added;
    size_t i = tl_text_index_number(&r->cases, case_hash, strlen(case_hash), &added);
    if (added) {
        char *text = NULL;
        if (tl_query_case_json(r->s, case_hash, &text, e))
            return -1;
        json_t *document = text ? json_loads(text, 0, NULL) : NULL;
        *TL_GROW(r->expected, r->n_expected) = json_incref(json_object_get(document, "expected"));
        json_decref(document);
        free(text);
    }
    *expected = r->expected[i];
    return 0;
}

static int keep_variant(void *arg, const struct tl_trial_row *t, struct tl_error *e)
{
    (void)e;
    *(char **)arg = tl_strdup(t->variant ? t->variant : "{}");
    return 0;
}

static int row_of(struct reading *r, const struct tl_comparable *t, const char *where,
                  struct tl_compare_row **row, struct tl_error *e)
{
    struct tl_compare *c = r->c;
    bool added;
    make_key(r, t->case_hash, t->variant_hash, where);
    size_t i = tl_text_index_number(&r->rows, r->key.data, r->key.size, &added);
    if (added) {
        const json_t *expected;
        char *variant = NULL;
        if (expected_of(r, t->case_hash, &expected, e) ||
            tl_query_referred(r->s, t->n, keep_variant, &variant, e))
            return -1;
        if (!(c->n_rows & (c->n_rows - 1))) /* a power of two: room for as many again */
            c->rows = tl_realloc(c->rows, c->n_rows ? 2 * c->n_rows : 1, sizeof *c->rows);
        struct tl_compare_row *new = &c->rows[c->n_rows++];
        *new = (struct tl_compare_row){
            .case_name = tl_strdup(t->case_name),
            .variant = variant,
            .where = tl_strdup(where),
            .expected = expected,
        };
        snprintf(new->case_hash, sizeof new->case_hash, "%s", t->case_hash);
        snprintf(new->variant_hash, sizeof new->variant_hash, "%s", t->variant_hash);
    }
    *row = &c->rows[i];
    return 0;
}

/* --- cells ---------------------------------------------------------------------------------------------- */

static struct facts facts_of(const char *text)
{
    struct facts f = {0};
    json_t *result = json_loads(text, 0, NULL), *output, *error;
    struct tl_buffer hashes = TL_BUFFER_INIT;
    size_t i;
    json_array_foreach(json_object_get(result, "outputs"), i, output) {
        const char *hash = json_string_value(json_object_get(output, "hash"));
        tl_buffer_printf(&hashes, "%s\n", hash ? hash : "");
    }
    if (hashes.size)
        tl_content_id(hashes.data, hashes.size, f.outputs);
    tl_buffer_free(&hashes);
    error = json_object_get(json_object_get(result, "reference"), "max_error");
    f.has_error = error;
    f.infinite = error && !json_is_number(error);
    f.error = json_number_value(error);
    json_decref(result);
    return f;
}

static int take_result(struct reading *r, struct tl_side_cell *k, const struct tl_comparable *t,
                       struct tl_error *e)
{
    if (!t->result)
        return 0;
    if (r->results.bytes > RESULTS_MOST) {
        tl_text_index_clear(&r->results);
        r->n_facts = 0;
    }
    bool added;
    size_t i = tl_text_index_number(&r->results, t->result, t->result_size, &added);
    if (added) {
        char *text;
        if (tl_comparable_result(r->s, t, &text))
            return tl_fail(e, TL_ERROR_INPUT, "cannot compare what is in the database", t->case_name,
                           "the result of a trial on %s is damaged; run `trapline db check`", t->unit);
        *TL_GROW(r->facts, r->n_facts) = facts_of(text);
        free(text);
    }
    const struct facts *f = &r->facts[i];
    if (*f->outputs) {
        k->vary = k->vary || (*k->outputs && strcmp(k->outputs, f->outputs));
        memcpy(k->outputs, f->outputs, sizeof f->outputs);
    }
    if (f->has_error) {
        k->has_error = true;
        k->infinite = k->infinite || f->infinite;
        k->error = fmax(k->error, f->error);
    }
    return 0;
}

struct signature_of {
    struct tl_compare *c;
    const struct tl_comparable *t;
    size_t label;
};

static int keep_signature(void *arg, const struct tl_trial_row *row, struct tl_error *e)
{
    (void)e;
    struct signature_of *of = arg;
    const struct tl_comparable *t = of->t;
    of->label = tl_labels_count(&of->c->labels, t->signature_id, row->coarse_id, row->title, t->outcome,
                                t->phase, t->signal);
    return 0;
}

/* A trial beside what its case expects. */
static enum tl_standing standing_of(const struct tl_compare *c, const struct tl_compare_row *row,
                                    size_t label, const struct tl_comparable *t)
{
    if (!row->expected)
        return TL_STANDING_NONE;
    const char *const texts[2] = {t->message, label == TL_NO_LABEL ? NULL : c->labels.list[label].title};
    json_t *variant = json_loads(row->variant, 0, NULL);
    enum tl_standing standing =
        tl_expected_standing(row->expected, variant, t->unit, t->outcome, texts, NULL);
    json_decref(variant);
    return standing;
}

static struct tl_side_cell *cell_of(struct tl_compare_row *row, size_t side)
{
    if (row->n_cells <= side) {
        row->cells = tl_realloc(row->cells, side + 1, sizeof *row->cells);
        memset(row->cells + row->n_cells, 0, (side + 1 - row->n_cells) * sizeof *row->cells);
        row->n_cells = side + 1;
    }
    return &row->cells[side];
}

static int take_trial(struct reading *r, struct tl_compare_row *row, size_t side,
                      const struct tl_comparable *t, struct tl_error *e)
{
    struct tl_compare *c = r->c;
    struct tl_side_cell *k = cell_of(row, side);
    size_t label = tl_labels_again(&c->labels, t->signature_id);
    if (label == TL_NO_LABEL && t->signature_id) {
        struct signature_of of = {c, t, TL_NO_LABEL};
        if (tl_query_referred(r->s, t->n, keep_signature, &of, e))
            return -1;
        label = of.label;
    }
    tl_groups_count(&k->groups, t->outcome, standing_of(c, row, label, t), label);
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
    c->sides[side].trials++;
    return take_result(r, k, t, e);
}

static int on_trial(void *arg, const struct tl_comparable *t, struct tl_error *e)
{
    struct reading *r = arg;
    struct tl_compare *c = r->c;
    if (c->trials++ % TURN == 0 &&
        tl_watch_line(c->watch, "compare: %llu trials read", (unsigned long long)c->trials))
        return tl_fail(e, TL_ERROR_INTERRUPTED, "stopped", "", "while the database was read");
    struct place place;
    struct tl_compare_row *row;
    if (place_of(r, t, &place, e))
        return -1;
    if (place.side != SIZE_MAX)
        return row_of(r, t, place.where, &row, e) || take_trial(r, row, place.side, t, e) ? -1 : 0;
    c->left_out++;
    return 0;
}

/* Whatever the order in which trials are stored, the same ones are told in the same words. */
static void order_labels(struct tl_compare *c)
{
    size_t *places;
    tl_labels_order(&c->labels, &places);
    for (size_t i = 0; i < c->n_rows; i++)
        for (size_t k = 0; k < c->rows[i].n_cells; k++) {
            struct tl_groups *g = &c->rows[i].cells[k].groups;
            for (size_t n = 0; n < g->n; n++)
                if (g->list[n].label != TL_NO_LABEL)
                    g->list[n].label = places[g->list[n].label];
        }
    free(places);
}

int tl_compare_read(struct tl_compare *c, struct tl_store *s, const struct tl_filter *f,
                    const struct tl_compare_only *only, struct tl_error *e)
{
    struct reading r = {.c = c, .s = s, .key = TL_BUFFER_INIT};
    int result = tl_query_comparable(s, f, only, on_trial, &r, e);
    for (size_t i = 0; i < r.n_places; i++)
        free(r.place[i].where);
    for (size_t i = 0; i < r.n_expected; i++)
        json_decref(r.expected[i]);
    for (size_t i = 0; i < c->n_rows; i++)
        c->rows[i].expected = NULL;
    free(r.place);
    free(r.expected);
    free(r.facts);
    tl_buffer_free(&r.key);
    struct tl_text_index *const all[] = {&r.places, &r.cases, &r.results, &r.rows};
    for (size_t i = 0; i < TL_COUNT(all); i++)
        tl_text_index_free(all[i]);
    order_labels(c);
    return result;
}
