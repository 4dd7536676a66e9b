/* Makes the cells of a night from its suite: what is wrong with it, which builds are brought, and which
 * variants run on which units. */
#include "harness/campaign/nightly.h"

#include "harness/base/buffer.h"
#include "harness/base/unit_name.h"
#include "harness/builds/builds.h"

#include <stdlib.h>
#include <string.h>

#define CELLS_MOST 1000000

/* --- cases ---------------------------------------------------------------------------------------------- */

/* Takes what was said of a file, when it is wrong. */
static void note_file(struct tl_nightly_mistakes *m, const char *path, struct tl_nightly_file f, bool wrong)
{
    if (!wrong) {
        tl_mistakes_free(&f.mistakes);
        return;
    }
    f.path = tl_strdup(path);
    *TL_GROW(m->list, m->n) = f;
}

void tl_nightly_mistakes_free(struct tl_nightly_mistakes *m)
{
    for (size_t i = 0; i < m->n; i++) {
        tl_mistakes_free(&m->list[i].mistakes);
        free(m->list[i].path);
    }
    free(m->list);
}

/* What is wrong with a unit, whose runner must be here; the caller's to free. NULL: nothing. */
static char *unit_mistake(const char *text)
{
    struct tl_unit u;
    struct tl_builds_ranges ranges = {0};
    struct tl_error why;
    char *mistake = NULL;
    if (tl_unit_parse(text, &u, &why) || tl_unit_find(&u, &why) ||
        (u.build && !strchr(u.build, '/') && tl_builds_ranges_parse(u.build, &ranges, &why)))
        mistake = tl_format("%s: %s: %s", why.what, why.where, why.why);
    tl_builds_ranges_free(&ranges);
    tl_unit_free(&u);
    return mistake;
}

/* Units are looked at before anything is brought or run: a night that lacks a runner would end there. */
static void check_units(const struct tl_suite *s, struct tl_mistakes *m)
{
    m->list = tl_realloc(m->list, m->n + s->n_units, sizeof *m->list);
    for (size_t i = 0; i < s->n_units; i++) {
        char *mistake = unit_mistake(s->units[i]);
        if (mistake)
            m->list[m->n++] = (struct tl_mistake){s->unit_lines[i], tl_format("$.units[%zu]", i), mistake};
    }
}

int tl_nightly_load(struct tl_nightly *n, const char *path, struct tl_nightly_mistakes *m)
{
    struct tl_nightly_file suite = {0}, checked = {0};
    *m = (struct tl_nightly_mistakes){0};
    bool wrong = tl_suite_load(path, &n->suite, &suite.mistakes, &suite.why);
    note_file(m, path, suite, wrong);
    if (wrong)
        return -1;
    n->notes = json_array();
    n->n_cases = n->suite->n_cases;
    n->cases = tl_calloc(n->n_cases, sizeof(struct tl_case *));
    for (size_t i = 0; i < n->n_cases; i++) {
        struct tl_nightly_file f = {0};
        wrong = tl_case_load(n->suite->cases[i], &n->cases[i], &f.mistakes, &f.why);
        note_file(m, n->suite->cases[i], f, wrong);
    }
    tl_suite_check(n->suite, n->cases, &checked.mistakes);
    check_units(n->suite, &checked.mistakes);
    note_file(m, path, checked, checked.mistakes.n > 0);
    return m->n ? -1 : 0;
}

/* --- builds and units ----------------------------------------------------------------------------------- */

static __attribute__((format(printf, 2, 0))) bool on_fetch(void *arg, const char *format, va_list values)
{
    const struct tl_nightly *n = arg;
    char text[512];
    vsnprintf(text, sizeof text, format, values);
    return tl_watch_line(n->watch, "nightly: %s", text);
}

static void note(struct tl_nightly *n, char *text) /* takes it */
{
    json_array_append_new(n->notes, json_string(text));
    free(text);
}

/* What is not here and can be had is brought; a build that cannot be had is noted, and the night goes on
 * without. */
static void fetch_range(struct tl_nightly *n, const struct tl_unit *u, const struct tl_builds_range *r)
{
    struct tl_build here = {0};
    if (!n->suite->fetch || strcmp(u->runner, "onnxruntime") || r->kind == TL_BUILDS_INSTALLED)
        return;
    bool exact = r->kind == TL_BUILDS_VERSION;
    bool found = exact && tl_builds_find(u->runner, r->text, &here, NULL) == 0;
    tl_build_free(&here);
    if (found)
        return;
    struct tl_builds got;
    const struct tl_watch watch = {on_fetch, n};
    struct tl_error why;
    char *spec = tl_format("%s@%s", u->runner, r->text);
    if (tl_builds_fetch(spec, &watch, &got, &why))
        note(n, tl_format("%s could not be fetched%s: %s: %s", spec,
                          exact ? "" : "; the builds that are here were run", why.what, why.why));
    tl_builds_free(&got);
    free(spec);
}

/* "latest" is the newest that is here now, by its version: so that nights can be told apart by it. */
static int add_range(struct tl_nightly *n, const struct tl_unit *u, const struct tl_builds_range *r,
                     struct tl_error *e)
{
    struct tl_build newest = {0};
    bool latest = r->kind == TL_BUILDS_LATEST && tl_builds_find(u->runner, "latest", &newest, NULL) == 0;
    char *text = tl_unit_name_text(u->runner, latest ? newest.version : r->text, u->device, u->alias);
    struct tl_error why;
    int result = tl_unit_list_add(&n->names, text, &why);
    n->units_missing += result && (r->kind == TL_BUILDS_SPAN || r->kind == TL_BUILDS_INSTALLED);
    if (result && r->kind == TL_BUILDS_SPAN) { /* none of a range is here */
        note(n, tl_format("%s: %s", text, why.why));
        result = 0;
    } else if (result && r->kind == TL_BUILDS_INSTALLED) {
        note(n, tl_format("%s: no build of %s is here", text, u->runner));
        result = 0;
    }
    if (result && e)
        *e = why;
    tl_build_free(&newest);
    free(text);
    return result;
}

static int add_unit(struct tl_nightly *n, const char *text, struct tl_error *e)
{
    struct tl_unit u;
    struct tl_builds_ranges ranges = {0};
    int result = tl_unit_parse(text, &u, e);
    if (!result && n->there) /* those who run it have the builds */
        tl_unit_list_put(&n->names, text);
    else if (!result && (!u.build || strchr(u.build, '/')))
        result = tl_unit_list_add(&n->names, text, e);
    else if (!result)
        result = tl_builds_ranges_parse(u.build, &ranges, e);
    for (size_t i = 0; i < ranges.n && !result; i++) {
        fetch_range(n, &u, &ranges.list[i]);
        result = add_range(n, &u, &ranges.list[i], e);
    }
    tl_builds_ranges_free(&ranges);
    tl_unit_free(&u);
    return result;
}

int tl_nightly_builds(struct tl_nightly *n, struct tl_error *e)
{
    for (size_t i = 0; i < n->suite->n_units; i++)
        if (add_unit(n, n->suite->units[i], e))
            return -1;
    return n->names.n
               ? 0
               : tl_fail(
                     e, TL_ERROR_INPUT, "no unit to run on", n->suite->path,
                     "none of the builds that $.units names is here or can be had; `trapline builds fetch` "
                     "brings them");
}

/* --- cells ---------------------------------------------------------------------------------------------- */

static void add_cell(struct tl_nightly *n, struct tl_case *c, const struct tl_variant *v,
                     const struct tl_unit *u)
{
    struct tl_nightly_cell *cell = TL_GROW(n->cells, n->n_cells);
    *cell = (struct tl_nightly_cell){.nightly = n, .c = c, .unit = u, .variant = tl_variant_copy(c, v)};
    cell->variant_json = tl_variant_json(c, &cell->variant);
    tl_variant_hash(c, &cell->variant, cell->variant_hash);
    cell->runner_device = tl_unit_name_text(u->runner, NULL, u->device, u->alias);
}

static bool same_variant(const struct tl_case *c, const struct tl_variant *a, const struct tl_variant *b)
{
    return !memcmp(a->index, b->index, c->n_axes * sizeof *a->index);
}

static void add_variant(struct tl_nightly *n, struct tl_case *c, const struct tl_variant *v)
{
    char *why = tl_variant_forbidden(c, v);
    for (size_t i = 0; i < n->names.n && !why; i++)
        if ((c->model_kind == TL_MODEL_STEPS) == !strcmp(n->units[i]->runner, "command"))
            add_cell(n, c, v, n->units[i]);
    free(why);
}

static void add_combinations(struct tl_nightly *n, struct tl_case *c)
{
    const struct tl_suite *s = n->suite;
    struct tl_variant v = tl_variant_baseline(c);
    size_t *turn = tl_calloc(s->n_values + 1, sizeof *turn), at;
    for (bool more = true; more && n->n_cells < CELLS_MOST;) {
        for (size_t i = 0; i < s->n_values; i++) {
            const struct tl_axis *a = tl_case_axis(c, s->values[i].axis, &at);
            char *text = tl_value_text(s->values[i].list[turn[i]]);
            struct tl_error checked;
            if (a)
                tl_axis_parse(a, text, &v.index[at], &checked);
            free(text);
        }
        add_variant(n, c, &v);
        more = false;
        for (size_t i = s->n_values; i-- > 0 && !more;) { /* the last axis turns fastest */
            if (!tl_case_axis(c, s->values[i].axis, &at))
                continue;
            more = ++turn[i] < s->values[i].n;
            turn[i] = more ? turn[i] : 0;
        }
    }
    free(turn);
    tl_variant_free(&v);
}

int tl_nightly_cells(struct tl_nightly *n, struct tl_error *e)
{
    for (size_t i = 0; i < n->n_cases; i++) {
        struct tl_case *c = n->cases[i];
        size_t before = n->n_cells;
        enum tl_suite_variants which = n->suite->variants;
        struct tl_variant baseline = tl_variant_baseline(c);
        if (which == TL_SUITE_VALUES)
            add_combinations(n, c);
        if (c->has_failing && (which == TL_SUITE_BOTH || which == TL_SUITE_FAILING))
            add_variant(n, c, &c->failing);
        if (which == TL_SUITE_BASELINE ||
            (which == TL_SUITE_BOTH && !(c->has_failing && same_variant(c, &c->failing, &baseline))))
            add_variant(n, c, &baseline);
        tl_variant_free(&baseline);
        if (n->n_cells == before)
            json_array_append_new(
                n->notes,
                json_sprintf("case %s was not run: %s", c->name,
                             which == TL_SUITE_FAILING && !c->has_failing ? "it has no \"failing\" variant"
                             : c->model_kind == TL_MODEL_STEPS
                                 ? "a case with steps runs on command:host, which the suite does not name"
                                 : "no variant of it may be tried, or only command:host is among the units"));
        if (n->n_cells >= CELLS_MOST)
            return tl_fail(
                e, TL_ERROR_INPUT, "too many variants", n->suite->path,
                "a night has at most %d (cases, variants and units); name fewer values in $.variants",
                CELLS_MOST);
    }
    return 0;
}

void tl_nightly_plan_id(const struct tl_nightly *n, char id[TL_ID_SIZE])
{
    struct tl_hash h;
    char hex[TL_SHA256_SIZE];
    if (tl_hash_begin(&h))
        abort(); /* out of memory */
    for (size_t i = 0; i < n->n_cells; i++) {
        const struct tl_nightly_cell *c = &n->cells[i];
        tl_hash_add_string(&h, c->c->hash);
        tl_hash_add_string(&h, c->variant_hash);
        tl_hash_add_string(&h, c->unit->text);
        tl_hash_add_string(&h, c->unit->environment_id);
    }
    tl_hash_add(&h, &n->suite->repeat, sizeof n->suite->repeat);
    tl_hash_end(&h, hex);
    snprintf(id, TL_ID_SIZE, "%.32s", hex);
}
